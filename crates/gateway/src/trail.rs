//! What is written into the audit trail, and that it never holds anybody up: entries go through a bounded
//! queue to one task. When the queue is full, an entry is dropped and the log says so.

use std::sync::Arc;

use openclaw_base::CancellationToken;
use openclaw_protocol::RpcError;
use openclaw_store::{
    Store,
    trail::{Attempts, TrailEvent, TrailKind},
};
use tokio::sync::mpsc;

use crate::{
    auth::limiter::{CredentialKind, Failures, Limiter},
    connections::Connection,
    handshake::Upgrade,
    peer::Link,
    state::State,
};

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

impl State {
    /// Adds an entry.
    pub fn record(&self, event: TrailEvent) {
        let item = Item::Event(event, self.clock.now_ms());
        if self.trail.sender.try_send(item).is_err() {
            tracing::warn!("the audit trail misses an entry: too many wait");
        }
    }

    /// Adds an entry about something that a connection did.
    pub fn record_of(
        &self,
        connection: &Arc<Connection>,
        kind: TrailKind,
        outcome: &str,
        detail: &str,
    ) {
        let origin = connection.address.map_or_else(door, |address| address.to_string());
        self.record(TrailEvent {
            kind,
            outcome: outcome.to_owned(),
            who: connection.principal.id.clone(),
            origin,
            detail: detail.to_owned(),
        });
    }

    /// Keeps what is counted of an address over a restart.
    pub(crate) fn keep_attempts(&self, kind: CredentialKind, address: std::net::IpAddr) {
        let failures = self.limiter.failures(kind, address);
        let attempts = Attempts {
            kind: kind.as_str().to_owned(),
            address: address.to_string(),
            first_ms: failures.first_ms,
            failures: failures.count,
            locked_until_ms: failures.locked_until_ms,
        };
        if self.trail.sender.try_send(Item::Attempts(attempts)).is_err() {
            tracing::warn!("a failed attempt is not kept: too many wait");
        }
    }

    /// Adds a refusal.
    pub(crate) fn record_refusal(&self, upgrade: &Upgrade, who: &str, error: &RpcError) {
        let code = error.detail_code().map_or(error.code.as_str(), |code| code.as_str());
        let kind = if code == "PAIRING_REQUIRED" { TrailKind::Pairing } else { TrailKind::Refusal };
        self.record(TrailEvent {
            kind,
            outcome: code.to_owned(),
            who: who.to_owned(),
            origin: origin(upgrade),
            detail: String::new(),
        });
    }
}

fn door() -> String {
    "the owner's door".to_owned()
}

/// Where a connection comes from, for people.
#[must_use]
pub fn origin(upgrade: &Upgrade) -> String {
    match (&upgrade.link, upgrade.address) {
        (Link::Door { .. }, _) => door(),
        (_, Some(address)) => address.to_string(),
        (_, None) => "unknown".to_owned(),
    }
}
