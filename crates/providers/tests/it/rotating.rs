//! Several keys of one provider: the next one is tried when one rests.

use std::{collections::BTreeMap, path::PathBuf};

use futures_util::StreamExt;
use openclaw_agent::{
    Models, RestReason,
    model::{ModelError, ModelEvent, ModelMessage, ModelRequest, Part},
};
use openclaw_base::{CancellationToken, SystemClock, Tasks};
use openclaw_providers::{Api, ProviderSetting, ProviderSettings, Registry, resting_keys};

use crate::byhand::{Request, STREAM, Server};

fn failure(status: &str, kind: &str, headers: &str) -> String {
    let body = format!(r#"{{"error":{{"type":"{kind}","message":"no"}}}}"#);
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{headers}connection: \
         close\r\n\r\n{body}",
        body.len()
    )
}

fn answer() -> String {
    let chunk = r#"{"choices":[{"index":0,"delta":{"content":"hello"},"finish_reason":"stop"}]}"#;
    format!("{STREAM}data: {chunk}\n\ndata: [DONE]\n\n")
}

/// What each key is worth.
fn worth(request: &Request) -> String {
    match request.header("authorization") {
        Some("Bearer k-limited") => failure("429 Too Many Requests", "rate_limit_error", ""),
        Some("Bearer k-unpaid") => failure("402 Payment Required", "billing_error", ""),
        Some("Bearer k-wrong") => failure("401 Unauthorized", "authentication_error", ""),
        Some("Bearer k-cut") => {
            let chunk = r#"{"choices":[{"index":0,"delta":{"content":"hel"}}]}"#;
            let broken = r#"{"error":{"type":"rate_limit_error","message":"no"}}"#;
            format!("{STREAM}data: {chunk}\n\ndata: {broken}\n\n")
        }
        _ => answer(),
    }
}

fn registry(server: &Server, keys: &[(&str, &str)], file: Option<PathBuf>) -> Registry {
    let provider = ProviderSetting {
        base_url: Some(format!("{}/v1", server.url())),
        api: Some(Api::OpenAiCompletions),
        ..ProviderSetting::default()
    };
    let stored = keys.iter().map(|(name, key)| ((*name).to_owned(), (*key).into()));
    let settings = ProviderSettings {
        providers: BTreeMap::from([("p".to_owned(), provider)]),
        stored_keys: stored.collect(),
        ollama: None,
        cooldown_file: file,
        ..ProviderSettings::default()
    };
    Registry::new(settings, SystemClock::shared(), Tasks::new())
}

async fn ask(registry: &Registry) -> (String, Option<ModelError>) {
    let model = registry.resolve(Some("p/m")).expect("a model").model;
    let messages = vec![ModelMessage::User(vec![Part::Text("hi".into())])];
    let request = ModelRequest { messages, ..ModelRequest::default() };
    let mut stream = model.stream(request.into(), CancellationToken::new());
    let (mut text, mut failed) = (String::new(), None);
    while let Some(event) = stream.next().await {
        match event {
            Ok(ModelEvent::TextDelta(more)) => text.push_str(&more),
            Ok(_) => {}
            Err(error) => failed = Some(error),
        }
    }
    (text, failed)
}

async fn used(server: &Server) -> Vec<String> {
    let requests = server.requests.lock().await;
    let keys = requests.iter().filter_map(|request| request.header("authorization"));
    keys.map(|key| key.trim_start_matches("Bearer ").to_owned()).collect()
}

#[tokio::test]
async fn the_next_key_answers_and_the_ones_that_rest_are_not_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model-cooldowns.json");
    let server = Server::answering(worth, true).await;
    let keys = [("p", "k-limited"), ("p@a", "k-unpaid"), ("p@b", "k-wrong"), ("p@c", "k-good")];
    let asked = registry(&server, &keys, Some(file.clone()));
    assert_eq!(ask(&asked).await, ("hello".to_owned(), None));
    assert_eq!(used(&server).await, ["k-limited", "k-unpaid", "k-wrong", "k-good"]);
    assert_eq!(ask(&asked).await.0, "hello");
    let after_restart = registry(&server, &keys, Some(file.clone()));
    for known in [&asked, &after_restart] {
        let status = known.auth_status();
        let own = status.iter().find(|auth| auth.provider == "p").expect("the provider");
        let resting = own.resting.iter().map(|key| (key.name.as_str(), key.reason));
        assert_eq!(
            resting.collect::<Vec<_>>(),
            [("p", RestReason::RateLimit), ("p@a", RestReason::Billing), ("p@b", RestReason::Auth)]
        );
        assert!(!format!("{own:?}").contains("k-"), "{own:?}");
        assert_eq!(own.resting, resting_keys(&file, SystemClock::shared().now_ms()));
        let later = own.resting.iter().map(|key| key.until_ms).max().expect("some rest");
        assert!(resting_keys(&file, later).is_empty());
    }
    assert_eq!(ask(&after_restart).await.0, "hello");
    assert_eq!(used(&server).await[4..], ["k-good", "k-good"]);
    let kept = std::fs::read_to_string(file).unwrap();
    assert!(kept.contains("\"p@a\"") && kept.contains("billing") && !kept.contains("k-"), "{kept}");
}

#[tokio::test]
async fn when_all_fail_the_limit_is_told_because_it_passes() {
    let server = Server::answering(worth, true).await;
    let asked = registry(&server, &[("p", "k-limited"), ("p@a", "k-wrong")], None);
    let (_, failed) = ask(&asked).await;
    assert!(matches!(failed, Some(ModelError::RateLimited { .. })), "{failed:?}");
    let (_, failed) = ask(&asked).await;
    assert!(failed.is_some());
    assert_eq!(used(&server).await.len(), 3, "of those that rest only one is tried");
}

#[tokio::test]
async fn an_answer_that_has_begun_is_not_begun_again() {
    let server = Server::answering(worth, true).await;
    let asked = registry(&server, &[("p", "k-cut"), ("p@a", "k-good")], None);
    let (text, failed) = ask(&asked).await;
    assert_eq!(text, "hel");
    assert!(failed.is_some());
    assert_eq!(used(&server).await, ["k-cut"]);
}
