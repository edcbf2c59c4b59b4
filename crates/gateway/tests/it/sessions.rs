//! `sessions.*`: list, watch, describe, change, and talk to.

use openclaw_testkit::{
    WireClient,
    scripted_model::{Answer, Step},
};
use serde_json::{Value, json};

use crate::scripted::{Scripted, ended, message, talk, words};

fn keys(list: &Value) -> Vec<&str> {
    let sessions = list["sessions"].as_array().expect("sessions");
    sessions.iter().filter_map(|session| session["key"].as_str()).collect()
}

async fn make(client: &mut WireClient, params: Value) -> String {
    let made = client.ok("sessions.create", params).await;
    made["key"].as_str().expect("a key").to_owned()
}

#[tokio::test]
async fn sessions_are_listed_latest_first_and_in_pages() {
    let gateway = Scripted::start([Answer::text("An answer")]).await;
    let mut client = gateway.operator().await;
    let empty = client.ok("sessions.list", json!({})).await;
    assert_eq!((keys(&empty).len(), &empty["nextOffset"]), (0, &Value::Null));
    assert_eq!((&empty["path"], &empty["limitApplied"]), (&json!("gateway.db"), &json!(100)));
    for key in ["a", "b", "agent:ops:c"] {
        make(&mut client, json!({"key": key, "label": format!("label of {key}")})).await;
    }
    talk(&mut client, "k1", "What is this?\nMore words").await;
    let first = client.ok("sessions.list", json!({"limit": 3})).await;
    assert_eq!(keys(&first)[0], "agent:main:main");
    assert_eq!(
        (&first["count"], &first["totalCount"], &first["hasMore"], &first["nextOffset"]),
        (&json!(3), &json!(4), &json!(true), &json!(3))
    );
    let rest = client.ok("sessions.list", json!({"limit": 3, "offset": 3})).await;
    assert_eq!((keys(&rest).len(), &rest["hasMore"]), (1, &json!(false)));
    for (params, expected) in [
        (json!({"agentId": "ops"}), vec!["agent:ops:c"]),
        (json!({"label": "label of a"}), vec!["agent:main:a"]),
        (json!({"search": "LABEL OF B"}), vec!["agent:main:b"]),
        (json!({"requireLastInteraction": true}), vec!["agent:main:main"]),
        (json!({"boardFace": "dashboard"}), vec![]),
        (json!({"creatorId": "somebody"}), vec![]),
        (json!({"archived": true}), vec![]),
        (
            json!({"activeMinutes": 5, "configuredAgentsOnly": true, "agentId": "ops"}),
            vec!["agent:ops:c"],
        ),
    ] {
        let list = client.ok("sessions.list", params.clone()).await;
        assert_eq!(keys(&list), expected, "{params}");
    }
    let titles = json!({"includeDerivedTitles": true, "includeLastMessage": true, "limit": 1});
    let row = &client.ok("sessions.list", titles).await["sessions"][0];
    assert_eq!(row["derivedTitle"], "What is this?");
    assert_eq!(row["lastMessagePreview"], "An answer");
    assert_eq!((&row["status"], &row["lastRunId"]), (&json!("done"), &json!("k1")));
    assert_eq!((&row["hasActiveRun"], &row["isMain"]), (&json!(false), &json!(true)));
    assert_eq!((&row["modelProvider"], &row["model"]), (&json!("scripted"), &json!("m")));
    let old = gateway.operator_v3().await.ok("sessions.list", json!({"limit": 1})).await;
    assert_eq!(old["count"], 1);
    let error = client.refused("sessions.list", json!({"agentId": "x"})).await;
    assert_eq!(error["message"], "unknown agent id \"x\"");
}

