//! What waits to be told, and who started what: both bounded.

use std::collections::{HashMap, HashSet, VecDeque};

use openclaw_agent::{AgentEvent, AgentEventKind};
use openclaw_protocol::ids::{ConnId, RunId};

/// From so many waiting events on, growing text and progress are left out.
const SOFT_LIMIT: usize = 2_048;
/// From so many on, everything is but the ends of runs.
const HARD_LIMIT: usize = 8_192;
/// Runs whose starters are remembered.
const MAX_RUNS: usize = 1_024;
/// Connections remembered for one run.
const MAX_STARTERS: usize = 8;

/// Events in the order in which they happened.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<AgentEvent>,
    /// Runs whose last text was left out, so the next one is told whole.
    behind: HashSet<RunId>,
}

impl Queue {
    /// Adds an event, folds it into the last one, or leaves it out.
    pub(super) fn push(&mut self, event: AgentEvent) {
        let Some(mut event) = self.fold(event) else { return };
        if !self.has_room_for(&event.kind) {
            self.leave_out(&event);
            return;
        }
        self.catch_up(&mut event);
        self.waiting.push_back(event);
    }

    pub(super) fn pop(&mut self) -> Option<AgentEvent> {
        self.waiting.pop_front()
    }

    /// Text that follows text of the same run grows that one instead of waiting behind it.
    fn fold(&mut self, event: AgentEvent) -> Option<AgentEvent> {
        let Some(last) = self.waiting.back_mut() else { return Some(event) };
        if last.run_id != event.run_id {
            return Some(event);
        }
        match (&mut last.kind, event.kind) {
            (
                AgentEventKind::Text { cumulative, delta, replace },
                AgentEventKind::Text { cumulative: whole, delta: more, replace: anew },
            ) => {
                if anew {
                    *delta = more;
                    *replace = true;
                } else {
                    delta.push_str(&more);
                }
                *cumulative = whole;
                (last.seq, last.ts) = (event.seq, event.ts);
                None
            }
            (_, kind) => Some(AgentEvent { kind, ..event }),
        }
    }

    fn has_room_for(&self, kind: &AgentEventKind) -> bool {
        let limit = match kind {
            AgentEventKind::Finished(_) => return true,
            AgentEventKind::Text { .. }
            | AgentEventKind::Thinking { .. }
            | AgentEventKind::Usage(_)
            | AgentEventKind::Retry { .. } => SOFT_LIMIT,
            AgentEventKind::Accepted { .. }
            | AgentEventKind::Started { .. }
            | AgentEventKind::Model(_)
            | AgentEventKind::ToolStart { .. }
            | AgentEventKind::ToolResult { .. }
            | AgentEventKind::Message(_)
            | AgentEventKind::Compaction { .. }
            | AgentEventKind::SessionChanged { .. } => HARD_LIMIT,
        };
        self.waiting.len() < limit
    }

    fn leave_out(&mut self, event: &AgentEvent) {
        if let (AgentEventKind::Text { .. }, Some(run)) = (&event.kind, &event.run_id) {
            self.behind.insert(run.clone());
        } else if self.waiting.len() >= HARD_LIMIT {
            tracing::error!(session = %event.session_key, "too many events wait; one was left out");
        }
    }

    /// After a text was left out, what is new says too little.
    fn catch_up(&mut self, event: &mut AgentEvent) {
        let Some(run) = &event.run_id else { return };
        match &mut event.kind {
            AgentEventKind::Text { cumulative, delta, replace } if self.behind.remove(run) => {
                delta.clone_from(cumulative);
                *replace = true;
            }
            AgentEventKind::Finished(_) => {
                self.behind.remove(run);
            }
            _ => {}
        }
    }
}

/// Which connections started, or joined, a run. The latest runs are remembered; of an older one that
/// is still going on, tools are told without their particulars from then on.
#[derive(Debug, Default)]
pub(super) struct Starters {
    runs: HashMap<RunId, Vec<ConnId>>,
    /// The oldest first; some may have ended.
    order: VecDeque<RunId>,
}

impl Starters {
    pub(super) fn add(&mut self, run: &RunId, connection: &ConnId) {
        if !self.runs.contains_key(run) {
            self.make_room();
            self.order.push_back(run.clone());
        }
        let starters = self.runs.entry(run.clone()).or_default();
        if starters.len() < MAX_STARTERS && !starters.contains(connection) {
            starters.push(connection.clone());
        }
    }

