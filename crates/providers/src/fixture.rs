//! Values that several tests here need.

use std::sync::Arc;

use openclaw_agent::model::{ModelMessage, ModelRef, ModelRequest, Part, ToolSpec};
use openclaw_base::SystemClock;
use reqwest::Url;
use secrecy::SecretString;
use serde_json::{Map, json};

use crate::{dialect::Endpoint, http::Http, known::ToolUse, sse::Limits};

pub(crate) fn endpoint(provider: &str, model: &str) -> Endpoint {
    Endpoint {
        model: ModelRef::new(provider, model),
        base_url: Url::parse("https://example.test/v1").unwrap(),
        key: Some(SecretString::from("key")),
        profile: provider.to_owned(),
        headers: Vec::new(),
        bearer: false,
        max_tokens: None,
        context_window: None,
        price: None,
        reasoning: true,
        images: true,
        tools: ToolUse::Always,
        params: Map::new(),
        limits: Limits::default(),
        http: Arc::new(Http::default()),
        clock: SystemClock::shared(),
    }
}

pub(crate) fn user(text: &str) -> ModelMessage {
    ModelMessage::User(vec![Part::Text(text.into())])
}

pub(crate) fn assistant(parts: Vec<Part>, origin: &ModelRef) -> ModelMessage {
    ModelMessage::Assistant { parts, origin: Some(origin.clone()) }
}

pub(crate) fn call(id: &str) -> Part {
    Part::ToolCall { id: id.into(), name: "look".into(), arguments: json!({"at": 1}) }
}

pub(crate) fn result(id: &str, text: &str, is_error: bool) -> ModelMessage {
    ModelMessage::ToolResult {
        call_id: id.into(),
        name: "look".into(),
        text: text.into(),
        is_error,
    }
}

pub(crate) fn request(messages: Vec<ModelMessage>) -> ModelRequest {
    let tool = ToolSpec {
        name: "look".into(),
        description: "Looks.".into(),
        schema: json!({"type": "object"}),
    };
    ModelRequest {
        system: "Be kind.".into(),
        messages,
        tools: vec![tool],
        ..ModelRequest::default()
    }
}
