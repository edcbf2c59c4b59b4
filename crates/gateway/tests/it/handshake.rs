//! Every refusal of the handshake, and what an admitted client is told.

use openclaw_identity::legacy::LegacyFormat;
use openclaw_testkit::{Closed, TestGateway, WireClient, connect_params, wire::request};
use serde_json::{Value, json};

use crate::device::Device;

fn closed(code: u16, reason: &str) -> Closed {
    Closed { code, reason: reason.to_owned() }
}

/// Sends params that must be refused and gives the error and the close frame.
async fn refused(gateway: &TestGateway, params: Value) -> (Value, Closed) {
    let mut client = gateway.wire().await;
    let error = client.refused("connect", params).await;
    (error, client.closed().await)
}

#[tokio::test]
async fn an_admitted_client_learns_what_it_needs() {
    let gateway = TestGateway::start().await;
    let mut client = gateway.wire().await;
    let hello = client.enter(&gateway.token()).await;
    assert_eq!(hello["type"], "hello-ok");
    assert_eq!(hello["protocol"], 4);
    assert_eq!(hello["auth"]["method"], "token");
    assert_eq!(hello["policy"]["tickIntervalMs"], 5_000);
    assert_eq!(hello["snapshot"]["sessionDefaults"]["mainSessionKey"], "agent:main:main");
    assert!(hello["snapshot"]["presence"].as_array().is_some_and(|list| list.len() >= 2));
    let methods = hello["features"]["methods"].as_array().expect("methods");
    assert!(methods.contains(&json!("chat.send")) && !methods.contains(&json!("cron.list")));
    assert!(hello["auth"].get("deviceToken").is_none());
}

#[tokio::test]
async fn protocol_3_is_served_as_well_and_gets_nothing_it_does_not_know() {
    let gateway = TestGateway::start().await;
    let mut client = gateway.wire().await;
    let auth = json!({"token": gateway.token()});
    let params = connect_params(&json!({"minProtocol": 3, "maxProtocol": 3, "auth": auth}));
    let hello = client.ok("connect", params).await;
    assert_eq!(hello["protocol"], 3);
    client.ok("health", json!({})).await;
    let error = client.refused("nope.nope", json!({})).await;
    assert_eq!(error["message"], "unknown method: nope.nope");
    let allowed = ["type", "event", "payload", "seq", "stateVersion"];
    for event in &client.events {
        let keys: Vec<_> = event.as_object().expect("a frame").keys().collect();
        assert!(keys.iter().all(|key| allowed.contains(&key.as_str())), "{event}");
    }
    let both = connect_params(
        &json!({"minProtocol": 3, "maxProtocol": 9, "auth": {"token": gateway.token()}}),
    );
    let hello = gateway.wire().await.ok("connect", both).await;
    assert_eq!(hello["protocol"], 4);
}

