//! From what happens in the agent to what clients are told.
//!
//! ```text
//! turn loop -> RunEvents (queue, never blocks) -> forward (one task) -> event bus -> connections
//! ```
//! * The agent hands events in and goes on. The queue is bounded: when too much waits, growing text is
//!   folded into what waits or left out first, and the next text of that run is sent whole. How a run
//!   ends is never left out.
//! * One task takes events out in order, so clients see them in the order in which they happened.
//! * Tools of a run are told in detail only to the connections that started it and asked for that, and
//!   to those that watch the session.

mod queue;
mod tell;

use std::sync::Arc;

use openclaw_agent::{AgentEvent, AgentEvents};
use openclaw_protocol::ids::{ConnId, RunId};
use parking_lot::Mutex;
use tokio::sync::Notify;

use self::{
    queue::{Queue, Starters},
    tell::Teller,
};
use crate::state::State;

/// Where the agent's events go, and who started which run. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct RunEvents {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    queue: Mutex<Queue>,
    starters: Mutex<Starters>,
    wake: Notify,
}

impl AgentEvents for RunEvents {
    fn emit(&self, event: AgentEvent) {
        self.inner.queue.lock().push(event);
        self.inner.wake.notify_one();
    }
}

impl RunEvents {
    /// Notes that a connection started, or joined, a run.
    pub fn started_by(&self, run: &RunId, connection: &ConnId) {
        self.inner.starters.lock().add(run, connection);
    }

    /// Takes that back: no run came of it.
    pub fn not_started(&self, run: &RunId, connection: &ConnId) {
        self.inner.starters.lock().remove(run, connection);
    }

    fn starters(&self, run: &RunId) -> Vec<ConnId> {
        self.inner.starters.lock().of(run)
    }

    fn forget(&self, run: &RunId) {
        self.inner.starters.lock().forget(run);
    }

    fn pop(&self) -> Option<AgentEvent> {
        self.inner.queue.lock().pop()
    }
}

/// Tells clients what happens in the agent, until the Gateway stops.
pub async fn forward(state: Arc<State>) {
    let stop = state.tasks.token();
    let events = state.run_events.clone();
    let mut teller = Teller::new(Arc::clone(&state));
    loop {
        while let Some(event) = events.pop() {
            teller.tell(event).await;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = events.inner.wake.notified() => {}
        }
    }
}
