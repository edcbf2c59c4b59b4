//! The published reference client cannot tell this Gateway from the original: it connects as an operator
//! with a device identity, pairs, chats with streaming, lives through a restart, and reconnects.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is the result"
)]

mod driver;

use openclaw_daemon::{AuthFlags, StartOptions};
use openclaw_testkit::TestGateway;
use serde_json::{Value, json};

use driver::ReferenceClient;

const KEY: &str = "agent:main:main";

fn options(gateway: &TestGateway, more: &Value) -> Value {
    let mut options = json!({
        "url": format!("ws://127.0.0.1:{}", gateway.port()),
        "scopes": ["operator.admin", "operator.read", "operator.write", "operator.pairing"],
    });
    let fields = options.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    options
}

/// Starts the Gateway again on the same state and the same port.
async fn restart(gateway: &mut TestGateway) -> openclaw_daemon::Running {
    let port = gateway.port();
    gateway.stop().await;
    let options = StartOptions {
        paths: gateway.paths(),
        env: gateway.environment(),
        port: Some(port),
        bind: None,
        auth: AuthFlags::default(),
        allow_unconfigured: false,
        verbose: false,
        inherited: Default::default(),
        log_to_file: false,
    };
    openclaw_daemon::start(options).await.expect("the Gateway starts again")
}

async fn say(client: &mut ReferenceClient, text: &str, run: &str) -> String {
    let params = json!({ "sessionKey": KEY, "message": text, "idempotencyKey": run });
    let ack = client.ok("chat.send", params).await;
    assert_eq!(
        ack,
        json!({ "runId": run, "status": ack["status"], "messageSeq": ack["messageSeq"] })
    );
    let delta = client.event("chat", |chat| chat["runId"] == run && chat["state"] == "delta").await;
    assert!(delta["deltaText"].as_str().is_some_and(|text| !text.is_empty()), "{delta}");
    let done = client.event("chat", |chat| chat["runId"] == run && chat["state"] == "final").await;
    done["message"]["content"][0]["text"].as_str().expect("a final text").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn pairs_chats_and_comes_back_after_a_restart() {
    let mut gateway = TestGateway::start().await;
    let mut client = ReferenceClient::start().await;
    client.connect(options(&gateway, &json!({ "token": gateway.token() }))).await;
    let hello = client.hello().await;
    assert_eq!(hello["type"], "hello-ok");
    assert_eq!(hello["protocol"], 4);
    assert!(hello["auth"]["deviceToken"].is_string(), "a published client gets a device token");

    let devices = client.ok("device.pair.list", json!({})).await;
    assert_eq!(devices["paired"][0]["deviceId"], client.device, "{devices}");

    client.ok("sessions.messages.subscribe", json!({ "key": KEY })).await;
    let answer = say(&mut client, "hello", "run-1").await;
    assert!(!answer.is_empty());

    let running = restart(&mut gateway).await;
    client.report(|report| report["closed"]["code"] == 1012).await;
    let hello = client.hello().await;
    assert_eq!(hello["protocol"], 4);

    let history = client.ok("chat.history", json!({ "sessionKey": KEY })).await;
    let roles: Vec<&str> = history["messages"]
        .as_array()
        .expect("messages")
        .iter()
        .filter_map(|message| message["role"].as_str())
        .collect();
    assert_eq!(roles, ["user", "assistant"], "{history}");
    assert_eq!(history["messages"][1]["content"][0]["text"], answer.as_str());
    say(&mut client, "hello again", "run-2").await;
    client.stop().await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_device_waits_for_a_person() {
    let mut gateway = TestGateway::with_config(r#"{ gateway: { auth: { mode: "none" } } }"#).await;
    let mut client = ReferenceClient::start().await;
    client.connect(options(&gateway, &json!({}))).await;
    let refused = client.refused().await;
    assert_eq!(refused["details"]["code"], "PAIRING_REQUIRED", "{refused}");
    let request = refused["details"]["requestId"].as_str().expect("a request id").to_owned();
    client.stop().await;

    let mut owner = openclaw_testkit::WireClient::door(&gateway.door()).await;
    owner.ok("connect", openclaw_testkit::connect_params(&json!({}))).await;
    owner.ok("device.pair.approve", json!({ "requestId": request })).await;

    client.connect(options(&gateway, &json!({}))).await;
    let hello = client.hello().await;
    assert_eq!(hello["auth"]["role"], "operator");
    client.ok("health", json!({})).await;
    client.stop().await;
    gateway.stop().await;
}
