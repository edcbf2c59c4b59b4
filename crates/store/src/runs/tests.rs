use serde_json::json;

use super::*;
use crate::{
    Conflict, Store, StoreOptions,
    sessions::{Delete, Reset, TokenCounters},
    transcripts::MessageRole,
};

const NOW: u64 = 1_700_000_000_000;

fn agent() -> AgentId {
    AgentId::new("main")
}

fn key() -> SessionKey {
    SessionKey::main_of(&agent())
}

fn new(run: &str, text: &str) -> NewRun {
    NewRun {
        run_id: run.into(),
        session_key: key(),
        expected_session_id: None,
        starts_anew: false,
        agent_id: agent(),
        principal: "device-a".to_owned(),
        digest: ParamsDigest::of(&json!({"message": text})),
        message: text.to_owned(),
        options: json!({"thinking": "low"}),
    }
}

fn user(text: &str) -> NewMessage {
    NewMessage::text(MessageRole::User, text, NOW)
}

fn assistant(text: &str) -> NewMessage {
    NewMessage::text(MessageRole::Assistant, text, NOW + 1)
}

async fn accept(store: &Store, run: &str, text: &str) -> Taken {
    match store.runs().accept(new(run, text), Some(user(text)), NOW).await.unwrap() {
        Accepted::New(taken) => *taken,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn accepting_is_one_step_for_session_run_and_message() {
    let store = Store::in_memory().unwrap();
    let taken = accept(&store, "r1", "hi").await;
    assert!(taken.session_created);
    let message = taken.message.unwrap();
    assert_eq!((message.seq, message.run_id.as_ref()), (1, Some(&taken.run.run_id)));
    let session = store.sessions().get(&key()).await.unwrap().unwrap();
    assert_eq!(session.session_id, taken.run.session_id);
    assert_eq!(session.last_interaction_at_ms, Some(NOW));
    assert_eq!(store.runs().get(&"r1".into()).await.unwrap(), Some(taken.run.clone()));
    assert_eq!(store.runs().unfinished().await.unwrap(), [taken.run]);
}

#[tokio::test]
async fn the_same_run_is_taken_once() {
    let store = Store::in_memory().unwrap();
    let taken = accept(&store, "r1", "hi").await;
    let again = store.runs().accept(new("r1", "hi"), Some(user("hi")), NOW + 1).await.unwrap();
    assert_eq!(again, Accepted::Duplicate(Box::new(taken.run.clone())));
    let other_words = store.runs().accept(new("r1", "ho"), Some(user("ho")), NOW).await.unwrap();
    assert_eq!(other_words, Accepted::Conflict);
    let stranger = NewRun { principal: "device-b".to_owned(), ..new("r1", "hi") };
    let stranger = store.runs().accept(stranger, Some(user("hi")), NOW).await.unwrap();
    assert_eq!(stranger, Accepted::Conflict, "another device does not see this run");
    assert_eq!(store.transcripts().count(&taken.run.session_id).await.unwrap(), 1);
}

#[tokio::test]
async fn concurrent_repeats_are_taken_once() {
    let store = Store::in_memory().unwrap();
    let attempts = (0..20).map(|_| store.runs().accept(new("r1", "hi"), Some(user("hi")), NOW));
    let results = futures_util::future::join_all(attempts).await;
    let taken = results.iter().filter(|result| matches!(result, Ok(Accepted::New(_)))).count();
    let repeats =
        results.iter().filter(|result| matches!(result, Ok(Accepted::Duplicate(_)))).count();
    assert_eq!((taken, repeats), (1, 19));
}

#[tokio::test]
async fn a_run_goes_from_accepted_to_its_end() {
    let store = Store::in_memory().unwrap();
    // The words of a queued message join the transcript when its turn comes.
    let queued = store.runs().accept(new("r1", "hi"), None, NOW).await.unwrap();
    let Accepted::New(taken) = queued else { panic!("{queued:?}") };
    assert_eq!(taken.message, None);
    let Step::Taken(begun) =
        store.runs().start(&"r1".into(), vec![user("hi")], NOW + 1).await.unwrap()
    else {
        panic!("it had not ended")
    };
    assert_eq!(begun[0].seq, 1);
    store.runs().start(&"r1".into(), Vec::new(), NOW + 5).await.unwrap();
    let running = store.runs().get(&"r1".into()).await.unwrap().unwrap();
    assert_eq!((running.state, running.started_at_ms), (RunState::Running, Some(NOW + 1)));

    let tokens = TokenCounters { input: 3, output: 4, ..TokenCounters::default() };
    let end = RunEnd {
        messages: vec![assistant("hello")],
        session: SessionRecord {
            model: Some("m".to_owned()),
            tokens: Some(tokens),
            ..SessionRecord::default()
        },
        ..RunEnd::new(RunState::Done, Some(json!({"text": "hello"})))
    };
    let Step::Taken(said) = store.runs().finish(&"r1".into(), end, NOW + 9).await.unwrap() else {
        panic!("it had not ended")
    };
    assert_eq!((said[0].seq, said[0].run_id.clone()), (2, Some("r1".into())));
    let done = store.runs().get(&"r1".into()).await.unwrap().unwrap();
    assert_eq!((done.state, done.ended_at_ms), (RunState::Done, Some(NOW + 9)));
    assert_eq!(done.outcome, Some(json!({"text": "hello"})));
    assert!(store.runs().unfinished().await.unwrap().is_empty());
    let session = store.sessions().get(&key()).await.unwrap().unwrap();
    assert_eq!((session.model.as_deref(), session.tokens), (Some("m"), tokens));
    assert_eq!(session.updated_at_ms, NOW + 9);
}

#[tokio::test]
async fn the_first_end_is_final() {
    let store = Store::in_memory().unwrap();
    accept(&store, "r1", "hi").await;
    let abort = RunEnd::new(RunState::Aborted, Some(json!("stopped")));
    store.runs().finish(&"r1".into(), abort, NOW + 1).await.unwrap();
    let end = RunEnd { messages: vec![assistant("late")], ..RunEnd::new(RunState::Done, None) };
    let second = store.runs().finish(&"r1".into(), end, NOW + 2).await.unwrap();
    let row = store.runs().get(&"r1".into()).await.unwrap().unwrap();
    assert_eq!((row.state, row.ended_at_ms), (RunState::Aborted, Some(NOW + 1)));
    assert_eq!(second, Step::Ended(Box::new(row.clone())));
    let start = store.runs().start(&"r1".into(), vec![user("x")], NOW + 3).await.unwrap();
    assert_eq!(start, Step::Ended(Box::new(row.clone())));
    assert_eq!(store.transcripts().count(&row.session_id).await.unwrap(), 1);
}

#[tokio::test]
async fn what_is_not_an_end_or_not_a_run_is_refused() {
    let store = Store::in_memory().unwrap();
    accept(&store, "r1", "hi").await;
    let not_an_end = RunEnd::new(RunState::Running, None);
    let refused = store.runs().finish(&"r1".into(), not_an_end, NOW).await;
    assert!(matches!(refused, Err(StoreError::Internal { .. })), "{refused:?}");
    let unknown = store.runs().start(&"none".into(), Vec::new(), NOW).await;
    assert!(matches!(unknown, Err(StoreError::NotFound("run"))), "{unknown:?}");
    assert_eq!(store.runs().get(&"none".into()).await.unwrap(), None);
}

#[tokio::test]
async fn a_session_that_changed_takes_no_run() {
    let store = Store::in_memory().unwrap();
    let seen = accept(&store, "r1", "hi").await.run.session_id;
    let reset =
        store.sessions().reset(&key(), &agent(), Reset::default(), NOW).await.unwrap().entry;
    let late = NewRun { expected_session_id: Some(seen), ..new("r2", "hi") };
    let refused = store.runs().accept(late, Some(user("hi")), NOW).await;
    let Err(StoreError::Conflict(conflict)) = refused else { panic!("{refused:?}") };
    assert_eq!(conflict, Conflict::SessionChanged { current: reset.session_id.clone() });
    assert_eq!(store.runs().get(&"r2".into()).await.unwrap(), None);
    assert_eq!(store.transcripts().count(&reset.session_id).await.unwrap(), 0);
}

#[tokio::test]
async fn a_run_can_end_after_its_transcript_is_gone() {
    let store = Store::in_memory().unwrap();
    accept(&store, "r1", "hi").await;
    store.runs().start(&"r1".into(), Vec::new(), NOW).await.unwrap();
    let delete = Delete { with_transcript: true, ..Delete::default() };
    store.sessions().delete(&key(), delete, NOW).await.unwrap().unwrap();
    let end = RunEnd { messages: vec![assistant("late")], ..RunEnd::new(RunState::Done, None) };
    let end = store.runs().finish(&"r1".into(), end, NOW).await.unwrap();
    assert!(matches!(end, Step::Ended(_)), "{end:?}");
    assert_eq!(store.sessions().get(&key()).await.unwrap(), None);
}

#[tokio::test]
async fn a_restart_finds_what_was_not_finished_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.db");
    let store = Store::open(&path, &StoreOptions::default()).unwrap();
    for run in ["r2", "r1", "r3"] {
        accept(&store, run, "hi").await;
    }
    store.runs().start(&"r1".into(), Vec::new(), NOW).await.unwrap();
    let end = RunEnd::new(RunState::Error, None);
    store.runs().finish(&"r3".into(), end, NOW).await.unwrap();
    drop(store);
    let store = Store::open(&path, &StoreOptions::default()).unwrap();
    let left: Vec<_> = store
        .runs()
        .unfinished()
        .await
        .unwrap()
        .into_iter()
        .map(|run| (run.run_id.into_string(), run.state))
        .collect();
    assert_eq!(left, [("r2".to_owned(), RunState::Accepted), ("r1".to_owned(), RunState::Running)]);
}

#[tokio::test]
async fn the_latest_run_of_a_session_is_known_until_pruned() {
    let store = Store::in_memory().unwrap();
    accept(&store, "r1", "hi").await;
    accept(&store, "r2", "hi").await;
    let latest = store.runs().latest(&[key(), SessionKey::new("none")]).await.unwrap();
    assert_eq!(latest.len(), 1);
    assert_eq!(latest[&key()].run_id, "r2".into());
    let end = || RunEnd::new(RunState::Done, None);
    store.runs().finish(&"r1".into(), end(), NOW + 1).await.unwrap();
    assert_eq!(store.runs().prune(NOW + 1).await.unwrap(), 0);
    assert_eq!(store.runs().prune(NOW + 2).await.unwrap(), 1, "only what has ended");
    assert_eq!(store.runs().get(&"r1".into()).await.unwrap(), None);
    assert!(store.runs().get(&"r2".into()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_session_starts_anew_with_a_run_unless_another_is_not_over() {
    let store = Store::in_memory().unwrap();
    let first = accept(&store, "r1", "hi").await.run;
    let anew = |run: &str| NewRun { starts_anew: true, ..new(run, "hi") };
    let Accepted::New(second) = store.runs().accept(anew("r2"), None, NOW).await.unwrap() else {
        panic!("it is new")
    };
    assert_eq!((&second.run.session_id, second.previous), (&first.session_id, None));
    for run in [&first.run_id, &second.run.run_id] {
        store.runs().finish(run, RunEnd::new(RunState::Done, None), NOW).await.unwrap();
    }

    let stranger = NewRun { expected_session_id: Some("another".into()), ..anew("r3") };
    assert!(store.runs().accept(stranger, None, NOW).await.is_err());
    let seen = NewRun { expected_session_id: Some(first.session_id.clone()), ..anew("r3") };
    let taken = store.runs().accept(seen, Some(user("hi")), NOW + 1).await.unwrap();
    let Accepted::New(third) = taken else { panic!("{taken:?}") };
    assert_ne!(third.run.session_id, first.session_id);
    assert_eq!(third.previous, Some(first.session_id.clone()));
    assert_eq!(store.transcripts().count(&first.session_id).await.unwrap(), 1);
    let again = store.runs().accept(anew("r3"), None, NOW + 2).await.unwrap();
    assert!(matches!(again, Accepted::Duplicate(_)), "{again:?}");
    let session = store.sessions().get(&key()).await.unwrap().unwrap();
    assert_eq!(session.session_id, third.run.session_id);
}