#[tokio::test]
async fn only_who_subscribed_is_told_of_changes() {
    let gateway = Scripted::start([Answer::text("one"), Answer::text("two")]).await;
    let mut watcher = gateway.operator().await;
    let mut other = gateway.operator().await;
    let plain = watcher.ok("sessions.subscribe", json!({})).await;
    assert_eq!(plain, json!({"subscribed": true}));
    let listed = watcher.ok("sessions.subscribe", json!({"limit": 5})).await;
    assert_eq!(listed["list"]["count"], 0);
    let watched = watcher.ok("sessions.messages.subscribe", json!({"key": "Main"})).await;
    assert_eq!(watched, json!({"subscribed": true, "key": "agent:main:main"}));
    talk(&mut other, "k1", "hi").await;
    let end = watcher.event("sessions.changed", |payload| payload["phase"] == "end").await;
    let payload = &end["payload"];
    assert_eq!((&payload["hasActiveRun"], &payload["status"]), (&json!(false), &json!("done")));
    assert_eq!(payload["session"]["key"], "agent:main:main");
    let message = watcher.event("session.message", |p| p["message"]["role"] == "assistant").await;
    assert_eq!(message["payload"]["messageSeq"], 2);
    assert_eq!(message["payload"]["message"]["__openclaw"]["seq"], 2);
    let away = watcher.ok("sessions.messages.unsubscribe", json!({"key": "main"})).await;
    assert_eq!(away, json!({"subscribed": false, "key": "agent:main:main"}));
    watcher.events.clear();
    talk(&mut other, "k2", "again").await;
    watcher.event("sessions.changed", |payload| payload["phase"] == "end").await;
    assert!(!watcher.events.iter().any(|frame| frame["event"] == "session.message"));
    let told =
        |frame: &&Value| frame["event"].as_str().is_some_and(|name| name.starts_with("session"));
    assert_eq!(other.events.iter().filter(told).count(), 0);
}

#[tokio::test]
async fn a_session_is_created_with_its_first_message() {
    let gateway = Scripted::start([Answer::text("Hello")]).await;
    let mut client = gateway.operator().await;
    client.ok("sessions.subscribe", json!({})).await;
    let made = client
        .ok(
            "sessions.create",
            json!({
                "agentId": "ops", "label": "Work", "displayName": "My work", "model": "scripted/m",
                "thinkingLevel": "low", "category": "c", "message": "hi", "idempotencyKey": "k1",
                "parentSessionKey": "main",
            }),
        )
        .await;
    let key = made["key"].as_str().expect("a key").to_owned();
    assert!(key.starts_with("agent:ops:dashboard:"), "{key}");
    assert_eq!(
        (&made["runStarted"], &made["runId"], &made["messageSeq"]),
        (&json!(true), &json!("k1"), &json!(1))
    );
    let entry = &made["entry"];
    assert_eq!((&entry["label"], &entry["category"]), (&json!("Work"), &json!("c")));
    assert_eq!(entry["parentSessionKey"], "agent:main:main");
    assert_eq!((&entry["createdVia"], &entry["modelOverride"]), (&json!("operator"), &json!("m")));
    let resolved = json!({"modelProvider": "scripted", "model": "m", "thinkingLevel": "low"});
    assert_eq!(made["resolved"], resolved);
    client.event("sessions.changed", |payload| payload["reason"] == "create").await;
    ended(&mut client, "k1").await;
    let got = client.ok("sessions.get", json!({"key": key})).await;
    assert_eq!(words(&got), ["user: hi", "assistant: Hello"]);

    let silent = client.ok("sessions.create", json!({"key": "quiet"})).await;
    assert_eq!(
        (&silent["key"], &silent["runStarted"]),
        (&json!("agent:main:quiet"), &json!(false))
    );
    let broken = client.ok("sessions.create", json!({"key": "broken", "message": "a\u{0}"})).await;
    assert_eq!(broken["runError"]["message"], "message must not contain null bytes");
    for (params, text) in [
        (json!({"label": "Work"}), "label already in use: Work"),
        (json!({"worktree": true}), "sessions.create: worktree is not supported here"),
        (json!({"agentId": "x"}), "unknown agent id \"x\""),
        (json!({"model": "nobody/x"}), "unknown model \"nobody/x\""),
    ] {
        assert_eq!(client.refused("sessions.create", params).await["message"], text);
    }
}

