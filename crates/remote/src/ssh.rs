//! Streams through `ssh`.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use openclaw_base::Tasks;
use openclaw_client::{Dial, DialError, Dialed, SshProblem, Target};
use openclaw_protocol::{Role, trust::Binding};

use crate::{
    SshError, child,
    classify::{classify, failure},
    target::SshTarget,
};

/// How `ssh` is run.
#[derive(Clone, Debug)]
pub struct SshOptions {
    /// The program; a name is looked up in the search path.
    pub program: PathBuf,
    /// A private key to log in with.
    pub identity: Option<PathBuf>,
    /// Whether only hosts are logged in to whose key is known, whatever the configuration says.
    pub known_hosts_only: bool,
    /// Arguments before all others, such as `-F FILE`.
    pub extra: Vec<OsString>,
    /// How long reaching the host may take.
    pub connect_timeout: Duration,
    /// Owner of the tasks that watch children.
    pub tasks: Tasks,
}

impl SshOptions {
    /// The system's `ssh` with a person's own configuration.
    #[must_use]
    pub fn new(tasks: Tasks) -> Self {
        Self {
            program: PathBuf::from("ssh"),
            identity: None,
            known_hosts_only: false,
            extra: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            tasks,
        }
    }
}

/// What is reached on the other machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remote {
    /// The owner's door, through `openclaw gateway dial-stdio` in this role.
    Door(Role),
    /// The Gateway's port on that machine's loopback interface.
    Port(u16),
}

/// Dials a Gateway on another machine.
#[derive(Clone, Debug)]
pub struct SshDial {
    target: SshTarget,
    remote: Remote,
    options: SshOptions,
}

impl SshDial {
    /// Bridges to the owner's door on the host: the SSH login is the proof, no token is needed.
    #[must_use]
    pub const fn door(target: SshTarget, role: Role, options: SshOptions) -> Self {
        Self { target, remote: Remote::Door(role), options }
    }

    /// Forwards to a port on the host, for Gateways that know no `dial-stdio`.
    #[must_use]
    pub const fn port(target: SshTarget, port: u16, options: SshOptions) -> Self {
        Self { target, remote: Remote::Port(port), options }
    }

    async fn open(&self) -> Result<Dialed, DialError> {
        let arguments = self.arguments();
        let opened = child::open(&self.options.program, arguments, &self.options.tasks).await;
        let (stream, ending) = opened.map_err(|error| self.not_started(error))?;
        let target = self.target.clone();
        let failure = async move {
            let ending = ending.await.ok()?;
            tracing::debug!(code = ?ending.code, stderr = %ending.stderr, "ssh ended");
            classify(&ending, &target).map(DialError::Ssh)
        };
        let (host, binding) = match self.remote {
            Remote::Door(_) => ("localhost".to_owned(), Binding::Unix),
            Remote::Port(port) => (format!("127.0.0.1:{port}"), Binding::None),
        };
        Ok(Dialed {
            io: Box::new(stream),
            host,
            path: "/".to_owned(),
            binding,
            tls: None,
            times: Vec::new(),
            failure: Some(failure.boxed()),
        })
    }

    fn not_started(&self, error: std::io::Error) -> DialError {
        if error.kind() == std::io::ErrorKind::NotFound {
            return SshError::Failed(failure(SshProblem::NoSsh, &self.target, "")).into();
        }
        SshError::Start(error).into()
    }

    fn arguments(&self) -> Vec<OsString> {
        let mut arguments = base(&self.options, &self.target);
        quiet(&mut arguments);
        // A person's own forwards for this host are not for us.
        set(&mut arguments, "ClearAllForwardings=yes");
        if let Remote::Port(port) = self.remote {
            arguments.extend([OsString::from("-W"), format!("127.0.0.1:{port}").into()]);
        }
        arguments.extend([OsString::from("--"), self.target.host().into()]);
        if let Remote::Door(role) = self.remote {
            arguments.push(dial_stdio(role).into());
        }
        arguments
    }
}

