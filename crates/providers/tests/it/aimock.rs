//! Against `@copilotkit/aimock`, which speaks all these wire formats and was not written by us.

use std::{path::Path, process::Stdio, time::Duration};

use openclaw_agent::model::{ModelMessage, Part, StopReason};
use openclaw_providers::{Api, Limits};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::asking::{DIALECTS, ask, ask_with, model, quick, request, user};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests-js");

/// The stand-in; it ends with its standard input, so with the test however that ends.
struct Aimock {
    _child: Child,
    url: String,
}

impl Aimock {
    async fn start() -> Self {
        let node = Path::new(FOLDER).join("node_modules/node/bin/node");
        let package = Path::new(FOLDER).join("node_modules/@copilotkit/aimock");
        assert!(
            node.exists() && package.exists(),
            "the npm packages of the tests are missing; install them with: npm ci --prefix tests-js"
        );
        let mut child = Command::new(node)
            .arg("aimock.mjs")
            .current_dir(FOLDER)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let first = tokio::time::timeout(Duration::from_secs(60), lines.next_line());
        let line = first.await.expect("in time").expect("readable").expect("not at its end");
        let told: Value = serde_json::from_str(&line).expect("JSON");
        let url = told.get("url").and_then(Value::as_str).expect("an address").to_owned();
        Self { _child: child, url }
    }
}

#[tokio::test]
async fn every_dialect_is_understood_by_somebody_elses_server() {
    let server = Aimock::start().await;
    for dialect in DIALECTS {
        texts_and_thinking(&server.url, dialect).await;
        tool_calls(&server.url, dialect).await;
        refusals(&server.url, dialect).await;
        accidents(&server.url, dialect).await;
    }
}

async fn texts_and_thinking(url: &str, dialect: (Api, &str)) {
    let model = model(url, dialect, quick());
    let got = ask(&model, "say hello").await;
    assert_eq!(got.error, None, "{dialect:?}");
    assert_eq!(got.text, "Hello from the stand-in, in several pieces.");
    assert!(got.pieces > 3, "{dialect:?}: {} pieces", got.pieces);
    assert_eq!(got.stop, Some(StopReason::Stop));
    assert!(got.usage.is_some(), "{dialect:?}");

    let got = ask(&model, "think first").await;
    assert_eq!((got.text.as_str(), got.thinking.as_str()), ("Forty-two.", "Let me see."));
    if dialect.0 == Api::AnthropicMessages {
        assert_eq!(got.signature.as_deref(), Some("c2lnbmVk"));
    }
}

async fn tool_calls(url: &str, dialect: (Api, &str)) {
    let model = model(url, dialect, quick());
    let got = ask(&model, "use a tool").await;
    assert_eq!(got.stop, Some(StopReason::ToolUse), "{dialect:?}: {got:?}");
    let [(id, name, arguments)] = got.calls.as_slice() else { panic!("{got:?}") };
    assert_eq!(name, "look");
    let arguments: Value = serde_json::from_str(arguments).expect("whole arguments");
    assert_eq!(arguments, json!({"at": "the sea", "times": 2}));

    let call = Part::ToolCall { id: id.clone(), name: name.clone(), arguments };
    let answered = vec![
        user("use a tool"),
        ModelMessage::Assistant { parts: vec![call], origin: Some(model.id().clone()) },
        ModelMessage::ToolResult {
            call_id: id.clone(),
            name: name.clone(),
            text: "blue".into(),
            is_error: false,
        },
    ];
    let got = ask_with(&model, request(answered)).await;
    assert_eq!(got.text, "I looked, and it is blue.", "{dialect:?}: {got:?}");
}

async fn refusals(url: &str, dialect: (Api, &str)) {
    let model = model(url, dialect, quick());
    let reasons = [
        ("be limited", "rate_limit", Some(Duration::from_secs(7))),
        ("fail", "server_error", None),
        ("be busy", "overloaded", None),
        ("refuse the key", "auth", None),
        ("be too long", "context_length", None),
    ];
    for (text, reason, retry_after) in reasons {
        let got = ask(&model, text).await;
        let error = got.error.unwrap_or_else(|| panic!("{dialect:?}: {text}"));
        assert_eq!(error.reason(), reason, "{dialect:?}: {text}: {error}");
        assert_eq!(error.retry_after(), retry_after, "{dialect:?}: {text}");
        assert_eq!(got.text, "");
    }
}

async fn accidents(url: &str, dialect: (Api, &str)) {
    let model_with = |limits| model(url, dialect, limits);
    let model = model_with(quick());
    let got = ask(&model, "be malformed").await;
    assert_eq!(got.error.map(|error| error.reason()), Some("malformed"), "{dialect:?}");

    let got = ask(&model, "be cut").await;
    assert_eq!(got.error.map(|error| error.reason()), Some("cut"), "{dialect:?}");
    assert!(got.text.starts_with("This "), "{dialect:?}: what came first is kept: {:?}", got.text);

    let got = ask(&model, "hang up").await;
    assert_eq!(got.error.map(|error| error.reason()), Some("network"), "{dialect:?}");

    let impatient =
        Limits { first: Duration::from_millis(300), stall: Duration::from_millis(300), ..quick() };
    let got = ask(&model_with(impatient), "stall").await;
    assert_eq!(got.error.map(|error| error.reason()), Some("stalled"), "{dialect:?}");
}
