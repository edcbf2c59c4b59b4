//! `chat.*`: a conversation as clients of both generations see it.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use openclaw_agent::model::ModelError;
use openclaw_testkit::{
    WireClient,
    scripted_model::{Answer, Step},
};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::scripted::{Scripted, ended, label, message, talk, words};

fn gated(before: &str, after: &str) -> (Answer, Arc<Notify>) {
    let gate = Arc::new(Notify::new());
    let answer = Answer::default().say(before).step(Step::Gate(Arc::clone(&gate))).say(after);
    (answer.stop(), gate)
}

async fn watch(client: &mut WireClient) {
    client.ok("sessions.subscribe", json!({})).await;
    client.ok("sessions.messages.subscribe", json!({"key": "main"})).await;
}

async fn labels_until(client: &mut WireClient, last: &str) -> Vec<String> {
    let mut labels = Vec::new();
    for frame in std::mem::take(&mut client.events) {
        labels.extend(label(&frame));
    }
    while labels.last().is_none_or(|label| label != last) {
        let frame = client.next().await.expect("the socket stays open");
        labels.extend(label(&frame));
    }
    labels
}

#[tokio::test]
async fn a_message_is_answered_in_the_documented_order() {
    let gateway = Scripted::start([Answer::text("Hello")]).await;
    let mut client = gateway.operator().await;
    watch(&mut client).await;
    let ack = client.ok("chat.send", message("k1", "hi")).await;
    assert_eq!(ack, json!({"runId": "k1", "status": "started", "messageSeq": 1}));
    let expected = [
        "sessions.changed send",
        "session.message user",
        "run_status preparing_context",
        "chat status",
        "agent start",
        "sessions.changed start",
        "run_status starting_model",
        "chat status",
        "agent model",
        "agent assistant",
        "chat delta",
        "agent usage",
        "session.message assistant",
        "agent finishing",
        "agent end",
        "chat final",
        "sessions.changed agent.input.settled",
        "sessions.changed end",
    ];
    assert_eq!(labels_until(&mut client, "sessions.changed end").await, expected);
}

#[tokio::test]
async fn protocol_3_sees_what_it_knows() {
    let gateway = Scripted::start([Answer::text("Hello")]).await;
    let mut client = gateway.operator_v3().await;
    let ack = client.ok("chat.send", message("k1", "hi")).await;
    assert_eq!(ack["status"], "started");
    let labels = labels_until(&mut client, "chat final").await;
    let known = |label: &&String| !label.starts_with("run_status") && *label != "agent usage";
    let labels: Vec<_> = labels.iter().filter(known).map(String::as_str).collect();
    let expected = [
        "agent start",
        "agent model",
        "agent assistant",
        "chat delta",
        "agent finishing",
        "agent end",
        "chat final",
    ];
    assert_eq!(labels, expected);
    let history = client.ok("chat.history", json!({"sessionKey": "main"})).await;
    assert_eq!(words(&history), ["user: hi", "assistant: Hello"]);
    assert!(!history["messages"].to_string().contains("\"usage\""), "{history}");
}

#[tokio::test]
async fn deltas_carry_what_is_new_and_the_whole() {
    let gates = [Arc::new(Notify::new()), Arc::new(Notify::new())];
    let wait = |gate: &Arc<Notify>| Step::Gate(Arc::clone(gate));
    let answer = Answer::default().say("Hel").step(wait(&gates[0])).say("lo you");
    let gateway = Scripted::start([answer.step(wait(&gates[1])).stop()]).await;
    let mut client = gateway.operator().await;
    client.ok("chat.send", message("k1", "hi")).await;
    let delta = |payload: &Value| payload["state"] == "delta";
    let first = client.event("chat", delta).await;
    assert_eq!(first["payload"]["deltaText"], "Hel");
    assert_eq!(first["payload"]["message"]["content"][0]["text"], "Hel");
    assert_eq!(first["payload"]["sessionKey"], "agent:main:main");
    gates[0].notify_one();
    let second = client.event("chat", delta).await;
    assert_eq!(second["payload"]["deltaText"], "lo you");
    assert_eq!(second["payload"]["message"]["content"][0]["text"], "Hello you");
    gates[1].notify_one();
    let last = ended(&mut client, "k1").await;
    assert_eq!(last["state"], "final");
    assert_eq!(last["message"]["content"][0]["text"], "Hello you");
    assert_eq!(last["stopReason"], "stop");
    assert_eq!(last["usage"]["totalTokens"], 15);
    let seqs = [&first["payload"]["seq"], &second["payload"]["seq"], &last["seq"]];
    assert!(seqs.is_sorted_by_key(|seq| seq.as_u64()), "{seqs:?}");
}