#[tokio::test]
async fn a_repeated_create_gives_the_same_session() {
    let gateway = Scripted::start([]).await;
    let mut client = gateway.operator().await;
    let params = json!({"idempotencyKey": "once", "label": "L"});
    let first = client.ok("sessions.create", params.clone()).await;
    assert_eq!(client.ok("sessions.create", params).await, first);
}

#[tokio::test]
async fn settings_are_changed_word_by_word() {
    let gateway = Scripted::start([]).await;
    let mut client = gateway.operator().await;
    client.ok("sessions.subscribe", json!({})).await;
    let patched = client
        .ok("sessions.patch", json!({
            "key": "main", "label": "Mine", "thinkingLevel": "High", "verboseLevel": "on",
            "model": "m", "icon": "i", "permissionMode": "guarded", "pinned": true, "unread": true,
            "execAsk": "always", "responseUsage": "tokens", "statusNote": "busy",
        }))
        .await;
    let entry = &patched["entry"];
    for (field, value) in [
        ("label", json!("Mine")),
        ("thinkingLevel", json!("high")),
        ("verboseLevel", json!("on")),
        ("providerOverride", json!("scripted")),
        ("modelOverride", json!("m")),
        ("icon", json!("i")),
        ("permissionMode", json!("guarded")),
        ("pinned", json!(true)),
        ("unread", json!(true)),
        ("execAsk", json!("always")),
        ("responseUsage", json!("tokens")),
        ("kept", json!({"statusNote": "busy"})),
    ] {
        assert_eq!(entry[field], value, "{field}");
    }
    assert_eq!(
        (&patched["path"], &patched["key"]),
        (&json!("gateway.db"), &json!("agent:main:main"))
    );
    let event = client.event("sessions.changed", |payload| payload["reason"] == "patch").await;
    let row = &event["payload"]["session"];
    assert_eq!((&row["label"], &row["pinned"]), (&json!("Mine"), &json!(true)));
    assert!(row["pinnedAt"].is_u64() && row["markedUnreadAt"].is_u64(), "{row}");
    let cleared =
        json!({"key": "main", "label": null, "model": null, "icon": null, "pinned": false});
    let entry = client.ok("sessions.patch", cleared).await["entry"].take();
    for field in ["label", "modelOverride", "icon", "pinned"] {
        assert_eq!(entry.get(field), None, "{field}");
    }
    assert_eq!(entry["thinkingLevel"], "high", "what is not named stays");

    make(&mut client, json!({"key": "other", "label": "Taken"})).await;
    for (change, text) in [
        (json!({"label": "Taken"}), "label already in use: Taken"),
        (json!({"verboseLevel": "x"}), "invalid verboseLevel (use off|on|full)"),
        (json!({"model": "nobody/x"}), "unknown model \"nobody/x\""),
        (json!({"spawnedBy": "main"}), "spawnedBy is only supported for subagent:* sessions"),
        (json!({"expectedSessionId": "s"}), "the session changed; read it again"),
        (json!({"expectedPermissionMode": "full"}), "the session changed; read it again"),
        (json!({"expectedLifecycleRevision": "s"}), "the session changed; read it again"),
    ] {
        let mut params = change.clone();
        params["key"] = json!("main");
        let error = client.refused("sessions.patch", params).await;
        assert_eq!(error["message"], text, "{change}");
    }
    let scopes = json!({"scopes": ["operator.write"]});
    let mut writer = gateway.client(scopes).await;
    writer.ok("sessions.patch", json!({"key": "main", "label": "Ours"})).await;
    let error = writer.refused("sessions.patch", json!({"key": "main", "execAsk": "off"})).await;
    assert_eq!(error["message"], "missing scope: operator.admin");
}

