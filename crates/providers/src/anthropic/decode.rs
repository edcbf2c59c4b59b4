//! Events of the Messages API.

use std::collections::{HashSet, VecDeque};

use openclaw_agent::model::{ModelError, ModelEvent, StopReason, Usage};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    dialect::{self, Decode},
    http::Failure,
};

/// What has been seen of one answer.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    usage: Usage,
    stop: Option<StopReason>,
    /// Blocks that are tool calls of ours; those of the provider's own tools are passed over.
    calls: HashSet<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    MessageStart {
        message: Start,
    },
    ContentBlockStart {
        index: u64,
        content_block: Value,
    },
    ContentBlockDelta {
        index: u64,
        delta: Value,
    },
    MessageDelta {
        delta: End,
        usage: Option<Tokens>,
    },
    MessageStop,
    Error {
        error: Value,
    },
    // `ping`, `content_block_stop`, and whatever comes to be.
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
struct Start {
    usage: Option<Tokens>,
}

#[derive(Debug, Deserialize)]
struct End {
    stop_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Tokens {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
}

impl Decode for Decoder {
    fn data(&mut self, data: &str, out: &mut VecDeque<ModelEvent>) -> Result<(), ModelError> {
        let event: Event = serde_json::from_value(dialect::json(data)?).map_err(|error| {
            ModelError::Malformed { message: format!("an event cannot be read: {error}") }
        })?;
        match event {
            Event::MessageStart { message } => self.count(message.usage, out),
            Event::ContentBlockStart { index, content_block } => {
                self.start(index, &content_block, out);
            }
            Event::ContentBlockDelta { index, delta } => self.delta(index, &delta, out),
            Event::MessageDelta { delta, usage } => {
                self.count(usage, out);
                if let Some(reason) = delta.stop_reason {
                    self.stop = Some(stop_reason(&reason));
                }
            }
            Event::MessageStop => {
                out.push_back(ModelEvent::Stop(self.stop.unwrap_or(StopReason::Stop)));
            }
            Event::Error { error } => {
                let failure = Failure::from_value(&error).ok_or_else(|| ModelError::Malformed {
                    message: String::from("an error without words"),
                })?;
                return Err(failure.classify(0, None));
            }
            Event::Other => {}
        }
        Ok(())
    }

    fn end(&mut self, _: &mut VecDeque<ModelEvent>) -> Result<(), ModelError> {
        Err(ModelError::Cut)
    }
}

impl Decoder {
    fn count(&mut self, tokens: Option<Tokens>, out: &mut VecDeque<ModelEvent>) {
        let Some(tokens) = tokens else { return };
        let set = |field: &mut u64, value: Option<u64>| {
            if let Some(value) = value {
                *field = value;
            }
        };
        set(&mut self.usage.input, tokens.input_tokens);
        set(&mut self.usage.output, tokens.output_tokens);
        set(&mut self.usage.cache_read, tokens.cache_read_input_tokens);
        set(&mut self.usage.cache_write, tokens.cache_creation_input_tokens);
        out.push_back(ModelEvent::Usage(self.usage));
    }

    fn start(&mut self, index: u64, block: &Value, out: &mut VecDeque<ModelEvent>) {
        let text = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default();
        match text("type") {
            "tool_use" => {
                self.calls.insert(index);
                let (id, name) = (text("id").to_owned(), text("name").to_owned());
                out.push_back(ModelEvent::ToolCallStart { index, id, name });
                // The arguments come in deltas; a stand-in may send them at once.
                if let Some(Value::Object(input)) = block.get("input")
                    && !input.is_empty()
                {
                    let json = Value::Object(input.clone()).to_string();
                    out.push_back(ModelEvent::ToolCallDelta { index, json });
                }
            }
            "redacted_thinking" => {
                out.push_back(ModelEvent::RedactedThinking(text("data").to_owned()));
            }
            "text" => push_text(out, text("text"), ModelEvent::TextDelta),
            "thinking" => push_text(out, text("thinking"), ModelEvent::ThinkingDelta),
            _ => {}
        }
    }

