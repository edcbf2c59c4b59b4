//! Commands that wait for a person's word: who is told, who decides, what counts, and what is written
//! down.

use openclaw_testkit::{
    TestGateway, WireClient,
    scripted_model::{Answer, spoken},
};
use serde_json::{Value, json};

use crate::scripted::{Scripted, ended, message};

fn command(text: &str) -> Value {
    json!({"command": text, "cwd": "/tmp", "host": "gateway", "agentId": "main", "twoPhase": true,
        "env": {"LANG": "C"}, "nodeId": null})
}

/// Asks in two phases; gives the frame's id and the approval's.
async fn asked(client: &mut WireClient, params: &Value) -> (String, String) {
    let frame = client.send("exec.approval.request", params).await;
    let first = client.response(&frame).await.expect("taken up");
    assert_eq!(first["payload"]["status"], "accepted", "{first}");
    let id = first["payload"]["id"].as_str().expect("an id").to_owned();
    (frame, id)
}

#[tokio::test]
async fn a_request_is_shown_decided_once_and_written_down() {
    let gateway = TestGateway::start().await;
    let (mut asker, mut person) = (gateway.operator().await, gateway.operator().await);
    let (frame, id) = asked(&mut asker, &command("rm -rf build\u{202e}\u{1b}")).await;

    let event = person.event("exec.approval.requested", |_| true).await;
    let shown = &event["payload"];
    assert_eq!(shown["id"], id.as_str());
    assert_eq!(shown["request"]["command"], "rm -rf build\\u{202e}\\u{1b}", "nothing hides in it");
    assert_eq!(shown["request"]["envKeys"], json!(["LANG"]), "values are not shown");
    assert_eq!(person.ok("exec.approval.list", json!({})).await, json!([shown]));
    let one = person.ok("exec.approval.get", json!({"id": id})).await;
    assert_eq!(one["allowedDecisions"], json!(["allow-once", "allow-always", "deny"]));
    let one = person.ok("approval.get", json!({"id": id})).await;
    assert_eq!(one["approval"]["status"], "pending");

    let wrong =
        person.refused("exec.approval.resolve", json!({"id": id, "decision": "maybe"})).await;
    assert_eq!(wrong["message"], "invalid decision");
    let decision = json!({"id": id, "decision": "allow-once"});
    assert_eq!(person.ok("exec.approval.resolve", decision.clone()).await, json!({"ok": true}));
    let answer = asker.response(&frame).await.expect("decided");
    assert_eq!(answer["payload"]["decision"], "allow-once");
    let resolved = asker.event("exec.approval.resolved", |_| true).await;
    assert_eq!(
        (&resolved["payload"]["id"], &resolved["payload"]["decision"]),
        (&json!(id), &json!("allow-once"))
    );

    let again =
        person.refused("exec.approval.resolve", json!({"id": id, "decision": "deny"})).await;
    assert_eq!(again["message"], "approval already resolved", "{again}");
    let late = json!({"id": id, "kind": "exec", "decision": "deny"});
    let late = person.ok("approval.resolve", late).await;
    assert_eq!(
        (&late["applied"], &late["approval"]["decision"]),
        (&json!(false), &json!("allow-once"))
    );
    let wait = asker.ok("exec.approval.waitDecision", json!({"id": id})).await;
    assert_eq!(wait["decision"], "allow-once");
    assert_eq!(person.ok("exec.approval.list", json!({})).await, json!([]));

    let unknown =
        person.refused("exec.approval.resolve", json!({"id": "no", "decision": "deny"})).await;
    assert_eq!(unknown["message"], "unknown or expired approval id");
    let gone = asker.refused("exec.approval.waitDecision", json!({"id": "no"})).await;
    assert_eq!(gone["message"], "approval expired or not found");

    let trail = loop {
        let trail = person.ok("security.trail", json!({"kind": "approval"})).await;
        if !trail["entries"].as_array().expect("a list").is_empty() {
            break trail;
        }
    };
    let entry = &trail["entries"][0];
    assert_eq!(entry["outcome"], "allow-once", "{trail}");
    assert!(entry["detail"].as_str().expect("text").contains("rm -rf build"), "{trail}");
}

