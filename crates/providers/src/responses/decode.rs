//! Events of a Responses stream.

use std::collections::VecDeque;

use openclaw_agent::model::{ModelError, ModelEvent, StopReason, Usage};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    dialect::{self, Decode},
    http::Failure,
};

/// A thought as it has to come back: the item's name and what only the provider can read.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Thought {
    pub(super) id: String,
    pub(super) encrypted: String,
}

/// What has been seen of one answer.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// Numbers of the calls that began, with whether their arguments came in pieces.
    calls: Vec<(u64, bool)>,
    refused: bool,
}

impl Decode for Decoder {
    fn data(&mut self, data: &str, out: &mut VecDeque<ModelEvent>) -> Result<(), ModelError> {
        if data.trim() == "[DONE]" {
            return Ok(());
        }
        let event = dialect::json(data)?;
        let text = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default();
        let delta = || Some(text("delta").to_owned()).filter(|delta| !delta.is_empty());
        match text("type") {
            "response.output_text.delta" => out.extend(delta().map(ModelEvent::TextDelta)),
            "response.refusal.delta" => {
                self.refused = true;
                out.extend(delta().map(ModelEvent::TextDelta));
            }
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                out.extend(delta().map(ModelEvent::ThinkingDelta));
            }
            "response.output_item.added" => self.began(&event, out)?,
            "response.function_call_arguments.delta" => {
                let index = number(&event)?;
                let known = self.calls.iter_mut().find(|(call, _)| *call == index);
                let call =
                    known.ok_or_else(|| malformed("arguments of a call that did not begin"))?;
                if let Some(json) = delta() {
                    call.1 = true;
                    out.push_back(ModelEvent::ToolCallDelta { index, json });
                }
            }
            "response.output_item.done" => self.ended(&event, out)?,
            "response.completed" | "response.incomplete" => self.over(&event, out),
            "response.failed" => return Err(failure(event.pointer("/response/error"))),
            "error" => return Err(failure(event.get("error").or(Some(&event)))),
            _ => {}
        }
        Ok(())
    }

    /// An answer ends with an event that says so.
    fn end(&mut self, _: &mut VecDeque<ModelEvent>) -> Result<(), ModelError> {
        Ok(())
    }
}

impl Decoder {
    fn began(&mut self, event: &Value, out: &mut VecDeque<ModelEvent>) -> Result<(), ModelError> {
        let Some(item) = event.get("item").filter(|item| item["type"] == "function_call") else {
            return Ok(());
        };
        let index = number(event)?;
        let word = |key: &str| item.get(key).and_then(Value::as_str).filter(|it| !it.is_empty());
        let name = word("name").ok_or_else(|| malformed("a tool call without a name"))?;
        let id = word("call_id").or_else(|| word("id"));
        let id = id.map_or_else(|| format!("call_{index}"), str::to_owned);
        if self.calls.iter().any(|(call, _)| *call == index) {
            return Err(malformed("two calls with one number"));
        }
        self.calls.push((index, false));
        out.push_back(ModelEvent::ToolCallStart { index, id, name: name.to_owned() });
        Ok(())
    }

