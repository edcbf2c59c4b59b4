use std::collections::BTreeMap;

use openclaw_agent::KeySource;
use openclaw_base::SystemClock;
use secrecy::SecretString;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;
use crate::settings::{ModelSetting, ProviderSetting};

fn settings() -> ProviderSettings {
    ProviderSettings { ollama: None, ..ProviderSettings::default() }
}

fn registry(settings: ProviderSettings) -> Registry {
    Registry::new(settings, SystemClock::shared(), Tasks::new())
}

fn name(registry: &Registry, wanted: Option<&str>) -> Result<String, ModelsError> {
    registry.resolve(wanted).map(|resolved| resolved.model.id().to_string())
}

fn keys(names: &[&str]) -> BTreeMap<String, SecretString> {
    names.iter().map(|name| ((*name).to_owned(), SecretString::from("k"))).collect()
}

fn own_server() -> ProviderSetting {
    ProviderSetting {
        base_url: Some("http://127.0.0.1:1/v1".into()),
        models: vec![ModelSetting { id: "tiny".into(), ..ModelSetting::default() }],
        ..ProviderSetting::default()
    }
}

#[tokio::test]
async fn with_nothing_configured_the_offline_assistant_answers() {
    let registry = registry(settings());
    assert_eq!(name(&registry, None), Ok("offline/assistant".into()));
    assert!(!registry.is_configured());
    let catalog = registry.catalog();
    let first = catalog.first().unwrap();
    assert!(first.is_default && first.provider == "offline");
    assert!(catalog.iter().filter(|info| info.available).count() == 1);
    let status: Vec<_> =
        registry.auth_status().into_iter().map(|auth| (auth.provider, auth.status)).collect();
    let missing = |id: &str| (id.to_owned(), AuthState::Missing);
    assert_eq!(status, [missing("anthropic"), missing("openai")]);
    let refused = name(&registry, Some("openai/gpt-6-sol"));
    assert_eq!(refused, Err(ModelsError::NoCredential { provider: "openai".into() }));
}

#[tokio::test]
async fn the_first_key_decides_unless_a_default_is_configured() {
    let both = keys(&["OPENAI_API_KEY", "ANTHROPIC_API_KEY"]);
    let mut settings = ProviderSettings { environment: both, ..settings() };
    let chosen = registry(settings.clone());
    assert_eq!(name(&chosen, None), Ok("anthropic/claude-opus-5-5".into()));
    assert!(chosen.is_configured());

    settings.primary = Some("openai/gpt-9".into());
    settings.fallbacks = vec!["anthropic/claude-sonnet-5-5".into(), "groq/x".into()];
    let chosen = registry(settings);
    let resolved = chosen.resolve(None).unwrap();
    assert_eq!(resolved.model.id().to_string(), "openai/gpt-9");
    let fallbacks: Vec<_> = resolved.fallbacks.iter().map(|model| model.id().to_string()).collect();
    assert_eq!(fallbacks, ["anthropic/claude-sonnet-5-5"]);
    assert!(chosen.catalog().first().is_some_and(|info| info.id == "gpt-9" && info.is_default));
}

#[tokio::test]
async fn keys_come_from_the_nearest_place() {
    let mut settings = settings();
    settings.environment = keys(&["ANTHROPIC_API_KEY", "OPENAI_API_KEY"]);
    settings.stored_keys = keys(&["anthropic"]);
    let setting =
        ProviderSetting { api_key: Some(SecretString::from("c")), ..ProviderSetting::default() };
    settings.providers.insert("groq".into(), setting);
    let sources: BTreeMap<_, _> = registry(settings)
        .auth_status()
        .into_iter()
        .filter_map(|auth| Some((auth.provider, auth.source?)))
        .collect();
    assert_eq!(sources["anthropic"], KeySource::Stored);
    assert_eq!(sources["openai"], KeySource::Environment);
    assert_eq!(sources["groq"], KeySource::Config);
}

#[tokio::test]
async fn a_server_of_ones_own_needs_a_url_and_nothing_else() {
    let mut settings = settings();
    settings.providers.insert("mine".into(), own_server());
    settings.providers.insert("broken".into(), ProviderSetting::default());
    let registry = registry(settings);
    assert_eq!(name(&registry, None), Ok("mine/tiny".into()));
    assert_eq!(name(&registry, Some("tiny")), Ok("mine/tiny".into()));
    assert_eq!(name(&registry, Some("mine/other")), Ok("mine/other".into()));
    match name(&registry, Some("broken/x")) {
        Err(ModelsError::Unknown { known, .. }) => assert_eq!(known, ["mine/tiny"]),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn one_name_of_two_providers_is_ambiguous() {
    let mut settings = settings();
    settings.providers.insert("one".into(), own_server());
    settings.providers.insert("two".into(), own_server());
    let refused = name(&registry(settings), Some("tiny"));
    assert!(matches!(refused, Err(ModelsError::Ambiguous { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_list_of_models_limits_the_choice_and_names_aliases() {
    let mut settings = settings();
    settings.environment = keys(&["ANTHROPIC_API_KEY"]);
    settings.primary = Some("anthropic/claude-sonnet-5-5".into());
    settings.allowed.insert("anthropic/claude-next".into(), Some("next".into()));
    let registry = registry(settings);
    assert_eq!(name(&registry, Some("NEXT")), Ok("anthropic/claude-next".into()));
    assert_eq!(
        name(&registry, Some("anthropic/claude-sonnet-5-5")),
        Ok("anthropic/claude-sonnet-5-5".into())
    );
    assert!(name(&registry, Some("anthropic/claude-opus-5-5")).is_err());
    let ids: Vec<_> = registry.catalog().into_iter().map(|info| info.id).collect();
    assert_eq!(ids, ["claude-sonnet-5-5", "claude-next"]);
}

#[tokio::test]
async fn an_ollama_on_this_machine_is_found_and_lost() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let settings = ProviderSettings { ollama: Some(address), ..ProviderSettings::default() };
    // The start looks once by itself, the test once more; both are answered the same.
    let registry = registry(settings);
    let answer = async {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0_u8; 256];
            let read = socket.read(&mut request).await.unwrap();
            assert!(request[..read].starts_with(b"GET /v1/models HTTP/1.0\r\n"));
            let body = "HTTP/1.0 200 OK\r\n\r\n{\"data\":[{\"id\":\"llama:8b\"}]}";
            socket.write_all(body.as_bytes()).await.unwrap();
        }
    };
    let found = tokio::select! {
        () = answer => unreachable!("the server never leaves"),
        found = registry.look_for_ollama() => found,
    };
    assert_eq!(found, 1);
    assert_eq!(name(&registry, None), Ok("ollama/llama:8b".into()));
    assert!(registry.catalog().iter().any(|info| info.id == "llama:8b" && info.is_default));

    drop(listener);
    assert_eq!(registry.look_for_ollama().await, 0);
    assert_eq!(name(&registry, None), Ok("offline/assistant".into()));
}

#[tokio::test]
async fn other_settings_take_effect_at_once() {
    let registry = registry(settings());
    registry.reload(ProviderSettings { environment: keys(&["OPENAI_API_KEY"]), ..settings() });
    assert_eq!(name(&registry, None), Ok("openai/gpt-6-sol".into()));
}
