//! Nodes: what is listed of them, what may be called, and who may answer.

use openclaw_testkit::{
    TestGateway, WireClient,
    played_model::{Play, PlayedModel},
    scripted_model::Answer,
};
use serde_json::{Value, json};

use crate::{
    device::Device,
    scripted::{Scripted, TOKEN},
};

pub(crate) struct Node {
    pub(crate) device: Device,
    pub(crate) client: WireClient,
}

impl Node {
    pub(crate) async fn connect(gateway: &TestGateway, device: Device, commands: &[&str]) -> Self {
        Self::over(gateway.wire().await, device, commands).await
    }

    async fn over(mut client: WireClient, device: Device, commands: &[&str]) -> Self {
        let mut params = device.params(&client);
        params["commands"] = json!(commands);
        params["caps"] = json!(["system"]);
        client.ok("connect", params).await;
        Self { device, client }
    }

    pub(crate) async fn new(gateway: &TestGateway, commands: &[&str]) -> Self {
        let device = Device { role: "node", ..Device::new(&gateway.token(), &[]) };
        Self::connect(gateway, device, commands).await
    }

    pub(crate) fn id(&self) -> String {
        self.device.key.device_id()
    }

    pub(crate) async fn request(&mut self) -> Value {
        let event = self.client.event("node.invoke.request", |_| true).await;
        assert!(event.get("seq").is_none(), "{event}");
        event["payload"].clone()
    }
}

fn call(node: &str, command: &str, key: &str) -> Value {
    json!({"nodeId": node, "command": command, "params": {"bins": ["ls"]}, "idempotencyKey": key})
}

