//! What of a growing answer still has to be printed.

use openclaw_protocol::events::chat::{AgentPayload, AssistantData, stream};
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

/// The assistant's text so far, if the event is about that and about this run.
pub(super) fn assistant_text(payload: AgentPayload, run_id: &str) -> Option<String> {
    if payload.run_id.as_str() != run_id || payload.stream != stream::ASSISTANT {
        return None;
    }
    let data: AssistantData = serde_json::from_value(Value::Object(payload.data)).ok()?;
    Some(data.text)
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