#[tokio::test]
async fn nobody_deciding_is_no_decision() {
    let gateway = TestGateway::start().await;
    let mut asker = gateway.operator().await;
    let params = json!({"command": "ls", "timeoutMs": 30});
    let answer = asker.ok("exec.approval.request", params).await;
    assert_eq!(answer["decision"], Value::Null, "{answer}");
    let id = answer["id"].clone();
    let late = asker.refused("exec.approval.resolve", json!({"id": id, "decision": "deny"})).await;
    assert_eq!(late["message"], "approval already resolved");
    let view = asker.ok("approval.get", json!({"id": id})).await;
    assert_eq!(
        (&view["approval"]["status"], &view["approval"]["reason"]),
        (&json!("expired"), &json!("timeout"))
    );
}

#[tokio::test]
async fn what_is_not_offered_cannot_be_chosen() {
    let gateway = TestGateway::start().await;
    let mut client = gateway.operator().await;
    let mut params = command("python3 x.py");
    params["unavailableDecisions"] = json!(["allow-always"]);
    let (_, id) = asked(&mut client, &params).await;
    let always = json!({"id": id, "decision": "allow-always"});
    let refused = client.refused("exec.approval.resolve", always).await;
    assert!(refused["message"].as_str().expect("text").contains("not offered"), "{refused}");
    assert_eq!(client.ok("exec.approval.list", json!({})).await[0]["id"], id.as_str());

    let taken = json!({"id": id, "command": "ls"});
    let taken = client.refused("exec.approval.request", taken).await;
    assert_eq!(taken["message"], "approval id already pending");
    for nothing in [json!({}), json!({"command": " "}), json!({"commandArgv": []})] {
        let refused = client.refused("exec.approval.request", nothing).await;
        assert_eq!(refused["message"], "command is required");
    }
    let long = json!({"command": "x".repeat(70_000)});
    client.refused("exec.approval.request", long).await;
}

#[tokio::test]
async fn the_list_is_replaced_only_as_it_was_seen() {
    let gateway = TestGateway::start().await;
    let mut client = gateway.operator().await;
    let first = client.ok("exec.approvals.get", json!({})).await;
    assert_eq!((&first["exists"], &first["file"]["version"]), (&json!(false), &json!(1)));
    assert_eq!(first["resolvedDefaults"]["security"], "allowlist");
    assert_eq!(first["resolvedDefaults"]["ask"], "on-miss", "a fresh install asks");
    let file = json!({"version": 1, "socket": {"path": "/s", "token": "hidden-token"},
        "agents": {"main": {"allowlist": [{"pattern": "/usr/bin/ls"}]}}});
    let set = client.ok("exec.approvals.set", json!({"file": file})).await;
    assert_eq!(set["exists"], true);
    assert!(!set.to_string().contains("hidden-token"), "{set}");
    let blind = client.refused("exec.approvals.set", json!({"file": file})).await;
    assert_eq!(
        blind["message"],
        "exec approvals base hash required; re-run exec.approvals.get and retry"
    );
    let stale = json!({"file": file, "baseHash": first["hash"]});
    let stale = client.refused("exec.approvals.set", stale).await;
    assert!(
        stale["message"].as_str().expect("text").starts_with("exec approvals changed"),
        "{stale}"
    );
    for bad in [
        json!({"version": 2}),
        json!({"version": 1, "agents": {"a": {"allowlist": [{"pattern": "git"}]}}}),
    ] {
        client.refused("exec.approvals.set", json!({"file": bad, "baseHash": set["hash"]})).await;
    }
    let stored = std::fs::read_to_string(gateway.paths().exec_approvals_file()).expect("the file");
    assert!(stored.contains("hidden-token"), "it is kept");
}

#[tokio::test]
async fn a_nodes_list_is_reached_through_its_methods_only() {
    let gateway = TestGateway::start().await;
    let mut client = gateway.operator().await;
    let params = json!({"nodeId": "nobody"});
    let unknown = client.refused("exec.approvals.node.get", params.clone()).await;
    assert!(unknown["message"].as_str().expect("text").contains("unknown"), "{unknown}");
    let set = json!({"nodeId": "nobody", "file": {"version": 1}});
    client.refused("exec.approvals.node.set", set).await;
    let mut node = crate::nodes::Node::new(&gateway, &["system.execApprovals.get"]).await;
    let frame = client.send("exec.approvals.node.get", &json!({"nodeId": node.id()})).await;
    let request = node.request().await;
    assert_eq!(request["command"], "system.execApprovals.get");
    let snapshot = json!({"path": "/x", "exists": true, "hash": "h", "file": {"version": 1}});
    let result = json!({"id": request["id"], "nodeId": node.id(), "ok": true, "payload": snapshot});
    node.client.ok("node.invoke.result", result).await;
    let answer = client.response(&frame).await.expect("answered");
    assert_eq!(answer["payload"], snapshot, "{answer}");
}

