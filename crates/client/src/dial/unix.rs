//! The owner's door: a Unix socket whose peer the kernel names.

use std::{io, path::PathBuf};

use futures_util::{FutureExt, future::BoxFuture};
use openclaw_protocol::trust::Binding;
use tokio::net::UnixStream;

use super::{Dial, DialError, Dialed, Target};

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
        let io = UnixStream::connect(&self.path).await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                DialError::NothingListening
            }
            io::ErrorKind::PermissionDenied => DialError::Denied(error),
            _ => DialError::Local(error),
        })?;
        Ok(Dialed {
            io: Box::new(io),
            host: "localhost".to_owned(),
            path: "/".to_owned(),
            binding: Binding::Unix,
            failure: None,
        })
    }
}

impl Dial for UnixDial {
    fn dial(&self) -> BoxFuture<'_, Result<Dialed, DialError>> {
        self.open().boxed()
    }

    fn target(&self) -> Target {
        Target::Door(self.path.clone())
    }
}