#[tokio::test]
async fn a_command_reaches_its_node_and_the_result_comes_back() {
    let gateway = TestGateway::start().await;
    let mut node = Node::new(&gateway, &["system.run", "system.which", "camera.snap", "foo"]).await;
    let mut operator = gateway.operator().await;

    let listed = operator.ok("node.list", json!({})).await;
    let row = &listed["nodes"][0];
    assert_eq!(row["nodeId"], node.id(), "{listed}");
    assert_eq!(row["connected"], true);
    assert_eq!(row["commands"], json!(["system.run", "system.which"]), "declared and allowed");
    let described = operator.ok("node.describe", json!({"nodeId": node.id()})).await;
    assert_eq!(described["commands"], row["commands"]);

    let sent = operator.send("node.invoke", &call(&node.id(), "system.which", "k1")).await;
    let request = node.request().await;
    assert_eq!(request["command"], "system.which");
    assert_eq!(request["paramsJSON"], r#"{"bins":["ls"]}"#);
    assert_eq!(request["timeoutMs"], 30_000);
    let result = json!({
        "id": request["id"], "nodeId": node.id(), "ok": true,
        "payloadJSON": r#"{"bins":{"ls":"/bin/ls"}}"#, "error": null,
    });
    assert_eq!(node.client.ok("node.invoke.result", result.clone()).await, json!({"ok": true}));
    let answer = operator.response(&sent).await.expect("answered");
    assert_eq!(answer["payload"]["payload"]["bins"]["ls"], "/bin/ls", "{answer}");
    let late = node.client.ok("node.invoke.result", result).await;
    assert_eq!(late, json!({"ok": true, "ignored": true}));

    let again = operator.ok("node.invoke", call(&node.id(), "system.which", "k1")).await;
    assert_eq!(again, answer["payload"], "a repeat gets the first result");
}

#[tokio::test]
async fn what_is_not_allowed_declared_or_connected_is_refused_in_the_documented_words() {
    let gateway = TestGateway::start().await;
    let node = Node::new(&gateway, &["system.which", "camera.snap"]).await;
    let mut operator = gateway.operator().await;
    let cases = [
        ("camera.snap", "command not allowlisted"),
        ("system.run", "command not declared by node"),
    ];
    for (command, reason) in cases {
        let error = operator.refused("node.invoke", call(&node.id(), command, command)).await;
        assert_eq!(error["message"], "node command not allowed", "{error}");
        assert_eq!(error["details"], json!({"reason": reason, "command": command}));
    }
    let reserved = call(&node.id(), "system.execApprovals.set", "r");
    assert_eq!(operator.refused("node.invoke", reserved).await["code"], "INVALID_REQUEST");
    for key in ["approved", "approvalDecision"] {
        let mut forged = call(&node.id(), "system.which", key);
        forged["params"] = json!({"command": ["id"], key: true});
        let error = operator.refused("node.invoke", forged).await;
        assert_eq!(error["code"], "INVALID_REQUEST", "nobody vouches for an approval: {error}");
    }
    let unknown = operator.refused("node.invoke", call("nobody", "system.which", "u")).await;
    assert!(unknown["message"].as_str().is_some_and(|text| text.starts_with("unknown nodeId")));

    let id = node.id();
    drop(node);
    let gone = loop {
        let listed = operator.ok("node.list", json!({})).await;
        if listed["nodes"][0]["connected"] == false {
            break operator.refused("node.invoke", call(&id, "system.which", "g")).await;
        }
    };
    assert_eq!(gone["details"]["code"], "NOT_CONNECTED", "{gone}");
}

#[tokio::test]
async fn a_failing_a_silent_and_a_vanishing_node_are_told_apart() {
    let gateway = TestGateway::start().await;
    let mut node = Node::new(&gateway, &["system.run"]).await;
    let mut operator = gateway.operator().await;

    let sent = operator.send("node.invoke", &call(&node.id(), "system.run", "a")).await;
    let id = node.request().await["id"].clone();
    let error = json!({"code": "DENIED", "message": "not on my machine"});
    let result =
        json!({"id": id, "nodeId": node.id(), "ok": false, "payloadJSON": null, "error": error});
    node.client.ok("node.invoke.result", result).await;
    let answer = operator.response(&sent).await.expect("answered");
    assert_eq!(answer["error"]["message"], "not on my machine", "{answer}");
    assert_eq!(answer["error"]["details"]["nodeError"], error);

    let mut silent = call(&node.id(), "system.run", "b");
    silent["timeoutMs"] = 50.into();
    let error = operator.refused("node.invoke", silent).await;
    assert_eq!(error["details"]["nodeError"]["code"], "TIMEOUT", "{error}");
    let id = node.request().await["id"].clone();
    let cancelled = node.client.event("node.invoke.cancel", |_| true).await;
    assert_eq!(cancelled["payload"]["id"], id);

    let sent = operator.send("node.invoke", &call(&node.id(), "system.run", "c")).await;
    node.request().await;
    drop(node);
    let answer = operator.response(&sent).await.expect("answered");
    assert_eq!(answer["error"]["message"], "node disconnected (system.run)", "{answer}");
}

#[tokio::test]
async fn nobody_answers_in_the_name_of_another_node() {
    let gateway = TestGateway::start().await;
    let mut node = Node::new(&gateway, &["system.run"]).await;
    let mut thief = Node::new(&gateway, &["system.run"]).await;
    let mut operator = gateway.operator().await;
    let sent = operator.send("node.invoke", &call(&node.id(), "system.run", "a")).await;
    let id = node.request().await["id"].clone();
    for named in [node.id(), thief.id()] {
        let stolen = json!({"id": id, "nodeId": named, "ok": true, "payload": "stolen"});
        let error = thief.client.refused("node.invoke.result", stolen).await;
        assert_eq!(error["message"], "nodeId mismatch");
    }
    let broken = json!({"id": id, "nodeId": node.id(), "ok": true, "payloadJSON": "{"});
    node.client.ok("node.invoke.result", broken).await;
    let answer = operator.response(&sent).await.expect("answered");
    assert_eq!(answer["error"]["details"]["nodeError"]["code"], "INVALID_RESULT", "{answer}");
    let event = json!({"event": "exec.finished", "payload": {}, "payloadJSON": null});
    let said = node.client.ok("node.event", event).await;
    assert_eq!((&said["handled"], &said["event"]), (&json!(false), &json!("exec.finished")));
}

#[tokio::test]
async fn what_a_command_says_meanwhile_reaches_a_caller_that_listens_once_and_in_order() {
    let gateway = TestGateway::start().await;
    let mut node = Node::new(&gateway, &["system.run"]).await;
    let mut thief = Node::new(&gateway, &["system.run"]).await;
    let device = Device::new(&gateway.token(), &["operator.read", "operator.write"]);
    let mut listener = gateway.wire().await;
    let mut params = device.params(&listener);
    params["caps"] = json!(["node-output"]);
    listener.ok("connect", params).await;
    let sent = listener.send("node.invoke", &call(&node.id(), "system.run", "a")).await;
    let id = node.request().await["id"].clone();
    let piece = |seq: u64, chunk: &str| json!({"invokeId": id, "nodeId": node.device.key.device_id(), "seq": seq, "chunk": chunk});
    let (one, two, four) = (piece(0, "one"), piece(1, "two"), piece(3, "four"));
    let mut stolen = piece(0, "stolen");
    stolen["nodeId"] = thief.id().into();
    let error = thief.client.refused("node.invoke.progress", stolen).await;
    assert_eq!(error["message"], "nodeId mismatch");
    let long = piece(0, &"x".repeat(16_385));
    let error = node.client.refused("node.invoke.progress", long).await;
    assert_eq!(error["code"], "INVALID_REQUEST", "{error}");
    for (piece, said) in [
        (one.clone(), json!({"ok": true})),
        (one, json!({"ok": true, "ignored": true})),
        (two, json!({"ok": true})),
    ] {
        assert_eq!(node.client.ok("node.invoke.progress", piece).await, said);
    }
    let error = node.client.refused("node.invoke.progress", four).await;
    assert!(error["message"].to_string().contains("missing"), "{error}");
    for (seq, chunk) in [(0, "one"), (1, "two")] {
        let heard = listener.response(&sent).await.expect("said");
        let wanted = json!({"status": "accepted", "seq": seq, "chunk": chunk});
        assert_eq!(heard["payload"], wanted, "{heard}");
    }
    // The call of a caller that listens ends with its connection.
    drop(listener);
    assert_eq!(node.client.event("node.invoke.cancel", |_| true).await["payload"]["id"], id);
}

#[tokio::test]
async fn nodes_are_let_in_renamed_and_removed_and_report_what_they_have() {
    let gateway = TestGateway::start().await;
    let mut node = Node::new(&gateway, &["system.which"]).await;
    let mut operator = gateway.operator().await;
    for (method, params) in [
        ("node.pluginTools.update", json!({"tools": []})),
        ("node.skills.update", json!({"skills": []})),
        ("node.runnerInventory.update", json!({"runners": []})),
    ] {
        assert_eq!(node.client.ok(method, params).await, json!({"ok": true}), "{method}");
    }
    let name = json!({"nodeId": node.id(), "displayName": " attic "});
    assert_eq!(operator.ok("node.rename", name).await["displayName"], "attic");
    let blank = json!({"nodeId": node.id(), "displayName": "  "});
    assert_eq!(operator.refused("node.rename", blank).await["code"], "INVALID_REQUEST");
    let nobody = json!({"nodeId": "nobody", "displayName": "x"});
    assert_eq!(operator.refused("node.rename", nobody).await["code"], "INVALID_REQUEST");

    // It declares more, and somebody decides.
    for (decide, commands) in [
        ("node.pair.reject", json!(["system.which"])),
        ("node.pair.approve", json!(["system.run", "system.which"])),
    ] {
        let (key, token) = (node.device.key.clone(), gateway.token());
        let device = Device { key, role: "node", ..Device::new(&token, &[]) };
        node = Node::connect(&gateway, device, &["system.which", "system.run"]).await;
        let listed = operator.ok("node.pair.list", json!({})).await;
        let request = &listed["pending"][0];
        assert_eq!(request["commands"], json!(["system.which", "system.run"]), "{listed}");
        assert_eq!(request["requiredApproveScopes"], json!(["operator.pairing"]));
        let decided = operator.ok(decide, json!({"requestId": request["requestId"]})).await;
        assert_eq!(decided["requestId"], request["requestId"]);
        let listed = operator.ok("node.pair.list", json!({})).await;
        assert_eq!(listed["paired"][0]["commands"], commands, "{decide}: {listed}");
        assert_eq!(listed["paired"][0]["displayName"], "attic");
    }
    let device = json!({"requestId": "nothing"});
    assert_eq!(operator.refused("node.pair.approve", device).await["message"], "unknown requestId");

    operator.ok("node.pair.remove", json!({"nodeId": node.id()})).await;
    assert_eq!(node.client.closed().await.code, 1008);
    assert_eq!(operator.ok("node.pair.list", json!({})).await["paired"], json!([]));
    let again = json!({"nodeId": node.id()});
    assert_eq!(operator.refused("node.pair.remove", again).await["code"], "INVALID_REQUEST");
}

#[tokio::test]
async fn a_newer_connection_of_a_node_replaces_the_older_and_keeps_its_place() {
    let gateway = TestGateway::start().await;
    let mut older = Node::new(&gateway, &["system.run"]).await;
    let again = Device { role: "node", ..Device::new(&gateway.token(), &[]) };
    let again = Device { key: older.device.key.clone(), ..again };
    let mut operator = gateway.operator().await;
    let lost = operator.send("node.invoke", &call(&older.id(), "system.run", "lost")).await;
    older.request().await;
    let mut newer = Node::connect(&gateway, again, &["system.run"]).await;
    assert_eq!(older.client.closed().await.code, 1008);
    // The newer one knows nothing of what the older was asked, so nobody waits for it.
    let answer = operator.response(&lost).await.expect("answered");
    assert_eq!(answer["error"]["details"]["nodeError"]["code"], "NOT_CONNECTED", "{answer}");
    let sent = operator.send("node.invoke", &call(&newer.id(), "system.run", "a")).await;
    let id = newer.request().await["id"].clone();
    let done = json!({"id": id, "nodeId": newer.id(), "ok": true, "payload": {"exitCode": 0}});
    newer.client.ok("node.invoke.result", done).await;
    let answer = operator.response(&sent).await.expect("answered");
    assert_eq!(answer["payload"]["payload"]["exitCode"], 0, "{answer}");
}

#[tokio::test]
async fn commands_that_were_not_approved_wait_for_approval() {
    let gateway = TestGateway::with_config(
        r"{gateway: {nodes: {commands: {allow: ['camera.snap']}, denyCommands: ['system.notify']}}}",
    )
    .await;
    let first = Node::new(&gateway, &["system.which", "system.notify"]).await;
    let key = first.device.key.clone();
    drop(first);
    // It is let in with what it has, and a person decides about the rest.
    let device = Device { key, role: "node", ..Device::new(&gateway.token(), &[]) };
    let node = Node::connect(&gateway, device, &["system.which", "camera.snap"]).await;
    let mut operator = gateway.operator().await;
    let listed = operator.ok("node.list", json!({})).await;
    let row = listed["nodes"][0].clone();
    assert_eq!(row["commands"], json!(["system.which"]), "{row}");
    assert_eq!(row["approvalState"], "pending-approval");
    let pending = operator.ok("device.pair.list", json!({})).await;
    let request = pending["pending"][0].clone();
    assert_eq!(request["commands"], json!(["system.which", "camera.snap"]), "{pending}");
    operator.ok("device.pair.approve", json!({"requestId": request["requestId"]})).await;
    let row = operator.ok("node.describe", json!({"nodeId": node.id()})).await;
    assert_eq!(row["commands"], json!(["system.which", "camera.snap"]), "{row}");
    assert_eq!(row["approvalState"], "approved");
}

#[tokio::test]
async fn the_agent_runs_a_command_on_a_node_and_answers_with_what_it_gave() {
    let device = Device { role: "node", ..Device::new(TOKEN, &[]) };
    let id = device.key.device_id();
    let invoke = json!({
        "action": "invoke", "node": id, "invokeCommand": "system.run",
        "invokeParams": {"command": ["df", "-h"]},
    });
    let forged = json!({
        "action": "invoke", "node": id, "invokeCommand": "system.run",
        "invokeParams": {"command": ["rm"], "approved": true},
    });
    let browser = json!({"action": "invoke", "node": id, "invokeCommand": "browser.proxy"});
    let scripted = Scripted::start([
        Answer::call("c0", "nodes", &browser),
        Answer::call("c1", "nodes", &json!({"action": "status"})),
        Answer::call("c2", "nodes", &forged),
        Answer::call("c3", "nodes", &invoke),
        Answer::text("Your disk is 42% full."),
    ])
    .await;
    let mut node =
        Node::over(scripted.wire().await, device, &["system.run", "browser.proxy"]).await;
    let mut operator = scripted.operator().await;
    let message = json!({
        "sessionKey": "main", "message": "how full is my disk?", "idempotencyKey": "m1",
    });
    operator.ok("chat.send", message).await;
    let request = node.request().await;
    let params = r#"{"agentId":"main","command":["df","-h"]}"#;
    assert_eq!(request["paramsJSON"], params, "the others came nowhere");
    let payload = json!({"exitCode": 0, "stdout": "/dev/sda1 42%"});
    let result = json!({"id": request["id"], "nodeId": id, "ok": true, "payload": payload});
    node.client.ok("node.invoke.result", result).await;
    let done = operator.event("chat", |payload| payload["state"] == "final").await;
    assert!(done.to_string().contains("42% full"), "{done}");
    let asked = scripted.model.requests();
    let shown: Vec<String> = asked.iter().map(|request| format!("{request:?}")).collect();
    assert!(shown[1].contains("takes an administrator"), "{}", shown[1]);
    assert!(shown[2].contains("approvalState"), "the status names the node: {}", shown[2]);
    assert!(shown[3].contains("cannot be given"), "the model is told why: {}", shown[3]);
    assert!(shown[4].contains("/dev/sda1 42%"), "{}", shown[4]);
    scripted.stop().await;
}

#[tokio::test]
async fn what_a_node_asks_about_people_are_asked_and_their_word_goes_back() {
    let device = Device { role: "node", ..Device::new(TOKEN, &[]) };
    let id = device.key.device_id();
    let command = |words: &[&str]| {
        json!({
            "action": "invoke", "node": id, "invokeCommand": "system.run",
            "invokeParams": {"command": words},
        })
    };
    let scripted = Scripted::start([
        Answer::call("c1", "nodes", &command(&["df", "-h"])),
        Answer::call("c2", "nodes", &command(&["rm", "-r", "a b"])),
        Answer::text("The disk is 42% full, and nothing was removed."),
    ])
    .await;
    let mut operator = scripted.operator().await;
    let mut node = Node::over(scripted.wire().await, device, &["system.run"]).await;
    let message = json!({"sessionKey": "main", "message": "clean up", "idempotencyKey": "m1"});
    operator.ok("chat.send", message).await;
    for (shown, decision) in [("df -h", "allow-once"), ("rm -r 'a b'", "deny")] {
        let request = node.request().await;
        assert!(!request["paramsJSON"].to_string().contains("approved"), "{request}");
        let error = json!({
            "code": "UNAVAILABLE",
            "message": "SYSTEM_RUN_DENIED: approval required: it is not on the list",
        });
        let refusal = json!({"id": request["id"], "nodeId": id, "ok": false, "error": error});
        node.client.ok("node.invoke.result", refusal).await;
        let asked = operator.event("exec.approval.requested", |_| true).await;
        let question = &asked["payload"]["request"];
        assert_eq!(question["command"], shown, "{asked}");
        assert_eq!((&question["host"], &question["nodeId"]), (&json!("node"), &json!(id)));
        assert_eq!(question["warningText"], "it is not on the list");
        let word = json!({"id": asked["payload"]["id"], "decision": decision});
        operator.ok("exec.approval.resolve", word).await;
        if decision == "deny" {
            break;
        }
        let again = node.request().await;
        assert_ne!(again["idempotencyKey"], request["idempotencyKey"]);
        let params: Value =
            serde_json::from_str(again["paramsJSON"].as_str().expect("text")).expect("JSON");
        assert_eq!(params["command"], json!(["df", "-h"]));
        assert_eq!(
            (&params["approved"], &params["approvalDecision"]),
            (&json!(true), &json!("allow-once"))
        );
        let payload = json!({"exitCode": 0, "stdout": "/dev/sda1 42%"});
        let result = json!({"id": again["id"], "nodeId": id, "ok": true, "payload": payload});
        node.client.ok("node.invoke.result", result).await;
    }
    let done = operator.event("chat", |payload| payload["state"] == "final").await;
    assert!(done.to_string().contains("42% full"), "{done}");
    let asked = scripted.model.requests();
    let shown: Vec<String> = asked.iter().map(|request| format!("{request:?}")).collect();
    assert!(shown[1].contains("/dev/sda1 42%"), "{}", shown[1]);
    assert!(shown[2].contains("user denied"), "{}", shown[2]);
    scripted.stop().await;
}

#[tokio::test]
async fn a_turn_asks_in_its_own_name_and_what_it_started_is_stopped_with_it() {
    let id = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
    let named = std::sync::Arc::clone(&id);
    let model = PlayedModel::start(move |_| {
        let node = named.get().cloned().unwrap_or_default();
        let params = json!({"rawCommand": "sleep 9", "agentId": "main"});
        let wanted = json!({"action": "invoke", "node": node,
            "invokeCommand": "system.run", "invokeParams": params});
        Play::call("c1", "nodes", wanted)
    });
    let model = model.await;
    let mut config = model.configuration();
    config["agents"]["list"] = json!([{"id": "main"}, {"id": "ops"}]);
    let gateway = TestGateway::with_config(&config.to_string()).await;
    let mut node = Node::new(&gateway, &["system.run"]).await;
    id.set(node.id()).expect("once");
    let mut operator = gateway.operator().await;
    let asked = json!({"message": "wait a moment", "agentId": "ops", "idempotencyKey": "k"});
    operator.send("agent", &asked).await;
    let request = node.request().await;
    let params: Value =
        serde_json::from_str(request["paramsJSON"].as_str().expect("params")).expect("JSON");
    assert_eq!(params, json!({"rawCommand": "sleep 9", "agentId": "ops"}));

    operator.ok("chat.abort", json!({"sessionKey": "agent:ops:main"})).await;
    let cancelled = node.client.event("node.invoke.cancel", |_| true).await;
    assert_eq!(cancelled["payload"]["id"], request["id"]);
}
