//! The agent's tools over the wire: what is listed, who has what, and calls by hand.

use openclaw_testkit::{
    TestGateway, connect_params, mcp_stand_in,
    played_model::{Play, PlayedModel},
    scripted_model::Answer,
};
use serde_json::{Value, json};

use crate::scripted::{Scripted, ended};

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

#[tokio::test]
async fn tools_of_a_server_are_listed_called_by_hand_and_by_a_model_and_follow_the_configuration() {
    let model = PlayedModel::start(|messages| {
        let last = messages.last().expect("a message");
        match last["role"].as_str() {
            Some("tool") => Play::say(last["content"].as_str().expect("a text")),
            _ => Play::call("c1", "docs__echo", json!({"text": "from the model"})),
        }
    })
    .await;
    let words = mcp_stand_in::command(&[]);
    let mut config = model.configuration();
    config["mcp"] = json!({"servers": {"docs": {"command": words[0], "args": words[1..],
        "env": {"API_KEY": "hunter2"}, "toolFilter": {"exclude": ["crash"]}}}});
    let gateway = TestGateway::with_config(&config.to_string()).await;
    let mut client = gateway.operator().await;

    let catalog = client.ok("tools.catalog", json!({})).await;
    assert!(!ids(&catalog["groups"]).contains(&"docs__echo"), "nothing was started yet");
    let effective = client.ok("tools.effective", json!({"sessionKey": "main"})).await;
    let group = &effective["groups"][1];
    assert_eq!((&group["id"], &group["source"]), (&json!("mcp"), &json!("mcp")));
    let echo = group["tools"].as_array().expect("tools").iter().find(|t| t["id"] == "docs__echo");
    let echo = echo.expect("the tool");
    assert_eq!((&echo["mcpServer"], &echo["mcpToolName"]), (&json!("docs"), &json!("echo")));
    assert!(!ids(&effective["groups"]).contains(&"docs__crash"));
    let catalog = client.ok("tools.catalog", json!({})).await;
    let servers = catalog["groups"].as_array().expect("groups").last().expect("a group").clone();
    assert_eq!(
        (&servers["source"], &servers["pluginId"]),
        (&json!("plugin"), &json!("bundle-mcp"))
    );

    let by_hand = json!({"name": "docs__echo", "args": {"text": "by hand"}});
    let called = client.ok("tools.invoke", by_hand.clone()).await;
    assert_eq!(called["source"], "mcp");
    assert!(called["output"]["text"].as_str().expect("a text").contains("echo: by hand"));
    let config_shown = client.ok("config.get", json!({})).await;
    assert!(!config_shown.to_string().contains("hunter2"));

    let run = json!({"sessionKey": "main", "message": "go", "idempotencyKey": "r1"});
    let run = client.ok("chat.send", run).await;
    let wait = json!({"runId": run["runId"], "timeoutMs": 60_000});
    assert_eq!(client.ok("agent.wait", wait).await["status"], "ok");
    let history = client.ok("chat.history", json!({"sessionKey": "main"})).await.to_string();
    assert!(history.contains("echo: from the model"), "{history}");

    config["tools"] = json!({"deny": ["bundle-mcp"]});
    std::fs::write(gateway.paths().config_file(), config.to_string()).expect("written");
    let mut look = tokio::time::interval(std::time::Duration::from_millis(50));
    let taken_up = async {
        loop {
            let called = client.ok("tools.invoke", by_hand.clone()).await;
            if called["ok"] == json!(false) {
                return called;
            }
            look.tick().await;
        }
    };
    let refused = tokio::time::timeout(std::time::Duration::from_secs(30), taken_up).await;
    assert_eq!(refused.expect("in time")["error"]["code"], "not_found");
}

#[tokio::test]
async fn rules_by_provider_hold_for_the_model_of_the_session() {
    let model = PlayedModel::start(|_| Play::say("done")).await;
    let mut config = model.configuration();
    config["tools"] =
        json!({"byProvider": {"played": {"deny": ["exec"]}, "played/other": {"allow": ["exec"]}}});
    config["agents"]["list"] = json!([
        {"id": "main"},
        {"id": "ops", "tools": {"byProvider": {"played/model": {"profile": "minimal"}}}},
    ]);
    let gateway = TestGateway::with_config(&config.to_string()).await;
    let mut client = gateway.operator().await;
    let main = client.ok("tools.effective", json!({"sessionKey": "main"})).await;
    let main = ids(&main["groups"]);
    assert!(!main.contains(&"exec") && main.contains(&"read"), "{main:?}");
    let ops = client.ok("tools.effective", json!({"sessionKey": "agent:ops:main"})).await;
    assert_eq!(ids(&ops["groups"]), ["session_status"]);
}

#[tokio::test]
async fn only_a_turn_of_an_owner_has_what_is_for_owners() {
    let admin = json!(["operator.admin", "operator.read", "operator.write"]);
    let writer = json!(["operator.read", "operator.write"]);
    for (method, scopes, owner) in [
        ("chat.send", &admin, true),
        ("chat.send", &writer, false),
        ("agent", &admin, true),
        ("agent", &writer, false),
        ("sessions.create", &admin, true),
        ("sessions.create", &writer, false),
    ] {
        let call = Answer::call("c1", "nodes", &json!({"action": "status"}));
        let scripted = Scripted::start([call, Answer::text("done")]).await;
        let mut client = scripted.client(json!({"scopes": scopes})).await;
        let params = match method {
            "sessions.create" => {
                json!({"key": "new", "message": "which nodes?", "idempotencyKey": "k"})
            }
            _ => json!({"sessionKey": "main", "message": "which nodes?", "idempotencyKey": "k"}),
        };
        client.send(method, &params).await;
        ended(&mut client, "k").await;
        let asked = scripted.model.requests();
        let sees = asked[0].tools.iter().any(|tool| tool.name == "nodes");
        let refused = format!("{:?}", asked[1].messages).contains("There is no tool called");
        assert_eq!((sees, refused), (owner, !owner), "{method} {scopes}");
        scripted.stop().await;
    }
    let gateway = TestGateway::with_config("{ tools: { ownerOnly: ['group:fs'] } }").await;
    for (scopes, owner) in [(&admin, true), (&writer, false)] {
        let mut client = gateway.wire().await;
        let auth = json!({"token": gateway.token()});
        client.ok("connect", connect_params(&json!({"scopes": scopes, "auth": auth}))).await;
        let effective = client.ok("tools.effective", json!({"sessionKey": "main"})).await;
        assert_eq!(ids(&effective["groups"]).contains(&"write"), owner, "{scopes}");
        let write = json!({"name": "write", "args": {"path": "a", "content": "hi"}});
        let invoked = client.ok("tools.invoke", write).await;
        assert_eq!(invoked["ok"], owner, "{scopes} {invoked}");
    }
}
