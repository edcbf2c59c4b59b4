//! One answer of a model, put together from its events.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::model::{ModelError, ModelEvent, Part, StopReason, Usage};

/// Most tool calls in one answer; a stream that asks for more is not one we can serve.
const MAX_TOOL_CALLS: usize = 128;
/// Most bytes of one call's arguments.
const MAX_ARGUMENT_BYTES: usize = 1024 * 1024;

/// What has arrived of an answer.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    parts: Vec<Part>,
    /// Where in `parts` the tool call with a provider's index stands, and its arguments so far.
    calls: BTreeMap<u64, OpenCall>,
    /// Whether the last thinking part is closed by a signature.
    thinking_closed: bool,
    usage: Usage,
    stop: Option<StopReason>,
}

#[derive(Debug)]
struct OpenCall {
    part: usize,
    json: String,
}

/// What an event changed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// More text for people.
    Text(String),
    /// More thinking.
    Thinking(String),
    /// The answer is whole.
    Stopped,
    /// Nothing that is shown.
    Quiet,
}

impl Answer {
    /// Takes one event.
    pub(crate) fn apply(&mut self, event: ModelEvent) -> Result<Change, ModelError> {
        match event {
            ModelEvent::TextDelta(text) => {
                match self.parts.last_mut() {
                    Some(Part::Text(so_far)) => so_far.push_str(&text),
                    _ => self.parts.push(Part::Text(text.clone())),
                }
                return Ok(Change::Text(text));
            }
            ModelEvent::ThinkingDelta(text) => {
                self.think(&text);
                return Ok(Change::Thinking(text));
            }
            ModelEvent::ThinkingSignature(proof) => self.sign(proof),
            ModelEvent::RedactedThinking(data) => {
                self.thinking_closed = true;
                let signature = Some(data);
                self.parts.push(Part::Thinking { text: String::new(), signature, redacted: true });
            }
            ModelEvent::ToolCallStart { index, id, name } => self.start_call(index, id, name)?,
            ModelEvent::ToolCallDelta { index, json } => self.grow_call(index, &json)?,
            ModelEvent::Usage(usage) => self.usage = usage,
            ModelEvent::Stop(reason) => {
                self.stop = Some(reason);
                return Ok(Change::Stopped);
            }
        }
        Ok(Change::Quiet)
    }

    /// Tokens so far.
    pub(crate) const fn usage(&self) -> Usage {
        self.usage
    }

    /// The answer when it is whole: its parts, tool calls with their arguments read.
    pub(crate) fn finish(mut self) -> Result<Whole, ModelError> {
        let Some(mut stop) = self.stop else { return Err(ModelError::Cut) };
        for (_, call) in std::mem::take(&mut self.calls) {
            let read = read_arguments(&call.json)?;
            if let Some(Part::ToolCall { arguments, .. }) = self.parts.get_mut(call.part) {
                *arguments = read;
            }
        }
        let calls = self.parts.iter().any(|part| matches!(part, Part::ToolCall { .. }));
        // Providers disagree on what a stop with tool calls is called; calls are what counts.
        if calls && stop == StopReason::Stop {
            stop = StopReason::ToolUse;
        } else if !calls && stop == StopReason::ToolUse {
            stop = StopReason::Stop;
        }
        Ok(Whole { parts: drop_empty(self.parts), usage: self.usage, stop })
    }

    /// What can be kept of an answer that did not come to its end: text and thinking, no tool calls.
    pub(crate) fn partial(self) -> Vec<Part> {
        let kept = self.parts.into_iter().filter(|part| !matches!(part, Part::ToolCall { .. }));
        drop_empty(kept.collect())
    }

    fn think(&mut self, more: &str) {
        match self.parts.last_mut() {
            Some(Part::Thinking { text, .. }) if !self.thinking_closed => text.push_str(more),
            _ => {
                self.thinking_closed = false;
                self.parts.push(Part::Thinking {
                    text: more.to_owned(),
                    signature: None,
                    redacted: false,
                });
            }
        }
    }

    fn sign(&mut self, proof: String) {
        // A provider may show nothing of its thoughts and still want the proof back.
        let open =
            matches!(self.parts.last(), Some(Part::Thinking { .. })) && !self.thinking_closed;
        if !open {
            self.think("");
        }
        if let Some(Part::Thinking { signature, .. }) = self.parts.last_mut() {
            *signature = Some(proof);
        }
        self.thinking_closed = true;
    }

    fn start_call(&mut self, index: u64, id: String, name: String) -> Result<(), ModelError> {
        if self.calls.len() >= MAX_TOOL_CALLS {
            return Err(malformed("more tool calls than can be served"));
        }
        if name.is_empty() {
            return Err(malformed("a tool call without a name"));
        }
        let call = OpenCall { part: self.parts.len(), json: String::new() };
        if self.calls.insert(index, call).is_some() {
            return Err(malformed("two tool calls with one index"));
        }
        self.parts.push(Part::ToolCall { id, name, arguments: Value::Object(Map::new()) });
        Ok(())
    }

