//! What of a growing answer still has to be printed.

use openclaw_protocol::events::chat::{
    AgentPayload, AssistantData, LifecycleData, LifecyclePhase, RunStatusData, stream,
};
use openclaw_protocol::methods::agent::AgentRunResult;
use serde_json::Value;

/// Remembers what is on the screen. Events carry the whole text so far, so a missed one does no harm.
#[derive(Debug, Default)]
pub(super) struct Shown {
    text: String,
    anything: bool,
}

impl Shown {
    /// Whether anything was printed at all.
    pub(super) const fn anything(&self) -> bool {
        self.anything
    }

    /// What to print now that the text of the current message is this. A text that does not go on
    /// from what is shown is a new message, and begins on a new line.
    pub(super) fn advance(&mut self, text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        let addition = match text.strip_prefix(self.text.as_str()) {
            Some(rest) => rest.to_owned(),
            None if self.text.starts_with(text) => return String::new(),
            None => format!("\n\n{text}"),
        };
        text.clone_into(&mut self.text);
        self.anything |= !addition.is_empty();
        addition
    }

    /// What is missing of the whole answer, which may consist of several messages.
    pub(super) fn finish(&mut self, messages: &[&str]) -> String {
        match messages.last() {
            Some(last) if self.anything => self.advance(last),
            Some(_) => self.advance(&messages.join("\n\n")),
            None => String::new(),
        }
    }
}

/// What an event says about a run.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// The assistant's text so far.
    Said(String),
    /// The model failed, and is asked again.
    AskedAgain {
        /// Why, in a word or two.
        reason: String,
        /// In how many milliseconds.
        after_ms: u64,
    },
    /// It is over, well or not.
    Over,
}

/// What an event says, if it is about this run and about something that is shown.
pub(super) fn news(payload: AgentPayload, run_id: &str) -> Option<News> {
    if payload.run_id.as_str() != run_id {
        return None;
    }
    let data = Value::Object(payload.data);
    match payload.stream.as_str() {
        stream::ASSISTANT => {
            serde_json::from_value::<AssistantData>(data).ok().map(|data| News::Said(data.text))
        }
        stream::RUN_STATUS => {
            let data: RunStatusData = serde_json::from_value(data).ok()?;
            Some(News::AskedAgain { reason: data.reason?, after_ms: data.after_ms? })
        }
        stream::LIFECYCLE => {
            let data: LifecycleData = serde_json::from_value(data).ok()?;
            matches!(data.phase, LifecyclePhase::End | LifecyclePhase::Error).then_some(News::Over)
        }
        _ => None,
    }
}

/// The texts of a result.
pub(super) fn texts(result: &AgentRunResult) -> Vec<&str> {
    let texts = result.payloads.iter().filter_map(|payload| payload.text.as_deref());
    texts.filter(|text| !text.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growing_text_is_printed_once() {
        let mut shown = Shown::default();
        assert_eq!(shown.advance("Hel"), "Hel");
        assert_eq!(shown.advance("Hello"), "lo");
        assert_eq!(shown.advance("Hell"), "");
        assert_eq!(shown.advance(""), "");
        assert_eq!(shown.finish(&["Hello there"]), " there");
        assert_eq!(shown.finish(&["Hello there"]), "");
    }

    #[test]
    fn events_of_other_runs_and_of_no_interest_are_passed_over() {
        let said = |run: &str, stream: &str, data: Value| {
            let event = serde_json::json!({ "runId": run, "seq": 1, "stream": stream, "ts": 1, "data": data });
            news(serde_json::from_value(event).unwrap(), "r")
        };
        let text = serde_json::json!({ "text": "Hello", "delta": "lo" });
        assert_eq!(said("r", "assistant", text.clone()), Some(News::Said("Hello".into())));
        assert_eq!(said("other", "assistant", text), None);
        let again = serde_json::json!({ "phase": "starting_model", "attempt": 1, "reason": "rate_limit", "afterMs": 7000 });
        let expected = News::AskedAgain { reason: "rate_limit".into(), after_ms: 7000 };
        assert_eq!(said("r", "run_status", again), Some(expected));
        assert_eq!(said("r", "run_status", serde_json::json!({ "phase": "starting_model" })), None);
        assert_eq!(said("r", "lifecycle", serde_json::json!({ "phase": "start" })), None);
        assert_eq!(
            said("r", "lifecycle", serde_json::json!({ "phase": "error" })),
            Some(News::Over)
        );
    }

    #[test]
    fn another_message_begins_on_a_new_line() {
        let mut shown = Shown::default();
        assert_eq!(shown.advance("Let me look."), "Let me look.");
        assert_eq!(shown.advance("It"), "\n\nIt");
        assert_eq!(shown.finish(&["Let me look.", "It is 5."]), " is 5.");
    }

    #[test]
    fn without_events_the_result_is_everything() {
        let mut shown = Shown::default();
        assert_eq!(shown.finish(&[]), "");
        assert!(!shown.anything());
        assert_eq!(shown.finish(&["one", "two"]), "one\n\ntwo");
        assert!(shown.anything());
    }
}
