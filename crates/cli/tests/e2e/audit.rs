//! The audit trail, and lockouts that outlive the Gateway.

use std::time::Instant;

use openclaw_testkit::{WireClient, connect_params};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::machine::{Machine, PATIENCE};

fn entries(machine: &Machine, kind: &str) -> Vec<Value> {
    let report = machine.json(&["audit", "--kind", kind]);
    report["entries"].as_array().unwrap().clone()
}

/// The outcome of showing a wrong token from another machine, as a trusted proxy says.
async fn guess(port: u16) -> String {
    let mut request = format!("ws://127.0.0.1:{port}/").into_client_request().unwrap();
    request.headers_mut().insert("x-forwarded-for", "192.0.2.9".parse().unwrap());
    let mut client = WireClient::try_request(port, request).await.unwrap();
    let params = connect_params(&json!({ "auth": { "token": "this-is-not-the-token-at-all" } }));
    let error = client.refused("connect", params).await;
    error["details"]["code"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lockout_outlives_the_gateway_and_never_meets_the_owner() {
    let server = Machine::new();
    server.configure(
        "{ gateway: { trustedProxies: ['127.0.0.1'], auth: { rateLimit: { maxAttempts: 3 } } } }",
    );
    let gateway = server.gateway(&["--port", "0"]);
    let port = gateway.port;
    for _ in 0..3 {
        assert_eq!(guess(port).await, "AUTH_TOKEN_MISMATCH");
    }
    assert_eq!(guess(port).await, "AUTH_RATE_LIMITED");
    let started = Instant::now();
    while entries(&server, "lockout").is_empty() {
        assert!(started.elapsed() < PATIENCE, "no lockout on record");
    }
    assert_eq!(gateway.end(Signal::KILL).code, None);
    let gateway = server.gateway(&["--port", &port.to_string()]);
    assert_eq!(guess(gateway.port).await, "AUTH_RATE_LIMITED", "a restart forgives nothing");
    server.text(&["health"]);
    let locked = entries(&server, "lockout");
    assert_eq!(locked[0]["origin"], "192.0.2.9", "{locked:?}");
}

#[test]
fn who_came_and_what_changed_is_on_record() {
    let (server, laptop) = (Machine::new(), Machine::new());
    let gateway = server.gateway(&["--port", "0"]);
    let (url, token) = (gateway.url(), server.token());
    laptop.text(&["health", "--url", &url, "--token", &token]);
    laptop.run(&["health", "--url", &url, "--token", "this-is-not-the-token-at-all"]);
    Machine::new().run(&["health", "--url", &url, "--token", "this-is-not-the-token-at-all"]);
    let device = server.json(&["devices", "list"])["paired"][0]["deviceId"].clone();
    server.text(&["devices", "remove", device.as_str().unwrap()]);
    let started = Instant::now();
    let removed = |entry: &Value| entry["outcome"] == "removed" && entry["detail"] == device;
    while !entries(&server, "pairing").iter().any(removed) {
        assert!(started.elapsed() < PATIENCE, "{:?}", entries(&server, "pairing"));
    }
    let paired = |entry: &Value| entry["outcome"] == "paired, silent" && entry["who"] == device;
    assert!(entries(&server, "pairing").iter().any(paired), "{:?}", entries(&server, "pairing"));
    let refused = entries(&server, "refusal");
    assert!(refused.iter().any(|entry| entry["outcome"] == "AUTH_TOKEN_MISMATCH"), "{refused:?}");
    let connects = entries(&server, "connect");
    assert!(connects.iter().any(|entry| entry["origin"] == "the owner's door"), "{connects:?}");
    server.text(&["gateway", "auth", "rotate"]);
    // The running Gateway takes it up, and writes that down, a moment later.
    let started = Instant::now();
    while !entries(&server, "secret").iter().any(|entry| entry["outcome"] == "replaced") {
        assert!(started.elapsed() < PATIENCE, "{:?}", entries(&server, "secret"));
    }

    let called = server.json(&["gateway", "call", "security.trail"]);
    assert!(!called["entries"].as_array().unwrap().is_empty(), "{called}");
    let shown = server.text(&["audit"]);
    assert!(shown.starts_with("WHEN") && shown.contains("started"), "{shown}");
    let all = serde_json::to_string(&server.json(&["audit", "--limit", "1000"])).unwrap();
    for secret in [token.as_str(), server.token().as_str(), "this-is-not-the-token-at-all"] {
        assert!(!all.contains(secret), "no secret is on record");
    }
    // Over the network it takes an administrator.
    let output = laptop.run(&["audit", "--url", &url, "--token", "x".repeat(30).as_str()]);
    assert_ne!(output.status.code(), Some(0));
    drop(gateway);
}
