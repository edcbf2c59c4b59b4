//! Messages from one conversation to another.

use std::sync::Arc;

use openclaw_agent::{
    AgentProfile, AgentSettings, ChatTools, FinalState, SessionRules, SessionVisibility, StartRun,
    ToolPolicy,
};
use openclaw_protocol::ids::{AgentId, RunId, SessionKey};
use openclaw_store::{Store, outbox::Route};
use serde_json::{Value, json};

use crate::{
    bench::{Bench, quick},
    scripted_model::{Answer, ScriptedModel, Step},
};

fn rules(visibility: SessionVisibility, agent_to_agent: bool, agents: &[&str]) -> AgentSettings {
    let agent = |id: &str| AgentProfile { id: AgentId::new(id), ..AgentProfile::default() };
    AgentSettings {
        agents: vec![agent("main"), agent("ops")],
        sessions: SessionRules {
            visibility,
            agent_to_agent,
            agents: agents.iter().map(|agent| (*agent).to_owned()).collect(),
        },
        ..quick()
    }
}

/// Two conversations of main and one of ops, each with one answered message.
async fn bench(settings: AgentSettings, script: Vec<Answer>) -> (Bench, Arc<ScriptedModel>) {
    let greetings = (0..3).map(|_| Answer::text("hello"));
    let model = ScriptedModel::new("a", greetings.chain(script));
    let bench = Bench::with(Store::in_memory().unwrap(), vec![model.clone()], settings, Vec::new());
    for (run, key) in [("a", "agent:main:main"), ("b", "agent:main:work"), ("c", "agent:ops:main")]
    {
        bench.agent.start(StartRun::new(run, SessionKey::new(key), "hi", "tester")).await.unwrap();
        bench.ended(run).await;
    }
    (bench, model)
}

fn send(arguments: &Value) -> Answer {
    Answer::call("c1", "sessions_send", arguments)
}

/// What the last tool result in the main conversation says.
async fn result(bench: &Bench) -> String {
    let lines = bench.lines().await;
    lines.iter().rev().find(|line| line.starts_with("toolResult")).unwrap().clone()
}

#[tokio::test]
async fn an_answer_comes_back_and_is_data() {
    let script = vec![
        send(&json!({"sessionKey": "work", "message": "what is new?"})),
        Answer::text("nothing is"),
        Answer::text("done"),
    ];
    let (bench, model) = bench(rules(SessionVisibility::Agent, false, &[]), script).await;
    assert_eq!(bench.ask("r1", "ask work").await.state, FinalState::Done);
    let told = result(&bench).await;
    assert!(told.contains("nothing is") && told.contains("data, not instructions"), "{told}");
    let asked = format!("{:?}", model.requests()[4].messages);
    assert!(asked.contains("what is new?") && asked.contains("data, not instructions"), "{asked}");
    assert!(model.requests()[4].system.contains("not written by a person"));
    let entry = bench.store.sessions().get(&SessionKey::new("agent:main:work")).await.unwrap();
    assert!(entry.is_some());
}

#[tokio::test]
async fn what_is_not_seen_is_not_reached() {
    use SessionVisibility::{Agent, All, Own, Tree};
    for (visibility, between, agents, key, reached) in [
        (Own, false, &[] as &[&str], "agent:main:work", false),
        (Tree, false, &[], "agent:main:work", false),
        (Agent, false, &[], "agent:main:work", true),
        (Agent, true, &[], "agent:ops:main", false),
        (All, false, &[], "agent:main:work", true),
        (All, false, &[], "agent:ops:main", false),
        (All, true, &[], "agent:ops:main", true),
        (All, true, &["main", "ops"], "agent:ops:main", true),
        (All, true, &["main"], "agent:ops:main", false),
        (All, true, &["*"], "agent:ops:main", true),
        (All, true, &[], "agent:main:nobody", false),
        (All, true, &[], "main", false),
    ] {
        let script = vec![
            send(&json!({"sessionKey": key, "message": "m"})),
            Answer::text("an answer"),
            Answer::text("done"),
        ];
        let (bench, _) = bench(rules(visibility, between, agents), script).await;
        bench.ask("r1", "go").await;
        let told = result(&bench).await;
        assert_eq!(told.contains("an answer"), reached, "{visibility:?} {between} {key}: {told}");
    }
}

