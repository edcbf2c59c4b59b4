//! Wake words: who is told of them, and where what was said goes.

use openclaw_testkit::{TestGateway, WireClient, scripted_model::Answer};
use serde_json::{Value, json};

use crate::{
    device::Device,
    scripted::{Scripted, TOKEN},
};

async fn node(mut client: WireClient, token: &str) -> WireClient {
    let device = Device { role: "node", ..Device::new(token, &[]) };
    let params = device.params(&client);
    client.ok("connect", params).await;
    client
}

#[tokio::test]
async fn words_and_routes_are_told_to_nodes_and_operators_and_outlive_a_restart() {
    let mut gateway = TestGateway::start().await;
    let mut node = node(gateway.wire().await, &gateway.token()).await;
    let first = node.event("voicewake.changed", |_| true).await;
    assert_eq!(first["payload"]["triggers"], json!(["openclaw", "claude", "computer"]));
    let route = node.event("voicewake.routing.changed", |_| true).await;
    assert_eq!(route["payload"]["config"]["defaultTarget"], json!({"mode": "current"}));

    let mut operator = gateway.operator().await;
    let set = operator.ok("voicewake.set", json!({"triggers": [" hey claw ", "hey claw"]})).await;
    assert_eq!(set["triggers"], json!(["hey claw"]));
    for client in [&mut node, &mut operator] {
        let told = client.event("voicewake.changed", |_| true).await;
        assert_eq!(told["payload"]["triggers"], json!(["hey claw"]));
    }
    let config = json!({"routes": [{"trigger": "Hey, House", "target": {"sessionKey": "house"}}]});
    let set = operator.ok("voicewake.routing.set", json!({"config": config})).await;
    let routes = json!([{"trigger": "hey house", "target": {"sessionKey": "agent:main:house"}}]);
    assert_eq!(set["config"]["routes"], routes, "{set}");
    let told = node.event("voicewake.routing.changed", |_| true).await;
    assert_eq!(told["payload"], set);
    for wrong in [
        json!({"routes": [{"trigger": "x", "target": {}}]}),
        json!({"routes": [{"trigger": "x", "target": {"agentId": "nobody"}}]}),
        json!({"defaultTarget": {"mode": "current", "agentId": "main"}}),
    ] {
        operator.refused("voicewake.routing.set", json!({"config": wrong})).await;
    }
    gateway.stop().await;
    gateway.resume().await;
    let mut operator = gateway.operator().await;
    assert_eq!(operator.ok("voicewake.get", json!({})).await["triggers"], json!(["hey claw"]));
    assert_eq!(operator.ok("voicewake.routing.get", json!({})).await, set);
}

#[tokio::test]
async fn what_a_node_heard_becomes_a_turn_in_its_session_and_the_answer_comes_back() {
    let scripted = Scripted::start([Answer::text("It is on."), Answer::text("It is off.")]).await;
    let mut operator = scripted.operator().await;
    let config = json!({"routes": [{"trigger": "house", "target": {"sessionKey": "house"}}]});
    operator.ok("voicewake.routing.set", json!({"config": config})).await;
    let mut node = node(scripted.wire().await, TOKEN).await;
    let heard = |text: &str, event: &str| {
        let payload: Value = json!({"text": text, "trigger": "House!", "eventId": event});
        json!({"event": "voice.transcript", "payloadJSON": payload.to_string()})
    };
    let said = node.ok("node.event", heard("/reset the light", "1")).await;
    assert_eq!(said["handled"], true, "{said}");
    let answer = node.event("chat", |payload| payload["state"] == "final").await;
    assert_eq!(answer["payload"]["sessionKey"], "agent:main:house", "{answer}");
    assert!(answer.to_string().contains("It is on."), "{answer}");
    let echo = node.ok("node.event", heard("/reset the light", "2")).await;
    assert_eq!((&echo["ok"], &echo["handled"]), (&json!(true), &json!(false)), "{echo}");
    let next = node.ok("node.event", heard("light off", "3")).await;
    assert_eq!(next["handled"], true, "{next}");
    node.event("chat", |payload| payload["state"] == "final").await;
    // The same event again is the same turn.
    let again = node.ok("node.event", heard("light off please", "3")).await;
    assert_eq!(again["ok"], true);
    let history = operator.ok("chat.history", json!({"sessionKey": "house"})).await;
    let text = history.to_string();
    assert!(text.contains("/reset the light") && text.contains("It is off."), "{text}");
    assert!(!text.contains("light off please"), "{text}");
    let empty = json!({"event": "voice.transcript", "payload": {"text": " "}});
    assert_eq!(node.ok("node.event", empty).await["handled"], false);
}
