//! Telling whoever started this process how it is: ready, alive, stopping.

use std::{future::Future, path::Path, time::Duration};

use openclaw_audit::Finding;
use openclaw_store::Store;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    time::{MissedTickBehavior, interval, timeout},
};

use crate::start::{Running, Started};

/// How often in the time that the watchdog allows life is shown.
const SIGNS: u32 = 3;
/// What a Gateway that lives answers.
const LIVES: &[u8] = b"HTTP/1.1 200";

/// Something to tell.
#[derive(Clone, Copy, Debug)]
pub enum Phase<'a> {
    /// It listens.
    Ready(&'a Started),
    /// The security audit of its start is done, and this is critical.
    Audited(&'a [Finding]),
    /// It answered a request and its store did a job, just now.
    Alive,
    /// It was told to stop.
    Stopping,
}

/// Who is told, and how often they want to hear that it lives.
pub struct Lifecycle {
    tell: Box<dyn Fn(Phase<'_>) + Send + Sync>,
    watchdog: Option<Duration>,
}

impl Lifecycle {
    /// `watchdog` is the longest silence before the process is taken for dead.
    pub fn new(
        watchdog: Option<Duration>,
        tell: impl Fn(Phase<'_>) + Send + Sync + 'static,
    ) -> Self {
        Self { tell: Box::new(tell), watchdog }
    }

    pub(crate) fn tell(&self, phase: Phase<'_>) {
        (self.tell)(phase);
    }

    /// Shows life for as long as there is any, until `end`.
    pub(crate) async fn watch<T>(&self, running: &Running, end: impl Future<Output = T>) -> T {
        let Some(silence) = self.watchdog else { return end.await };
        let every = silence / SIGNS;
        let mut ticks = interval(every.max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut end = std::pin::pin!(end);
        loop {
            tokio::select! {
                ended = &mut end => return ended,
                _ = ticks.tick() => {}
            }
            tokio::select! {
                ended = &mut end => return ended,
                lives = lives(running, every) => {
                    if lives {
                        self.tell(Phase::Alive);
                    } else {
                        tracing::error!("the Gateway does not answer itself");
                    }
                }
            }
        }
    }
}

impl std::fmt::Debug for Lifecycle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lifecycle").field("watchdog", &self.watchdog).finish_non_exhaustive()
    }
}

/// A request goes through the owner's door and is answered, and the store's writer does a job.
async fn lives(running: &Running, deadline: Duration) -> bool {
    let both = async {
        let (store, door) = tokio::join!(store_works(&running.store), answers(&running.socket));
        store && door.unwrap_or_default()
    };
    timeout(deadline, both).await.unwrap_or_default()
}

/// A disk that refuses is no reason to be killed: what can be read is still served.
async fn store_works(store: &Store) -> bool {
    !matches!(store.ping().await, Err(openclaw_store::StoreError::Closed))
}

/// Whether a Gateway behind this door answers a request that needs no credential.
///
/// # Errors
/// A door that cannot be opened, or is closed too soon.
pub async fn answers(door: &Path) -> std::io::Result<bool> {
    let mut door = UnixStream::connect(door).await?;
    door.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await?;
    let mut head = [0; LIVES.len()];
    door.read_exact(&mut head).await?;
    Ok(head == LIVES)
}
