//! Events as they come: a bounded queue that says when something was lost.

use std::sync::Arc;

use openclaw_protocol::{
    frame::StateVersion,
    resume::{ResumeOutcome, ResyncReason},
    row,
};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::broadcast;

/// Events that wait for one slow reader.
pub(crate) const QUEUE: usize = 2048;

/// Something that happened.
#[derive(Debug)]
pub struct Event {
    /// Name on the wire.
    pub name: String,
    /// Payload, not looked into yet.
    pub payload: Box<RawValue>,
    /// Place in the connection's sequence.
    pub seq: Option<u64>,
    /// Versions, on presence and health events.
    pub state_version: Option<StateVersion>,
}

impl Event {
    /// The payload, if this is an event `E` whose payload can be read.
    #[must_use]
    pub fn decode<E: row::Event>(&self) -> Option<E::Payload> {
        (self.name == E::ROW.name).then(|| self.payload())?
    }

    /// The payload as a type.
    #[must_use]
    pub fn payload<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self.payload.get()).ok()
    }
}

/// What a reader is handed.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// An event.
    Event(Arc<Event>),
    /// The Gateway dropped events before this point, because this connection was slow.
    Gap {
        /// The sequence number that should have come.
        expected: u64,
        /// The one that came.
        got: u64,
    },
    /// This reader was slow and lost the oldest events of its queue.
    Overflow {
        /// How many.
        lost: u64,
    },
    /// What happened between the last connection and this one is not told: read it anew.
    Resync {
        /// Why; absent when the Gateway knows no resuming, and then subscriptions ended too.
        reason: Option<ResyncReason>,
        /// Methods whose answers may have changed.
        reload: Vec<String>,
    },
}

impl Delivery {
    /// What a connection that should have taken up begins with, if it could not.
    pub(crate) fn resync(outcome: Option<&ResumeOutcome>) -> Option<Self> {
        match outcome {
            Some(outcome) if outcome.resumed => None,
            outcome => {
                let resync = outcome.and_then(|outcome| outcome.resync.as_ref());
                Some(Self::Resync {
                    reason: resync.map(|resync| resync.reason),
                    reload: resync.map(|resync| resync.reload.clone()).unwrap_or_default(),
                })
            }
        }
    }
}

/// A reader of events.
#[derive(Debug)]
pub struct Events {
    receiver: broadcast::Receiver<Delivery>,
}

impl Events {
    pub(crate) const fn new(receiver: broadcast::Receiver<Delivery>) -> Self {
        Self { receiver }
    }

    /// The next event or loss; `None` once the connection has ended.
    pub async fn next(&mut self) -> Option<Delivery> {
        match self.receiver.recv().await {
            Ok(delivery) => Some(delivery),
            Err(broadcast::error::RecvError::Lagged(lost)) => Some(Delivery::Overflow { lost }),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }

    /// What has come already, without waiting.
    pub fn try_next(&mut self) -> Option<Delivery> {
        match self.receiver.try_recv() {
            Ok(delivery) => Some(delivery),
            Err(broadcast::error::TryRecvError::Lagged(lost)) => Some(Delivery::Overflow { lost }),
            Err(broadcast::error::TryRecvError::Empty | broadcast::error::TryRecvError::Closed) => {
                None
            }
        }
    }
}
