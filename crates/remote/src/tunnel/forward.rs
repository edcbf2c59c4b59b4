//! The `ssh -N -L` of a tunnel.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use tokio::sync::oneshot;

use crate::{
    child::{self, ChildStream},
    classify::Ending,
    ssh::{SshOptions, base, quiet, set},
    target::SshTarget,
};

/// What one `ssh` forwards: sockets here to places there.
#[derive(Clone, Debug)]
pub(super) struct Forward {
    pub(super) target: SshTarget,
    pub(super) ssh: SshOptions,
    /// The owner's door there, and the socket here that leads to it.
    pub(super) door: Option<(PathBuf, PathBuf)>,
    /// The Gateway's port there, and the socket here that leads to it.
    pub(super) port: Option<(PathBuf, u16)>,
}

impl Forward {
    /// The sockets that `ssh` makes.
    pub(super) fn sockets(&self) -> impl Iterator<Item = &Path> {
        let door = self.door.as_ref().map(|(here, _)| here.as_path());
        door.into_iter().chain(self.port.as_ref().map(|(here, _)| here.as_path()))
    }

    /// Starts `ssh`; it ends when the stream is dropped.
    pub(super) async fn start(&self) -> io::Result<(ChildStream, oneshot::Receiver<Ending>)> {
        for socket in self.sockets() {
            // What an earlier life left would look like this one's.
            std::fs::remove_file(socket).or_else(|error| match error.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })?;
        }
        child::open(&self.ssh.program, self.arguments()?, &self.ssh.tasks).await
    }

    fn arguments(&self) -> io::Result<Vec<OsString>> {
        let mut arguments = base(&self.ssh, &self.target);
        quiet(&mut arguments);
        let settings = [
            // A forward must be this process's own, or it would outlive it.
            "ControlPath=none",
            "StreamLocalBindMask=0177",
            "StreamLocalBindUnlink=yes",
        ];
        for setting in settings {
            set(&mut arguments, setting);
        }
        arguments.push("-N".into());
        if let Some((here, there)) = &self.door {
            let forward = format!("{}:{}", plain(here)?, plain(there)?);
            arguments.extend([OsString::from("-L"), forward.into()]);
        }
        if let Some((here, port)) = &self.port {
            let forward = format!("{}:127.0.0.1:{port}", plain(here)?);
            arguments.extend([OsString::from("-L"), forward.into()]);
        }
        arguments.extend([OsString::from("--"), self.target.host().into()]);
        Ok(arguments)
    }
}

/// A path that `ssh` takes as it stands: it gives a meaning to colons, percent signs and others.
fn plain(path: &Path) -> io::Result<&str> {
    let fits = |text: &&str| {
        text.starts_with('/')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+@,=".contains(c))
    };
    path.to_str().filter(fits).ok_or_else(|| {
        let text =
            format!("ssh cannot forward {}: its path has unusual characters", path.display());
        io::Error::new(io::ErrorKind::InvalidInput, text)
    })
}

#[cfg(test)]
mod tests {
    use openclaw_base::Tasks;

    use super::*;

    fn forward(door: &str) -> Forward {
        Forward {
            target: SshTarget::parse("me@server").expect("a target"),
            ssh: SshOptions::new(Tasks::new()),
            door: Some((PathBuf::from("/s/a.d"), PathBuf::from(door))),
            port: Some((PathBuf::from("/s/a.p"), 18789)),
        }
    }

    #[tokio::test]
    async fn one_ssh_carries_door_and_port() {
        let arguments = forward("/home/me/.openclaw/gateway.sock").arguments().expect("arguments");
        let arguments: Vec<_> =
            arguments.into_iter().map(|text| text.into_string().expect("UTF-8")).collect();
        for pair in [
            ["-L", "/s/a.d:/home/me/.openclaw/gateway.sock"],
            ["-L", "/s/a.p:127.0.0.1:18789"],
            ["-o", "ExitOnForwardFailure=yes"],
            ["-o", "ServerAliveInterval=5"],
            ["-o", "ControlPath=none"],
            ["--", "server"],
        ] {
            assert!(arguments.windows(2).any(|window| window == pair), "{pair:?}: {arguments:?}");
        }
        assert!(arguments.iter().any(|text| text == "-N"));
    }

    #[tokio::test]
    async fn a_path_never_means_more_than_a_path() {
        for door in ["relative", "/a:b", "/a%h", "/a b", "/${HOME}", "/~x\\"] {
            assert!(forward(door).arguments().is_err(), "{door}");
        }
    }
}
