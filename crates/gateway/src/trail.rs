//! What is written into the audit trail, and that it never holds anybody up: entries go through a bounded
//! queue to one task. When the queue is full, an entry is dropped and the log says so.

use std::net::IpAddr;

use openclaw_base::CancellationToken;
use openclaw_store::{
    Store,
    trail::{Attempts, TrailEvent},
};
use tokio::sync::mpsc;

use crate::auth::limiter::{CredentialKind, Failures, Limiter};

/// Entries that may wait to be written.
const QUEUE: usize = 512;

enum Item {
    Event(TrailEvent, u64),
    Attempts(Attempts),
}

/// Where entries go.
#[derive(Debug)]
pub struct TrailSink {
    sender: mpsc::Sender<Item>,
}

/// The other end; see [`write`].
#[derive(Debug)]
pub struct TrailSource {
    receiver: mpsc::Receiver<Item>,
}

/// Both ends of the queue.
#[must_use]
pub fn queue() -> (TrailSink, TrailSource) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    (TrailSink { sender }, TrailSource { receiver })
}

/// Writes what comes until the Gateway stops, and then what waits.
pub async fn write(store: Store, mut source: TrailSource, stop: CancellationToken) {
    loop {
        let item = tokio::select! {
            item = source.receiver.recv() => item,
            () = stop.cancelled() => source.receiver.try_recv().ok(),
        };
        let Some(item) = item else { return };
        let written = match item {
            Item::Event(event, at_ms) => store.trail().record(event, at_ms).await,
            Item::Attempts(attempts) => store.trail().keep_attempts(attempts).await,
        };
        if let Err(error) = written {
            tracing::warn!(%error, "the audit trail misses an entry");
        }
    }
}

/// Takes up the failures that were counted before a restart.
pub async fn restore(store: &Store, limiter: &Limiter) {
    let kept = match store.trail().attempts().await {
        Ok(kept) => kept,
        Err(error) => {
            tracing::warn!(%error, "failed attempts of earlier are not known");
            return;
        }
    };
    for attempts in kept {
        let kind = CredentialKind::parse(&attempts.kind);
        if let (Some(kind), Ok(address)) = (kind, attempts.address.parse()) {
            let failures = Failures {
                first_ms: attempts.first_ms,
                count: attempts.failures,
                locked_until_ms: attempts.locked_until_ms,
            };
            limiter.restore(kind, address, failures);
        }
    }
}

impl TrailSink {
    /// Adds an entry.
    pub fn record(&self, event: TrailEvent, now_ms: u64) {
        if self.sender.try_send(Item::Event(event, now_ms)).is_err() {
            tracing::warn!("the audit trail misses an entry: too many wait");
        }
    }

    /// Keeps what is counted of an address over a restart.
    pub fn keep_attempts(&self, kind: CredentialKind, address: IpAddr, failures: Failures) {
        let attempts = Attempts {
            kind: kind.as_str().to_owned(),
            address: address.to_string(),
            first_ms: failures.first_ms,
            failures: failures.count,
            locked_until_ms: failures.locked_until_ms,
        };
        if self.sender.try_send(Item::Attempts(attempts)).is_err() {
            tracing::warn!("a failed attempt is not kept: too many wait");
        }
    }
}
