//! `agent`, `agent.wait`, `agent.identity.get`, `agents.list`, `models.*`.

use openclaw_agent::model::ModelError;
use openclaw_testkit::{
    WireClient,
    scripted_model::{Answer, Step},
};
use serde_json::{Value, json};

use crate::scripted::{Scripted, talk};

fn run(key: &str, text: &str) -> Value {
    json!({"message": text, "idempotencyKey": key, "deliver": false, "channel": "whatsapp"})
}

/// Both answers of `agent`.
async fn both(client: &mut WireClient, params: Value) -> (Value, Value) {
    let id = client.send("agent", &params).await;
    let first = client.response(&id).await.expect("open");
    let last = client.response(&id).await.expect("open");
    (first, last)
}

#[tokio::test]
async fn a_run_answers_twice() {
    let gateway = Scripted::start([Answer::text("Hello")]).await;
    let mut client = gateway.operator().await;
    let (first, last) = both(&mut client, run("k1", "hi")).await;
    let accepted = &first["payload"];
    assert_eq!(
        (&accepted["runId"], &accepted["status"], &accepted["sessionKey"], &accepted["agentId"]),
        (&json!("k1"), &json!("accepted"), &json!("agent:main:main"), &json!("main"))
    );
    assert!(accepted["acceptedAt"].is_u64());
    let payload = &last["payload"];
    assert_eq!((&payload["status"], &payload["summary"]), (&json!("ok"), &json!("completed")));
    assert_eq!(payload["result"]["payloads"], json!([{"text": "Hello", "mediaUrl": null}]));
    let meta = &payload["result"]["meta"]["agentMeta"];
    assert_eq!((&meta["provider"], &meta["model"]), (&json!("scripted"), &json!("m")));
    assert_eq!(meta["usage"]["total"], 15);

    let again = client.ok("agent", run("k1", "hi")).await;
    assert_eq!(again["status"], "ok", "a repeat gets the outcome at once");
    let waited = client.ok("agent.wait", json!({"runId": "k1"})).await;
    assert_eq!((&waited["status"], &waited["stopReason"]), (&json!("ok"), &json!("stop")));
    let reply = json!({"disposition": "visible", "text": "Hello"});
    assert_eq!(waited["terminalReply"], reply);
    assert_eq!(gateway.model.requests().len(), 1);
}

#[tokio::test]
async fn a_failed_run_answers_with_an_error_and_the_run() {
    let error = ModelError::RateLimited {
        retry_after: Some(std::time::Duration::from_secs(7)),
        message: "slow down".into(),
    };
    let gateway = Scripted::start([Answer::fail(error)]).await;
    let mut client = gateway.operator().await;
    let (first, last) = both(&mut client, run("k1", "hi")).await;
    assert_eq!(first["payload"]["status"], "accepted");
    assert_eq!((&last["ok"], &last["error"]["code"]), (&json!(false), &json!("UNAVAILABLE")));
    assert_eq!(last["error"]["retryAfterMs"], 7_000);
    let payload = &last["payload"];
    assert_eq!((&payload["runId"], &payload["status"]), (&json!("k1"), &json!("error")));
    assert_eq!(payload["summary"], last["error"]["message"]);
    let waited = client.ok("agent.wait", json!({"runId": "k1"})).await;
    assert_eq!((&waited["status"], &waited["error"]), (&json!("error"), &payload["summary"]));
}

#[tokio::test]
async fn a_run_holds_back_nothing_that_would_stop_it() {
    let gateway = Scripted::start([Answer::default().say("partial").step(Step::Hang)]).await;
    let mut client = gateway.operator().await;
    let id = client.send("agent", &run("k1", "hi")).await;
    client.response(&id).await.expect("accepted");
    gateway.model.asked(1).await;
    let waited = client.ok("agent.wait", json!({"runId": "k1", "timeoutMs": 1})).await;
    assert_eq!(waited, json!({"runId": "k1", "status": "timeout"}));
    let unknown = client.ok("agent.wait", json!({"runId": "nobody", "timeoutMs": 1})).await;
    assert_eq!(unknown, json!({"runId": "nobody", "status": "timeout"}));
    let stopped = client.ok("chat.abort", json!({"sessionKey": "main"})).await;
    assert_eq!(stopped["runIds"], json!(["k1"]));
    let last = client.response(&id).await.expect("the last answer");
    let meta = &last["payload"]["result"]["meta"];
    assert_eq!((&meta["aborted"], &meta["stopReason"]), (&json!(true), &json!("rpc")));
    let waited = client.ok("agent.wait", json!({"runId": "k1"})).await;
    assert_eq!(waited["status"], "timeout");
}

