//! A conversation as Gemini wants it.

use openclaw_agent::model::{ModelMessage, ModelRequest, Part, ThinkingLevel};
use serde_json::{Map, Value, json};

use crate::{conversation::paired, dialect::Endpoint, known::ToolUse};

/// Keywords of JSON Schema that Gemini reads; it refuses others.
const KEYWORDS: [&str; 19] = [
    "type",
    "format",
    "title",
    "description",
    "nullable",
    "enum",
    "properties",
    "required",
    "items",
    "anyOf",
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "minProperties",
    "maxProperties",
];
/// Formats of strings that it knows.
const FORMATS: [&str; 2] = ["enum", "date-time"];
/// Said where a conversation would begin with an answer.
const OPENING: &str = "(the conversation begins here)";

/// The whole request body.
pub(super) fn body(endpoint: &Endpoint, request: &ModelRequest) -> Value {
    let mut body = Map::new();
    if !request.system.is_empty() {
        body.insert("systemInstruction".into(), json!({"parts": [{"text": request.system}]}));
    }
    body.insert("contents".into(), Value::Array(contents(endpoint, request)));
    if !request.tools.is_empty() && endpoint.tools != ToolUse::Never {
        let declarations: Vec<Value> = request
            .tools
            .iter()
            .map(|tool| {
                let mut declaration = json!({"name": tool.name, "description": tool.description});
                let schema = cleaned(&tool.schema);
                // An object without properties is not accepted as one.
                if schema
                    .get("properties")
                    .and_then(Value::as_object)
                    .is_some_and(|it| !it.is_empty())
                    && let Some(declaration) = declaration.as_object_mut()
                {
                    declaration.insert("parameters".into(), schema);
                }
                declaration
            })
            .collect();
        body.insert("tools".into(), json!([{"functionDeclarations": declarations}]));
    }
    let mut generation = Map::new();
    if let Some(limit) = request.max_output_tokens.or(endpoint.max_tokens) {
        generation.insert("maxOutputTokens".into(), json!(limit));
    }
    if let Some(thinking) = thinking(endpoint, request.thinking) {
        generation.insert("thinkingConfig".into(), thinking);
    }
    if !generation.is_empty() {
        body.insert("generationConfig".into(), Value::Object(generation));
    }
    Value::Object(body)
}

/// From version 3 on a model is given a level, before that a budget.
fn thinking(endpoint: &Endpoint, level: ThinkingLevel) -> Option<Value> {
    if !endpoint.reasoning || level == ThinkingLevel::Off {
        return None;
    }
    let name = endpoint.model.model.strip_prefix("gemini-").unwrap_or_default();
    let old = name.starts_with("2.") || name.starts_with("1.");
    let config = if old {
        let budget = match level {
            ThinkingLevel::Off => 0,
            ThinkingLevel::Minimal => 1024,
            ThinkingLevel::Low => 4096,
            ThinkingLevel::Medium => 8192,
            ThinkingLevel::High => 16_384,
            ThinkingLevel::Xhigh => 24_576,
        };
        json!({"includeThoughts": true, "thinkingBudget": budget})
    } else {
        let level = match level {
            ThinkingLevel::Off | ThinkingLevel::Minimal | ThinkingLevel::Low => "low",
            ThinkingLevel::Medium | ThinkingLevel::High | ThinkingLevel::Xhigh => "high",
        };
        json!({"includeThoughts": true, "thinkingLevel": level})
    };
    Some(config)
}

