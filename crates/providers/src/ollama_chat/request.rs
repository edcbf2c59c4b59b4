//! A conversation as Ollama wants it.

use openclaw_agent::model::{ModelMessage, ModelRequest, Part, ThinkingLevel};
use serde_json::{Map, Value, json};

use crate::{conversation::paired, dialect::Endpoint, known::ToolUse};

/// The whole request body.
pub(super) fn body(endpoint: &Endpoint, request: &ModelRequest) -> Value {
    let mut body = Map::new();
    body.insert("model".into(), json!(endpoint.model.model));
    body.insert("messages".into(), Value::Array(messages(endpoint, request)));
    body.insert("stream".into(), json!(true));
    if endpoint.reasoning {
        body.insert("think".into(), json!(request.thinking != ThinkingLevel::Off));
    }
    if !request.tools.is_empty() && endpoint.tools != ToolUse::Never {
        let tools: Vec<Value> = request
            .tools
            .iter()
            .map(|tool| {
                json!({"type": "function", "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.schema,
                }})
            })
            .collect();
        body.insert("tools".into(), Value::Array(tools));
    }
    let mut options = Map::new();
    if let Some(window) = endpoint.context_window {
        options.insert("num_ctx".into(), json!(window));
    }
    if let Some(limit) = request.max_output_tokens.or(endpoint.max_tokens) {
        options.insert("num_predict".into(), json!(limit));
    }
    if !options.is_empty() {
        body.insert("options".into(), Value::Object(options));
    }
    Value::Object(body)
}

fn messages(endpoint: &Endpoint, request: &ModelRequest) -> Vec<Value> {
    let mut out = Vec::with_capacity(request.messages.len() + 1);
    if !request.system.is_empty() {
        out.push(json!({"role": "system", "content": request.system}));
    }
    for message in paired(&request.messages) {
        match &message {
            ModelMessage::User(parts) => out.push(asked(parts, endpoint.images)),
            ModelMessage::Assistant { parts, .. } => out.extend(said(parts)),
            ModelMessage::ToolResult { name, text, .. } => {
                out.push(json!({"role": "tool", "tool_name": name, "content": text}));
            }
        }
    }
    out
}

fn asked(parts: &[Part], images: bool) -> Value {
    let mut texts = Vec::new();
    let mut pictures = Vec::new();
    for part in parts {
        match part {
            Part::Text(text) => texts.push(text.as_str()),
            Part::Image { data, .. } if images => pictures.push(data.as_str()),
            Part::Image { .. } => texts.push("[a picture that this model cannot see]"),
            Part::Thinking { .. } | Part::ToolCall { .. } => {}
        }
    }
    let mut message = json!({"role": "user", "content": texts.join("\n\n")});
    if !pictures.is_empty()
        && let Some(message) = message.as_object_mut()
    {
        message.insert("images".into(), json!(pictures));
    }
    message
}

fn said(parts: &[Part]) -> Option<Value> {
    let mut texts = Vec::new();
    let mut calls = Vec::new();
    for part in parts {
        match part {
            Part::Text(text) => texts.push(text.as_str()),
            Part::ToolCall { name, arguments, .. } => {
                calls.push(json!({"function": {"name": name, "arguments": arguments}}));
            }
            Part::Thinking { .. } | Part::Image { .. } => {}
        }
    }
    let text = texts.join("\n\n");
    if text.is_empty() && calls.is_empty() {
        return None;
    }
    let mut message = json!({"role": "assistant", "content": text});
    if !calls.is_empty()
        && let Some(message) = message.as_object_mut()
    {
        message.insert("tool_calls".into(), Value::Array(calls));
    }
    Some(message)
}

#[cfg(test)]
mod tests {
    use openclaw_agent::model::ModelRef;

    use super::*;
    use crate::fixture::{assistant, call, endpoint, request, result};

    #[test]
    fn a_conversation_with_tools_and_pictures() {
        let mut endpoint = endpoint("ollama", "llama");
        endpoint.context_window = Some(8192);
        let own = ModelRef::new("ollama", "llama");
        let picture = Part::Image { mime_type: "image/png".into(), data: "AAAA".into() };
        let body = body(
            &endpoint,
            &request(vec![
                ModelMessage::User(vec![Part::Text("see".into()), picture]),
                assistant(vec![call("1")], &own),
                result("1", "a cat", false),
            ]),
        );
        let wanted = json!([
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "see", "images": ["AAAA"]},
            {"role": "assistant", "content": "",
             "tool_calls": [{"function": {"name": "look", "arguments": {"at": 1}}}]},
            {"role": "tool", "tool_name": "look", "content": "a cat"},
        ]);
        assert_eq!(body["messages"], wanted);
        assert_eq!((&body["options"]["num_ctx"], &body["think"]), (&json!(8192), &json!(false)));
    }
}
