//! What the calls of one connection and its task share: who waits for which answer, who listens, and
//! whether it has ended.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
};

use openclaw_protocol::RpcError;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::{error::CloseReason, events::Delivery};

/// What an answer holds.
pub(crate) type Outcome = Result<Box<RawValue>, RpcError>;

/// Who waits for an answer.
pub(crate) enum Waiter {
    /// The first answer is the one.
    Only(oneshot::Sender<Outcome>),
    /// An interim answer is passed over.
    Final(oneshot::Sender<Outcome>),
    /// Interim answers are wanted too.
    Each(mpsc::Sender<Partial>),
}

/// One of several answers.
pub(crate) struct Partial {
    pub(crate) last: bool,
    pub(crate) outcome: Outcome,
}

/// What calls and the task share.
pub(crate) struct Shared {
    pending: Mutex<HashMap<String, Waiter>>,
    next_id: AtomicU64,
    last_seq: AtomicU64,
    events: Mutex<Option<broadcast::Sender<Delivery>>>,
    closed: watch::Sender<Option<CloseReason>>,
}

impl Shared {
    pub(crate) fn new(events: broadcast::Sender<Delivery>) -> Self {
        Self {
            pending: Mutex::default(),
            next_id: AtomicU64::new(1),
            last_seq: AtomicU64::new(0),
            events: Mutex::new(Some(events)),
            closed: watch::Sender::new(None),
        }
    }

    pub(crate) fn next_id(&self) -> String {
        self.next_id.fetch_add(1, Ordering::Relaxed).to_string()
    }

    /// Registers who waits for an answer; the reason if the connection has ended.
    pub(crate) fn expect(&self, id: &str, waiter: Waiter) -> Result<(), CloseReason> {
        let mut pending = self.pending.lock();
        // Checked under the lock that the task takes before it fails all who wait.
        if let Some(reason) = self.ended() {
            return Err(reason);
        }
        pending.insert(id.to_owned(), waiter);
        Ok(())
    }

    /// Notes the number of an event that came.
    pub(crate) fn saw(&self, seq: u64) {
        self.last_seq.store(seq, Ordering::Release);
    }

    /// The number of the last event that came.
    pub(crate) fn last_seq(&self) -> u64 {
        self.last_seq.load(Ordering::Acquire)
    }

    pub(crate) fn forget(&self, id: &str) {
        self.pending.lock().remove(id);
    }

    pub(crate) fn ended(&self) -> Option<CloseReason> {
        self.closed.borrow().clone()
    }

    pub(crate) async fn closed(&self) -> CloseReason {
        let mut closed = self.closed.subscribe();
        match closed.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or(CloseReason::Ended),
            Err(_) => CloseReason::Ended,
        }
    }

    /// A reader of what comes from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Delivery> {
        match &*self.events.lock() {
            Some(events) => events.subscribe(),
            None => broadcast::channel(1).1,
        }
    }

    /// Fails everybody who waits, and closes the events.
    pub(crate) fn end(&self, reason: CloseReason) {
        let mut pending = self.pending.lock();
        self.closed.send_replace(Some(reason));
        pending.clear();
        drop(pending);
        self.events.lock().take();
    }

    /// Hands an answer to whoever waits for it.
    pub(crate) fn answer(&self, id: &str, outcome: Outcome) {
        let mut pending = self.pending.lock();
        let interim = outcome.as_ref().is_ok_and(|payload| is_interim(payload));
        let waiter = match pending.get(id) {
            Some(Waiter::Final(_)) if interim => return,
            Some(Waiter::Each(sender)) if interim => {
                // The last place in the queue is the final answer's.
                if sender.capacity() > 1 {
                    sender.try_send(Partial { last: false, outcome }).ok();
                }
                return;
            }
            Some(_) => pending.remove(id),
            None => None,
        };
        drop(pending);
        // Whoever gave up waiting does not want the answer.
        match waiter {
            Some(Waiter::Only(sender) | Waiter::Final(sender)) => drop(sender.send(outcome)),
            Some(Waiter::Each(sender)) => drop(sender.try_send(Partial { last: true, outcome })),
            None => {}
        }
    }
}

/// Whether a payload only says that the work has begun.
fn is_interim(payload: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Status {
        #[serde(default)]
        status: Option<String>,
    }
    // What says so first may be of any size.
    if payload.get().starts_with(r#"{"status":"accepted""#) {
        return true;
    }
    let begins = payload.get().len() < 4096 && payload.get().contains("\"accepted\"");
    begins
        && serde_json::from_str::<Status>(payload.get())
            .is_ok_and(|status| status.status.as_deref() == Some("accepted"))
}