#[tokio::test]
async fn spawned_sessions_say_once_who_started_them() {
    let gateway = Scripted::start([]).await;
    let mut client = gateway.operator().await;
    let patch = |value: Value| json!({"key": "subagent:1", "spawnedBy": value});
    let entry = client.ok("sessions.patch", patch(json!("main"))).await["entry"].take();
    assert_eq!(entry["spawnedBy"], "agent:main:main");
    client.ok("sessions.patch", patch(json!("main"))).await;
    for (value, text) in [
        (json!("other"), "spawnedBy cannot be changed once set"),
        (Value::Null, "spawnedBy cannot be cleared once set"),
    ] {
        assert_eq!(client.refused("sessions.patch", patch(value)).await["message"], text);
    }
    let children = client.ok("sessions.list", json!({"spawnedBy": "main"})).await;
    assert_eq!(keys(&children), ["agent:main:subagent:1"]);
}

#[tokio::test]
async fn a_session_is_found_by_what_is_known_of_it() {
    let gateway = Scripted::start([]).await;
    let mut client = gateway.operator().await;
    let made = client.ok("sessions.create", json!({"key": "work", "label": "Work"})).await;
    let id = made["sessionId"].as_str().expect("an id").to_owned();
    let short: String = id.chars().take(13).collect();
    let expected = json!({"ok": true, "key": "agent:main:work", "agentId": "main"});
    for params in [
        json!({"key": "WORK"}),
        json!({"sessionId": id}),
        json!({"label": "Work"}),
        json!({"shortId": short}),
        json!({"label": "Work", "agentId": "main"}),
    ] {
        assert_eq!(client.ok("sessions.resolve", params.clone()).await, expected, "{params}");
    }
    let none = client.ok("sessions.resolve", json!({"key": "x", "allowMissing": true})).await;
    assert_eq!(none, json!({"ok": false}));
    for (params, text) in [
        (json!({}), "Either key, sessionId, or label is required"),
        (
            json!({"key": "work", "label": "Work"}),
            "Provide either key, sessionId, or label (not multiple)",
        ),
        (json!({"key": "nothing"}), "No session found: nothing"),
        (json!({"label": "Work", "agentId": "ops"}), "No session found: Work"),
    ] {
        assert_eq!(client.refused("sessions.resolve", params).await["message"], text);
    }
    make(&mut client, json!({"key": "worker"})).await;
    let several = client.ok("sessions.resolve", json!({"shortId": "work"})).await;
    assert_eq!(several["ok"], false);
    assert_eq!(several["candidates"].as_array().map(Vec::len), Some(2));
    let described = client.ok("sessions.describe", json!({"key": "work"})).await;
    assert_eq!(described["session"]["label"], "Work");
    let nobody = client.ok("sessions.describe", json!({"key": "nothing"})).await;
    assert_eq!(nobody, json!({"session": null}));
}

#[tokio::test]
async fn previews_show_the_end_of_several_sessions() {
    let gateway = Scripted::start([Answer::text("An answer of some length")]).await;
    let mut client = gateway.operator().await;
    talk(&mut client, "k1", "A question").await;
    make(&mut client, json!({"key": "quiet"})).await;
    let keys = json!(["main", "quiet", "nothing", "agent:x"]);
    let shown = client.ok("sessions.preview", json!({"keys": keys, "maxChars": 20})).await;
    let expected = json!([
        {"key": "main", "status": "ok", "items": [
            {"role": "user", "text": "A question"},
            {"role": "assistant", "text": "An answer of some l…"},
        ]},
        {"key": "quiet", "status": "empty", "items": []},
        {"key": "nothing", "status": "missing", "items": []},
        {"key": "agent:x", "status": "missing", "items": []},
    ]);
    assert_eq!(shown["previews"], expected);
}