#[tokio::test]
async fn the_agents_command_waits_for_a_person_and_goes_on() {
    let command = |id: &str| Answer::call(id, "exec", &json!({"command": "echo from the agent"}));
    let script = [
        command("c1"),
        Answer::text("one"),
        command("c2"),
        Answer::text("two"),
        command("c3"),
        Answer::text("three"),
    ];
    let scripted = Scripted::start(script).await;
    let (mut chat, mut person) = (scripted.operator().await, scripted.operator().await);
    for (turn, decision, shown) in
        [("r1", "deny", "refused it"), ("r2", "allow-always", "from the agent")]
    {
        chat.ok("chat.send", message(turn, "run it")).await;
        let event = person.event("exec.approval.requested", |_| true).await;
        let request = &event["payload"]["request"];
        assert_eq!(request["command"], "echo from the agent", "{event}");
        assert_eq!((&request["agentId"], &request["host"]), (&json!("main"), &json!("gateway")));
        let decided = json!({"id": event["payload"]["id"], "decision": decision});
        person.ok("exec.approval.resolve", decided).await;
        ended(&mut chat, turn).await;
        let asked = format!("{:?}", scripted.model.requests().last().expect("asked"));
        assert!(asked.contains(shown), "{asked}");
    }
    if openclaw_exec::run::can_hide() {
        chat.ok("chat.send", message("r3", "again")).await;
        ended(&mut chat, "r3").await;
        let asked = format!("{:?}", scripted.model.requests().last().expect("asked"));
        assert_eq!(asked.matches("from the agent").count(), 5, "it ran without asking: {asked}");
        let list = person.ok("exec.approvals.get", json!({})).await;
        let entry = &list["file"]["agents"]["main"]["allowlist"][0];
        assert_eq!(
            (&entry["source"], &entry["lastUsedCommand"]),
            (&json!("allow-always"), &json!("echo from the agent"))
        );
    }
    // A run that is stopped takes its question back.
    scripted.model.then(Answer::call("c4", "exec", &json!({"command": "echo $HOME"})));
    chat.ok("chat.send", message("r4", "and this")).await;
    let waiting = person
        .event("exec.approval.requested", |payload| payload["request"]["command"] == "echo $HOME");
    let id = waiting.await["payload"]["id"].clone();
    chat.ok("chat.abort", json!({"sessionKey": "main"})).await;
    let gone = person.event("exec.approval.resolved", |payload| payload["id"] == id).await;
    assert_eq!(gone["payload"]["decision"], "deny", "{gone}");
    let view = person.ok("approval.get", json!({"id": id})).await;
    assert_eq!(view["approval"]["status"], "cancelled", "{view}");
    scripted.stop().await;
}

/// Waits for the note about who allowed something: it is written beside the decision.
async fn granted(client: &mut WireClient, params: &Value) -> Value {
    loop {
        let listed = client.ok("exec.approvals.grants", params.clone()).await;
        if listed["grants"][0]["grantedBy"].is_string() {
            return listed["grants"].clone();
        }
    }
}

#[tokio::test]
async fn what_was_allowed_for_ever_is_listed_with_who_did_it_and_can_be_taken_back() {
    let gateway = TestGateway::start().await;
    let mut admin = gateway.operator().await;
    let scopes = json!(["operator.approvals"]);
    let mut person = gateway.wire().await;
    let auth = json!({"token": gateway.token()});
    let params = openclaw_testkit::connect_params(&json!({"scopes": scopes, "auth": auth}));
    person.ok("connect", params).await;

    let file =
        json!({"version": 1, "agents": {"main": {"allowlist": [{"pattern": "/usr/bin/git"}]}}});
    admin.ok("exec.approvals.set", json!({"file": file})).await;
    let grants = granted(&mut person, &json!({})).await;
    let grant = &grants[0];
    assert_eq!((&grant["pattern"], &grant["agentId"]), (&json!("/usr/bin/git"), &json!("main")));
    assert_eq!((&grant["byDecision"], grant.get("lastUsedAtMs")), (&json!(false), None), "{grant}");
    assert!(grant["grantedAtMs"].is_u64(), "{grant}");

    let id = grant["id"].as_str().expect("an id");
    let short = json!({"id": &id[..8]});
    let gone = person.ok("exec.approvals.revoke", short.clone()).await;
    assert_eq!(gone["revoked"][0]["pattern"], "/usr/bin/git");
    assert_eq!(person.ok("exec.approvals.grants", json!({})).await["grants"], json!([]));
    let error = person.refused("exec.approvals.revoke", short).await;
    assert_eq!(error["code"], "INVALID_REQUEST", "{error}");
    let trail = loop {
        let trail = admin.ok("security.trail", json!({"kind": "approval"})).await;
        if trail["entries"][0]["outcome"] == "revoked" {
            break trail;
        }
    };
    assert_eq!(trail["entries"][0]["detail"], "agent main on gateway: /usr/bin/git", "{trail}");
}