fn contents(endpoint: &Endpoint, request: &ModelRequest) -> Vec<Value> {
    let mut turns: Vec<(&'static str, Vec<Value>)> = Vec::new();
    for message in paired(&request.messages) {
        let (role, parts) = match &message {
            ModelMessage::User(parts) => ("user", asked(parts, endpoint.images)),
            ModelMessage::Assistant { parts, origin } => {
                ("model", said(parts, origin.as_ref() == Some(&endpoint.model)))
            }
            ModelMessage::ToolResult { name, text, is_error, .. } => {
                let key = if *is_error { "error" } else { "output" };
                let response = json!({"name": name, "response": {key: text}});
                ("user", vec![json!({"functionResponse": response})])
            }
        };
        if parts.is_empty() {
            continue;
        }
        match turns.last_mut() {
            Some((last, all)) if *last == role => all.extend(parts),
            _ => turns.push((role, parts)),
        }
    }
    if turns.first().is_some_and(|(role, _)| *role == "model") {
        turns.insert(0, ("user", vec![json!({"text": OPENING})]));
    }
    turns.into_iter().map(|(role, parts)| json!({"role": role, "parts": parts})).collect()
}

fn asked(parts: &[Part], images: bool) -> Vec<Value> {
    parts
        .iter()
        .filter_map(|part| match part {
            Part::Text(text) => (!text.is_empty()).then(|| json!({"text": text})),
            Part::Image { mime_type, data } if images => {
                Some(json!({"inlineData": {"mimeType": mime_type, "data": data}}))
            }
            Part::Image { .. } => Some(json!({"text": "[a picture that this model cannot see]"})),
            Part::Thinking { .. } | Part::ToolCall { .. } => None,
        })
        .collect()
}

/// The signature of a thought belongs to the part that follows it.
fn said(parts: &[Part], same_model: bool) -> Vec<Value> {
    let mut proof: Option<&String> = None;
    let mut out = Vec::new();
    for part in parts {
        let mut value = match part {
            Part::Thinking { signature, .. } => {
                proof = signature.as_ref().filter(|_| same_model);
                continue;
            }
            Part::Text(text) if !text.is_empty() => json!({"text": text}),
            Part::ToolCall { name, arguments, .. } => {
                json!({"functionCall": {"name": name, "args": arguments}})
            }
            Part::Text(_) | Part::Image { .. } => continue,
        };
        if let (Some(proof), Some(value)) = (proof.take(), value.as_object_mut()) {
            value.insert("thoughtSignature".into(), json!(proof));
        }
        out.push(value);
    }
    out
}

/// A schema with what Gemini reads of it; `const` becomes an `enum` of one, and `oneOf` an `anyOf`.
fn cleaned(schema: &Value) -> Value {
    let Some(object) = schema.as_object() else { return json!({"type": "object"}) };
    let mut out = Map::new();
    for (key, value) in object {
        let value = match key.as_str() {
            "const" => {
                out.insert("enum".into(), json!([value]));
                continue;
            }
            "properties" => {
                let properties = value.as_object().into_iter().flatten();
                properties.map(|(name, schema)| (name.clone(), cleaned(schema))).collect()
            }
            "items" => cleaned(value),
            "anyOf" | "oneOf" => {
                let all = value.as_array().into_iter().flatten().map(cleaned).collect();
                out.insert("anyOf".into(), Value::Array(all));
                continue;
            }
            // A list of types is one of them, and perhaps nothing.
            "type" if value.is_array() => {
                let types: Vec<&str> =
                    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                if types.contains(&"null") {
                    out.insert("nullable".into(), json!(true));
                }
                json!(types.into_iter().find(|kind| *kind != "null").unwrap_or("string"))
            }
            "format" if !FORMATS.iter().any(|format| value == format) => continue,
            key if KEYWORDS.contains(&key) => value.clone(),
            _ => continue,
        };
        out.insert(key.clone(), value);
    }
    Value::Object(out)
}

#[cfg(test)]
mod tests {
    use openclaw_agent::model::ModelRef;

    use super::*;
    use crate::fixture::{assistant, call, endpoint, request, result, user};

    #[test]
    fn turns_alternate_and_signatures_go_back_with_their_part() {
        let endpoint = endpoint("google", "gemini-3-pro");
        let own = ModelRef::new("google", "gemini-3-pro");
        let thought =
            Part::Thinking { text: "hm".into(), signature: Some("s".into()), redacted: false };
        let asked = request(vec![
            assistant(vec![Part::Text("hello".into())], &own),
            user("see"),
            user("please"),
            assistant(vec![thought, call("1"), call("2")], &own),
            result("1", "a cat", false),
            result("2", "no", true),
        ]);
        let body = body(&endpoint, &asked);
        let wanted = json!([
            {"role": "user", "parts": [{"text": OPENING}]},
            {"role": "model", "parts": [{"text": "hello"}]},
            {"role": "user", "parts": [{"text": "see"}, {"text": "please"}]},
            {"role": "model", "parts": [
                {"functionCall": {"name": "look", "args": {"at": 1}}, "thoughtSignature": "s"},
                {"functionCall": {"name": "look", "args": {"at": 1}}},
            ]},
            {"role": "user", "parts": [
                {"functionResponse": {"name": "look", "response": {"output": "a cat"}}},
                {"functionResponse": {"name": "look", "response": {"error": "no"}}},
            ]},
        ]);
        assert_eq!(body["contents"], wanted);
        assert_eq!(body["systemInstruction"]["parts"][0]["text"], "Be kind.");
        let declared = &body["tools"][0]["functionDeclarations"][0];
        assert_eq!((&declared["name"], declared.get("parameters")), (&json!("look"), None));
    }

    #[test]
    fn schemas_hold_only_what_is_read() {
        let schema = json!({
            "$schema": "x", "type": "object", "additionalProperties": false,
            "properties": {
                "at": {"type": ["string", "null"], "format": "uri", "default": "x"},
                "kind": {"const": "a"},
                "many": {"type": "array", "items": {"oneOf": [{"type": "string", "$id": "y"}]}},
            },
            "required": ["at"],
        });
        let wanted = json!({
            "type": "object",
            "properties": {
                "at": {"type": "string", "nullable": true},
                "kind": {"enum": ["a"]},
                "many": {"type": "array", "items": {"anyOf": [{"type": "string"}]}},
            },
            "required": ["at"],
        });
        assert_eq!(cleaned(&schema), wanted);
    }

    #[test]
    fn thinking_is_a_level_or_a_budget() {
        let config = |model, level| thinking(&endpoint("google", model), level);
        assert_eq!(config("gemini-3-pro", ThinkingLevel::Off), None);
        assert_eq!(
            config("gemini-3-pro", ThinkingLevel::High).map(|it| it["thinkingLevel"].clone()),
            Some(json!("high"))
        );
        assert_eq!(
            config("gemini-2.5-flash", ThinkingLevel::Low).map(|it| it["thinkingBudget"].clone()),
            Some(json!(4096))
        );
    }
}