#[tokio::test]
async fn a_message_is_sent_to_a_session_that_is_there() {
    let gateway = Scripted::start([Answer::text("1"), Answer::text("2")]).await;
    let mut client = gateway.operator().await;
    let sent = client.ok("sessions.send", json!({"key": "main", "message": "hi"})).await;
    assert_eq!(sent["status"], "started");
    let run = sent["runId"].as_str().expect("an id").to_owned();
    ended(&mut client, &run).await;
    make(&mut client, json!({"key": "work"})).await;
    let params = json!({"key": "work", "message": "hi", "idempotencyKey": "k1"});
    client.ok("sessions.send", params.clone()).await;
    ended(&mut client, "k1").await;
    assert_eq!(client.ok("sessions.send", params).await["status"], "ok");
    let error = client.refused("sessions.send", json!({"key": "nothing", "message": "hi"})).await;
    assert_eq!(error["message"], "No session found: agent:main:nothing");
}

#[tokio::test]
async fn a_run_is_stopped_by_its_session_or_by_itself() {
    let hanging = || Answer::default().say("…").step(Step::Hang);
    let gateway = Scripted::start([hanging(), hanging(), hanging()]).await;
    let mut client = gateway.operator().await;
    let none = json!({"ok": true, "abortedRunId": null, "status": "no-active-run"});
    for params in
        [json!({"key": "main"}), json!({"runId": "x"}), json!({"key": "main", "runId": "x"})]
    {
        assert_eq!(client.ok("sessions.abort", params).await, none);
    }
    for (run, params) in [
        ("k1", json!({"key": "main"})),
        ("k2", json!({"runId": "k2"})),
        ("k3", json!({"key": "main", "clearQueued": true})),
    ] {
        client.ok("chat.send", message(run, "hi")).await;
        client.event("chat", |p| p["runId"] == run && p["state"] == "delta").await;
        let stopped = client.ok("sessions.abort", params).await;
        let expected = json!({"ok": true, "abortedRunId": run, "status": "aborted"});
        assert_eq!(stopped, expected);
        assert_eq!(ended(&mut client, run).await["state"], "aborted");
    }
    let error = client.refused("sessions.abort", json!({})).await;
    assert_eq!(error["message"], "Either key or runId is required");
}

#[tokio::test]
async fn a_reset_stops_the_run_and_starts_a_new_transcript() {
    let gateway = Scripted::start([Answer::default().say("…").step(Step::Hang)]).await;
    let mut client = gateway.operator().await;
    client.ok("sessions.subscribe", json!({})).await;
    client.ok("sessions.patch", json!({"key": "main", "thinkingLevel": "low"})).await;
    client.ok("chat.send", message("k1", "hi")).await;
    client.event("chat", |payload| payload["state"] == "delta").await;
    let before = client.ok("chat.history", json!({"sessionKey": "main"})).await["sessionId"].take();
    let error = client
        .refused("sessions.reset", json!({"key": "main", "expectedSessionId": "stale"}))
        .await;
    assert_eq!(error["details"]["code"], "SESSION_CHANGED");
    assert_eq!(error["details"]["reason"], "session-changed");
    let reset = client.ok("sessions.reset", json!({"key": "main", "reason": "new"})).await;
    assert_eq!((&reset["ok"], &reset["key"]), (&json!(true), &json!("agent:main:main")));
    assert_ne!(reset["entry"]["sessionId"], before);
    assert_eq!(reset["entry"]["thinkingLevel"], "low", "settings stay");
    assert_eq!(ended(&mut client, "k1").await["stopReason"], "reset");
    client.event("sessions.changed", |payload| payload["reason"] == "reset").await;
    let history = client.ok("chat.history", json!({"sessionKey": "main"})).await;
    assert!(words(&history).is_empty());
    assert_eq!(gateway.model.open_streams(), 0);
}