#[tokio::test]
async fn a_repeat_starts_nothing() {
    let (answer, gate) = gated("a", "b");
    let gateway = Scripted::start([answer]).await;
    let mut client = gateway.operator().await;
    client.ok("chat.send", message("k1", "hi")).await;
    gateway.model.asked(1).await;
    let repeat = client.ok("chat.send", message("k1", "hi")).await;
    assert_eq!(repeat, json!({"runId": "k1", "status": "in_flight"}));
    let error = client.refused("chat.send", message("k1", "something else")).await;
    assert_eq!(error["details"]["code"], "IDEMPOTENCY_CONFLICT");
    gate.notify_one();
    ended(&mut client, "k1").await;
    let repeat = client.ok("chat.send", message("k1", "hi")).await;
    assert_eq!(repeat, json!({"runId": "k1", "status": "ok"}));
    assert_eq!(gateway.model.requests().len(), 1);
}

#[tokio::test]
async fn aborting_stops_the_stream_and_keeps_what_was_said() {
    let hanging = || Answer::default().say("partial").step(Step::Hang);
    let gateway = Scripted::start([hanging(), hanging()]).await;
    let mut client = gateway.operator().await;
    for (run, key) in [("k1", "agent:main:MAIN"), ("k2", "main")] {
        client.ok("chat.send", message(run, "hi")).await;
        client.event("chat", |p| p["runId"] == run && p["state"] == "delta").await;
        let params = json!({"sessionKey": key, "runId": run});
        let stopped = client.ok("chat.abort", params.clone()).await;
        assert_eq!(stopped, json!({"ok": true, "aborted": true, "runIds": [run]}));
        let last = ended(&mut client, run).await;
        assert_eq!((&last["state"], &last["stopReason"]), (&json!("aborted"), &json!("rpc")));
        assert_eq!(last["message"]["content"][0]["text"], "partial");
        assert_eq!(gateway.model.open_streams(), 0);
        let again = client.ok("chat.abort", params).await;
        assert_eq!(again, json!({"ok": true, "aborted": false, "runIds": []}));
    }
    let history = client.ok("chat.history", json!({"sessionKey": "main"})).await;
    let mark = &history["messages"][1]["openclawAbort"];
    assert_eq!(mark, &json!({"aborted": true, "origin": "rpc", "runId": "k1"}));
}

