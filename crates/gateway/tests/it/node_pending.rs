//! What waits for nodes that sleep: once, in order, across a restart, and for nobody else.

use openclaw_testkit::{TestGateway, WireClient};
use serde_json::{Value, json};

use crate::{device::Device, nodes::Node};

/// An app on a phone.
async fn phone(gateway: &TestGateway, device: Device) -> Node {
    let mut client = gateway.wire().await;
    let mut params = device.params(&client);
    params["commands"] = json!(["canvas.present", "canvas.hide", "location.get"]);
    client.ok("connect", params).await;
    Node { device, client }
}

fn phone_key(gateway: &TestGateway) -> Device {
    // The platform is part of what is signed.
    Device { role: "node", platform: "ios", ..Device::new(&gateway.token(), &[]) }
}

fn again(gateway: &TestGateway, old: &Node) -> Device {
    Device { key: old.device.key.clone(), ..phone_key(gateway) }
}

async fn enqueue(operator: &mut WireClient, node: &str, params: Value) -> Value {
    let mut params = params;
    params["nodeId"] = node.into();
    operator.ok("node.pending.enqueue", params).await
}

fn ids(items: &Value) -> Vec<&str> {
    let items = items.as_array().expect("a list").iter();
    items.map(|item| item["id"].as_str().expect("an id")).collect()
}

#[tokio::test]
async fn requests_wait_for_a_node_across_a_restart_until_it_says_that_it_has_them() {
    let mut gateway = TestGateway::start().await;
    let node = phone(&gateway, phone_key(&gateway)).await;
    let id = node.id();
    let device = again(&gateway, &node);
    drop(node);
    let mut operator = gateway.operator().await;
    let first = enqueue(&mut operator, &id, json!({"type": "status.request"})).await;
    assert_eq!(first["wakeTriggered"], false);
    assert_eq!(first["queued"]["priority"], "normal");
    let urgent = json!({"type": "location.request", "priority": "high", "wake": true});
    let second = enqueue(&mut operator, &id, urgent).await;
    assert!(second["revision"].as_u64() > first["revision"].as_u64(), "{first} {second}");
    let repeat = enqueue(&mut operator, &id, json!({"type": "status.request"})).await;
    assert_eq!(repeat["queued"]["id"], first["queued"]["id"], "the same waits once");

    gateway.stop().await;
    gateway.resume().await;
    let mut node = phone(&gateway, device).await;
    let drained = node.client.ok("node.pending.drain", json!({"maxItems": 1})).await;
    assert_eq!(ids(&drained["items"]), [second["queued"]["id"].as_str().expect("an id")]);
    assert_eq!((&drained["hasMore"], &drained["nodeId"]), (&json!(true), &json!(id)));
    let all = node.client.ok("node.pending.drain", json!({})).await;
    assert_eq!(all["items"][1]["type"], "status.request", "{all}");
    let done = json!({"ids": ids(&all["items"])});
    let acked = node.client.ok("node.pending.ack", done).await;
    assert_eq!(acked["ackedIds"].as_array().map(Vec::len), Some(2), "{acked}");
    let empty = node.client.ok("node.pending.drain", json!({})).await;
    assert_eq!((&empty["items"], &empty["hasMore"]), (&json!([]), &json!(false)));
}

#[tokio::test]
async fn a_command_for_the_foreground_waits_once_and_is_run_once() {
    let gateway = TestGateway::start().await;
    let mut node = phone(&gateway, phone_key(&gateway)).await;
    let mut thief = phone(&gateway, phone_key(&gateway)).await;
    let mut operator = gateway.operator().await;
    let call = json!({
        "nodeId": node.id(), "command": "canvas.present", "params": {"url": "about:blank"},
        "idempotencyKey": "k1",
    });
    let sent = operator.send("node.invoke", &call).await;
    let request = node.request().await;
    let said = json!({"code": "NODE_BACKGROUND_UNAVAILABLE", "message": "open the app"});
    let result = json!({"id": request["id"], "nodeId": node.id(), "ok": false, "error": said});
    node.client.ok("node.invoke.result", result).await;
    let error = operator.response(&sent).await.expect("answered")["error"].clone();
    assert_eq!(error["details"]["code"], "QUEUED_UNTIL_FOREGROUND", "{error}");
    assert_eq!((&error["code"], &error["retryable"]), (&json!("UNAVAILABLE"), &json!(true)));
    assert_eq!(error["details"]["nodeError"], said);
    let queued = error["details"]["queuedActionId"].clone();

    // Nobody else sees it or takes it away.
    assert_eq!(thief.client.ok("node.pending.pull", json!({})).await["actions"], json!([]));
    let stolen = thief.client.ok("node.pending.ack", json!({"ids": [queued]})).await;
    assert_eq!(stolen["ackedIds"], json!([]));

    let pulled = node.client.ok("node.pending.pull", json!({})).await;
    assert_eq!(ids(&pulled["actions"]), [queued.as_str().expect("an id")], "{pulled}");
    assert_eq!(pulled["actions"][0]["command"], "canvas.present");
    assert_eq!(pulled["actions"][0]["paramsJSON"], r#"{"url":"about:blank"}"#);
    for _ in 0..2 {
        let acked = node.client.ok("node.pending.ack", json!({"ids": [queued, queued]})).await;
        assert_eq!((&acked["ackedIds"], &acked["remainingCount"]), (&json!([queued]), &json!(0)));
        // The caller tries again: the node has it, and is not asked.
        let error = operator.refused("node.invoke", call.clone()).await;
        assert_eq!(error["details"]["queuedActionId"], queued, "{error}");
    }
    assert_eq!(node.client.ok("node.pending.pull", json!({})).await["actions"], json!([]));
    assert!(node.client.events.iter().all(|event| event["event"] != "node.invoke.request"));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_a_reason() {
    let gateway = TestGateway::start().await;
    let mut node = phone(&gateway, phone_key(&gateway)).await;
    let mut operator = gateway.operator().await;
    let of = |kind: &str| json!({"nodeId": node.device.key.device_id(), "type": kind});
    let mut short = of("status.request");
    short["expiresInMs"] = 999.into();
    let cases =
        [json!({"nodeId": "nobody", "type": "status.request"}), of("photos.request"), short];
    for params in cases {
        let error = operator.refused("node.pending.enqueue", params).await;
        assert_eq!(error["code"], "INVALID_REQUEST", "{error}");
    }
    let many: Vec<String> = (0..257).map(|number| number.to_string()).collect();
    for ids in [json!([]), json!(many)] {
        let error = node.client.refused("node.pending.ack", json!({"ids": ids})).await;
        assert_eq!(error["code"], "INVALID_REQUEST", "{error}");
    }
    let surface = json!({"surface": "canvas"});
    let error = node.client.refused("node.pluginSurface.refresh", surface.clone()).await;
    assert_eq!((&error["code"], &error["details"]), (&json!("UNAVAILABLE"), &surface));
    // What waited goes with the node.
    enqueue(&mut operator, &node.id(), json!({"type": "status.request"})).await;
    operator.ok("node.pair.remove", json!({"nodeId": node.id()})).await;
    let device = again(&gateway, &node);
    let mut node = phone(&gateway, device).await;
    assert_eq!(node.client.ok("node.pending.drain", json!({})).await["items"], json!([]));
}
