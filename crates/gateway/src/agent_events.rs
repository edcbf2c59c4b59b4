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

mod tell;

use std::sync::Arc;

use self::tell::Teller;
use crate::state::State;

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
            () = events.ready() => {}
        }
    }
}
