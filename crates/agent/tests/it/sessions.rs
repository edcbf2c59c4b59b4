use std::{sync::Arc, time::Duration};

use openclaw_agent::{AgentError, FinalState, StartRun};
use openclaw_protocol::ids::{AgentId, RunId, SessionKey};
use openclaw_store::sessions::{Change, Delete, SessionPatch, SettingsPatch};

use crate::{
    bench::{Bench, main, message},
    scripted_model::{Answer, ScriptedModel, Step},
};

fn work() -> SessionKey {
    SessionKey::new("agent:main:work")
}

#[tokio::test]
async fn a_reset_stops_what_runs() {
    let model = ScriptedModel::new("a", [Answer::default().say("x").step(Step::Hang)]);
    let bench = Bench::new(vec![model.clone()]);
    bench.send("r1", "hang").await.unwrap();
    model.asked(1).await;
    let before = bench.session_id().await;
    let was = bench.agent.reset_session(&main(), Some(before.clone())).await.unwrap();
    assert_eq!(was.previous, Some(before.clone()));
    assert_ne!(was.entry.session_id, before);
    assert_eq!(bench.ended("r1").await.stop_reason, "reset");
    assert_eq!(bench.heard.changes(), ["reset"]);
    assert!(bench.agent.reset_session(&main(), Some(before)).await.is_err());
}

#[tokio::test]
async fn a_session_is_deleted_but_not_the_main_one() {
    let bench = Bench::new(vec![ScriptedModel::new("a", [])]);
    bench.ask("r1", "hi").await;
    let refused = bench.agent.delete_session(&main(), Delete::default()).await;
    assert!(matches!(refused, Err(AgentError::MainSession(_))), "{refused:?}");

    bench.agent.start(StartRun::new("r2", work(), "hi", "tester")).await.unwrap();
    bench.ended("r2").await;
    let delete = || Delete { with_transcript: true, expected_session_id: None };
    assert!(bench.agent.delete_session(&work(), delete()).await.unwrap().is_some());
    assert!(bench.agent.delete_session(&work(), delete()).await.unwrap().is_none());
    assert!(bench.store.sessions().get(&work()).await.unwrap().is_none());
    assert_eq!(bench.heard.changes(), ["delete"]);
}

#[tokio::test]
async fn a_deleted_session_takes_its_run_with_it() {
    let model = ScriptedModel::new("a", [Answer::default().say("x").step(Step::Hang)]);
    let bench = Bench::new(vec![model.clone()]);
    bench.agent.start(StartRun::new("r1", work(), "hi", "tester")).await.unwrap();
    model.asked(1).await;
    let delete = Delete { with_transcript: true, expected_session_id: None };
    bench.agent.delete_session(&work(), delete).await.unwrap();
    assert_eq!(bench.ended("r1").await.state, FinalState::Aborted);
    assert_eq!(model.open_streams(), 0);
}

#[tokio::test]
async fn messages_are_refused_for_a_reason() {
    let bench = Bench::new(vec![ScriptedModel::new("a", [])]);
    let empty = bench.send("r1", " \n").await;
    assert!(matches!(empty, Err(AgentError::EmptyMessage)), "{empty:?}");
    let null = bench.send("r1", "a\0b").await;
    assert!(matches!(null, Err(AgentError::NullByte)), "{null:?}");

    let mut other = message("r1", "hi");
    other.agent_id = Some(AgentId::new("ops"));
    let mismatch = bench.agent.start(other).await;
    assert!(matches!(mismatch, Err(AgentError::AgentMismatch { .. })), "{mismatch:?}");
    let key = SessionKey::new("agent:ops:main");
    let unknown = bench.agent.start(StartRun::new("r1", key, "hi", "tester")).await;
    assert!(matches!(unknown, Err(AgentError::UnknownAgent(_))), "{unknown:?}");

    let send_policy = Change::Set(String::from("deny"));
    let settings = SettingsPatch { send_policy, ..SettingsPatch::default() };
    let patch = SessionPatch { settings, ..SessionPatch::default() };
    bench.store.sessions().patch(&main(), &AgentId::new("main"), patch, 1).await.unwrap();
    let blocked = bench.send("r1", "hi").await;
    assert!(matches!(blocked, Err(AgentError::SendBlocked)), "{blocked:?}");
    bench.ask("c1", "/status").await;

    let mut seen = message("r2", "/help");
    seen.expected_session_id = Some("another".into());
    assert!(bench.agent.start(seen).await.is_err());
    assert_eq!(bench.agent.load(), 0);
    assert!(bench.agent.busy_sessions().is_empty());
}

#[tokio::test]
async fn a_run_can_be_waited_for_before_it_begins() {
    let bench = Arc::new(Bench::new(vec![ScriptedModel::new("a", [])]));
    let early = bench.agent.wait(&RunId::new("r1"), Duration::from_millis(20)).await.unwrap();
    assert_eq!(early, None);
    let id = RunId::new("r1");
    let (waited, sent) =
        tokio::join!(bench.agent.wait(&id, Duration::from_secs(20)), bench.send("r1", "hi"),);
    sent.unwrap();
    assert_eq!(waited.unwrap().unwrap().text.as_deref(), Some("."));
    let later = bench.agent.wait(&id, Duration::ZERO).await.unwrap();
    assert_eq!(later.unwrap().state, FinalState::Done, "the store remembers");
}
