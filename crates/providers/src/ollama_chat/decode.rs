//! Lines of an Ollama stream.

use std::collections::VecDeque;

use openclaw_agent::model::{ModelError, ModelEvent, StopReason, Usage};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    dialect::{self, Decode, Framing},
    http::Failure,
};

/// What has been seen of one answer.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    calls: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Line {
    created_at: String,
    message: Option<Message>,
    done: bool,
    done_reason: Option<String>,
    prompt_eval_count: u64,
    eval_count: u64,
    error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message {
    content: Option<String>,
    /// Others that speak this dialect call it differently.
    #[serde(alias = "reasoning_content")]
    thinking: Option<String>,
    tool_calls: Option<Vec<Call>>,
}

#[derive(Debug, Deserialize)]
struct Call {
    #[serde(default)]
    id: Option<String>,
    function: Function,
}

#[derive(Debug, Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    arguments: Option<Value>,
}

impl Decode for Decoder {
    const FRAMING: Framing = Framing::Lines;

    fn data(&mut self, data: &str, out: &mut VecDeque<ModelEvent>) -> Result<(), ModelError> {
        let line: Line = serde_json::from_value(dialect::json(data)?).map_err(|error| {
            ModelError::Malformed { message: format!("a line cannot be read: {error}") }
        })?;
        if let Some(error) = line.error.filter(|error| !error.is_null()) {
            return Err(Failure::from_value(&error).map_or_else(
                || ModelError::Malformed { message: "an error without words".to_owned() },
                |failure| failure.classify(0, None),
            ));
        }
        let message = line.message.unwrap_or_default();
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        out.extend(some(message.thinking).map(ModelEvent::ThinkingDelta));
        out.extend(some(message.content).map(ModelEvent::TextDelta));
        for call in message.tool_calls.unwrap_or_default() {
            let index = self.calls;
            self.calls += 1;
            let id = some(call.id).unwrap_or_else(|| format!("call_{}_{index}", line.created_at));
            out.push_back(ModelEvent::ToolCallStart { index, id, name: call.function.name });
            let arguments = call.function.arguments.filter(|arguments| !arguments.is_null());
            let json = arguments.map_or_else(|| "{}".to_owned(), |arguments| arguments.to_string());
            out.push_back(ModelEvent::ToolCallDelta { index, json });
        }
        if line.done {
            out.push_back(ModelEvent::Usage(Usage {
                input: line.prompt_eval_count,
                output: line.eval_count,
                ..Usage::default()
            }));
            out.push_back(ModelEvent::Stop(match line.done_reason.as_deref() {
                Some("length") => StopReason::Length,
                _ if self.calls > 0 => StopReason::ToolUse,
                _ => StopReason::Stop,
            }));
        }
        Ok(())
    }

    /// An answer ends with a line that says so.
    fn end(&mut self, _: &mut VecDeque<ModelEvent>) -> Result<(), ModelError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_are_understood() {
        let mut decoder = Decoder::default();
        let mut out = VecDeque::new();
        for line in [
            json!({"message": {"role": "assistant", "content": "", "thinking": "hm"}, "done": false}),
            json!({"message": {"content": "I look"}, "done": false}),
            json!({"created_at": "t", "message": {"content": "", "tool_calls": [
                {"function": {"name": "look", "arguments": {"at": 1}}}]}, "done": false}),
            json!({"message": {"content": ""}, "done": true, "done_reason": "stop",
                "prompt_eval_count": 7, "eval_count": 3}),
        ] {
            decoder.data(&line.to_string(), &mut out).expect("a line");
        }
        let wanted = [
            ModelEvent::ThinkingDelta("hm".into()),
            ModelEvent::TextDelta("I look".into()),
            ModelEvent::ToolCallStart { index: 0, id: "call_t_0".into(), name: "look".into() },
            ModelEvent::ToolCallDelta { index: 0, json: "{\"at\":1}".into() },
            ModelEvent::Usage(Usage { input: 7, output: 3, ..Usage::default() }),
            ModelEvent::Stop(StopReason::ToolUse),
        ];
        assert_eq!(Vec::from(out), wanted);
        let error = decoder.data(r#"{"error":"model not found"}"#, &mut VecDeque::new());
        assert!(error.is_err());
    }
}
