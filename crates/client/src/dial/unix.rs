//! The owner's door: a Unix socket whose peer the kernel names.

use std::{io, path::PathBuf};

use futures_util::{FutureExt, future::BoxFuture};
use openclaw_protocol::trust::Binding;
use tokio::net::UnixStream;

use super::{Dial, DialError, DialTimes, Dialed, Target};

/// Dials the owner's door.
#[derive(Clone, Debug)]
pub struct UnixDial {
    path: PathBuf,
}

impl UnixDial {
    /// Dials the socket at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    async fn open(&self) -> Result<Dialed, DialError> {
        let stream = UnixStream::connect(&self.path).await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                DialError::NothingListening
            }
            io::ErrorKind::PermissionDenied => DialError::Denied(error),
            _ => DialError::Local(error),
        })?;
        let server = stream.peer_cred().map_err(DialError::Local)?.uid();
        if !may_serve(server, rustix::process::getuid().as_raw()) {
            let text = format!("a process of uid {server} answers on it");
            return Err(DialError::Denied(io::Error::new(io::ErrorKind::PermissionDenied, text)));
        }
        Ok(Dialed {
            io: Box::new(stream),
            host: "localhost".to_owned(),
            path: "/".to_owned(),
            binding: Binding::Unix,
            tls: None,
            times: DialTimes::new(),
            failure: None,
        })
    }
}

/// Whether a process of `server` may stand behind the owner's door of `own`: nobody else's program is
/// taken for the Gateway because it was first to make a socket. Root may look through any door.
const fn may_serve(server: u32, own: u32) -> bool {
    server == own || server == 0 || own == 0
}

impl Dial for UnixDial {
    fn dial(&self) -> BoxFuture<'_, Result<Dialed, DialError>> {
        self.open().boxed()
    }

    fn target(&self) -> Target {
        Target::Door(self.path.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_users_program_is_not_the_gateway() {
        for (server, own, good) in
            [(1000, 1000, true), (0, 1000, true), (1000, 0, true), (1001, 1000, false)]
        {
            assert_eq!(may_serve(server, own), good, "{server} {own}");
        }
    }
}