#[tokio::test]
async fn what_is_not_a_connect_request_is_closed() {
    let gateway = TestGateway::start().await;
    for (text, expected) in [
        ("hello", closed(1000, "")),
        ("[1]", closed(1008, "invalid request frame")),
        (r#"{"type":"event","event":"x"}"#, closed(1008, "invalid request frame")),
    ] {
        let mut client = gateway.wire().await;
        client.send_text(text).await;
        assert_eq!(client.closed().await, expected, "{text}");
    }
    let mut client = gateway.wire().await;
    client.send_binary(b"{}".to_vec()).await;
    assert_eq!(client.closed().await.code, 1003);
    let mut client = gateway.wire().await;
    let error = client.refused("health", json!({})).await;
    assert_eq!(error["message"], "invalid handshake: first request must be connect");
    assert_eq!(client.closed().await.code, 1008);
}

#[tokio::test]
async fn an_oversized_frame_before_authentication_is_closed() {
    let gateway = TestGateway::start().await;
    let mut client = gateway.wire().await;
    client.send_text(&"x".repeat(80_000)).await;
    assert_eq!(client.closed().await.code, 1009);
}

#[tokio::test]
async fn params_and_versions_are_checked() {
    let gateway = TestGateway::start().await;
    let (error, close) = refused(&gateway, json!({})).await;
    assert_eq!(
        error["message"],
        "invalid connect params: must have required property 'minProtocol'"
    );
    assert_eq!(close.code, 1008);
    let old = connect_params(&json!({"minProtocol": 1, "maxProtocol": 2}));
    let (error, close) = refused(&gateway, old).await;
    assert_eq!(error["details"]["code"], "PROTOCOL_MISMATCH");
    assert_eq!(error["details"]["expectedProtocol"], 4);
    assert_eq!(close, closed(1002, "protocol mismatch"));
    let (error, close) = refused(&gateway, connect_params(&json!({"role": "worker"}))).await;
    assert_eq!(error["message"], "invalid role");
    assert_eq!(close, closed(1008, "invalid role"));
}

#[tokio::test]
async fn shared_secrets_are_compared() {
    let gateway = TestGateway::start().await;
    let check = |auth: Value, code: &'static str| {
        let gateway = &gateway;
        async move {
            let (error, close) = refused(gateway, connect_params(&json!({"auth": auth}))).await;
            assert_eq!(error["details"]["code"], code, "{error}");
            assert_eq!(close.code, 1008);
        }
    };
    check(json!({}), "DEVICE_IDENTITY_REQUIRED").await;
    check(json!({"token": "wrong"}), "AUTH_TOKEN_MISMATCH").await;
    check(json!({"password": "wrong"}), "AUTH_TOKEN_MISMATCH").await;
    // The published UI sends the token in both fields.
    let both = json!({"token": gateway.token(), "password": gateway.token()});
    gateway.wire().await.ok("connect", connect_params(&json!({"auth": both}))).await;
}

#[tokio::test]
async fn a_secret_without_a_device_gives_other_programs_no_scope() {
    let gateway = TestGateway::start().await;
    let client =
        json!({"id": "openclaw-macos", "version": "1", "platform": "darwin", "mode": "ui"});
    let auth = json!({"token": gateway.token()});
    let mut wire = gateway.wire().await;
    let hello = wire.ok("connect", connect_params(&json!({"client": client, "auth": auth}))).await;
    assert_eq!(hello["auth"]["scopes"], json!([]));
    let error = wire.refused("health", json!({})).await;
    assert_eq!(error["code"], "FORBIDDEN");
    assert_eq!(error["details"]["missingScope"], "operator.read");
}

#[tokio::test]
async fn device_proofs_are_checked_in_order() {
    let gateway = TestGateway::start().await;
    let token = gateway.token();
    let device = || Device::new(&token, &["operator.read"]);
    let check = |device: Device, change: fn(&mut Value), code: &'static str| {
        let gateway = &gateway;
        async move {
            let mut client = gateway.wire().await;
            let mut params = device.params(&client);
            change(&mut params["device"]);
            let error = client.refused("connect", params).await;
            assert_eq!(error["details"]["code"], code, "{error}");
            assert_eq!(client.closed().await.code, 1008);
        }
    };
    check(device(), |d| d["publicKey"] = "nonsense".into(), "DEVICE_AUTH_PUBLIC_KEY_INVALID").await;
    check(device(), |d| d["id"] = "00".into(), "DEVICE_AUTH_DEVICE_ID_MISMATCH").await;
    let skewed = Device { skew_ms: -11 * 60 * 1000, ..device() };
    check(skewed, |_| {}, "DEVICE_AUTH_SIGNATURE_EXPIRED").await;
    let ahead = Device { skew_ms: 11 * 60 * 1000, ..device() };
    check(ahead, |_| {}, "DEVICE_AUTH_SIGNATURE_EXPIRED").await;
    let drop_nonce: fn(&mut Value) = |d| drop(d.as_object_mut().expect("device").remove("nonce"));
    check(device(), drop_nonce, "DEVICE_AUTH_NONCE_REQUIRED").await;
    check(device(), |d| d["nonce"] = "other".into(), "DEVICE_AUTH_NONCE_MISMATCH").await;
    check(device(), |d| d["signature"] = "AAAA".into(), "DEVICE_AUTH_SIGNATURE_INVALID").await;
}

