//! What is sent, and what happens when a server misbehaves.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::StreamExt;
use openclaw_agent::model::{ModelError, ModelEvent, StopReason};
use openclaw_base::CancellationToken;
use openclaw_providers::{Api, Limits, ModelSetting, ProviderSetting};
use secrecy::SecretString;
use serde_json::json;

use crate::{
    asking::{DIALECTS, ask, model, quick, request, user, version, with, with_params},
    byhand::{STREAM, Server},
};

/// A piece of text in a dialect's own form, with what must come before it.
fn piece(api: Api) -> String {
    match api {
        Api::AnthropicMessages => String::from(
            "data: {\"type\":\"message_start\",\"message\":{}}\n\n\
             data: {\"type\":\"content_block_delta\",\"index\":0,\
             \"delta\":{\"type\":\"text_delta\",\"text\":\"half\"}}\n\n",
        ),
        Api::OpenAiCompletions => {
            String::from("data: {\"choices\":[{\"delta\":{\"content\":\"half\"}}]}\n\n")
        }
        Api::OpenAiResponses => {
            String::from("data: {\"type\":\"response.output_text.delta\",\"delta\":\"half\"}\n\n")
        }
        Api::GoogleGenerativeAi => String::from(
            "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"half\"}]}}]}\n\n",
        ),
        Api::Ollama => String::from("{\"message\":{\"content\":\"half\"},\"done\":false}\n"),
    }
}

/// The end of an answer.
fn end(api: Api) -> &'static str {
    match api {
        Api::AnthropicMessages => "data: {\"type\":\"message_stop\"}\n\n",
        Api::OpenAiCompletions => {
            "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"
        }
        Api::OpenAiResponses => "data: {\"type\":\"response.completed\",\"response\":{}}\n\n",
        Api::GoogleGenerativeAi => "data: {\"candidates\":[{\"finishReason\":\"STOP\"}]}\n\n",
        Api::Ollama => "{\"message\":{},\"done\":true,\"done_reason\":\"stop\"}\n",
    }
}

#[tokio::test]
async fn requests_carry_the_key_in_the_dialects_own_way() {
    for dialect in DIALECTS {
        let server =
            Server::start(format!("{STREAM}{}{}", piece(dialect.0), end(dialect.0)), true).await;
        let got = ask(&model(&server.url(), dialect, quick()), "hi").await;
        assert_eq!((got.text.as_str(), got.stop), ("half", Some(StopReason::Stop)));
        let request = server.request().await;
        let (path, key) = match dialect.0 {
            Api::AnthropicMessages => ("/v1/messages", request.header("x-api-key")),
            Api::OpenAiCompletions => ("/v1/chat/completions", request.header("authorization")),
            Api::OpenAiResponses => ("/v1/responses", request.header("authorization")),
            Api::GoogleGenerativeAi => (
                "/v1beta/models/gemini-2.5-test:streamGenerateContent?alt=sse",
                request.header("x-goog-api-key"),
            ),
            Api::Ollama => ("/api/chat", request.header("authorization")),
        };
        assert_eq!(request.head.first().unwrap(), &format!("POST {path} HTTP/1.1"));
        assert!(key.is_some_and(|key| key.ends_with("test-key")), "{request:?}");
        let other = match dialect.0 {
            Api::AnthropicMessages | Api::GoogleGenerativeAi => "authorization",
            Api::OpenAiCompletions | Api::OpenAiResponses | Api::Ollama => "x-api-key",
        };
        assert_eq!(request.header(other), None, "the key goes one way only");
        // In Gemini's dialect both stand in the path.
        if dialect.0 != Api::GoogleGenerativeAi {
            assert_eq!(request.body["model"], dialect.1);
            assert_eq!(request.body["stream"], true);
        }
    }
}

#[tokio::test]
async fn oauth_tokens_and_own_headers() {
    let server = Server::start(format!("{STREAM}{}", end(Api::AnthropicMessages)), true).await;
    let headers = BTreeMap::from([(String::from("x-team"), SecretString::from("blue"))]);
    let provider = ProviderSetting {
        base_url: Some(server.url()),
        api: Some(Api::AnthropicMessages),
        api_key: Some(SecretString::from("sk-ant-oat01-token")),
        headers,
        models: vec![ModelSetting { id: "claude-x".into(), ..ModelSetting::default() }],
        ..ProviderSetting::default()
    };
    ask(&with(provider, quick()), "hi").await;
    let request = server.request().await;
    assert_eq!(request.header("authorization"), Some("Bearer sk-ant-oat01-token"));
    assert_eq!(request.header("x-api-key"), None);
    assert_eq!(request.header("anthropic-version"), Some("2023-06-01"));
    assert!(request.header("anthropic-beta").is_some_and(|beta| beta.starts_with("oauth-")));
    assert_eq!(request.header("x-team"), Some("blue"));
}

#[tokio::test]
async fn cancelling_and_dropping_close_the_connection() {
    for dialect in DIALECTS {
        for cancelling in [true, false] {
            let mut server = Server::start(format!("{STREAM}{}", piece(dialect.0)), false).await;
            let model = model(&server.url(), dialect, quick());
            let cancel = CancellationToken::new();
            let mut stream = model.stream(Arc::new(request(vec![user("hi")])), cancel.clone());
            let first = stream.next().await;
            assert_eq!(first, Some(Ok(ModelEvent::TextDelta("half".into()))));
            if cancelling {
                cancel.cancel();
                assert_eq!(stream.next().await, Some(Err(ModelError::Cancelled)));
                assert_eq!(stream.next().await, None);
            } else {
                drop(stream);
            }
            server.left().await;
        }
    }
}

