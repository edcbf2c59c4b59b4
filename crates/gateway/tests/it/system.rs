//! The Gateway about itself, its events, and how it stops.

use openclaw_testkit::{TestGateway, WireClient, connect_params};
use serde_json::{Value, json};

#[tokio::test]
async fn it_tells_about_itself() {
    let gateway = TestGateway::start().await;
    let mut client = gateway.operator().await;
    let health = client.ok("health", json!({"probe": true})).await;
    assert_eq!(health["ok"], true);
    assert_eq!(health["defaultAgentId"], "main");
    let status = client.ok("status", json!({})).await;
    assert_eq!(status["sessions"]["count"], 0);
    let presence = client.ok("system-presence", json!({})).await;
    assert_eq!(presence[0]["reason"], "self");
    assert_eq!(presence[1]["mode"], "cli");
    let info = client.ok("system.info", json!({})).await;
    assert_eq!(info["port"], gateway.port());
    assert!(info["memoryTotalBytes"].as_u64().is_some_and(|bytes| bytes > 0));
    let identity = client.ok("gateway.identity.get", json!({})).await;
    assert_eq!(identity["deviceId"].as_str().map(str::len), Some(64));
    assert_eq!(client.ok("last-heartbeat", json!({})).await, Value::Null);
    assert_eq!(client.ok("update.status", json!({})).await["updateAvailable"], Value::Null);
    let logs = client.ok("logs.tail", json!({"limit": 5})).await;
    assert!(logs["lines"].is_array() && logs["cursor"].is_u64());
}

#[tokio::test]
async fn paths_are_for_admins_only() {
    let gateway = TestGateway::start().await;
    let mut client = gateway.wire().await;
    let auth = json!({"token": gateway.token()});
    let params = connect_params(&json!({"scopes": ["operator.read"], "auth": auth}));
    let hello = client.ok("connect", params).await;
    let home = gateway.home().display().to_string();
    assert!(!hello.to_string().contains(&home));
    for method in ["health", "status"] {
        let answer = client.ok(method, json!({})).await;
        assert!(!answer.to_string().contains(&home), "{method}: {answer}");
    }
}

#[tokio::test]
async fn lists_that_nothing_fills_yet_are_empty_and_not_advertised() {
    let gateway = TestGateway::start().await;
    let mut client = gateway.wire().await;
    let hello = client.enter(&gateway.token()).await;
    for (method, key) in [
        ("plugin.approval.list", ""),
        ("openclaw.approval.list", ""),
        ("question.list", "/questions"),
        ("cron.list", "/jobs"),
        ("tasks.list", "/tasks"),
        ("usage.status", "/providers"),
    ] {
        let answer = client.ok(method, json!({})).await;
        assert_eq!(answer.pointer(key), Some(&json!([])), "{method}: {answer}");
        let methods = hello["features"]["methods"].as_array().expect("methods");
        assert!(!methods.contains(&json!(method)), "{method}");
    }
}

#[tokio::test]
async fn the_configuration_is_shown_without_secrets() {
    let gateway = TestGateway::with_config(
        r#"{ gateway: { auth: { token: "a-secret-of-more-than-24-characters" } } }"#,
    )
    .await;
    let mut client = gateway.wire().await;
    client.enter("a-secret-of-more-than-24-characters").await;
    let config = client.ok("config.get", json!({})).await;
    assert_eq!((&config["exists"], &config["valid"]), (&json!(true), &json!(true)));
    assert!(!config.to_string().contains("a-secret-of"), "{config}");
    assert!(config.to_string().contains("__OPENCLAW_REDACTED__"));
    let schema = client.ok("config.schema", json!({})).await;
    assert!(schema["schema"].is_object());
    let port = client.ok("config.schema.lookup", json!({"path": "gateway.port"})).await;
    assert_eq!(port["reloadKind"], "restart");
    let error = client.refused("config.schema.lookup", json!({"path": "no.such.key"})).await;
    assert_eq!(error["code"], "INVALID_REQUEST");
}

#[tokio::test]
async fn others_see_who_comes_and_goes() {
    let gateway = TestGateway::start().await;
    let mut watcher = gateway.operator().await;
    let guest = gateway.operator().await;
    let count = |payload: &Value| payload["presence"].as_array().map_or(0, Vec::len);
    let joined = watcher.event("presence", |payload| count(payload) == 3).await;
    assert!(joined["stateVersion"]["presence"].is_u64());
    drop(guest);
    watcher.event("presence", |payload| count(payload) == 2).await;
    let tick = watcher.event("tick", |_| true).await;
    assert!(tick["payload"]["ts"].is_u64());
    let mut seqs: Vec<_> =
        watcher.events.iter().chain([&joined, &tick]).filter_map(|e| e["seq"].as_u64()).collect();
    seqs.sort_unstable();
    seqs.dedup();
    assert!(seqs.first().is_some_and(|first| *first >= 1));
}

#[tokio::test]
async fn stopping_is_announced_and_quick() {
    let mut gateway = TestGateway::start().await;
    let mut client = gateway.operator().await;
    let mut owner = WireClient::door(&gateway.door()).await;
    owner.ok("connect", connect_params(&json!({}))).await;
    let waiting = gateway.wire().await;
    let started = std::time::Instant::now();
    gateway.stop().await;
    assert!(started.elapsed() < std::time::Duration::from_secs(1), "{:?}", started.elapsed());
    drop(waiting);
    for client in [&mut client, &mut owner] {
        client.event("shutdown", |payload| payload["reason"] == "gateway stopping").await;
        let closed = client.closed().await;
        assert_eq!((closed.code, closed.reason.as_str()), (1012, "service restart"));
    }
    let token = gateway.token();
    gateway.resume().await;
    assert_eq!(gateway.token(), token, "the token is kept");
    gateway.operator().await.ok("health", json!({})).await;
}
