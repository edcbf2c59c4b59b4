use serde_json::json;

use super::*;
use crate::{Store, sessions::Reset};

const NOW: u64 = 1_700_000_000_000;

fn agent() -> AgentId {
    AgentId::new("main")
}

fn key(name: &str) -> SessionKey {
    SessionKey::canonical(name, &agent())
}

async fn open(store: &Store, name: &str) -> SessionId {
    store.sessions().get_or_create(&key(name), &agent(), NOW).await.unwrap().entry.session_id
}

fn user(text: &str, now_ms: u64) -> NewMessage {
    NewMessage::text(MessageRole::User, text, now_ms)
}

fn seqs(rows: &[MessageRow]) -> Vec<u64> {
    rows.iter().map(|row| row.seq).collect()
}

#[tokio::test]
async fn messages_come_back_as_they_were_said() {
    let store = Store::in_memory().unwrap();
    let id = open(&store, "main").await;
    let Some(meta) = json!({"model": "m", "usage": {"input": 1}}).as_object().cloned() else {
        panic!("an object");
    };
    let blocks = vec![json!({"type": "toolCall", "id": "1", "name": "x", "arguments": {"ü": 1}})];
    let said = NewMessage::new(MessageRole::Assistant, blocks, NOW)
        .with_meta(meta)
        .in_run(&RunId::new("run"))
        .once("run:assistant");
    let rows = store.transcripts().append(&id, vec![user("hi", NOW), said]).await.unwrap();
    assert_eq!(seqs(&rows), [1, 2]);
    assert_eq!(store.transcripts().tail(&id, 10, None).await.unwrap(), rows);
    assert_eq!(store.transcripts().get(&rows[1].message_id).await.unwrap().unwrap(), rows[1]);
    assert_eq!(rows[1].run_id, Some(RunId::new("run")));
}

#[tokio::test]
async fn pages_go_both_ways() {
    let store = Store::in_memory().unwrap();
    let id = open(&store, "main").await;
    let transcripts = store.transcripts();
    let all = (1..=10).map(|index| user(&format!("{index}"), NOW)).collect();
    transcripts.append(&id, all).await.unwrap();
    let page = |rows: Vec<MessageRow>| seqs(&rows);
    assert_eq!(page(transcripts.tail(&id, 3, None).await.unwrap()), [8, 9, 10]);
    assert_eq!(page(transcripts.tail(&id, 3, Some(8)).await.unwrap()), [5, 6, 7]);
    assert_eq!(page(transcripts.tail(&id, 3, Some(2)).await.unwrap()), [1]);
    assert_eq!(page(transcripts.since(&id, 7, 2).await.unwrap()), [8, 9]);
    assert_eq!(page(transcripts.since(&id, 0, usize::MAX).await.unwrap()).len(), 10);
    assert_eq!(page(transcripts.since(&id, 10, 5).await.unwrap()), [0; 0]);
    assert_eq!(transcripts.count(&id).await.unwrap(), 10);
    assert_eq!(transcripts.count(&SessionId::new("none")).await.unwrap(), 0);
}

#[tokio::test]
async fn a_repeated_message_is_appended_once() {
    let store = Store::in_memory().unwrap();
    let id = open(&store, "main").await;
    let first = store.transcripts().append(&id, vec![user("hi", NOW).once("k")]).await.unwrap();
    let batch = vec![user("hi again", NOW).once("k"), user("next", NOW)];
    let second = store.transcripts().append(&id, batch).await.unwrap();
    assert_eq!(second[0], first[0]);
    assert_eq!(second[1].seq, 2, "no seq is used up");
    // The key counts within one transcript.
    let other = open(&store, "other").await;
    let elsewhere =
        store.transcripts().append(&other, vec![user("hi", NOW).once("k")]).await.unwrap();
    assert_eq!(elsewhere[0].session_id, other);
}

#[tokio::test]
async fn a_batch_is_appended_whole_or_not_at_all() {
    let store = Store::in_memory().unwrap();
    let id = open(&store, "main").await;
    let message = user("hi", NOW);
    let twice = vec![message.clone(), message];
    store.transcripts().append(&id, twice).await.unwrap_err();
    assert_eq!(store.transcripts().count(&id).await.unwrap(), 0);
    let rows = store.transcripts().append(&id, vec![user("hi", NOW)]).await.unwrap();
    assert_eq!(seqs(&rows), [1]);
    let missing = store.transcripts().append(&SessionId::new("none"), vec![user("x", NOW)]).await;
    assert!(matches!(missing, Err(StoreError::NotFound("transcript"))), "{missing:?}");
}

#[tokio::test]
async fn appending_moves_the_session_up() {
    let store = Store::in_memory().unwrap();
    let id = open(&store, "main").await;
    store.transcripts().append(&id, vec![user("hi", NOW + 5)]).await.unwrap();
    let answer = NewMessage::text(MessageRole::Assistant, "hello", NOW + 9);
    store.transcripts().append(&id, vec![answer]).await.unwrap();
    let entry = store.sessions().get(&key("main")).await.unwrap().unwrap();
    assert_eq!(entry.updated_at_ms, NOW + 9);
    assert_eq!(entry.last_interaction_at_ms, Some(NOW + 5));
}

#[tokio::test]
async fn an_archived_transcript_leaves_its_session_alone() {
    let store = Store::in_memory().unwrap();
    let old = open(&store, "main").await;
    store.sessions().reset(&key("main"), &agent(), Reset::default(), NOW + 1).await.unwrap();
    store.transcripts().append(&old, vec![user("late", NOW + 50)]).await.unwrap();
    let entry = store.sessions().get(&key("main")).await.unwrap().unwrap();
    assert_eq!(entry.updated_at_ms, NOW + 1);

    let history = store.transcripts().of_session(&key("main")).await.unwrap();
    assert_eq!(history[0].session_id, entry.session_id);
    assert_eq!(history[1].session_id, old);
    assert_eq!(history[1].archive_reason.as_deref(), Some("reset"));
    assert_eq!(store.transcripts().info(&old).await.unwrap().as_ref(), Some(&history[1]));

    assert_eq!(store.transcripts().prune_archived(NOW + 1).await.unwrap(), 0);
    assert_eq!(store.transcripts().prune_archived(NOW + 2).await.unwrap(), 1);
    assert_eq!(store.transcripts().count(&old).await.unwrap(), 0);
    assert!(store.transcripts().info(&entry.session_id).await.unwrap().is_some());
}

#[tokio::test]
async fn previews_and_titles_of_many_sessions() {
    let store = Store::in_memory().unwrap();
    let busy = open(&store, "busy").await;
    let empty = open(&store, "empty").await;
    let messages = vec![
        NewMessage::text(MessageRole::System, "note", NOW),
        user("the first question", NOW),
        NewMessage::text(MessageRole::Assistant, "an answer", NOW),
        NewMessage::text(MessageRole::ToolResult, "42", NOW),
    ];
    let rows = store.transcripts().append(&busy, messages).await.unwrap();
    let keys = [key("busy"), key("empty"), key("missing")];
    let last = store.transcripts().last_of(&keys, 2).await.unwrap();
    assert_eq!(last[&keys[0]], rows[2..]);
    assert_eq!(last[&keys[1]], []);
    assert!(!last.contains_key(&keys[2]));

    let edges = store.transcripts().edges(&[busy.clone(), empty.clone()]).await.unwrap();
    assert_eq!(edges[&busy].first_user.as_ref(), Some(&rows[1]));
    assert_eq!(edges[&busy].last.as_ref(), Some(&rows[2]));
    assert_eq!(edges[&empty], Edges::default());
}
