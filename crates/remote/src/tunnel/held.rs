//! Dialling through the local end of a tunnel.

use std::{io, path::PathBuf};

use futures_util::{FutureExt, future::BoxFuture};
use openclaw_client::{Dial, DialError, Dialed, Target};
use openclaw_protocol::trust::Binding;
use tokio::net::UnixStream;

use crate::named::Via;

/// Dials a Gateway through a Unix socket that leads to it. For pins and tokens this is the same
/// endpoint as the one that `ssh` dials.
#[derive(Clone, Debug)]
pub struct HeldDial {
    socket: PathBuf,
    host: String,
    port: Option<u16>,
}

impl HeldDial {
    /// Dials `socket`, behind which is what `via` names on the machine `host`.
    #[must_use]
    pub fn new(socket: PathBuf, host: impl Into<String>, via: &Via) -> Self {
        let port = match via {
            Via::Door { .. } => None,
            Via::Port(port) => Some(*port),
        };
        Self { socket, host: host.into(), port }
    }

    async fn open(&self) -> Result<Dialed, DialError> {
        let io = UnixStream::connect(&self.socket).await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                DialError::NothingListening
            }
            io::ErrorKind::PermissionDenied => DialError::Denied(error),
            _ => DialError::Local(error),
        })?;
        let (host, binding) = match self.port {
            None => ("localhost".to_owned(), Binding::Unix),
            Some(port) => (format!("127.0.0.1:{port}"), Binding::None),
        };
        Ok(Dialed {
            io: Box::new(io),
            host,
            path: "/".to_owned(),
            binding,
            tls: None,
            times: Vec::new(),
            failure: None,
        })
    }
}

impl Dial for HeldDial {
    fn dial(&self) -> BoxFuture<'_, Result<Dialed, DialError>> {
        self.open().boxed()
    }

    fn target(&self) -> Target {
        Target::Ssh { host: self.host.clone(), remote_port: self.port }
    }
}
