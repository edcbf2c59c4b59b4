//! Asking a model and noting what comes.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::StreamExt;
use openclaw_agent::{
    Models,
    model::{
        Model, ModelError, ModelEvent, ModelMessage, ModelRequest, Part, StopReason, ToolSpec,
        Usage,
    },
};
use openclaw_base::{CancellationToken, SystemClock, Tasks};
use openclaw_providers::{Api, Limits, ModelSetting, ProviderSetting, ProviderSettings, Registry};
use secrecy::SecretString;
use serde_json::{Map, Value, json};

/// Every dialect, each with the model that is asked.
pub(crate) const DIALECTS: [(Api, &str); 5] = [
    (Api::AnthropicMessages, "claude-test"),
    (Api::OpenAiCompletions, "gpt-test"),
    (Api::OpenAiResponses, "gpt-test"),
    (Api::GoogleGenerativeAi, "gemini-2.5-test"),
    (Api::Ollama, "llama-test"),
];

/// Limits that make nobody wait.
pub(crate) fn quick() -> Limits {
    Limits { first: Duration::from_secs(10), stall: Duration::from_secs(10), ..Limits::default() }
}

/// A model behind an endpoint.
pub(crate) fn model(url: &str, dialect: (Api, &str), limits: Limits) -> Arc<dyn Model> {
    let setting = ModelSetting {
        id: dialect.1.to_owned(),
        reasoning: true,
        max_tokens: Some(16_000),
        ..ModelSetting::default()
    };
    let provider = ProviderSetting {
        base_url: Some(format!("{url}/{}", version(dialect.0))),
        api: Some(dialect.0),
        api_key: Some(SecretString::from("test-key")),
        models: vec![setting],
        ..ProviderSetting::default()
    };
    with(provider, limits)
}

/// What the base of a dialect ends with.
pub(crate) const fn version(api: Api) -> &'static str {
    match api {
        Api::GoogleGenerativeAi => "v1beta",
        _ => "v1",
    }
}

/// The first model of a provider.
pub(crate) fn with(provider: ProviderSetting, limits: Limits) -> Arc<dyn Model> {
    with_params(provider, limits, BTreeMap::new())
}

/// The same with parameters by the full name of a model.
pub(crate) fn with_params(
    provider: ProviderSetting,
    limits: Limits,
    params: BTreeMap<String, Map<String, Value>>,
) -> Arc<dyn Model> {
    let settings = ProviderSettings {
        params,
        providers: BTreeMap::from([(String::from("test"), provider)]),
        ollama: None,
        limits,
        ..ProviderSettings::default()
    };
    let registry = Registry::new(settings, SystemClock::shared(), Tasks::new());
    registry.resolve(None).expect("the only provider").model
}

/// What came of asking.
#[derive(Debug, Default)]
pub(crate) struct Got {
    pub(crate) text: String,
    pub(crate) pieces: usize,
    pub(crate) thinking: String,
    pub(crate) signature: Option<String>,
    pub(crate) calls: Vec<(String, String, String)>,
    pub(crate) usage: Option<Usage>,
    pub(crate) stop: Option<StopReason>,
    pub(crate) error: Option<ModelError>,
}

pub(crate) fn user(text: &str) -> ModelMessage {
    ModelMessage::User(vec![Part::Text(text.into())])
}

pub(crate) fn request(messages: Vec<ModelMessage>) -> ModelRequest {
    let look = ToolSpec {
        name: "look".into(),
        description: "Looks at something.".into(),
        schema: json!({"type": "object", "properties": {"at": {"type": "string"}}}),
    };
    ModelRequest { system: "Be brief.".into(), messages, tools: vec![look], ..Default::default() }
}

/// Says one thing and notes the answer.
pub(crate) async fn ask(model: &Arc<dyn Model>, text: &str) -> Got {
    ask_with(model, request(vec![user(text)])).await
}

pub(crate) async fn ask_with(model: &Arc<dyn Model>, request: ModelRequest) -> Got {
    let mut stream = model.stream(Arc::new(request), CancellationToken::new());
    let mut got = Got::default();
    while let Some(event) = stream.next().await {
        assert!(got.stop.is_none() && got.error.is_none(), "nothing comes after the end");
        match event {
            Ok(event) => note(&mut got, event),
            Err(error) => got.error = Some(error),
        }
    }
    got
}

fn note(got: &mut Got, event: ModelEvent) {
    match event {
        ModelEvent::TextDelta(text) => {
            got.text.push_str(&text);
            got.pieces += 1;
        }
        ModelEvent::ThinkingDelta(text) => got.thinking.push_str(&text),
        ModelEvent::ThinkingSignature(proof) => got.signature = Some(proof),
        ModelEvent::RedactedThinking(_) => {}
        ModelEvent::ToolCallStart { id, name, .. } => got.calls.push((id, name, String::new())),
        ModelEvent::ToolCallDelta { json, .. } => {
            got.calls.last_mut().expect("a call was started").2.push_str(&json);
        }
        ModelEvent::Usage(usage) => got.usage = Some(usage),
        ModelEvent::Stop(reason) => got.stop = Some(reason),
    }
}
