//! Chunks of a Gemini stream.

use std::collections::VecDeque;

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
    stop: Option<StopReason>,
    calls: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Chunk {
    candidates: Vec<Candidate>,
    usage_metadata: Option<Tokens>,
    prompt_feedback: Option<Feedback>,
    response_id: Option<String>,
    error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Candidate {
    content: Option<Content>,
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Content {
    parts: Vec<Piece>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Piece {
    text: Option<String>,
    thought: bool,
    thought_signature: Option<String>,
    function_call: Option<Call>,
}

#[derive(Debug, Deserialize)]
struct Call {
    #[serde(default)]
    id: Option<String>,
    name: String,
    #[serde(default)]
    args: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Tokens {
    prompt_token_count: u64,
    candidates_token_count: u64,
    thoughts_token_count: u64,
    cached_content_token_count: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Feedback {
    block_reason: Option<String>,
}

impl Decode for Decoder {
    fn data(&mut self, data: &str, out: &mut VecDeque<ModelEvent>) -> Result<(), ModelError> {
        if data.trim() == "[DONE]" {
            return Ok(());
        }
        let chunk: Chunk = serde_json::from_value(dialect::json(data)?).map_err(|error| {
            ModelError::Malformed { message: format!("a chunk cannot be read: {error}") }
        })?;
        if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
            return Err(Failure::from_value(&error).map_or_else(
                || ModelError::Malformed { message: "an error without words".to_owned() },
                |failure| failure.classify(0, None),
            ));
        }
        if chunk.prompt_feedback.is_some_and(|feedback| feedback.block_reason.is_some()) {
            self.stop = Some(StopReason::Refusal);
        }
        let response = chunk.response_id.unwrap_or_default();
        for candidate in chunk.candidates.into_iter().take(1) {
            for piece in candidate.content.unwrap_or_default().parts {
                self.piece(piece, &response, out);
            }
            if let Some(reason) = candidate.finish_reason {
                self.stop = Some(self.stop_reason(&reason)?);
            }
        }
        if let Some(tokens) = chunk.usage_metadata {
            let cache_read = tokens.cached_content_token_count;
            out.push_back(ModelEvent::Usage(Usage {
                input: tokens.prompt_token_count.saturating_sub(cache_read),
                output: tokens.candidates_token_count.saturating_add(tokens.thoughts_token_count),
                cache_read,
                cache_write: 0,
            }));
        }
        Ok(())
    }

    /// The last chunk says why it ended, and nothing says that it was the last.
    fn end(&mut self, out: &mut VecDeque<ModelEvent>) -> Result<(), ModelError> {
        let stop = self.stop.ok_or(ModelError::Cut)?;
        out.push_back(ModelEvent::Stop(stop));
        Ok(())
    }
}

impl Decoder {
    fn piece(&mut self, piece: Piece, response: &str, out: &mut VecDeque<ModelEvent>) {
        let text = piece.text.filter(|text| !text.is_empty());
        if piece.thought {
            out.extend(text.map(ModelEvent::ThinkingDelta));
            out.extend(piece.thought_signature.map(ModelEvent::ThinkingSignature));
            return;
        }
        out.extend(piece.thought_signature.map(ModelEvent::ThinkingSignature));
        out.extend(text.map(ModelEvent::TextDelta));
        if let Some(call) = piece.function_call {
            let index = self.calls;
            self.calls += 1;
            let id = call.id.filter(|id| !id.is_empty());
            let id = id.unwrap_or_else(|| format!("call_{response}_{index}"));
            out.push_back(ModelEvent::ToolCallStart { index, id, name: call.name });
            let args = call.args.filter(|args| !args.is_null());
            let json = args.map_or_else(|| "{}".to_owned(), |args| args.to_string());
            out.push_back(ModelEvent::ToolCallDelta { index, json });
        }
    }

    fn stop_reason(&self, raw: &str) -> Result<StopReason, ModelError> {
        Ok(match raw {
            "MAX_TOKENS" => StopReason::Length,
            "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII"
            | "IMAGE_SAFETY" => StopReason::Refusal,
            "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" => {
                let message = format!("the model made a call that cannot be read ({raw})");
                return Err(ModelError::Malformed { message });
            }
            _ if self.calls > 0 => StopReason::ToolUse,
            _ => StopReason::Stop,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn decode(chunks: &[Value]) -> Result<Vec<ModelEvent>, ModelError> {
        let mut decoder = Decoder::default();
        let mut out = VecDeque::new();
        for chunk in chunks {
            decoder.data(&chunk.to_string(), &mut out)?;
        }
        decoder.end(&mut out)?;
        Ok(out.into())
    }

    fn parts(parts: &Value) -> Value {
        json!({"candidates": [{"content": {"role": "model", "parts": parts}}], "responseId": "r"})
    }

    #[test]
    fn thoughts_text_calls_and_usage() {
        let got = decode(&[
            parts(&json!([{"text": "hm", "thought": true}])),
            parts(&json!([{"text": "I "}, {"text": "look"}])),
            parts(
                &json!([{"functionCall": {"name": "look", "args": {"at": 1}}, "thoughtSignature": "s"}]),
            ),
            json!({"candidates": [{"finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 12,
                "cachedContentTokenCount": 10, "candidatesTokenCount": 2, "thoughtsTokenCount": 1}}),
        ]);
        let usage = Usage { input: 2, output: 3, cache_read: 10, cache_write: 0 };
        let wanted = vec![
            ModelEvent::ThinkingDelta("hm".into()),
            ModelEvent::TextDelta("I ".into()),
            ModelEvent::TextDelta("look".into()),
            ModelEvent::ThinkingSignature("s".into()),
            ModelEvent::ToolCallStart { index: 0, id: "call_r_0".into(), name: "look".into() },
            ModelEvent::ToolCallDelta { index: 0, json: "{\"at\":1}".into() },
            ModelEvent::Usage(usage),
            ModelEvent::Stop(StopReason::ToolUse),
        ];
        assert_eq!(got, Ok(wanted));
    }

    #[test]
    fn endings_are_told_apart() {
        let finish = |reason: &str| json!({"candidates": [{"finishReason": reason}]});
        for (reason, stop) in [
            ("STOP", StopReason::Stop),
            ("MAX_TOKENS", StopReason::Length),
            ("SAFETY", StopReason::Refusal),
        ] {
            assert_eq!(decode(&[finish(reason)]), Ok(vec![ModelEvent::Stop(stop)]));
        }
        let blocked = json!({"promptFeedback": {"blockReason": "SAFETY"}});
        assert_eq!(decode(&[blocked]), Ok(vec![ModelEvent::Stop(StopReason::Refusal)]));
        let reason = |got: Result<_, ModelError>| got.map_err(|error| error.reason());
        assert_eq!(reason(decode(&[parts(&json!([{"text": "x"}]))])), Err("cut"));
        assert_eq!(reason(decode(&[finish("MALFORMED_FUNCTION_CALL")])), Err("malformed"));
        let busy = json!({"error": {"code": 503, "status": "UNAVAILABLE", "message": "busy"}});
        assert!(decode(&[busy]).is_err());
    }
}