#[tokio::test]
async fn a_deleted_session_is_gone() {
    let gateway = Scripted::start([Answer::text("1"), Answer::text("2")]).await;
    let mut client = gateway.operator().await;
    client.ok("sessions.subscribe", json!({})).await;
    let error = client.refused("sessions.delete", json!({"key": "main"})).await;
    assert_eq!(error["message"], "Cannot delete the main session (agent:main:main).");
    let nothing = client.ok("sessions.delete", json!({"key": "nothing"})).await;
    let expected =
        json!({"ok": true, "key": "agent:main:nothing", "deleted": false, "archived": []});
    assert_eq!(nothing, expected);
    for (key, keep) in [("a", false), ("b", true)] {
        make(&mut client, json!({"key": key, "message": "hi", "idempotencyKey": key})).await;
        ended(&mut client, key).await;
        let error =
            client.refused("sessions.delete", json!({"key": key, "archivedOnly": true})).await;
        assert_eq!(error["message"], format!("Session agent:main:{key} is not archived."));
        let stale = json!({"key": key, "expectedSessionUpdatedAt": 1});
        let error = client.refused("sessions.delete", stale).await;
        assert_eq!(error["details"]["code"], "SESSION_CHANGED");
        let params = json!({"key": key, "deleteTranscript": !keep});
        let deleted = client.ok("sessions.delete", params).await;
        assert_eq!(deleted["deleted"], true);
        assert_eq!(deleted["archived"].as_array().map(Vec::len), Some(usize::from(keep)));
        let event = client.event("sessions.changed", |p| p["reason"] == "delete").await;
        assert_eq!(event["payload"].get("session"), None);
    }
    assert_eq!(keys(&client.ok("sessions.list", json!({})).await), Vec::<&str>::new());
    let got = client.ok("sessions.get", json!({"key": "a"})).await;
    assert_eq!(got, json!({"messages": []}));
    let archived = make(&mut client, json!({"key": "c"})).await;
    client.ok("sessions.patch", json!({"key": archived, "archived": true})).await;
    assert!(keys(&client.ok("sessions.list", json!({})).await).is_empty());
    let all = client.ok("sessions.list", json!({"archived": "all"})).await;
    assert_eq!(keys(&all), ["agent:main:c"]);
    let scopes = json!({"scopes": ["operator.write"]});
    let mut writer = gateway.client(scopes).await;
    let params = json!({"key": "c", "archivedOnly": true});
    assert_eq!(writer.ok("sessions.delete", params).await["deleted"], true);
}

#[tokio::test]
async fn a_conversation_is_compacted_and_still_read_whole() {
    let script = ["one", "two", "what was said", "three"].map(Answer::text);
    let gateway = Scripted::start(script).await;
    let mut client = gateway.operator().await;
    let compact = json!({"key": "main"});
    let nothing = client.ok("sessions.compact", compact.clone()).await;
    assert_eq!(
        (&nothing["compacted"], &nothing["reason"]),
        (&json!(false), &json!("nothing to compact"))
    );
    talk(&mut client, "r1", "first").await;
    talk(&mut client, "r2", "second").await;
    let done = client.ok("sessions.compact", compact).await;
    assert_eq!((&done["compacted"], &done["kept"]), (&json!(true), &json!(2)), "{done}");
    let history = client.ok("chat.history", json!({"sessionKey": "main"})).await;
    let said = words(&history);
    assert_eq!(said.len(), 5, "{said:?}");
    assert_eq!(said[4], "system: what was said");
    assert_eq!(history["messages"][4]["__openclaw"]["kind"], "compaction");
    talk(&mut client, "r3", "third").await;
    let asked = gateway.model.requests().pop().expect("asked");
    let heard = openclaw_testkit::scripted_model::spoken(&asked);
    assert!(heard[0].ends_with("what was said") && !heard.concat().contains("first"), "{heard:?}");
    gateway.stop().await;
}