impl Dial for SshDial {
    fn dial(&self) -> BoxFuture<'_, Result<Dialed, DialError>> {
        self.open().boxed()
    }

    fn target(&self) -> Target {
        let remote_port = match self.remote {
            Remote::Door(_) => None,
            Remote::Port(port) => Some(port),
        };
        Target::Ssh { host: self.target.to_string(), remote_port }
    }
}

/// What every run of `ssh` begins with.
pub(crate) fn base(options: &SshOptions, target: &SshTarget) -> Vec<OsString> {
    let mut arguments = options.extra.clone();
    let seconds = options.connect_timeout.as_secs().max(1);
    arguments.extend([OsString::from("-o"), format!("ConnectTimeout={seconds}").into()]);
    if options.known_hosts_only {
        set(&mut arguments, "StrictHostKeyChecking=yes");
    }
    if let Some(identity) = &options.identity {
        arguments.extend([OsString::from("-i"), identity.into()]);
    }
    if let Some(port) = target.port() {
        arguments.extend([OsString::from("-p"), port.to_string().into()]);
    }
    if let Some(user) = target.user() {
        arguments.extend([OsString::from("-l"), user.into()]);
    }
    arguments
}

/// Settings of every `ssh` that runs without a person.
pub(crate) fn quiet(arguments: &mut Vec<OsString>) {
    arguments.push("-T".into());
    let settings = [
        "BatchMode=yes",
        "ExitOnForwardFailure=yes",
        "ServerAliveInterval=5",
        "ServerAliveCountMax=2",
        // A person's own commands for this host are not for us.
        "RemoteCommand=none",
        "PermitLocalCommand=no",
        // Riding on a person's connection is welcome, leaving one behind is not.
        "ControlMaster=no",
        // The words are needed to tell failures apart.
        "LogLevel=INFO",
    ];
    for setting in settings {
        set(arguments, setting);
    }
}

/// Adds one setting.
pub(crate) fn set(arguments: &mut Vec<OsString>, setting: &str) {
    arguments.extend([OsString::from("-o"), setting.into()]);
}

fn dial_stdio(role: Role) -> String {
    program(match role {
        Role::Operator => "gateway dial-stdio",
        Role::Node => "gateway dial-stdio --role node",
    })
}

/// A command for the login shell there, whichever that is. A login without a terminal often has a
/// short search path, so the usual places are tried as well. `words` are ours and need no quotes.
pub(crate) fn program(words: &str) -> String {
    format!(
        "sh -c 'for program in openclaw \"$HOME/.local/bin/openclaw\" \"$HOME/.cargo/bin/openclaw\" \
         /usr/local/bin/openclaw; do \
         if command -v \"$program\" >/dev/null 2>&1; then \
         exec \"$program\" {words}; fi; done; \
         echo \"openclaw: not found\" >&2; exit 127'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(dial: impl Fn(SshTarget, SshOptions) -> SshDial) -> Vec<String> {
        let target = SshTarget::parse("me@server:2222").expect("a target");
        let identity = Some(PathBuf::from("/keys/one"));
        let options = SshOptions { identity, ..SshOptions::new(Tasks::new()) };
        let arguments = dial(target, options).arguments();
        arguments.into_iter().map(|text| text.into_string().expect("UTF-8")).collect()
    }

    #[test]
    fn the_target_stands_behind_the_end_of_options() {
        let door = arguments(|target, options| SshDial::door(target, Role::Node, options));
        let end = door.iter().position(|text| text == "--").expect("an end of options");
        assert_eq!(door[end + 1], "server");
        assert!(door[end + 2].contains("gateway dial-stdio --role node;"), "{door:?}");
        assert_eq!(door.len(), end + 3);
        for pair in [["-p", "2222"], ["-l", "me"], ["-i", "/keys/one"], ["-o", "BatchMode=yes"]] {
            assert!(door[..end].windows(2).any(|window| window == pair), "{pair:?}");
        }
    }

    #[test]
    fn a_forward_runs_nothing_there() {
        let port = arguments(|target, options| SshDial::port(target, 18789, options));
        let end = port.iter().position(|text| text == "--").expect("an end of options");
        assert_eq!(port[end..], ["--", "server"]);
        assert!(port[..end].windows(2).any(|window| window == ["-W", "127.0.0.1:18789"]));
    }
}