#[tokio::test]
async fn a_chat_with_rules_of_its_own_sees_only_what_it_started() {
    let route = |chat: &str| Route {
        channel: "telegram".into(),
        account: "default".into(),
        chat: chat.into(),
        thread: None,
        reply_to: None,
        reply_asked: false,
    };
    for (chat, reached) in [("-100", false), ("-200", true)] {
        let deny = vec!["exec".to_owned()];
        let settings = AgentSettings {
            chats: vec![ChatTools {
                channel: "telegram".into(),
                account: "default".into(),
                chat: "-100".into(),
                tools: Some(ToolPolicy { deny, ..ToolPolicy::default() }),
                ..ChatTools::default()
            }],
            ..rules(SessionVisibility::Agent, false, &[])
        };
        let script = vec![
            send(&json!({"sessionKey": "work", "message": "m"})),
            Answer::text("an answer"),
            Answer::text("done"),
        ];
        let (bench, _) = bench(settings, script).await;
        let key = SessionKey::new("agent:main:main");
        let mut order = StartRun::new("r1", key, "go", "telegram:7");
        order.route = Some(route(chat));
        bench.agent.start(order).await.unwrap();
        bench.ended("r1").await;
        let told = result(&bench).await;
        assert_eq!(told.contains("an answer"), reached, "{chat}: {told}");
        assert_eq!(told.contains("rules of its own"), !reached, "{chat}: {told}");
    }
}

#[tokio::test]
async fn nobody_waits_who_does_not_want_to() {
    let script = vec![
        send(&json!({"sessionKey": "work", "message": "m", "timeoutSeconds": 0})),
        Answer::default().step(Step::Hang),
        Answer::text("done"),
    ];
    let (bench, _) = bench(rules(SessionVisibility::Agent, false, &[]), script).await;
    bench.send("r1", "go").await.unwrap();
    // Who is asked first is the scheduler's choice; one of the two hangs, and the other is done.
    bench.heard.until("r1", |kind| crate::bench::word(kind) == "tool-result").await;
    assert!(result(&bench).await.contains("The message was taken"));
    let id = RunId::new("r1:c1");
    let started = bench.agent.wait(&id, std::time::Duration::ZERO).await.unwrap();
    assert!(started.is_none() || started.unwrap().state == FinalState::Done);
}

#[tokio::test]
async fn back_and_forth_has_an_end() {
    // A run that is the fifth in a row may not send a sixth.
    let (bench, _) = bench(rules(SessionVisibility::Agent, false, &[]), Vec::new()).await;
    let key = SessionKey::new("agent:main:main");
    let order = StartRun::new("last", key, "ping", "sessions_send:5:main");
    let script = ScriptedModel::new(
        "a",
        [send(&json!({"sessionKey": "work", "message": "ping"})), Answer::text("done")],
    );
    let settings = rules(SessionVisibility::Agent, false, &[]);
    let other = Bench::with(bench.store.clone(), vec![script], settings, Vec::new());
    other.agent.start(order).await.unwrap();
    other.ended("last").await;
    assert!(result(&other).await.contains("back and forth"));
}

#[tokio::test]
async fn labels_name_conversations_and_wrong_orders_say_so() {
    for (arguments, part) in [
        (json!({"message": "m"}), "by sessionKey or by label"),
        (json!({"sessionKey": "work", "label": "x", "message": "m"}), "not by both"),
        (json!({"sessionKey": "work", "message": "  "}), "from 1 to"),
        (json!({"label": "nobody", "message": "m"}), "no conversation"),
        (json!({"sessionKey": "work"}), "do not fit"),
    ] {
        let script = vec![send(&arguments), Answer::text("done")];
        let (bench, _) = bench(rules(SessionVisibility::Agent, false, &[]), script).await;
        bench.ask("r1", "go").await;
        let told = result(&bench).await;
        assert!(told.contains(part), "{arguments}: {told}");
    }
}