    fn grow_call(&mut self, index: u64, json: &str) -> Result<(), ModelError> {
        let call = self
            .calls
            .get_mut(&index)
            .ok_or_else(|| malformed("arguments of a tool call that did not start"))?;
        if call.json.len().saturating_add(json.len()) > MAX_ARGUMENT_BYTES {
            return Err(malformed("the arguments of a tool call are too long"));
        }
        call.json.push_str(json);
        Ok(())
    }
}

/// An answer that came to its end.
#[derive(Debug, PartialEq)]
pub(crate) struct Whole {
    /// Text, thinking and tool calls in order.
    pub(crate) parts: Vec<Part>,
    /// Tokens.
    pub(crate) usage: Usage,
    /// Why it ended.
    pub(crate) stop: StopReason,
}

/// All text of an answer; pieces between which something else stood are set apart.
pub(crate) fn text_of(parts: &[Part]) -> String {
    let texts: Vec<&str> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Image { .. } | Part::Thinking { .. } | Part::ToolCall { .. } => None,
        })
        .collect();
    texts.join("\n\n")
}

fn read_arguments(json: &str) -> Result<Value, ModelError> {
    if json.trim().is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    match serde_json::from_str(json) {
        Ok(Value::Object(map)) => Ok(Value::Object(map)),
        Ok(_) => Err(malformed("the arguments of a tool call are no object")),
        Err(error) => Err(malformed(&format!("the arguments of a tool call are no JSON: {error}"))),
    }
}

fn drop_empty(parts: Vec<Part>) -> Vec<Part> {
    let worth = |part: &Part| !matches!(part, Part::Text(text) if text.is_empty());
    parts.into_iter().filter(worth).collect()
}

fn malformed(message: &str) -> ModelError {
    ModelError::Malformed { message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn collect(events: Vec<ModelEvent>) -> Result<Whole, ModelError> {
        let mut answer = Answer::default();
        for event in events {
            answer.apply(event)?;
        }
        answer.finish()
    }

    fn start(index: u64, name: &str) -> ModelEvent {
        ModelEvent::ToolCallStart { index, id: format!("call-{index}"), name: name.to_owned() }
    }

    fn delta(index: u64, json: &str) -> ModelEvent {
        ModelEvent::ToolCallDelta { index, json: json.to_owned() }
    }

    #[test]
    fn pieces_become_parts_in_order() {
        let usage = Usage { input: 5, output: 7, ..Usage::default() };
        let whole = collect(vec![
            ModelEvent::ThinkingDelta("hm".into()),
            ModelEvent::ThinkingDelta("m".into()),
            ModelEvent::ThinkingSignature("sig".into()),
            ModelEvent::RedactedThinking("secret".into()),
            ModelEvent::TextDelta("I ".into()),
            ModelEvent::TextDelta("look.".into()),
            start(0, "look"),
            start(1, "hear"),
            delta(0, "{\"at\":"),
            delta(1, ""),
            delta(0, "1}"),
            ModelEvent::Usage(usage),
            ModelEvent::Stop(StopReason::Stop),
        ])
        .unwrap();
        let thought = |text: &str, signature: &str, redacted| Part::Thinking {
            text: text.into(),
            signature: Some(signature.into()),
            redacted,
        };
        let call = |id: &str, name: &str, arguments| Part::ToolCall {
            id: id.into(),
            name: name.into(),
            arguments,
        };
        let parts = vec![
            thought("hmm", "sig", false),
            thought("", "secret", true),
            Part::Text("I look.".into()),
            call("call-0", "look", json!({"at": 1})),
            call("call-1", "hear", json!({})),
        ];
        assert_eq!(whole, Whole { parts, usage, stop: StopReason::ToolUse });
    }

    #[test]
    fn an_answer_without_an_end_was_cut_and_its_text_is_kept() {
        let mut answer = Answer::default();
        answer.apply(ModelEvent::TextDelta("half a".into())).unwrap();
        answer.apply(start(0, "look")).unwrap();
        assert_eq!(answer.partial(), vec![Part::Text("half a".into())]);
        assert_eq!(collect(vec![ModelEvent::TextDelta("x".into())]), Err(ModelError::Cut));
    }

    #[test]
    fn broken_tool_calls_are_malformed() {
        for events in [
            vec![start(0, "a"), start(0, "b")],
            vec![start(0, "")],
            vec![delta(3, "{}")],
            vec![start(0, "a"), delta(0, "{"), ModelEvent::Stop(StopReason::ToolUse)],
            vec![start(0, "a"), delta(0, "[]"), ModelEvent::Stop(StopReason::ToolUse)],
        ] {
            assert!(matches!(collect(events), Err(ModelError::Malformed { .. })));
        }
    }

    #[test]
    fn a_signature_without_thoughts_is_kept() {
        let whole = collect(vec![
            ModelEvent::ThinkingSignature("sig".into()),
            ModelEvent::TextDelta("hi".into()),
            ModelEvent::Stop(StopReason::Stop),
        ])
        .unwrap();
        assert_eq!(whole.parts.len(), 2);
        assert_eq!(text_of(&whole.parts), "hi");
    }
}
