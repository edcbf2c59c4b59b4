//! Every row of the table is tried without rights; nothing can be added untested.

use openclaw_protocol::{Role, methods::METHODS};
use openclaw_testkit::{TestGateway, WireClient, connect_params};
use serde_json::json;

use crate::device::Device;

async fn without_scopes(gateway: &TestGateway, protocol: u32) -> WireClient {
    let mut client = gateway.wire().await;
    let params = connect_params(&json!({
        "minProtocol": protocol,
        "maxProtocol": protocol,
        "scopes": [],
        "auth": {"token": gateway.token()},
    }));
    client.ok("connect", params).await;
    client
}

#[tokio::test]
async fn every_method_refuses_a_caller_without_its_scope() {
    let gateway = TestGateway::start().await;
    for (protocol, code) in [(4, "FORBIDDEN"), (3, "INVALID_REQUEST")] {
        let mut client = without_scopes(&gateway, protocol).await;
        for row in METHODS.iter().filter(|row| row.role == Role::Operator) {
            let error = client.refused(row.name, json!({})).await;
            let scope = row.scope.least();
            assert_eq!(error["code"], code, "{}: {error}", row.name);
            assert_eq!(error["message"], format!("missing scope: {scope}"), "{}", row.name);
            assert_eq!(error["details"]["missingScope"], scope.as_str(), "{}", row.name);
        }
    }
    println!("tried {} methods without rights", METHODS.len());
}

#[tokio::test]
async fn every_method_refuses_a_scope_that_does_not_imply_its_own() {
    let gateway = TestGateway::start().await;
    for held in openclaw_protocol::Scope::ALL {
        let mut client = gateway.wire().await;
        let auth = json!({"token": gateway.token()});
        client
            .ok("connect", connect_params(&json!({"scopes": [held.as_str()], "auth": auth})))
            .await;
        let operators = METHODS.iter().filter(|row| row.role == Role::Operator);
        for row in operators.filter(|row| !held.implies(row.scope.least())) {
            let error = client.refused(row.name, json!({})).await;
            assert_eq!(error["details"]["code"], "MISSING_SCOPE", "{held} {}: {error}", row.name);
        }
    }
}

#[tokio::test]
async fn an_operator_may_call_no_method_of_nodes() {
    let gateway = TestGateway::start().await;
    let mut client = gateway.operator().await;
    for row in METHODS.iter().filter(|row| row.role == Role::Node) {
        let error = client.refused(row.name, json!({})).await;
        assert_eq!(error["message"], "unauthorized role: operator", "{}", row.name);
    }
}

#[tokio::test]
async fn a_node_may_call_no_operator_method_and_is_cut_off_for_trying() {
    let gateway = TestGateway::start().await;
    let node = Device { role: "node", ..Device::new(&gateway.token(), &[]) };
    let mut client = gateway.wire().await;
    let hello = node.connect(&mut client).await;
    assert_eq!(hello["payload"]["auth"]["role"], "node", "{hello}");
    let operator_rows = METHODS.iter().filter(|row| row.role == Role::Operator);
    for row in operator_rows.take(10) {
        let error = client.refused(row.name, json!({})).await;
        assert_eq!(error["message"], "unauthorized role: node", "{}", row.name);
    }
    client.send("health", &json!({})).await;
    let closed = client.closed().await;
    assert_eq!((closed.code, closed.reason.as_str()), (1008, "repeated unauthorized calls"));
}
