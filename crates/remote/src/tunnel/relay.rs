//! The ends of a tunnel on this machine: they stay while `ssh` comes and goes.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use openclaw_base::{Tasks, fs};
use tokio::{
    io::{AsyncRead, AsyncWrite, copy_bidirectional},
    net::{TcpListener, UnixListener, UnixStream},
    sync::{Semaphore, watch},
    time::timeout,
};

use super::TunnelReport;

/// How long a connection waits for a tunnel that is being restored.
const PATIENCE: Duration = Duration::from_secs(10);
/// Connections of one end at once; more wait to be accepted.
const MOST: usize = 256;
/// Ports that are tried for browsers: none that a Gateway uses, and none that the kernel hands out.
const PORTS: std::ops::Range<u16> = 28_789..29_789;

/// One end, and where it leads.
pub(super) struct Relay {
    pub(super) inner: PathBuf,
    pub(super) state: watch::Receiver<TunnelReport>,
    pub(super) tasks: Tasks,
}

impl Relay {
    /// Serves a Unix socket.
    pub(super) fn unix(self, listener: UnixListener) {
        let room = Arc::new(Semaphore::new(MOST));
        let tasks = self.tasks.clone();
        let stop = tasks.token();
        drop(tasks.spawn("tunnel socket", async move {
            loop {
                let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = stop.cancelled() => return,
                };
                match accepted {
                    Ok((io, _)) => self.carry(io, permit),
                    Err(error) => pause(&error).await,
                }
            }
        }));
    }

    /// Serves a loopback port.
    pub(super) fn tcp(self, listener: TcpListener) {
        let room = Arc::new(Semaphore::new(MOST));
        let tasks = self.tasks.clone();
        let stop = tasks.token();
        drop(tasks.spawn("tunnel port", async move {
            loop {
                let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = stop.cancelled() => return,
                };
                match accepted {
                    Ok((io, _)) => {
                        // Small frames should not wait for each other; it works without, too.
                        io.set_nodelay(true).ok();
                        self.carry(io, permit);
                    }
                    Err(error) => pause(&error).await,
                }
            }
        }));
    }

    /// Carries one connection to its end.
    fn carry<S>(&self, mut io: S, permit: tokio::sync::OwnedSemaphorePermit)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (inner, state) = (self.inner.clone(), self.state.clone());
        let stop = self.tasks.token();
        drop(self.tasks.spawn("tunnel connection", async move {
            let carrying = async {
                // Whoever waited too long is hung up on, and may come back.
                if let Ok(Some(mut far)) = timeout(PATIENCE, far_end(&inner, state)).await {
                    // Either side may end it in whatever way.
                    copy_bidirectional(&mut io, &mut far).await.ok();
                }
            };
            tokio::select! {
                () = carrying => {}
                () = stop.cancelled() => {}
            }
            drop(permit);
        }));
    }
}

/// The socket of `ssh`, once the tunnel works. That `ssh` is gone may be seen here first.
async fn far_end(inner: &Path, mut state: watch::Receiver<TunnelReport>) -> Option<UnixStream> {
    loop {
        state.wait_for(|report| report.open).await.ok()?;
        match UnixStream::connect(inner).await {
            Ok(far) => return Some(far),
            Err(_) => state.changed().await.ok()?,
        }
    }
}

/// A failed `accept` (no descriptors left, say) must not become a busy loop.
pub(super) async fn pause(error: &io::Error) {
    tracing::warn!(%error, "a connection could not be accepted");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

/// Binds the socket for our own clients; only this user may connect.
pub(super) fn bind_socket(path: &Path) -> io::Result<UnixListener> {
    std::fs::remove_file(path).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })?;
    // The folder is private, so nobody can come in before the mode is set.
    let listener = UnixListener::bind(path)?;
    fs::make_private(path)?;
    Ok(listener)
}

/// Binds the port for browsers: the one that was used before, else the first that is free. Each user
/// and name begins somewhere else, as `seed` says.
pub(super) async fn bind_port(before: Option<u16>, seed: u32) -> io::Result<(TcpListener, u16)> {
    if let Some(port) = before {
        return Ok((TcpListener::bind(("127.0.0.1", port)).await?, port));
    }
    let count = u32::from(PORTS.end - PORTS.start);
    let first = u16::try_from(seed % count).unwrap_or_default() + PORTS.start;
    for port in (first..PORTS.end).chain(PORTS.start..first) {
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)).await {
            return Ok((listener, port));
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, "no port for browsers is free"))
}