#[tokio::test]
async fn a_replayed_nonce_is_refused() {
    let gateway = TestGateway::start().await;
    let device = Device::new(&gateway.token(), &["operator.read"]);
    let first = gateway.wire().await;
    let recorded = device.params(&first);
    let mut second = gateway.wire().await;
    let error = second.refused("connect", recorded).await;
    assert_eq!(error["details"]["code"], "DEVICE_AUTH_NONCE_MISMATCH");
}

#[tokio::test]
async fn every_published_signature_format_is_read() {
    let gateway = TestGateway::start().await;
    for format in [LegacyFormat::V2, LegacyFormat::V3] {
        let device = Device { format, ..Device::new(&gateway.token(), &["operator.read"]) };
        let hello = device.connect(&mut gateway.wire().await).await;
        assert_eq!(
            hello["payload"]["auth"]["scopes"],
            json!(["operator.read"]),
            "{format:?}: {hello}"
        );
    }
    let device =
        Device { format: LegacyFormat::V1, ..Device::new(&gateway.token(), &["operator.read"]) };
    let mut client = gateway.wire().await;
    let mut params = device.params(&client);
    params["minProtocol"] = 3.into();
    params["maxProtocol"] = 3.into();
    let hello = client.ok("connect", params).await;
    assert_eq!(hello["protocol"], 3);
}

#[tokio::test]
async fn pages_of_other_origins_are_refused() {
    let gateway = TestGateway::start().await;
    let check =
        |origin: Option<&'static str>, client: &'static str, mode: &'static str, good: bool| {
            let gateway = &gateway;
            async move {
                let mut upgrade = request(gateway.port(), "/");
                if let Some(origin) = origin {
                    upgrade.headers_mut().insert("origin", origin.parse().expect("header"));
                }
                let mut wire =
                    WireClient::try_request(gateway.port(), upgrade).await.expect("upgrade");
                let client = json!({"id": client, "version": "1", "platform": "web", "mode": mode});
                let auth = json!({"token": gateway.token()});
                let response = wire
                    .call("connect", connect_params(&json!({"client": client, "auth": auth})))
                    .await;
                let code = &response["error"]["details"]["code"];
                let refused = code == "CONTROL_UI_ORIGIN_NOT_ALLOWED";
                assert_eq!(refused, !good, "{origin:?}: {response}");
            }
        };
    check(Some("https://evil.example"), "openclaw-control-ui", "ui", false).await;
    check(Some("https://evil.example"), "cli", "cli", false).await;
    check(Some("null"), "webchat-ui", "webchat", false).await;
    check(None, "openclaw-control-ui", "ui", false).await;
    check(Some("http://localhost:5173"), "cli", "cli", true).await;
    check(None, "cli", "cli", true).await;
}

#[tokio::test]
async fn a_second_connect_and_malformed_frames_keep_the_socket() {
    let gateway = TestGateway::start().await;
    let mut client = gateway.operator().await;
    let error = client.refused("connect", connect_params(&json!({}))).await;
    assert_eq!(error["message"], "connect is only valid as the first request");
    client.send_text("not json").await;
    client.send_text(r#"{"type":"req","id":"m1","method":7}"#).await;
    let answer = client.response("m1").await.expect("open");
    assert_eq!(answer["error"]["message"], "invalid request frame: at /method: must be string");
    client.send_text(r#"{"type":"req","method":"health"}"#).await;
    let answer = client.response("invalid").await.expect("open");
    assert_eq!(answer["error"]["code"], "INVALID_REQUEST");
    client.ok("health", json!({})).await;
}
