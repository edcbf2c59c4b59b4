//! Pairing as published clients see it: silent where allowed, a stable request elsewhere.

use openclaw_testkit::{GatewayOptions, TestGateway, WireClient, connect_params};
use serde_json::{Value, json};

use crate::device::Device;

/// A Gateway in mode `none`, where nothing over TCP is paired silently.
async fn open_gateway() -> TestGateway {
    let config = r#"{ gateway: { auth: { mode: "none" } } }"#.to_owned();
    TestGateway::with(GatewayOptions { config: Some(config), ..GatewayOptions::default() }).await
}

async fn owner(gateway: &TestGateway) -> WireClient {
    let mut owner = WireClient::door(&gateway.door()).await;
    owner.ok("connect", connect_params(&json!({}))).await;
    owner
}

async fn ask(gateway: &TestGateway, device: &Device) -> (Value, openclaw_testkit::Closed) {
    let mut client = gateway.wire().await;
    let mut refused = device.connect(&mut client).await;
    assert_eq!(refused["ok"], false, "{refused}");
    (refused["error"].take(), client.closed().await)
}

#[tokio::test]
async fn a_local_device_with_the_shared_secret_is_paired_at_once_and_upgraded_too() {
    let gateway = TestGateway::start().await;
    let mut device = Device::new(&gateway.token(), &["operator.read"]);
    let hello = device.connect(&mut gateway.wire().await).await;
    let token = hello["payload"]["auth"]["deviceToken"].as_str().expect("a token").to_owned();
    device.scopes.push("operator.admin".to_owned());
    let hello = device.connect(&mut gateway.wire().await).await;
    assert_eq!(hello["payload"]["auth"]["scopes"], json!(["operator.admin", "operator.read"]));
    // The same token again: nothing was rotated.
    assert_eq!(hello["payload"]["auth"]["deviceToken"], token.as_str());
    // And it is enough on its own from now on, in the field of protocol 3 as well.
    let alone = Device { token, ..device };
    let hello = alone.connect(&mut gateway.wire().await).await;
    assert_eq!(hello["payload"]["auth"]["method"], "device-token", "{hello}");
}

#[tokio::test]
async fn a_request_keeps_its_id_and_is_approved_by_the_owner() {
    let gateway = open_gateway().await;
    let mut owner = owner(&gateway).await;
    let device = Device::new("", &["operator.read"]);
    let (error, close) = ask(&gateway, &device).await;
    let details = &error["details"];
    assert_eq!(error["code"], "NOT_PAIRED");
    assert_eq!(error["message"], "pairing required: device is not approved yet");
    assert_eq!(details["reason"], "not-paired");
    assert_eq!(details["recommendedNextStep"], "wait_then_retry");
    let id = details["requestId"].as_str().expect("an id");
    assert_eq!(close.code, 1008);
    assert!(close.reason.ends_with(&format!("(requestId: {id})")), "{}", close.reason);
    let (again, _) = ask(&gateway, &device).await;
    assert_eq!(again["details"]["requestId"], id);
    let event = owner.event("device.pair.requested", |_| true).await;
    assert_eq!(event["payload"]["requestId"], id);
    let list = owner.ok("device.pair.list", json!({})).await;
    assert_eq!(list["pending"].as_array().map(Vec::len), Some(1));
    let approved = owner.ok("device.pair.approve", json!({"requestId": id})).await;
    assert_eq!(approved["device"]["deviceId"], device.key.device_id());
    owner.event("device.pair.resolved", |payload| payload["decision"] == "approved").await;
    let hello = device.connect(&mut gateway.wire().await).await;
    assert_eq!(hello["payload"]["auth"]["scopes"], json!(["operator.read"]), "{hello}");
    let more = Device { scopes: vec!["operator.write".to_owned()], ..device };
    let (error, _) = ask(&gateway, &more).await;
    assert_eq!(error["details"]["reason"], "scope-upgrade");
    assert_ne!(error["details"]["requestId"], id);
}