    fn delta(&self, index: u64, delta: &Value, out: &mut VecDeque<ModelEvent>) {
        let text = |name: &str| delta.get(name).and_then(Value::as_str).unwrap_or_default();
        match text("type") {
            "text_delta" => push_text(out, text("text"), ModelEvent::TextDelta),
            "thinking_delta" => push_text(out, text("thinking"), ModelEvent::ThinkingDelta),
            "signature_delta" => {
                push_text(out, text("signature"), ModelEvent::ThinkingSignature);
            }
            "input_json_delta" if self.calls.contains(&index) => {
                let json = text("partial_json").to_owned();
                out.push_back(ModelEvent::ToolCallDelta { index, json });
            }
            _ => {}
        }
    }
}

fn push_text(out: &mut VecDeque<ModelEvent>, text: &str, event: fn(String) -> ModelEvent) {
    if !text.is_empty() {
        out.push_back(event(text.to_owned()));
    }
}

fn stop_reason(raw: &str) -> StopReason {
    match raw {
        "max_tokens" | "model_context_window_exceeded" => StopReason::Length,
        "tool_use" => StopReason::ToolUse,
        "refusal" => StopReason::Refusal,
        // `end_turn`, `stop_sequence`, `pause_turn`, and what may come to be.
        _ => StopReason::Stop,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn decode(events: &[Value]) -> Result<Vec<ModelEvent>, ModelError> {
        let mut decoder = Decoder::default();
        let mut out = VecDeque::new();
        for event in events {
            decoder.data(&event.to_string(), &mut out)?;
        }
        Ok(out.into())
    }

    fn delta(index: u64, delta: &Value) -> Value {
        json!({"type": "content_block_delta", "index": index, "delta": delta})
    }

    fn start(index: u64, block: &Value) -> Value {
        json!({"type": "content_block_start", "index": index, "content_block": block})
    }

    #[test]
    fn an_answer_with_thinking_text_and_a_tool_call() {
        let usage = json!({"input_tokens": 9, "cache_read_input_tokens": 4, "output_tokens": 1});
        let got = decode(&[
            json!({"type": "message_start", "message": {"id": "m", "usage": usage}}),
            json!({"type": "ping"}),
            start(0, &json!({"type": "thinking", "thinking": "", "signature": ""})),
            delta(0, &json!({"type": "thinking_delta", "thinking": "hm"})),
            delta(0, &json!({"type": "signature_delta", "signature": "sig"})),
            json!({"type": "content_block_stop", "index": 0}),
            start(1, &json!({"type": "redacted_thinking", "data": "xyz"})),
            start(2, &json!({"type": "text", "text": ""})),
            delta(2, &json!({"type": "text_delta", "text": "Look."})),
            start(3, &json!({"type": "server_tool_use", "id": "s", "name": "web"})),
            delta(3, &json!({"type": "input_json_delta", "partial_json": "{}"})),
            start(4, &json!({"type": "tool_use", "id": "t", "name": "look", "input": {}})),
            delta(4, &json!({"type": "input_json_delta", "partial_json": "{\"a\":1}"})),
            json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"},
                "usage": {"output_tokens": 30}}),
            json!({"type": "message_stop"}),
        ])
        .unwrap();
        let usage = |output| Usage { input: 9, output, cache_read: 4, cache_write: 0 };
        let wanted = [
            ModelEvent::Usage(usage(1)),
            ModelEvent::ThinkingDelta("hm".into()),
            ModelEvent::ThinkingSignature("sig".into()),
            ModelEvent::RedactedThinking("xyz".into()),
            ModelEvent::TextDelta("Look.".into()),
            ModelEvent::ToolCallStart { index: 4, id: "t".into(), name: "look".into() },
            ModelEvent::ToolCallDelta { index: 4, json: "{\"a\":1}".into() },
            ModelEvent::Usage(usage(30)),
            ModelEvent::Stop(StopReason::ToolUse),
        ];
        assert_eq!(got, wanted);
    }

    #[test]
    fn errors_inside_the_stream_are_told_apart() {
        let error = |kind: &str| json!({"type": "error", "error": {"type": kind, "message": "m"}});
        let reason = |kind: &str| decode(&[error(kind)]).unwrap_err().reason();
        assert_eq!(reason("overloaded_error"), "overloaded");
        assert_eq!(reason("rate_limit_error"), "rate_limit");
        assert_eq!(reason("api_error"), "server_error");
        assert_eq!(reason("invalid_request_error"), "bad_request");
    }

    #[test]
    fn what_is_no_event_is_malformed() {
        let mut decoder = Decoder::default();
        for data in ["", "{", "[]", "{}", "{\"type\":1}", "{\"type\":\"message_start\"}"] {
            let read = decoder.data(data, &mut VecDeque::new());
            assert!(matches!(read, Err(ModelError::Malformed { .. })), "{data}: {read:?}");
        }
        assert_eq!(decoder.end(&mut VecDeque::new()), Err(ModelError::Cut));
    }

    #[test]
    fn stop_reasons_are_translated() {
        assert_eq!(stop_reason("max_tokens"), StopReason::Length);
        assert_eq!(stop_reason("refusal"), StopReason::Refusal);
        assert_eq!(stop_reason("end_turn"), StopReason::Stop);
    }
}
