//! The owner's door: no secret, every right, and approving always works.

use openclaw_testkit::{TestGateway, WireClient, connect_params};
use serde_json::json;

use crate::device::Device;

#[tokio::test]
async fn the_owner_needs_no_secret() {
    let gateway = TestGateway::start().await;
    let mut owner = WireClient::door(&gateway.door()).await;
    let hello = owner.ok("connect", connect_params(&json!({}))).await;
    assert_eq!(hello["auth"]["scopes"], json!(openclaw_protocol::ScopeSet::all().names()));
    owner.ok("health", json!({})).await;
    owner.ok("device.pair.list", json!({})).await;
}

#[tokio::test]
async fn the_door_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let gateway = TestGateway::start().await;
    let mode = |path: &std::path::Path| {
        std::fs::metadata(path).expect("metadata").permissions().mode() & 0o777
    };
    assert_eq!(mode(&gateway.door()), 0o600);
    assert_eq!(mode(gateway.paths().state_dir()), 0o700);
    assert_eq!(mode(&gateway.paths().token_file()), 0o600);
    assert_eq!(mode(&gateway.paths().store_file()), 0o600);
    assert_eq!(mode(&gateway.paths().identity_dir().join("gateway.json")), 0o600);
}

#[tokio::test]
async fn a_node_through_the_door_is_paired_like_any_other() {
    let gateway = TestGateway::start().await;
    let node = Device { role: "node", ..Device::new("", &[]) };
    let mut door = WireClient::door(&gateway.door()).await;
    let refused = node.connect(&mut door).await;
    assert_eq!(refused["error"]["details"]["code"], "PAIRING_REQUIRED", "{refused}");
    let request = refused["error"]["details"]["requestId"].clone();
    let mut owner = WireClient::door(&gateway.door()).await;
    owner.ok("connect", connect_params(&json!({}))).await;
    owner.ok("device.pair.approve", json!({"requestId": request})).await;
    let mut again = WireClient::door(&gateway.door()).await;
    let hello = node.connect(&mut again).await;
    assert_eq!(hello["payload"]["auth"]["role"], "node", "{hello}");
}
