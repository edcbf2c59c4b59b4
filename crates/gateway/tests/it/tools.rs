//! The agent's tools over the wire: what is listed, who has what, and calls by hand.

use openclaw_testkit::TestGateway;
use serde_json::{Value, json};

const CONFIG: &str = r#"{
    tools: { deny: ["group:web"] },
    agents: { list: [{ id: "main", default: true }, { id: "ops", tools: { allow: ["read", "session_status"] } }] },
}"#;

fn ids(groups: &Value) -> Vec<&str> {
    let groups = groups.as_array().expect("groups").iter();
    groups
        .flat_map(|group| group["tools"].as_array().expect("tools"))
        .map(|tool| tool["id"].as_str().expect("an id"))
        .collect()
}

#[tokio::test]
async fn an_agent_has_what_the_configuration_leaves_it() {
    let gateway = TestGateway::with_config(CONFIG).await;
    let mut client = gateway.operator().await;
    let catalog = client.ok("tools.catalog", json!({})).await;
    assert_eq!(catalog["agentId"], "main");
    let all = ids(&catalog["groups"]);
    for tool in [
        "read",
        "write",
        "edit",
        "exec",
        "process",
        "web_fetch",
        "nodes",
        "sessions_list",
        "session_status",
    ] {
        assert!(all.contains(&tool), "{tool}: {catalog}");
    }
    let main = client.ok("tools.effective", json!({"sessionKey": "main"})).await;
    let main = ids(&main["groups"]);
    assert!(main.contains(&"exec") && !main.contains(&"web_fetch"), "{main:?}");
    let ops = client.ok("tools.effective", json!({"sessionKey": "agent:ops:main"})).await;
    assert_eq!((&ops["agentId"], &ops["profile"]), (&json!("ops"), &json!("full")));
    let mut ops = ids(&ops["groups"]);
    ops.sort_unstable();
    assert_eq!(ops, ["read", "session_status"]);
}

#[tokio::test]
async fn a_call_by_hand_goes_by_the_agents_rules() {
    let gateway = TestGateway::with_config(CONFIG).await;
    let (mut client, mut person) = (gateway.operator().await, gateway.operator().await);
    let write =
        json!({"name": "write", "args": {"path": "a", "content": "hi"}, "idempotencyKey": "k"});
    let written = client.ok("tools.invoke", write.clone()).await;
    assert_eq!(
        (&written["ok"], &written["output"]["text"]),
        (&json!(true), &json!("Wrote 2 bytes to a"))
    );
    assert_eq!(client.ok("tools.invoke", write).await, written, "a repeat gets the first result");
    let read = client.ok("tools.invoke", json!({"name": "read", "args": {"path": "a"}})).await;
    assert_eq!(read["output"]["text"], "hi");
    let outside = json!({"name": "read", "args": {"path": "../gateway-token"}});
    let outside = client.ok("tools.invoke", outside).await;
    assert_eq!((&outside["ok"], &outside["error"]["code"]), (&json!(false), &json!("tool_error")));
    for call in [
        json!({"name": "web_fetch", "args": {"url": "https://example.com"}}),
        json!({"name": "write", "sessionKey": "agent:ops:main", "args": {"path": "a", "content": "x"}}),
        json!({"name": "nobody"}),
    ] {
        let refused = client.ok("tools.invoke", call.clone()).await;
        assert_eq!(refused["error"]["code"], "not_found", "{call}: {refused}");
    }
    let frame =
        client.send("tools.invoke", &json!({"name": "exec", "args": {"command": "echo x"}})).await;
    let event = person.event("exec.approval.requested", |_| true).await;
    let deny = json!({"id": event["payload"]["id"], "decision": "deny"});
    person.ok("exec.approval.resolve", deny).await;
    let answer = client.response(&frame).await.expect("answered");
    assert_eq!(answer["payload"]["ok"], false, "{answer}");
    let token = json!({"name": "exec", "args": {"command": "cat ../gateway-token"}});
    let frame = client.send("tools.invoke", &token).await;
    let event = person.event("exec.approval.requested", |payload| {
        payload["request"]["command"] == "cat ../gateway-token"
    });
    let allow = json!({"id": event.await["payload"]["id"], "decision": "allow-once"});
    person.ok("exec.approval.resolve", allow).await;
    let answer = client.response(&frame).await.expect("answered");
    assert!(!answer.to_string().contains(&gateway.token()), "the state folder is hidden: {answer}");
}
