//! A conversation as the Responses API wants it: a list of items.

use openclaw_agent::model::{ModelMessage, ModelRequest, Part, ThinkingLevel};
use serde_json::{Map, Value, json};

use super::decode::Thought;
use crate::{conversation::paired, dialect::Endpoint, known::ToolUse};

/// The whole request body.
pub(super) fn body(endpoint: &Endpoint, request: &ModelRequest) -> Value {
    let mut body = Map::new();
    body.insert("model".into(), json!(endpoint.model.model));
    body.insert("input".into(), Value::Array(input(endpoint, request)));
    body.insert("stream".into(), json!(true));
    body.insert("store".into(), json!(false));
    if !request.system.is_empty() {
        body.insert("instructions".into(), json!(request.system));
    }
    if let Some(limit) = request.max_output_tokens.or(endpoint.max_tokens) {
        body.insert("max_output_tokens".into(), json!(limit));
    }
    if !request.tools.is_empty() && endpoint.tools != ToolUse::Never {
        let tools: Vec<Value> = request
            .tools
            .iter()
            .map(|tool| {
                json!({
                    "type": "function",
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.schema,
                    "strict": false,
                })
            })
            .collect();
        body.insert("tools".into(), Value::Array(tools));
    }
    if endpoint.reasoning && request.thinking != ThinkingLevel::Off {
        let effort = effort(request.thinking);
        body.insert("reasoning".into(), json!({"effort": effort, "summary": "auto"}));
        body.insert("include".into(), json!(["reasoning.encrypted_content"]));
    }
    Value::Object(body)
}

const fn effort(level: ThinkingLevel) -> &'static str {
    match level {
        ThinkingLevel::Off | ThinkingLevel::Minimal | ThinkingLevel::Low => "low",
        ThinkingLevel::Medium => "medium",
        ThinkingLevel::High => "high",
        ThinkingLevel::Xhigh => "xhigh",
    }
}

fn input(endpoint: &Endpoint, request: &ModelRequest) -> Vec<Value> {
    let mut out = Vec::with_capacity(request.messages.len());
    for message in paired(&request.messages) {
        match &message {
            ModelMessage::User(parts) => {
                out.push(json!({"role": "user", "content": content(parts, endpoint.images)}));
            }
            ModelMessage::Assistant { parts, origin } => {
                let same = origin.as_ref() == Some(&endpoint.model);
                out.extend(parts.iter().filter_map(|part| said(part, same)));
            }
            ModelMessage::ToolResult { call_id, text, .. } => out.push(json!({
                "type": "function_call_output",
                "call_id": call_id,
                "output": text,
            })),
        }
    }
    out
}

fn content(parts: &[Part], images: bool) -> Vec<Value> {
    parts
        .iter()
        .filter_map(|part| match part {
            Part::Text(text) => Some(json!({"type": "input_text", "text": text})),
            Part::Image { mime_type, data } if images => Some(json!({
                "type": "input_image",
                "image_url": format!("data:{mime_type};base64,{data}"),
            })),
            Part::Image { .. } => Some(
                json!({"type": "input_text", "text": "[a picture that this model cannot see]"}),
            ),
            Part::Thinking { .. } | Part::ToolCall { .. } => None,
        })
        .collect()
}

fn said(part: &Part, same_model: bool) -> Option<Value> {
    match part {
        Part::Text(text) if text.is_empty() => None,
        Part::Text(text) => Some(json!({
            "role": "assistant",
            "content": [{"type": "output_text", "text": text}],
        })),
        Part::ToolCall { id, name, arguments } => Some(json!({
            "type": "function_call",
            "call_id": id,
            "name": name,
            "arguments": arguments.to_string(),
        })),
        Part::Thinking { text, signature: Some(proof), .. } if same_model => {
            let thought: Thought = serde_json::from_str(proof).ok()?;
            let summary: Vec<Value> = [text]
                .into_iter()
                .filter(|text| !text.is_empty())
                .map(|text| json!({"type": "summary_text", "text": text}))
                .collect();
            Some(json!({
                "type": "reasoning",
                "id": thought.id,
                "summary": summary,
                "encrypted_content": thought.encrypted,
            }))
        }
        Part::Thinking { .. } | Part::Image { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use openclaw_agent::model::ModelRef;

    use super::*;
    use crate::fixture::{assistant, call, endpoint, request, result, user};

    #[test]
    fn items_come_in_order_and_thoughts_only_to_who_had_them() {
        let endpoint = endpoint("openai", "gpt-x");
        let own = ModelRef::new("openai", "gpt-x");
        let other = ModelRef::new("openai", "gpt-y");
        let proof = serde_json::to_string(&Thought { id: "rs_1".into(), encrypted: "e".into() });
        let thought = Part::Thinking {
            text: "hm".into(),
            signature: Some(proof.expect("json")),
            redacted: false,
        };
        let said = |origin| {
            let parts = vec![thought.clone(), Part::Text("I look".into()), call("call_1")];
            let mut asked = request(vec![
                user("see"),
                assistant(parts, origin),
                result("call_1", "a cat", false),
            ]);
            asked.thinking = ThinkingLevel::High;
            body(&endpoint, &asked)
        };
        let body = said(&own);
        let wanted = json!([
            {"role": "user", "content": [{"type": "input_text", "text": "see"}]},
            {"type": "reasoning", "id": "rs_1", "encrypted_content": "e",
             "summary": [{"type": "summary_text", "text": "hm"}]},
            {"role": "assistant", "content": [{"type": "output_text", "text": "I look"}]},
            {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{\"at\":1}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "a cat"},
        ]);
        assert_eq!(body["input"], wanted);
        assert_eq!(body["instructions"], "Be kind.");
        assert_eq!((&body["store"], &body["stream"]), (&json!(false), &json!(true)));
        assert_eq!(body["reasoning"]["effort"], "high");
        assert_eq!(body["tools"][0]["name"], "look");
        assert_eq!(
            said(&other)["input"].as_array().map(Vec::len),
            Some(4),
            "no thought of another"
        );
    }
}
