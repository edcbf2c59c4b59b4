use std::{sync::Arc, time::Duration};

use openclaw_agent::{AbortReason, AgentError, AgentEventKind, AgentSettings, FinalState, Start};
use openclaw_protocol::ids::{RunId, SessionKey};
use tokio::sync::Notify;

use crate::{
    bench::{Bench, main, message, quick},
    scripted_model::{Answer, ScriptedModel, Step},
};

fn endless() -> Answer {
    Answer::default().say("once upon").step(Step::Hang)
}

fn is_text(kind: &AgentEventKind) -> bool {
    matches!(kind, AgentEventKind::Text { .. })
}

#[tokio::test]
async fn stopping_closes_the_stream_and_keeps_the_text() {
    let model = ScriptedModel::new("a", [endless(), Answer::text("next")]);
    let bench = Bench::new(vec![model.clone()]);
    bench.send("r1", "tell").await.unwrap();
    bench.heard.until("r1", is_text).await;
    assert_eq!(model.open_streams(), 1);
    let active = bench.agent.activity(&main()).active.unwrap();
    assert_eq!((active.run_id.as_str(), active.text.as_str()), ("r1", "once upon"));

    let stopped = bench.agent.abort(&main(), None, AbortReason::Rpc).await.unwrap();
    assert_eq!(stopped, [RunId::new("r1")]);
    let outcome = bench.ended("r1").await;
    assert_eq!(model.open_streams(), 0);
    assert_eq!((outcome.state, outcome.stop_reason.as_str()), (FinalState::Aborted, "rpc"));
    assert_eq!(outcome.text.as_deref(), Some("once upon"));
    let rows = bench.rows().await;
    assert_eq!(rows[1].meta["openclawAbort"]["runId"], "r1");
    let entry = bench.store.sessions().get(&main()).await.unwrap().unwrap();
    assert!(entry.flags.aborted_last_run);

    assert!(bench.agent.abort(&main(), None, AbortReason::Rpc).await.unwrap().is_empty());
    bench.ask("r2", "again").await;
    let entry = bench.store.sessions().get(&main()).await.unwrap().unwrap();
    assert!(!entry.flags.aborted_last_run);
}

#[tokio::test]
async fn stopping_before_a_word_leaves_no_row() {
    let model = ScriptedModel::new("a", [Answer::default().step(Step::Hang)]);
    let bench = Bench::new(vec![model.clone()]);
    bench.send("r1", "tell").await.unwrap();
    model.asked(1).await;
    let start = bench.send("r2", "STOP").await.unwrap();
    let run_ids = vec![RunId::new("r1")];
    assert_eq!(start, Start::Stopped { aborted: true, run_ids });
    let outcome = bench.ended("r1").await;
    assert_eq!((outcome.text.as_deref(), outcome.stop_reason.as_str()), (None, "stop"));
    assert_eq!(bench.lines().await, ["user: tell"]);
    let nothing = bench.send("r3", "/stop").await.unwrap();
    assert_eq!(nothing, Start::Stopped { aborted: false, run_ids: Vec::new() });
}

#[tokio::test]
async fn one_of_several_can_be_stopped() {
    let gate = Arc::new(Notify::new());
    let first = Answer::default().step(Step::Gate(Arc::clone(&gate))).say("first").stop();
    let model = ScriptedModel::new("a", [first, Answer::text("third")]);
    let bench = Bench::new(vec![model.clone()]);
    bench.send("r1", "one").await.unwrap();
    model.asked(1).await;
    for (id, text) in [("r2", "two"), ("r3", "three")] {
        let start = bench.send(id, text).await.unwrap();
        assert!(matches!(start, Start::Accepted { queued: true, message_seq: None, .. }));
    }
    let id = RunId::new("r2");
    let stopped = bench.agent.abort(&main(), Some(&id), AbortReason::Rpc).await.unwrap();
    assert_eq!(stopped, [id]);
    assert_eq!(bench.ended("r2").await.state, FinalState::Aborted);
    gate.notify_one();
    assert_eq!(bench.ended("r1").await.text.as_deref(), Some("first"));
    assert_eq!(bench.ended("r3").await.text.as_deref(), Some("third"));
    let lines = bench.lines().await;
    assert_eq!(lines, ["user: one", "assistant: first", "user: three", "assistant: third"]);
}

#[tokio::test]
async fn a_run_of_another_session_is_not_stopped() {
    let model = ScriptedModel::new("a", [endless()]);
    let bench = Bench::new(vec![model.clone()]);
    bench.send("r1", "tell").await.unwrap();
    model.asked(1).await;
    let other = SessionKey::new("agent:main:other");
    let refused = bench.agent.abort(&other, Some(&RunId::new("r1")), AbortReason::Rpc).await;
    assert!(matches!(refused, Err(AgentError::RunMismatch)), "{refused:?}");
    assert_eq!(model.open_streams(), 1);
}

#[tokio::test]
async fn time_runs_out() {
    let model = ScriptedModel::new("a", [endless(), endless()]);
    let settings = AgentSettings { run_timeout: Some(Duration::from_millis(50)), ..quick() };
    let bench = Bench::set(vec![model], settings);
    let outcome = bench.ask("r1", "tell").await;
    assert_eq!((outcome.state, outcome.stop_reason.as_str()), (FinalState::Aborted, "timeout"));
    assert_eq!(outcome.text.as_deref(), Some("once upon"));

    let mut patient = message("r2", "tell");
    patient.timeout = Some(Duration::ZERO);
    bench.agent.start(patient).await.unwrap();
    let waited = bench.agent.wait(&RunId::new("r2"), Duration::from_millis(150)).await.unwrap();
    assert_eq!(waited, None, "zero is no limit");
}

#[tokio::test]
async fn a_pause_before_a_retry_can_be_stopped() {
    let mut settings = quick();
    settings.retry.min_delay = Duration::from_secs(600);
    settings.retry.max_delay = Duration::from_secs(600);
    let failing = Answer::fail(openclaw_agent::ModelError::Network { message: "down".into() });
    let bench = Bench::set(vec![ScriptedModel::new("a", [failing])], settings);
    bench.send("r1", "hi").await.unwrap();
    bench.heard.until("r1", |kind| matches!(kind, AgentEventKind::Retry { .. })).await;
    bench.agent.abort(&main(), None, AbortReason::Rpc).await.unwrap();
    assert_eq!(bench.ended("r1").await.state, FinalState::Aborted);
}
