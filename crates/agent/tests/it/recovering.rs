use std::{sync::Arc, time::Duration};

use openclaw_agent::{AgentEventKind, FinalState, QueueMode};
use openclaw_protocol::ids::{AgentId, RunId};
use openclaw_store::{
    ParamsDigest, Store,
    runs::NewRun,
    transcripts::{MessageRole, NewMessage},
};
use serde_json::json;

use crate::{
    bench::{Bench, main, message, quick},
    scripted_model::{Answer, ScriptedModel, Step, spoken},
};

const GRACE: Duration = Duration::from_secs(5);

/// The same store in the next life of the Gateway.
fn next_life(store: &Store, model: &Arc<ScriptedModel>) -> Bench {
    Bench::with(store.clone(), vec![model.clone()], quick(), Vec::new())
}

#[tokio::test]
async fn what_was_going_on_and_what_waited_is_answered_after_a_restart() {
    let model = ScriptedModel::new("a", [Answer::default().say("half").step(Step::Hang)]);
    let bench = Bench::new(vec![model.clone()]);
    bench.send("r1", "one").await.unwrap();
    bench.heard.until("r1", |kind| matches!(kind, AgentEventKind::Text { .. })).await;
    let mut waiting = message("r2", "two");
    waiting.queue_mode = Some(QueueMode::Followup);
    bench.agent.start(waiting).await.unwrap();
    assert!(bench.tasks.shutdown(GRACE).await, "stops without being aborted");
    assert_eq!(model.open_streams(), 0);
    assert!(!bench.heard.words("r1").contains(&"finished"));
    assert!(bench.send("r3", "late").await.is_err());

    let model = ScriptedModel::new("a", [Answer::text("first"), Answer::text("second")]);
    let bench = next_life(&bench.store, &model);
    let ids = bench.agent.recover().await.unwrap();
    assert_eq!(ids, [RunId::new("r1"), RunId::new("r2")]);
    assert_eq!(bench.ended("r1").await.text.as_deref(), Some("first"));
    assert_eq!(bench.ended("r2").await.text.as_deref(), Some("second"));
    let lines = bench.lines().await;
    assert_eq!(lines, ["user: one", "assistant: first", "user: two", "assistant: second"]);
    assert_eq!(bench.agent.recover().await.unwrap(), []);
}

#[tokio::test]
async fn a_cut_tool_call_is_not_run_again() {
    let store = Store::in_memory().unwrap();
    let run = NewRun {
        run_id: RunId::new("r1"),
        session_key: main(),
        expected_session_id: None,
        starts_anew: false,
        agent_id: AgentId::new("main"),
        principal: "tester".into(),
        digest: ParamsDigest::of(&json!({})),
        message: "look".into(),
        options: json!({}),
    };
    let now = openclaw_base::Clock::now_ms(&openclaw_base::SystemClock);
    let said = NewMessage::text(MessageRole::User, "look", now).once("r1:user");
    store.runs().accept(run, Some(said), now).await.unwrap();
    let call =
        |id: &str| json!({"type": "toolCall", "id": id, "name": "session_status", "arguments": {}});
    let calls = NewMessage::new(MessageRole::Assistant, vec![call("c1"), call("c2")], now);
    let mut result = NewMessage::text(MessageRole::ToolResult, "done", now);
    result.meta.insert("toolCallId".into(), json!("c1"));
    store.runs().start(&RunId::new("r1"), vec![calls, result], now).await.unwrap();

    let model = ScriptedModel::new("a", [Answer::text("I was interrupted.")]);
    let bench = next_life(&store, &model);
    bench.agent.recover().await.unwrap();
    let outcome = bench.ended("r1").await;
    assert_eq!(outcome.text.as_deref(), Some("I was interrupted."));
    let asked = spoken(&model.requests()[0]);
    assert_eq!(
        asked[..3],
        ["user: look", "assistant: session_status|session_status", "tool: done"]
    );
    assert!(asked[3].contains("restarted") && asked[3].contains("not run again"), "{asked:?}");
    assert!(!bench.heard.words("r1").contains(&"tool-start"));
}

#[tokio::test]
async fn what_is_too_old_is_given_up() {
    let store = Store::in_memory().unwrap();
    let run = NewRun {
        run_id: RunId::new("r1"),
        session_key: main(),
        expected_session_id: None,
        starts_anew: false,
        agent_id: AgentId::new("main"),
        principal: "tester".into(),
        digest: ParamsDigest::of(&json!({})),
        message: "old".into(),
        options: json!({}),
    };
    store.runs().accept(run, None, 1_000).await.unwrap();
    let model = ScriptedModel::new("a", []);
    let bench = next_life(&store, &model);
    assert_eq!(bench.agent.recover().await.unwrap(), []);
    assert_eq!(bench.ended("r1").await.state, FinalState::Interrupted);
    assert!(model.requests().is_empty());
}

#[tokio::test]
async fn messages_answered_together_are_again_after_a_restart() {
    let gate = Arc::new(tokio::sync::Notify::new());
    let first = Answer::default().step(Step::Gate(Arc::clone(&gate))).say("first").stop();
    let model = ScriptedModel::new("a", [first, Answer::default().step(Step::Hang)]);
    let bench = Bench::new(vec![model.clone()]);
    bench.send("r1", "one").await.unwrap();
    model.asked(1).await;
    bench.send("r2", "two").await.unwrap();
    bench.send("r3", "three").await.unwrap();
    gate.notify_one();
    model.asked(2).await;
    bench.tasks.shutdown(GRACE).await;

    let model = ScriptedModel::new("a", [Answer::text("both")]);
    let bench = next_life(&bench.store, &model);
    bench.agent.recover().await.unwrap();
    assert_eq!(bench.ended("r2").await.text.as_deref(), Some("both"));
    assert_eq!(bench.ended("r3").await.merged_into, Some(RunId::new("r2")));
    assert_eq!(model.requests().len(), 1);
}