    fn make_room(&mut self) {
        while self.order.len() >= MAX_RUNS {
            let Some(oldest) = self.order.pop_front() else { return };
            self.runs.remove(&oldest);
        }
    }

    pub(super) fn remove(&mut self, run: &RunId, connection: &ConnId) {
        let Some(starters) = self.runs.get_mut(run) else { return };
        starters.retain(|known| known != connection);
        if starters.is_empty() {
            self.runs.remove(run);
        }
    }

    pub(super) fn of(&self, run: &RunId) -> Vec<ConnId> {
        self.runs.get(run).cloned().unwrap_or_default()
    }

    pub(super) fn forget(&mut self, run: &RunId) {
        self.runs.remove(run);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use openclaw_agent::FinalState;
    use openclaw_protocol::ids::{AgentId, SessionId, SessionKey};

    use super::*;
    use crate::shape::run::tests::outcome;

    fn event(run: &str, seq: u64, kind: AgentEventKind) -> AgentEvent {
        AgentEvent {
            run_id: Some(RunId::new(run)),
            session_key: SessionKey::new("agent:main:main"),
            session_id: SessionId::new("s"),
            agent_id: AgentId::new("main"),
            seq,
            ts: seq,
            route: None,
            kind,
        }
    }

    fn text(cumulative: &str, delta: &str, replace: bool) -> AgentEventKind {
        AgentEventKind::Text { cumulative: cumulative.into(), delta: delta.into(), replace }
    }

    fn drain(queue: &mut Queue) -> Vec<AgentEvent> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn text_that_waits_grows() {
        let mut queue = Queue::default();
        queue.push(event("a", 1, text("He", "He", false)));
        queue.push(event("a", 2, text("Hello", "llo", false)));
        queue.push(event("b", 1, text("x", "x", false)));
        queue.push(event("a", 3, text("Hello you", " you", false)));
        queue.push(event("a", 4, text("Anew", "Anew", true)));
        let expected = vec![
            event("a", 2, text("Hello", "Hello", false)),
            event("b", 1, text("x", "x", false)),
            event("a", 4, text("Anew", "Anew", true)),
        ];
        assert_eq!(drain(&mut queue), expected);
    }

    #[test]
    fn after_a_text_was_left_out_the_next_is_told_whole() {
        let mut queue = Queue::default();
        let started = || AgentEventKind::Started { started_at_ms: 1 };
        for seq in 0..SOFT_LIMIT as u64 {
            queue.push(event("a", seq, started()));
        }
        queue.push(event("b", 1, text("lost", "lost", false)));
        queue.push(event("c", 1, started()));
        assert_eq!(drain(&mut queue).len(), SOFT_LIMIT + 1);
        queue.push(event("b", 2, text("lost and found", " and found", false)));
        let whole = text("lost and found", "lost and found", true);
        assert_eq!(drain(&mut queue), [event("b", 2, whole)]);
    }

    #[test]
    fn the_end_of_a_run_is_always_told() {
        let mut queue = Queue::default();
        for seq in 0..HARD_LIMIT as u64 + 10 {
            queue.push(event("a", seq, AgentEventKind::Started { started_at_ms: 1 }));
        }
        let finished = AgentEventKind::Finished(Arc::new(outcome(FinalState::Done, "stop")));
        queue.push(event("a", 9_999, finished.clone()));
        let told = drain(&mut queue);
        assert_eq!(told.len(), HARD_LIMIT + 1);
        assert_eq!(told.last(), Some(&event("a", 9_999, finished)));
    }

    #[test]
    fn starters_are_bounded_and_forgotten() {
        let mut starters = Starters::default();
        let (run, conn) = (RunId::new("r"), |name: &str| ConnId::new(name));
        starters.add(&run, &conn("1"));
        starters.add(&run, &conn("1"));
        starters.add(&run, &conn("2"));
        assert_eq!(starters.of(&run), [conn("1"), conn("2")]);
        starters.remove(&run, &conn("1"));
        assert_eq!(starters.of(&run), [conn("2")]);
        starters.forget(&run);
        for index in 0..MAX_RUNS + 5 {
            starters.add(&RunId::new(index.to_string()), &conn("1"));
        }
        assert_eq!((starters.runs.len(), starters.order.len()), (MAX_RUNS, MAX_RUNS));
        assert!(starters.of(&RunId::new("4")).is_empty());
        assert_eq!(starters.of(&RunId::new("5")), [conn("1")]);
    }
}