#[tokio::test]
async fn a_nodes_own_list_is_shown_and_shortened_through_the_node() {
    let gateway = TestGateway::start().await;
    let mut node = crate::nodes::Node::new(&gateway, &["system.run"]).await;
    let mut person = gateway.operator().await;
    let entry = json!({"id": "0123456789", "pattern": "/bin/ls", "source": "allow-always",
        "commandText": "ls -l", "lastUsedAt": 7});
    let other = json!({"id": "9876543210", "pattern": "/bin/cat"});
    let file = |list: Value| json!({"version": 1, "agents": {"main": {"allowlist": list}}});
    let found = |list: Value, hash: &str| json!({"path": "/n", "exists": true, "hash": hash, "file": file(list)});
    // Somebody said "always" to it here.
    let question =
        json!({"command": "ls -l", "nodeId": node.id(), "agentId": "main", "twoPhase": true});
    let (frame, id) = asked(&mut person, &question).await;
    person.ok("exec.approval.resolve", json!({"id": id, "decision": "allow-always"})).await;
    person.response(&frame).await.expect("decided");

    let of_node = json!({"nodeId": node.id()});
    let grants = loop {
        let sent = person.send("exec.approvals.grants", &of_node).await;
        let request = node.request().await;
        assert_eq!(request["command"], "system.execApprovals.get");
        let payload = found(json!([entry, other]), "h1");
        let result =
            json!({"id": request["id"], "nodeId": node.id(), "ok": true, "payload": payload});
        node.client.ok("node.invoke.result", result).await;
        let answer = person.response(&sent).await.expect("answered");
        if answer["payload"]["grants"][0]["grantedBy"].is_string() {
            break answer["payload"]["grants"].clone();
        }
    };
    assert_eq!((&grants[0]["byDecision"], &grants[0]["lastUsedAtMs"]), (&json!(true), &json!(7)));
    assert_eq!((&grants[0]["nodeId"], grants[1].get("grantedBy")), (&json!(node.id()), None));

    let revoke = json!({"id": "01234567", "nodeId": node.id()});
    let sent = person.send("exec.approvals.revoke", &revoke).await;
    let request = node.request().await;
    let payload = found(json!([entry, other]), "h1");
    let result = json!({"id": request["id"], "nodeId": node.id(), "ok": true, "payload": payload});
    node.client.ok("node.invoke.result", result).await;
    let request = node.request().await;
    assert_eq!(request["command"], "system.execApprovals.set");
    let set: Value =
        serde_json::from_str(request["paramsJSON"].as_str().expect("params")).expect("JSON");
    assert_eq!((&set["file"], &set["baseHash"]), (&file(json!([other])), &json!("h1")));
    let payload = found(json!([other]), "h2");
    let result = json!({"id": request["id"], "nodeId": node.id(), "ok": true, "payload": payload});
    node.client.ok("node.invoke.result", result).await;
    let answer = person.response(&sent).await.expect("answered");
    assert_eq!(answer["payload"]["revoked"][0]["pattern"], "/bin/ls", "{answer}");
}

#[tokio::test]
async fn a_session_can_be_kept_from_running_commands_here_and_on_nodes() {
    let on_node = json!({"action": "invoke", "node": "laptop", "invokeCommand": "system.run",
        "invokeParams": {"command": ["ls"]}});
    let gateway = Scripted::start([
        Answer::call("c1", "exec", &json!({"command": "echo hi", "security": "full"})),
        Answer::call("c2", "nodes", &on_node),
        Answer::text("No."),
    ])
    .await;
    let mut client = gateway.operator().await;
    client.ok("sessions.patch", json!({"key": "main", "execSecurity": "deny"})).await;
    client.ok("chat.send", message("k1", "list the files")).await;
    ended(&mut client, "k1").await;
    let said = spoken(&gateway.model.requests()[2]).join("\n");
    assert!(said.contains("The command was not run"), "{said}");
    assert!(said.contains("commands are switched off for this session"), "{said}");
}