#[tokio::test]
async fn a_word_to_stop_stops() {
    let gateway = Scripted::start([Answer::default().say("partial").step(Step::Hang)]).await;
    let mut client = gateway.operator().await;
    client.ok("chat.send", message("k1", "hi")).await;
    gateway.model.asked(1).await;
    let foreign = json!({"sessionKey": "other", "runId": "k1"});
    let error = client.refused("chat.abort", foreign).await;
    assert_eq!(error["message"], "runId does not match sessionKey");
    let stopped = client.ok("chat.send", message("k2", " STOP ")).await;
    assert_eq!(stopped, json!({"ok": true, "aborted": true, "runIds": ["k1"]}));
    assert_eq!(ended(&mut client, "k1").await["stopReason"], "stop");
    let nothing = client.ok("chat.send", message("k3", "/stop")).await;
    assert_eq!(nothing, json!({"ok": true, "aborted": false, "runIds": []}));
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_in_the_documented_words() {
    let gateway = Scripted::start([Answer::text("Hello")]).await;
    let mut client = gateway.operator().await;
    talk(&mut client, "k0", "hi").await;
    let file = |content: String| json!([{"fileName": "a.png", "content": content}]);
    let huge = BASE64_STANDARD.encode(vec![0; 5_000_001]);
    let refusals = [
        (json!({"message": ""}), "message or attachment required"),
        (json!({"message": "a\u{0}b"}), "message must not contain null bytes"),
        (json!({"agentId": "nobody"}), "unknown agent id \"nobody\""),
        (json!({"sessionKey": "agent:gone:main"}), "unknown agent id \"gone\""),
        (
            json!({"sessionKey": "agent:main:x", "agentId": "ops"}),
            "agent \"ops\" does not match session key agent \"main\"",
        ),
        (json!({"sessionKey": "agent:x"}), "invalid session key \"agent:x\""),
        (
            json!({"thinking": "hard"}),
            "invalid thinking level \"hard\" (use off|minimal|low|medium|high|xhigh)",
        ),
        (json!({"attachments": file("?".into())}), "attachment a.png: invalid base64 content"),
        (
            json!({"attachments": file(huge)}),
            "attachment a.png: exceeds size limit (5000001 > 5000000 bytes)",
        ),
        (json!({"sessionId": "stale"}), "the session changed; read it again"),
        (json!({"expectedLeafEntryId": "stale"}), "the session changed; read it again"),
        (json!({"expectedLeafEntryId": null}), "the session changed; read it again"),
        (json!({"expectedPermissionMode": "full"}), "the session changed; read it again"),
        (
            json!({"intent": {"kind": "session-goal-start", "version": 1, "issuedAtMs": 1}}),
            "session goals are not supported by this Gateway",
        ),
    ];
    for (index, (replaced, text)) in refusals.into_iter().enumerate() {
        let mut params = message(&format!("bad{index}"), "hello");
        for (key, value) in replaced.as_object().expect("an object") {
            params[key] = value.clone();
        }
        let error = client.refused("chat.send", params).await;
        assert_eq!((&error["code"], &error["message"]), (&json!("INVALID_REQUEST"), &json!(text)));
    }
    client.ok("sessions.patch", json!({"key": "main", "sendPolicy": "deny"})).await;
    let error = client.refused("chat.send", message("k9", "hi")).await;
    assert_eq!(error["message"], "send blocked by session policy");
    assert_eq!(gateway.model.requests().len(), 1);
}

#[tokio::test]
async fn pictures_reach_the_model_and_are_left_out_of_histories() {
    let gateway = Scripted::start([Answer::text("A dot.")]).await;
    let mut client = gateway.operator().await;
    let png = BASE64_STANDARD.encode(b"\x89PNG\r\n\x1a\n....");
    let attachments = json!([
        {"type": "image", "fileName": "dot.png", "content": format!("data:image/png;base64,{png}")},
        {"fileName": "notes.txt", "content": BASE64_STANDARD.encode("words")},
    ]);
    let mut params = message("k1", "");
    params["attachments"] = attachments;
    client.ok("chat.send", params).await;
    ended(&mut client, "k1").await;
    let asked = format!("{:?}", gateway.model.requests());
    assert!(asked.contains(&png) && !asked.contains("notes.txt"), "{asked}");
    let history = client.ok("chat.history", json!({"sessionKey": "main"})).await;
    let picture = json!({"type": "image", "mimeType": "image/png", "omitted": true, "bytes": 12});
    assert_eq!(history["messages"][0]["content"], json!([picture]));
}

#[tokio::test]
async fn history_is_read_in_pages_and_from_a_cursor() {
    let gateway = Scripted::start(["a1", "a2", "a3", "a4"].map(Answer::text)).await;
    let mut client = gateway.operator().await;
    for run in ["k1", "k2", "k3"] {
        talk(&mut client, run, &format!("q{run}")).await;
    }
    let read = |more: Value| {
        let mut params = json!({"sessionKey": "main"});
        params.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
        params
    };
    let tail = client.ok("chat.history", read(json!({"limit": 2}))).await;
    assert_eq!(words(&tail), ["user: qk3", "assistant: a3"]);
    assert_eq!(
        (&tail["sessionKey"], &tail["totalMessages"], &tail["hasMore"], &tail["nextOffset"]),
        (&json!("main"), &json!(6), &json!(true), &json!(2))
    );
    assert_eq!(tail["sessionInfo"]["key"], "agent:main:main");
    assert_eq!(tail["sessionInfo"]["status"], "done");
    assert_eq!(tail["defaults"]["model"], "m");
    assert_eq!(tail["pendingInputs"], json!({"items": [], "total": 0}));
    let mark = &tail["messages"][1]["__openclaw"];
    assert_eq!((&mark["seq"], &mark["runId"]), (&json!(6), &json!("k3")));
    assert_eq!(tail["sessionInfo"]["activeLeafEntryId"], mark["id"]);
    let older = client.ok("chat.history", read(json!({"limit": 9, "offset": 2}))).await;
    assert_eq!(words(&older).len(), 4);
    assert_eq!((&older["hasMore"], &older["deltaCursor"]), (&json!(false), &Value::Null));
    let id = older["messages"][0]["__openclaw"]["id"].clone();
    let near = client.ok("chat.history", read(json!({"limit": 1, "messageId": id}))).await;
    assert_eq!(words(&near), ["user: qk1"]);
    let cut = client.ok("chat.history", read(json!({"limit": 1, "maxChars": 1}))).await;
    assert_eq!(words(&cut), ["assistant: a\n...(truncated)..."]);

    let cursor = tail["deltaCursor"].clone();
    let same = client.ok("chat.history", read(json!({"cursor": cursor}))).await;
    assert_eq!((&same["kind"], words(&same).len()), (&json!("delta"), 0));
    talk(&mut client, "k4", "qk4").await;
    let new = client.ok("chat.history", read(json!({"cursor": cursor}))).await;
    assert_eq!(words(&new), ["user: qk4", "assistant: a4"]);
    let bad = client.ok("chat.history", read(json!({"cursor": "nonsense"}))).await;
    assert_eq!(bad, json!({"kind": "reset"}));
    client.ok("sessions.reset", json!({"key": "main"})).await;
    let gone = client.ok("chat.history", read(json!({"cursor": cursor}))).await;
    assert_eq!(gone, json!({"kind": "reset"}));
    let old = read(json!({"sessionId": tail["sessionId"]}));
    assert_eq!(words(&client.ok("chat.history", old).await).len(), 8);
    for (params, text) in [
        (read(json!({"sessionId": "s"})), "No session found: s"),
        (read(json!({"messageId": "m"})), "message not found: m"),
        (json!({"sessionKey": "main", "agentId": "x"}), "unknown agent id \"x\""),
    ] {
        assert_eq!(client.refused("chat.history", params).await["message"], text);
    }
    let empty = client.ok("chat.history", json!({"sessionKey": "nothing"})).await;
    assert_eq!((words(&empty).len(), &empty["sessionId"]), (0, &Value::Null));
}

#[tokio::test]
async fn who_comes_late_sees_the_run_and_what_waits() {
    let (answer, gate) = gated("So far", ".");
    let gateway = Scripted::start([answer, Answer::text("second")]).await;
    let mut client = gateway.operator().await;
    client.ok("chat.send", message("k1", "first")).await;
    client.event("chat", |payload| payload["state"] == "delta").await;
    let mut followup = message("k2", "second");
    followup["queueMode"] = json!("followup");
    let ack = client.ok("chat.send", followup).await;
    assert_eq!(ack, json!({"runId": "k2", "status": "started"}));
    let asked = json!({"sessionKey": "main", "inputRunIds": ["k1", "k2", "unknown"]});
    let history = gateway.operator().await.ok("chat.history", asked.clone()).await;
    assert_eq!(words(&history), ["user: first"]);
    let run = &history["inFlightRun"];
    assert_eq!((&run["runId"], &run["text"]), (&json!("k1"), &json!("So far")));
    let waiting = &history["pendingInputs"]["items"][0];
    assert_eq!((&waiting["runId"], &waiting["state"]), (&json!("k2"), &json!("queued")));
    assert_eq!(waiting["message"]["content"][0]["text"], "second");
    let first = &history["messages"][0]["__openclaw"]["id"];
    let receipts = json!([
        {"runId": "k1", "state": "consumed", "consumedByEventId": first},
        {"runId": "k2", "state": "pending"},
    ]);
    assert_eq!(history["inputReceipts"], receipts);
    assert_eq!(history["sessionInfo"]["activeRunIds"], json!(["k1"]));
    gate.notify_one();
    ended(&mut client, "k2").await;
    let history = client.ok("chat.history", asked).await;
    let expected = ["user: first", "assistant: So far.", "user: second", "assistant: second"];
    assert_eq!(words(&history), expected);
    assert_eq!(history["inFlightRun"], Value::Null);
}

#[tokio::test]
async fn a_page_starts_with_one_request() {
    let gateway = Scripted::start([Answer::text("Hello")]).await;
    let mut client = gateway.operator().await;
    talk(&mut client, "k1", "hi").await;
    let startup = client.ok("chat.startup", json!({"sessionKey": "main", "limit": 1})).await;
    assert_eq!(words(&startup), ["assistant: Hello"]);
    assert_eq!(startup["agentsList"]["agents"][0]["model"]["primary"], "scripted/m");
    let metadata = client.ok("chat.metadata", json!({"sessionKey": "main"})).await;
    assert_eq!(startup["metadata"], metadata);
    assert_eq!(metadata["models"][0]["id"], "m");
    let commands = metadata["commands"].as_array().expect("commands");
    assert!(commands.iter().any(|command| command["name"] == "status"), "{metadata}");
    let short: String = startup["sessionId"].as_str().expect("an id").chars().take(13).collect();
    let by_id = client.ok("chat.startup", json!({"shortId": short})).await;
    assert_eq!(by_id["sessionId"], startup["sessionId"]);
    for (params, text) in [
        (json!({}), "invalid chat.startup params: must have required property 'sessionKey'"),
        (json!({"shortId": "zzz"}), "No session found: zzz"),
    ] {
        assert_eq!(client.refused("chat.startup", params).await["message"], text);
    }
    let error = client.refused("chat.metadata", json!({"agentId": "x"})).await;
    assert_eq!(error["details"]["code"], "UNKNOWN_AGENT_ID");
}

#[tokio::test]
async fn a_failed_provider_is_shown_to_everybody() {
    let limited = ModelError::RateLimited { retry_after: None, message: "slow down".into() };
    let gateway = Scripted::start([Answer::fail(limited)]).await;
    let mut client = gateway.operator().await;
    let mut onlooker = gateway.operator_v3().await;
    client.ok("chat.send", message("k1", "hi")).await;
    let last = ended(&mut client, "k1").await;
    assert_eq!((&last["state"], &last["errorKind"]), (&json!("error"), &json!("rate_limit")));
    assert!(last["errorMessage"].as_str().is_some_and(|text| text.contains("slow down")), "{last}");
    let labels = labels_until(&mut onlooker, "chat error").await;
    assert!(labels.contains(&"agent error".to_owned()), "{labels:?}");
    let error = client.refused("chat.send", message("k1", "hi")).await;
    assert_eq!((&error["code"], &error["message"]), (&json!("UNAVAILABLE"), &last["errorMessage"]));
}

#[tokio::test]
async fn tools_are_told_to_who_started_the_run_and_to_who_watches() {
    let answers =
        || [Answer::call("c1", "session_status", &json!({})), Answer::text("All is well.")];
    let gateway = Scripted::start(answers().into_iter().chain(answers())).await;
    let mut starter = gateway.client(json!({"caps": ["tool-events"]})).await;
    let mut watcher = gateway.operator().await;
    let mut onlooker = gateway.client(json!({"caps": ["tool-events"]})).await;
    watch(&mut watcher).await;
    talk(&mut starter, "k1", "how are you?").await;
    for client in [&mut watcher, &mut onlooker] {
        ended(client, "k1").await;
    }
    let tools = |client: &WireClient, event: &str| -> Vec<Value> {
        let tool = |frame: &&Value| frame["event"] == event && frame["payload"]["stream"] == "tool";
        client.events.iter().filter(tool).cloned().collect()
    };
    let told = tools(&starter, "agent");
    let phases: Vec<_> = told.iter().map(|frame| &frame["payload"]["data"]["phase"]).collect();
    assert_eq!(phases, ["start", "result"]);
    assert!(told.iter().all(|frame| frame.get("seq").is_none()), "{told:?}");
    assert_eq!(told[0]["payload"]["data"]["name"], "session_status");
    assert_eq!(told[1]["payload"]["data"].get("result"), None);
    assert_eq!(tools(&watcher, "session.tool").len(), 2);
    assert!(tools(&watcher, "agent").is_empty() && tools(&onlooker, "agent").is_empty());
    assert!(tools(&onlooker, "session.tool").is_empty());

    starter.ok("sessions.patch", json!({"key": "main", "verboseLevel": "full"})).await;
    starter.events.clear();
    talk(&mut starter, "k2", "and now?").await;
    let told = tools(&starter, "agent");
    let result = &told[1]["payload"]["data"]["result"];
    assert!(result["content"][0]["text"].as_str().is_some_and(|text| !text.is_empty()), "{told:?}");
}

#[tokio::test]
async fn commands_are_answered_without_a_model() {
    let gateway = Scripted::start([]).await;
    let mut client = gateway.operator().await;
    let last = talk(&mut client, "k1", "/help").await;
    assert_eq!(last["state"], "final");
    let text = last["message"]["content"][0]["text"].as_str().expect("words");
    assert!(text.contains("/status"), "{text}");
    assert!(gateway.model.requests().is_empty());
    gateway.stop().await;
}
