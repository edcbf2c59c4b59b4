//! Who follows one run closely: its text as it grows, and its end.

use std::{collections::HashMap, sync::Arc};

use openclaw_agent::{AgentEvent, AgentEventKind, RunOutcome};
use openclaw_protocol::ids::RunId;
use tokio::sync::watch;

/// What was heard of a run.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// Everything the agent said, what it said before calling tools included. It only grows.
    pub text: String,
    /// How the run ended.
    pub outcome: Option<Arc<RunOutcome>>,
    /// Where the answer begins that grows at the moment.
    begin: usize,
    /// Tools were called since.
    closed: bool,
}

impl Heard {
    fn hear(&mut self, kind: &AgentEventKind) {
        match kind {
            AgentEventKind::Text { delta, replace, .. } => {
                if *replace || self.closed {
                    self.open();
                }
                self.text.push_str(delta);
            }
            AgentEventKind::ToolStart { .. } => self.closed = true,
            AgentEventKind::Finished(outcome) => {
                self.end(outcome.text.as_deref().unwrap_or_default());
                self.outcome = Some(Arc::clone(outcome));
            }
            _ => {}
        }
    }

    /// Begins a new answer.
    fn open(&mut self) {
        if self.text.len() > self.begin {
            self.text.push_str("\n\n");
        }
        self.begin = self.text.len();
        self.closed = false;
    }

    /// The last words stand in the outcome; what of them was not told yet is added.
    fn end(&mut self, last: &str) {
        if last.is_empty() {
            return;
        }
        if self.closed {
            self.open();
        }
        let told = self.text.get(self.begin..).unwrap_or_default();
        if let Some(rest) = last.strip_prefix(told) {
            self.text.push_str(rest);
        } else if told.trim() != last.trim() {
            self.open();
            self.text.push_str(last);
        }
    }
}

/// Runs that are followed. There are as many as there are requests that wait for them.
#[derive(Debug, Default)]
pub(super) struct Followers {
    runs: HashMap<RunId, watch::Sender<Heard>>,
}

impl Followers {
    pub(super) fn follow(&mut self, run: &RunId) -> watch::Receiver<Heard> {
        self.runs.entry(run.clone()).or_default().subscribe()
    }

    pub(super) fn hear(&mut self, event: &AgentEvent) {
        let Some(run) = &event.run_id else { return };
        if let Some(sender) = self.runs.get(run) {
            sender.send_modify(|heard| heard.hear(&event.kind));
        }
    }

    /// Forgets a run that nobody follows any more.
    pub(super) fn leave(&mut self, run: &RunId) {
        if self.runs.get(run).is_some_and(|sender| sender.receiver_count() == 0) {
            self.runs.remove(run);
        }
    }
}

#[cfg(test)]
mod tests {
    use openclaw_agent::FinalState;
    use serde_json::Value;

    use super::*;
    use crate::shape::run::tests::outcome;

    fn text(delta: &str, replace: bool) -> AgentEventKind {
        AgentEventKind::Text { cumulative: String::new(), delta: delta.into(), replace }
    }

    fn tool() -> AgentEventKind {
        AgentEventKind::ToolStart {
            call_id: "c".into(),
            name: "exec".into(),
            arguments: Value::Null,
        }
    }

    fn end(text: Option<&str>) -> AgentEventKind {
        let mut outcome = outcome(FinalState::Done, "stop");
        outcome.text = text.map(str::to_owned);
        AgentEventKind::Finished(Arc::new(outcome))
    }

    #[test]
    fn what_was_said_only_grows() {
        let cases: [(Vec<AgentEventKind>, &str); 7] = [
            (vec![text("He", false), text("llo", false), end(Some("Hello you"))], "Hello you"),
            (
                vec![text("OK", false), tool(), text("OK", true), end(Some("OK done"))],
                "OK\n\nOK done",
            ),
            (vec![text("OK", false), tool(), end(Some("OK done"))], "OK\n\nOK done"),
            (vec![tool(), end(Some("done"))], "done"),
            (vec![text("a", false), end(None)], "a"),
            (vec![end(None)], ""),
            (vec![text("hi ", false), end(Some("hi"))], "hi "),
        ];
        for (events, expected) in cases {
            let mut heard = Heard::default();
            let mut before = String::new();
            for event in &events {
                heard.hear(event);
                assert!(heard.text.starts_with(&before), "{events:?}");
                before.clone_from(&heard.text);
            }
            assert_eq!(heard.text, expected, "{events:?}");
            assert!(heard.outcome.is_some());
        }
    }
}
