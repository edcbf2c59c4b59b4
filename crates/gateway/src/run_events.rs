//! Where the agent's events go, and who started which run: bounded, and never blocking.
//!
//! When too much waits, growing text is folded into what waits or left out first, and the next text of
//! that run is sent whole. How a run ends is never left out.

mod follow;
mod queue;

use std::sync::Arc;

use openclaw_agent::{AgentEvent, AgentEvents};
use openclaw_protocol::ids::{ConnId, RunId};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

pub use self::follow::Heard;
use self::{
    follow::Followers,
    queue::{Queue, Starters},
};

/// Where the agent's events go, and who started which run. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct RunEvents {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    queue: Mutex<Queue>,
    starters: Mutex<Starters>,
    followers: Mutex<Followers>,
    wake: Notify,
}

impl AgentEvents for RunEvents {
    fn emit(&self, event: AgentEvent) {
        self.inner.followers.lock().hear(&event);
        self.inner.queue.lock().push(event);
        self.inner.wake.notify_one();
    }
}

impl RunEvents {
    /// Notes that a client, named by its line, started or joined a run.
    pub fn started_by(&self, run: &RunId, connection: &ConnId) {
        self.inner.starters.lock().add(run, connection);
    }

    /// Takes that back: no run came of it.
    pub fn not_started(&self, run: &RunId, connection: &ConnId) {
        self.inner.starters.lock().remove(run, connection);
    }

    /// Follows a run from now on, also one that is about to start.
    pub(crate) fn follow(&self, run: &RunId) -> Following {
        let heard = self.inner.followers.lock().follow(run);
        Following { run: run.clone(), heard: Some(heard), events: self.clone() }
    }

    pub(crate) fn starters(&self, run: &RunId) -> Vec<ConnId> {
        self.inner.starters.lock().of(run)
    }

    pub(crate) fn forget(&self, run: &RunId) {
        self.inner.starters.lock().forget(run);
    }

    pub(crate) fn pop(&self) -> Option<AgentEvent> {
        self.inner.queue.lock().pop()
    }

    /// Waits until something may be in the queue.
    pub(crate) async fn ready(&self) {
        self.inner.wake.notified().await;
    }
}

/// A run that is followed; dropping it ends that.
#[derive(Debug)]
pub(crate) struct Following {
    run: RunId,
    heard: Option<watch::Receiver<Heard>>,
    events: RunEvents,
}

impl Following {
    /// What was heard so far.
    pub(crate) fn heard(&mut self) -> Option<watch::Ref<'_, Heard>> {
        self.heard.as_mut().map(watch::Receiver::borrow_and_update)
    }

    /// Waits until there is more.
    pub(crate) async fn more(&mut self) {
        if let Some(heard) = &mut self.heard {
            // The sender lives as long as this does.
            heard.changed().await.unwrap_or_default();
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.heard = None;
        self.events.inner.followers.lock().leave(&self.run);
    }
}
