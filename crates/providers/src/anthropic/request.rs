//! A conversation as the Messages API wants it: roles in turn, results first, thinking signed.

use openclaw_agent::model::{ModelMessage, ModelRequest, Part, ThinkingLevel};
use serde_json::{Map, Value, json};

use crate::{conversation::paired, dialect::Endpoint, known::ToolUse};

/// Answer length where nothing is known of the model's limit; the API insists on a number.
const DEFAULT_MAX_TOKENS: u64 = 8192;
/// Put first when a conversation does not begin with the person, which the API refuses.
const OPENING: &str = "(The conversation goes on from here.)";
/// Put last when a conversation ends with the model, which newer models refuse.
const GO_ON: &str = "Please go on.";

/// The whole request body.
pub(super) fn body(endpoint: &Endpoint, request: &ModelRequest) -> Value {
    let mut body = Map::new();
    let max_tokens =
        request.max_output_tokens.or(endpoint.max_tokens).unwrap_or(DEFAULT_MAX_TOKENS);
    let thinking = thinking(endpoint, request.thinking, max_tokens);
    body.insert("model".into(), json!(endpoint.model.model));
    body.insert("max_tokens".into(), json!(max_tokens));
    body.insert("stream".into(), json!(true));
    if !request.system.is_empty() {
        let block = json!({"type": "text", "text": request.system, "cache_control": cached()});
        body.insert("system".into(), json!([block]));
    }
    body.insert("messages".into(), Value::Array(messages(endpoint, &request.messages)));
    if !request.tools.is_empty() && endpoint.tools != ToolUse::Never {
        let tools: Vec<Value> = request
            .tools
            .iter()
            .map(|tool| {
                json!({
                    "name": tool.name,
                    "description": tool.description,
                    "input_schema": tool.schema,
                })
            })
            .collect();
        body.insert("tools".into(), Value::Array(tools));
    }
    body.extend(thinking);
    Value::Object(body)
}

fn cached() -> Value {
    json!({"type": "ephemeral"})
}

/// Since version 4.6 a model decides itself how long it thinks and is only told an effort; before that
/// it is given a budget. Nothing is sent for `off`, because models differ in whether they accept it.
fn thinking(endpoint: &Endpoint, level: ThinkingLevel, max_tokens: u64) -> Map<String, Value> {
    let mut fields = Map::new();
    if level == ThinkingLevel::Off || !endpoint.reasoning {
        return fields;
    }
    let version = version_of(&endpoint.model.model);
    if version >= Some((4, 6)) {
        let effort = match level {
            ThinkingLevel::Off | ThinkingLevel::Minimal | ThinkingLevel::Low => "low",
            ThinkingLevel::Medium => "medium",
            ThinkingLevel::Xhigh if version >= Some((4, 7)) => "xhigh",
            ThinkingLevel::High | ThinkingLevel::Xhigh => "high",
        };
        fields.insert("thinking".into(), json!({"type": "adaptive"}));
        fields.insert("output_config".into(), json!({"effort": effort}));
        return fields;
    }
    let wanted = match level {
        ThinkingLevel::Off => 0,
        ThinkingLevel::Minimal => 1024,
        ThinkingLevel::Low => 4096,
        ThinkingLevel::Medium => 10_240,
        ThinkingLevel::High => 20_480,
        ThinkingLevel::Xhigh => 32_768,
    };
    // The budget is part of `max_tokens` and at least 1024; something must be left for the answer.
    let budget = wanted.min(max_tokens / 2);
    if budget >= 1024 {
        fields.insert("thinking".into(), json!({"type": "enabled", "budget_tokens": budget}));
    }
    fields
}

/// `(4, 6)` of `claude-opus-4-6`, `(4, 0)` of `claude-sonnet-4-20250514`; of the older order of words
/// (`claude-3-7-sonnet`) as well.
fn version_of(model: &str) -> Option<(u32, u32)> {
    let name = model.rsplit('/').next()?.strip_prefix("claude-")?;
    let mut numbers = name
        .split(['-', '.'])
        .skip_while(|part| part.parse::<u32>().is_err())
        .map_while(|part| part.parse::<u32>().ok().filter(|number| *number < 100));
    Some((numbers.next()?, numbers.next().unwrap_or(0)))
}

/// Messages with roles in turn.
fn messages(endpoint: &Endpoint, messages: &[ModelMessage]) -> Vec<Value> {
    let mut turns: Vec<Turn> = Vec::new();
    for message in paired(messages) {
        let (role, blocks) = match &message {
            ModelMessage::User(parts) => ("user", user_blocks(parts, endpoint.images)),
            ModelMessage::Assistant { parts, origin } => {
                let same = origin.as_ref() == Some(&endpoint.model);
                ("assistant", assistant_blocks(parts, same))
            }
            ModelMessage::ToolResult { call_id, text, is_error, .. } => {
                let mut block = json!({
                    "type": "tool_result",
                    "tool_use_id": tool_id(call_id),
                    "content": text,
                });
                if *is_error && let Some(block) = block.as_object_mut() {
                    block.insert("is_error".into(), json!(true));
                }
                ("user", vec![block])
            }
        };
        if blocks.is_empty() {
            continue;
        }
        match turns.last_mut() {
            Some(last) if last.role == role => last.blocks.extend(blocks),
            _ => turns.push(Turn { role, blocks }),
        }
    }
    if turns.first().is_none_or(|turn| turn.role != "user") {
        turns.insert(0, Turn { role: "user", blocks: vec![text_block(OPENING)] });
    }
    if turns.last().is_some_and(|turn| turn.role == "assistant") {
        turns.push(Turn { role: "user", blocks: vec![text_block(GO_ON)] });
    }
    if let Some(block) = turns.last_mut().and_then(|turn| turn.blocks.last_mut())
        && let Some(block) = block.as_object_mut()
    {
        block.insert("cache_control".into(), cached());
    }
    turns.into_iter().map(|turn| json!({"role": turn.role, "content": turn.blocks})).collect()
}

struct Turn {
    role: &'static str,
    blocks: Vec<Value>,
}

fn text_block(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn user_blocks(parts: &[Part], images: bool) -> Vec<Value> {
    parts
        .iter()
        .filter_map(|part| match part {
            Part::Text(text) => (!text.trim().is_empty()).then(|| text_block(text)),
            Part::Image { mime_type, data } if images => Some(json!({
                "type": "image",
                "source": {"type": "base64", "media_type": mime_type, "data": data},
            })),
            Part::Image { .. } => Some(text_block("[a picture that this model cannot see]")),
            Part::Thinking { .. } | Part::ToolCall { .. } => None,
        })
        .collect()
}

fn assistant_blocks(parts: &[Part], same_model: bool) -> Vec<Value> {
    parts
        .iter()
        .filter_map(|part| match part {
            Part::Text(text) => (!text.trim().is_empty()).then(|| text_block(text)),
            Part::Thinking { text, signature: Some(proof), redacted } if same_model => {
                Some(if *redacted {
                    json!({"type": "redacted_thinking", "data": proof})
                } else {
                    json!({"type": "thinking", "thinking": text, "signature": proof})
                })
            }
            Part::ToolCall { id, name, arguments } => Some(json!({
                "type": "tool_use",
                "id": tool_id(id),
                "name": name,
                "input": arguments,
            })),
            Part::Thinking { .. } | Part::Image { .. } => None,
        })
        .collect()
}

/// Ids of calls that another provider made may hold characters that are refused here.
fn tool_id(id: &str) -> String {
    let clean: String = id
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' })
        .collect();
    if clean.is_empty() { String::from("call") } else { clean }
}

#[cfg(test)]
mod tests;