#[tokio::test]
async fn a_session_is_named_in_several_ways() {
    let gateway = Scripted::start(["1", "2", "3", "4"].map(Answer::text)).await;
    let mut client = gateway.operator().await;
    let session = async |client: &mut WireClient, key: &str, more: Value| {
        let mut params = run(key, "hi");
        params.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
        let (first, last) = both(client, params).await;
        assert_eq!(last["ok"], true, "{last}");
        let id = last["payload"]["result"]["meta"]["agentMeta"]["sessionId"].clone();
        (first["payload"]["sessionKey"].clone(), id)
    };
    let (key, id) = session(&mut client, "k1", json!({"agentId": "ops"})).await;
    assert_eq!(key, "agent:ops:main");
    let (key, same) = session(&mut client, "k2", json!({"sessionId": id})).await;
    assert_eq!((key, &same), (json!("agent:ops:main"), &id));
    let (key, _) = session(&mut client, "k3", json!({"sessionKey": "Work", "to": "+1"})).await;
    assert_eq!(key, "agent:main:work");
    let (key, _) = session(&mut client, "k4", json!({"to": "+1"})).await;
    assert_eq!(key, "agent:main:main");
}

#[tokio::test]
async fn what_cannot_run_is_refused() {
    let gateway = Scripted::start([]).await;
    let mut client = gateway.operator().await;
    for (index, (more, text)) in [
        (json!({"agentId": "x"}), "unknown agent id \"x\""),
        (json!({"sessionId": "s"}), "No session found: s"),
        (json!({"deliver": true, "channel": "telegram"}), "unknown channel: telegram"),
        (json!({"expectedExistingSessionId": "s"}), "the session changed; read it again"),
        (json!({"message": "a\u{0}"}), "message must not contain null bytes"),
        (
            json!({"thinking": "x"}),
            "invalid thinking level \"x\" (use off|minimal|low|medium|high|xhigh)",
        ),
        (json!({"attachments": [1]}), "attachment-1: is not a file"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut params = run(&format!("k{index}"), "hi");
        params.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
        assert_eq!(client.refused("agent", params).await["message"], text);
    }
    let stopped = client.ok("agent", run("k9", "/stop")).await;
    assert_eq!(stopped, json!({"runId": "k9", "status": "ok", "summary": "stopped"}));
    let scopes = json!({"scopes": ["operator.write"]});
    let error = gateway.client(scopes).await.refused("agent", run("k10", "/new")).await;
    assert_eq!(error["message"], "missing scope: operator.admin");
}

#[tokio::test]
async fn agents_are_listed_with_their_model() {
    let gateway = Scripted::start([]).await;
    for mut client in [gateway.operator().await, gateway.operator_v3().await] {
        let list = client.ok("agents.list", json!({})).await;
        assert_eq!(
            (&list["defaultId"], &list["mainKey"], &list["scope"]),
            (&json!("main"), &json!("main"), &json!("per-sender"))
        );
        let agents = list["agents"].as_array().expect("agents");
        let ids: Vec<_> = agents.iter().map(|agent| &agent["id"]).collect();
        assert_eq!(ids, ["main", "ops"]);
        assert!(agents.iter().all(|agent| agent["model"]["primary"] == "scripted/m"), "{list}");
    }
    let mut client = gateway.operator().await;
    let named = client.ok("agent.identity.get", json!({"sessionKey": "main"})).await;
    assert_eq!((&named["name"], &named["nameSource"]), (&json!("Molty"), &json!("config")));
    let ops = client.ok("agent.identity.get", json!({"agentId": "ops"})).await;
    assert_eq!((&ops["agentId"], &ops["nameSource"]), (&json!("ops"), &json!("default")));
    let error = client.refused("agent.identity.get", json!({"agentId": "x"})).await;
    assert_eq!(error["details"]["code"], "UNKNOWN_AGENT_ID");
}

#[tokio::test]
async fn models_are_listed_and_their_credentials_are_not() {
    let gateway = Scripted::start([]).await;
    let mut client = gateway.operator().await;
    for view in ["default", "configured", "provider-config", "all"] {
        let list = client.ok("models.list", json!({"view": view})).await;
        let model = &list["models"][0];
        assert_eq!((&model["id"], &model["provider"]), (&json!("m"), &json!("scripted")));
        assert_eq!((&model["tags"], &model["available"]), (&json!(["default"]), &json!(true)));
    }
    let both = json!({"refresh": true, "preparedOnly": true});
    let error = client.refused("models.list", both).await;
    assert_eq!(error["code"], "INVALID_REQUEST");
    let error = client.refused("models.list", json!({"agentId": "x"})).await;
    assert_eq!(error["message"], "unknown agent id \"x\"");
    let status = client.ok("models.authStatus", json!({})).await;
    assert_eq!(status["providers"][0]["provider"], "scripted");
    assert_eq!(status["providers"][0]["status"], "static");
    assert_eq!(
        status["providers"][0]["profiles"],
        json!([{"profileId": "scripted@work", "type": "api_key", "status": "static",
            "cooldownReason": "billing", "cooldownUntil": 4_102_444_800_000_u64}])
    );
    talk(&mut client, "k1", "/models").await;
}