#[tokio::test]
async fn what_the_owner_sets_is_in_every_request() {
    for (api, name) in DIALECTS {
        let server = Server::start(format!("{STREAM}{}{}", piece(api), end(api)), true).await;
        let provider = ProviderSetting {
            base_url: Some(format!("{}/{}", server.url(), version(api))),
            api: Some(api),
            models: vec![ModelSetting { id: name.to_owned(), ..ModelSetting::default() }],
            ..ProviderSetting::default()
        };
        let params = json!({"temperature": 0.25, "maxTokens": 77, "model": "another"});
        let params = [(format!("test/{name}"), params.as_object().unwrap().clone())].into();
        assert_eq!(ask(&with_params(provider, quick(), params), "hi").await.text, "half");
        let body = server.request().await.body;
        let (place, longest) = match api {
            Api::AnthropicMessages | Api::OpenAiCompletions => ("", "max_tokens"),
            Api::OpenAiResponses => ("", "max_output_tokens"),
            Api::GoogleGenerativeAi => ("/generationConfig", "maxOutputTokens"),
            Api::Ollama => ("/options", "num_predict"),
        };
        let place = body.pointer(place).unwrap();
        assert_eq!((&place["temperature"], &place[longest]), (&json!(0.25), &json!(77)), "{body}");
        assert!(place["maxTokens"].is_null() && body["model"] != "another", "{body}");
    }
}

#[tokio::test]
async fn a_provider_has_a_patience_of_its_own() {
    let server = Server::start(String::new(), false).await;
    let patience = Duration::from_millis(50);
    let provider = ProviderSetting {
        base_url: Some(format!("{}/v1", server.url())),
        models: vec![ModelSetting { id: "slow".to_owned(), ..ModelSetting::default() }],
        patience: Some(patience),
        ..ProviderSetting::default()
    };
    let got = ask(&with(provider, quick()), "hi").await;
    assert_eq!(got.error, Some(ModelError::Stalled { silent_for: patience }));
}

#[tokio::test]
async fn silence_in_the_middle_and_before_the_beginning() {
    let limits =
        Limits { first: Duration::from_millis(100), stall: Duration::from_millis(100), ..quick() };
    for dialect in DIALECTS {
        for (answer, text) in [(format!("{STREAM}{}", piece(dialect.0)), "half"), ("".into(), "")] {
            let mut server = Server::start(answer, false).await;
            let got = ask(&model(&server.url(), dialect, limits), "hi").await;
            assert_eq!(got.text, text);
            assert_eq!(got.error, Some(ModelError::Stalled { silent_for: limits.stall }));
            server.left().await;
        }
    }
}

#[tokio::test]
async fn answers_that_end_early_were_cut() {
    for dialect in DIALECTS {
        for tail in ["", "data: {\"choices", ": ping\n\n"] {
            // Where a line is an event, a comment is none.
            if dialect.0 == Api::Ollama && tail.starts_with(':') {
                continue;
            }
            let answer = format!("{STREAM}{}{tail}", piece(dialect.0));
            let server = Server::start(answer, true).await;
            let got = ask(&model(&server.url(), dialect, quick()), "hi").await;
            assert_eq!((got.text.as_str(), got.error), ("half", Some(ModelError::Cut)));
        }
    }
}

#[tokio::test]
async fn floods_are_cut_off() {
    let limits = Limits { event_bytes: 10_000, total_bytes: 50_000, ..quick() };
    for dialect in DIALECTS {
        let one = format!("{STREAM}data: {}", "x".repeat(200_000));
        let many = format!("{STREAM}{}", piece(dialect.0).repeat(5_000));
        for answer in [one, many] {
            let server = Server::start(answer, true).await;
            let got = ask(&model(&server.url(), dialect, limits), "hi").await;
            let reason = got.error.map(|error| error.reason());
            assert_eq!(reason, Some("too_large"), "{dialect:?}");
        }
    }
}

#[tokio::test]
async fn what_is_no_stream_is_said_to_be_none() {
    let answers = [
        (
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
            "bad_request",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>",
            "malformed",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n\
          {\"error\":{\"message\":\"m\",\"type\":\"rate_limit_error\"}}",
            "rate_limit",
        ),
        ("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n", "server_error"),
        ("HTTP/1.1 200 OK\r\n\r\ndata: {nonsense}\n\n", "malformed"),
        ("SSH-2.0-OpenSSH_9.9\r\n", "network"),
    ];
    for dialect in DIALECTS {
        for (answer, reason) in answers {
            let server = Server::start(answer.to_owned(), true).await;
            let got = ask(&model(&server.url(), dialect, quick()), "hi").await;
            assert_eq!(got.error.map(|error| error.reason()), Some(reason), "{answer}");
            assert_eq!(server.requests.lock().await.len(), 1, "nothing is followed or repeated");
        }
    }
}

#[tokio::test]
async fn nobody_there_is_a_network_failure_without_the_address() {
    for dialect in DIALECTS {
        let got = ask(&model("http://127.0.0.1:1/secret-path", dialect, quick()), "hi").await;
        let error = got.error.unwrap();
        assert_eq!(error.reason(), "network");
        assert!(!error.to_string().contains("secret-path"), "{error}");
    }
}
