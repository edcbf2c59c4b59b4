//! A conversation as Chat Completions wants it.

use openclaw_agent::model::{ModelMessage, ModelRequest, Part, ThinkingLevel};
use serde_json::{Map, Value, json};

use crate::{conversation::paired, dialect::Endpoint, known::ToolUse};

/// The whole request body.
pub(super) fn body(endpoint: &Endpoint, request: &ModelRequest) -> Value {
    let official = endpoint.model.provider == "openai";
    let mut body = Map::new();
    body.insert("model".into(), json!(endpoint.model.model));
    body.insert("messages".into(), Value::Array(messages(endpoint, request)));
    body.insert("stream".into(), json!(true));
    body.insert("stream_options".into(), json!({"include_usage": true}));
    if official {
        body.insert("store".into(), json!(false));
    }
    if let Some(limit) = request.max_output_tokens.or(endpoint.max_tokens) {
        // Others than OpenAI know only the older name.
        let name = if official { "max_completion_tokens" } else { "max_tokens" };
        body.insert(name.into(), json!(limit));
    }
    let thinks = endpoint.reasoning && request.thinking != ThinkingLevel::Off;
    let tools = match endpoint.tools {
        ToolUse::Always => true,
        ToolUse::WithoutReasoning => !thinks,
        ToolUse::Never => false,
    } && !request.tools.is_empty();
    if tools {
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
    if thinks {
        body.insert("reasoning_effort".into(), json!(effort(request.thinking)));
    } else if tools && endpoint.tools == ToolUse::WithoutReasoning {
        body.insert("reasoning_effort".into(), json!("none"));
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

fn messages(endpoint: &Endpoint, request: &ModelRequest) -> Vec<Value> {
    let mut out = Vec::with_capacity(request.messages.len() + 1);
    if !request.system.is_empty() {
        out.push(json!({"role": "system", "content": request.system}));
    }
    for message in paired(&request.messages) {
        match &message {
            ModelMessage::User(parts) => {
                out.push(json!({"role": "user", "content": user_content(parts, endpoint.images)}));
            }
            ModelMessage::Assistant { parts, .. } => out.extend(assistant(parts)),
            ModelMessage::ToolResult { call_id, text, .. } => {
                out.push(json!({"role": "tool", "tool_call_id": call_id, "content": text}));
            }
        }
    }
    out
}

/// Plain text where there is nothing else: not every server knows the list form.
fn user_content(parts: &[Part], images: bool) -> Value {
    let blocks: Vec<Value> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Text(text) => Some(json!({"type": "text", "text": text})),
            Part::Image { mime_type, data } if images => Some(json!({
                "type": "image_url",
                "image_url": {"url": format!("data:{mime_type};base64,{data}")},
            })),
            Part::Image { .. } => {
                Some(json!({"type": "text", "text": "[a picture that this model cannot see]"}))
            }
            Part::Thinking { .. } | Part::ToolCall { .. } => None,
        })
        .collect();
    let texts: Option<Vec<&str>> =
        blocks.iter().map(|block| block.get("text").and_then(Value::as_str)).collect();
    match texts {
        Some(texts) => Value::String(texts.join("\n\n")),
        None => Value::Array(blocks),
    }
}

/// Thinking is not returned: this dialect has no place for it.
fn assistant(parts: &[Part]) -> Option<Value> {
    let mut texts = Vec::new();
    let mut calls = Vec::new();
    for part in parts {
        match part {
            Part::Text(text) => texts.push(text.as_str()),
            Part::ToolCall { id, name, arguments } => calls.push(json!({
                "id": id,
                "type": "function",
                "function": {"name": name, "arguments": arguments.to_string()},
            })),
            Part::Thinking { .. } | Part::Image { .. } => {}
        }
    }
    let text = texts.join("\n\n");
    if text.is_empty() && calls.is_empty() {
        return None;
    }
    let mut message = Map::new();
    message.insert("role".into(), json!("assistant"));
    let content = if text.is_empty() { Value::Null } else { Value::String(text) };
    message.insert("content".into(), content);
    if !calls.is_empty() {
        message.insert("tool_calls".into(), Value::Array(calls));
    }
    Some(Value::Object(message))
}

#[cfg(test)]
mod tests;