    fn ended(&mut self, event: &Value, out: &mut VecDeque<ModelEvent>) -> Result<(), ModelError> {
        let Some(item) = event.get("item") else { return Ok(()) };
        let word = |key: &str| item.get(key).and_then(Value::as_str).filter(|it| !it.is_empty());
        match item["type"].as_str() {
            Some("reasoning") => {
                if let (Some(id), Some(encrypted)) = (word("id"), word("encrypted_content")) {
                    let thought = Thought { id: id.to_owned(), encrypted: encrypted.to_owned() };
                    let proof = serde_json::to_string(&thought).unwrap_or_default();
                    out.push_back(ModelEvent::ThinkingSignature(proof));
                }
            }
            Some("function_call") => {
                let index = number(event)?;
                // Some servers send a call only once it is whole.
                if !self.calls.iter().any(|(call, _)| *call == index) {
                    self.began(event, out)?;
                }
                let pieces = self.calls.iter().any(|(call, pieces)| *call == index && *pieces);
                if let Some(json) = word("arguments").filter(|_| !pieces) {
                    out.push_back(ModelEvent::ToolCallDelta { index, json: json.to_owned() });
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn over(&self, event: &Value, out: &mut VecDeque<ModelEvent>) {
        let response = &event["response"];
        if let Some(usage) = response.get("usage").filter(|usage| usage.is_object()) {
            let count = |path: &str| usage.pointer(path).and_then(Value::as_u64).unwrap_or(0);
            let cache_read = count("/input_tokens_details/cached_tokens");
            out.push_back(ModelEvent::Usage(Usage {
                input: count("/input_tokens").saturating_sub(cache_read),
                output: count("/output_tokens"),
                cache_read,
                cache_write: 0,
            }));
        }
        let reason = response.pointer("/incomplete_details/reason").and_then(Value::as_str);
        out.push_back(ModelEvent::Stop(match reason {
            Some("content_filter") => StopReason::Refusal,
            Some(_) => StopReason::Length,
            None if self.refused => StopReason::Refusal,
            None if !self.calls.is_empty() => StopReason::ToolUse,
            None => StopReason::Stop,
        }));
    }
}

fn number(event: &Value) -> Result<u64, ModelError> {
    let number = event.get("output_index").and_then(Value::as_u64);
    number.ok_or_else(|| malformed("an item without a number"))
}

fn failure(error: Option<&Value>) -> ModelError {
    match error.and_then(Failure::from_value) {
        Some(failure) => failure.classify(0, None),
        None => malformed("an error without words"),
    }
}

fn malformed(message: &str) -> ModelError {
    ModelError::Malformed { message: message.to_owned() }
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
        decoder.end(&mut out)?;
        Ok(out.into())
    }

    #[test]
    fn thoughts_text_calls_and_usage() {
        let call = json!({"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look", "arguments": ""});
        let got = decode(&[
            json!({"type": "response.created", "response": {}}),
            json!({"type": "response.reasoning_summary_text.delta", "delta": "hm"}),
            json!({"type": "response.output_item.done", "output_index": 0,
                "item": {"type": "reasoning", "id": "rs_1", "encrypted_content": "e"}}),
            json!({"type": "response.output_text.delta", "output_index": 1, "delta": "I look"}),
            json!({"type": "response.output_item.added", "output_index": 2, "item": call}),
            json!({"type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{\"at\":1}"}),
            json!({"type": "response.output_item.done", "output_index": 2, "item": call}),
            json!({"type": "response.completed", "response": {"usage": {"input_tokens": 12,
                "input_tokens_details": {"cached_tokens": 10}, "output_tokens": 3}}}),
        ]);
        let proof = r#"{"id":"rs_1","encrypted":"e"}"#;
        let usage = Usage { input: 2, output: 3, cache_read: 10, cache_write: 0 };
        let wanted = vec![
            ModelEvent::ThinkingDelta("hm".into()),
            ModelEvent::ThinkingSignature(proof.into()),
            ModelEvent::TextDelta("I look".into()),
            ModelEvent::ToolCallStart { index: 2, id: "call_1".into(), name: "look".into() },
            ModelEvent::ToolCallDelta { index: 2, json: "{\"at\":1}".into() },
            ModelEvent::Usage(usage),
            ModelEvent::Stop(StopReason::ToolUse),
        ];
        assert_eq!(got, Ok(wanted));
    }

    #[test]
    fn a_call_that_comes_whole_is_one_too_and_endings_are_told_apart() {
        let whole =
            json!({"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"});
        let got = decode(&[
            json!({"type": "response.output_item.done", "output_index": 0, "item": whole}),
            json!({"type": "response.completed", "response": {}}),
        ]);
        let wanted = vec![
            ModelEvent::ToolCallStart { index: 0, id: "c".into(), name: "look".into() },
            ModelEvent::ToolCallDelta { index: 0, json: "{}".into() },
            ModelEvent::Stop(StopReason::ToolUse),
        ];
        assert_eq!(got, Ok(wanted));
        for (reason, stop) in
            [("max_output_tokens", StopReason::Length), ("content_filter", StopReason::Refusal)]
        {
            let response = json!({"incomplete_details": {"reason": reason}});
            let got = decode(&[json!({"type": "response.incomplete", "response": response})]);
            assert_eq!(got, Ok(vec![ModelEvent::Stop(stop)]));
        }
        let error = json!({"code": "rate_limit_exceeded", "message": "slow down"});
        let failed = decode(&[json!({"type": "response.failed", "response": {"error": error}})]);
        assert_eq!(failed.map_err(|error| error.reason()), Err("rate_limit"));
        let orphan = json!({"type": "response.function_call_arguments.delta", "output_index": 0, "delta": "x"});
        assert_eq!(decode(&[orphan]).map_err(|error| error.reason()), Err("malformed"));
    }
}