#[tokio::test]
async fn protocol_3_is_told_in_its_own_words() {
    let gateway = open_gateway().await;
    let device = Device::new("", &["operator.read"]);
    let mut client = gateway.wire().await;
    let mut params = device.params(&client);
    params["minProtocol"] = 3.into();
    params["maxProtocol"] = 3.into();
    let error = client.refused("connect", params).await;
    assert_eq!(error["message"], "pairing required");
    let keys: Vec<_> = error["details"].as_object().expect("details").keys().collect();
    assert_eq!(keys, ["requestId"]);
    assert_eq!(client.closed().await.reason, "pairing required");
}

#[tokio::test]
async fn a_rejected_request_is_gone() {
    let gateway = open_gateway().await;
    let mut owner = owner(&gateway).await;
    let (error, _) = ask(&gateway, &Device::new("", &["operator.read"])).await;
    let request = json!({"requestId": error["details"]["requestId"]});
    owner.ok("device.pair.reject", request.clone()).await;
    for method in ["device.pair.approve", "device.pair.reject"] {
        let error = owner.refused(method, request.clone()).await;
        assert_eq!(error["message"], "unknown requestId", "{method}");
    }
}

#[tokio::test]
async fn revoking_and_removing_cut_live_connections() {
    let gateway = TestGateway::start().await;
    let mut owner = owner(&gateway).await;
    let device = Device::new(&gateway.token(), &["operator.read"]);
    let id = device.key.device_id();
    let mut live = gateway.wire().await;
    let hello = device.connect(&mut live).await;
    let token = hello["payload"]["auth"]["deviceToken"].as_str().expect("token").to_owned();
    owner.ok("device.pair.rename", json!({"deviceId": id, "label": "laptop"})).await;
    owner.ok("device.token.revoke", json!({"deviceId": id, "role": "operator"})).await;
    let closed = live.closed().await;
    assert_eq!((closed.code, closed.reason.as_str()), (1008, "credential-revoked"));
    let alone = Device { token, ..device };
    let refused = alone.connect(&mut gateway.wire().await).await;
    assert_eq!(refused["ok"], false, "{refused}");

    let other = Device::new(&gateway.token(), &["operator.read"]);
    let mut live = gateway.wire().await;
    other.connect(&mut live).await;
    let id = other.key.device_id();
    let rotated =
        owner.ok("device.token.rotate", json!({"deviceId": id, "role": "operator"})).await;
    assert_eq!(rotated["tokenDelivery"], "withheld-cross-device");
    assert!(rotated.get("token").is_none());
    assert_eq!(live.closed().await.reason, "credential-replaced");
    let mut live = gateway.wire().await;
    other.connect(&mut live).await;
    owner.ok("device.pair.remove", json!({"deviceId": id})).await;
    assert_eq!(live.closed().await.reason, "device removed");
    let error = owner.refused("device.pair.remove", json!({"deviceId": id})).await;
    assert_eq!(error["message"], "unknown deviceId");
}

#[tokio::test]
async fn nobody_gives_away_more_than_they_have() {
    let gateway = open_gateway().await;
    let mut owner = owner(&gateway).await;
    let (error, _) = ask(&gateway, &Device::new("", &["operator.admin"])).await;
    let helper = Device::new("", &["operator.pairing"]);
    let (asked, _) = ask(&gateway, &helper).await;
    let request = json!({"requestId": asked["details"]["requestId"]});
    owner.ok("device.pair.approve", request).await;
    let mut client = gateway.wire().await;
    helper.connect(&mut client).await;
    let request = json!({"requestId": error["details"]["requestId"]});
    let refused = client.refused("device.pair.approve", request).await;
    assert_eq!(refused["details"]["missingScope"], "operator.admin");
}

#[tokio::test]
async fn a_node_is_never_made_an_operator_silently() {
    let gateway = TestGateway::start().await;
    let node = Device { role: "node", ..Device::new(&gateway.token(), &[]) };
    node.connect(&mut gateway.wire().await).await;
    let climbing = Device { role: "operator", scopes: vec!["operator.admin".to_owned()], ..node };
    let (error, _) = ask(&gateway, &climbing).await;
    assert_eq!(error["details"]["reason"], "role-upgrade");
}
