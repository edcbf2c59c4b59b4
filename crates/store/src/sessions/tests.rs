use serde_json::{Map, json};

use super::*;
use crate::{
    Conflict, ParamsDigest, Store,
    runs::{Accepted, NewRun, RunState},
    transcripts::{MessageRole, NewMessage},
};

const NOW: u64 = 1_700_000_000_000;

fn agent() -> AgentId {
    AgentId::new("main")
}

fn key(name: &str) -> SessionKey {
    SessionKey::canonical(name, &agent())
}

async fn open(store: &Store, name: &str, now_ms: u64) -> SessionEntry {
    store.sessions().get_or_create(&key(name), &agent(), now_ms).await.unwrap().entry
}

async fn patch(store: &Store, name: &str, patch: SessionPatch) -> SessionEntry {
    store.sessions().patch(&key(name), &agent(), patch, NOW).await.unwrap().entry
}

fn label(label: &str) -> SessionPatch {
    SessionPatch { label: Change::Set(label.to_owned()), ..SessionPatch::default() }
}

async fn keys(store: &Store, query: SessionQuery) -> Vec<String> {
    let page = store.sessions().list(query).await.unwrap();
    assert_eq!(page.total, page.sessions.len());
    page.sessions.into_iter().map(|entry| entry.key.into_string()).collect()
}

#[tokio::test]
async fn a_session_is_made_by_its_first_use() {
    let store = Store::in_memory().unwrap();
    assert_eq!(store.sessions().get(&key("main")).await.unwrap(), None);
    let first = store.sessions().get_or_create(&key("main"), &agent(), NOW).await.unwrap();
    assert!(first.created);
    let again = store.sessions().get_or_create(&key("main"), &agent(), NOW + 1).await.unwrap();
    assert_eq!(again, Opened { entry: first.entry.clone(), created: false });
    let by_id = store.sessions().find_by_session_id(&first.entry.session_id).await.unwrap();
    assert_eq!(by_id, Some(first.entry));
}

#[tokio::test]
async fn a_patch_changes_what_it_names() {
    let store = Store::in_memory().unwrap();
    let extra = |value| Map::from_iter([("fastMode".to_owned(), value)]);
    let first = SessionPatch {
        settings: SettingsPatch {
            thinking_level: Change::Set("high".to_owned()),
            queue_mode: Change::Set("collect".to_owned()),
            ..SettingsPatch::default()
        },
        extra: extra(json!("auto")),
        pinned: Some(true),
        ..label("work")
    };
    let entry = patch(&store, "a", first).await;
    assert_eq!(entry.label.as_deref(), Some("work"));
    assert_eq!(entry.settings.thinking_level.as_deref(), Some("high"));
    assert_eq!(entry.extra, extra(json!("auto")));
    assert!(entry.flags.pinned && !entry.flags.archived);

    let second = SessionPatch {
        settings: SettingsPatch { thinking_level: Change::Clear, ..SettingsPatch::default() },
        extra: extra(json!(null)),
        archived: Some(true),
        ..SessionPatch::default()
    };
    let entry = patch(&store, "a", second).await;
    assert_eq!(entry.settings.thinking_level, None);
    assert_eq!(entry.settings.queue_mode.as_deref(), Some("collect"));
    assert_eq!(entry.extra, Map::new());
    assert_eq!(entry.label.as_deref(), Some("work"));
    assert!(entry.flags.pinned && entry.flags.archived);
    assert_eq!(store.sessions().get(&key("a")).await.unwrap(), Some(entry));
}

#[tokio::test]
async fn a_wire_field_is_absent_null_or_a_value() {
    assert_eq!(Change::<u8>::from(None), Change::Keep);
    assert_eq!(Change::<u8>::from(Some(None)), Change::Clear);
    assert_eq!(Change::from(Some(Some(1_u8))), Change::Set(1));
}

#[tokio::test]
async fn a_label_names_one_session() {
    let store = Store::in_memory().unwrap();
    let first = patch(&store, "a", label("work")).await;
    patch(&store, "a", label("work")).await;
    let taken = store.sessions().patch(&key("b"), &agent(), label("work"), NOW).await;
    let Err(StoreError::Conflict(conflict)) = taken else { panic!("{taken:?}") };
    assert_eq!(conflict.to_string(), "label already in use: work");
    assert_eq!(store.sessions().get(&key("b")).await.unwrap(), None, "nothing was made");
    let found = store.sessions().find_by_label("work").await.unwrap().unwrap();
    assert_eq!(found.key, first.key);
    patch(&store, "a", SessionPatch { label: Change::Clear, ..SessionPatch::default() }).await;
    patch(&store, "b", label("work")).await;
}

#[tokio::test]
async fn who_started_a_session_stays_fixed() {
    let store = Store::in_memory().unwrap();
    let by = |name: &str| SessionPatch { spawned_by: Some(key(name)), ..SessionPatch::default() };
    patch(&store, "child", by("parent")).await;
    let entry = patch(&store, "child", by("stranger")).await;
    assert_eq!(entry.spawned_by, Some(key("parent")));
}

#[tokio::test]
async fn a_reset_starts_over_and_keeps_the_choices() {
    let store = Store::in_memory().unwrap();
    let choices = SessionPatch {
        settings: SettingsPatch {
            thinking_level: Change::Set("high".to_owned()),
            model_override: Change::Set("m".to_owned()),
            ..SettingsPatch::default()
        },
        ..label("work")
    };
    let before = patch(&store, "a", choices).await;
    let tokens = TokenCounters { input: 5, total: 7, context: Some(1000), ..Default::default() };
    let record = SessionRecord {
        model: Some("m".to_owned()),
        tokens: Some(tokens),
        aborted_last_run: Some(true),
        ..SessionRecord::default()
    };
    assert!(store.sessions().record(&before.session_id, record, NOW + 1).await.unwrap());

    let keep = Reset { keep_model: true, ..Reset::default() };
    let reset = store.sessions().reset(&key("a"), &agent(), keep, NOW + 2).await.unwrap();
    assert_eq!(reset.previous.as_ref(), Some(&before.session_id));
    assert_ne!(reset.entry.session_id, before.session_id);
    assert_eq!(reset.entry.label.as_deref(), Some("work"));
    assert_eq!(reset.entry.settings, before.settings);
    assert_eq!(reset.entry.model.as_deref(), Some("m"));
    let context_only = TokenCounters { context: Some(1000), ..Default::default() };
    assert_eq!(reset.entry.tokens, context_only);
    assert!(!reset.entry.flags.aborted_last_run);

    let again =
        store.sessions().reset(&key("a"), &agent(), Reset::default(), NOW + 3).await.unwrap();
    assert_eq!(again.entry.settings.thinking_level.as_deref(), Some("high"));
    assert_eq!(again.entry.settings.model_override, None);
    assert_eq!(again.entry.model, None);
    let late = SessionRecord { unread: Some(true), ..SessionRecord::default() };
    assert!(!store.sessions().record(&before.session_id, late, NOW + 4).await.unwrap());
    assert_eq!(store.sessions().get(&key("a")).await.unwrap(), Some(again.entry));
}

#[tokio::test]
async fn whoever_saw_another_transcript_is_told() {
    let store = Store::in_memory().unwrap();
    let seen = open(&store, "a", NOW).await.session_id;
    let expected = Some(seen.clone());
    let reset = Reset { expected_session_id: expected.clone(), ..Reset::default() };
    let now = store.sessions().reset(&key("a"), &agent(), reset.clone(), NOW).await.unwrap();
    let current = now.entry.session_id.clone();

    let delete = Delete { expected_session_id: expected.clone(), ..Delete::default() };
    let change = SessionPatch { expected_session_id: expected, ..SessionPatch::default() };
    for refused in [
        store.sessions().reset(&key("a"), &agent(), reset, NOW).await.map(|_| ()),
        store.sessions().delete(&key("a"), delete, NOW).await.map(|_| ()),
        store.sessions().patch(&key("a"), &agent(), change.clone(), NOW).await.map(|_| ()),
    ] {
        let Err(StoreError::Conflict(conflict)) = refused else { panic!("{refused:?}") };
        assert_eq!(conflict, Conflict::SessionChanged { current: current.clone() });
    }
    let missing = store.sessions().patch(&key("none"), &agent(), change, NOW).await;
    assert!(matches!(missing, Err(StoreError::NotFound("session"))), "{missing:?}");
    assert_eq!(store.sessions().get(&key("a")).await.unwrap(), Some(now.entry));
}

async fn say(store: &Store, name: &str, run: &str) -> SessionId {
    let new = NewRun {
        run_id: run.into(),
        session_key: key(name),
        expected_session_id: None,
        starts_anew: false,
        agent_id: agent(),
        principal: "device".to_owned(),
        digest: ParamsDigest::of(&json!(run)),
        message: "my secret".to_owned(),
        options: json!({"thinking": "my secret"}),
    };
    let message = NewMessage::text(MessageRole::User, "my secret", NOW);
    match store.runs().accept(new, Some(message), NOW).await.unwrap() {
        Accepted::New(taken) => taken.run.session_id,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn deleting_forgets_every_word() {
    let store = Store::in_memory().unwrap();
    let first = say(&store, "a", "run-1").await;
    store.sessions().reset(&key("a"), &agent(), Reset::default(), NOW).await.unwrap();
    let second = say(&store, "a", "run-2").await;
    let other = say(&store, "b", "run-3").await;
    let delete = Delete { with_transcript: true, ..Delete::default() };
    let deleted = store.sessions().delete(&key("a"), delete.clone(), NOW + 1).await.unwrap();
    let mut gone = deleted.unwrap().transcripts;
    gone.sort();
    let mut expected = vec![first.clone(), second.clone()];
    expected.sort();
    assert_eq!(gone, expected);
    assert_eq!(store.sessions().get(&key("a")).await.unwrap(), None);
    for id in [&first, &second] {
        assert_eq!(store.transcripts().count(id).await.unwrap(), 0);
    }
    let run = store.runs().get(&"run-2".into()).await.unwrap().unwrap();
    assert_eq!((run.state, run.message.as_str()), (RunState::Aborted, ""));
    assert_eq!(run.options, json!(null));
    assert_eq!(store.transcripts().count(&other).await.unwrap(), 1);
    assert_eq!(store.sessions().delete(&key("a"), delete, NOW).await.unwrap(), None);
}

#[tokio::test]
async fn a_transcript_can_outlive_its_session() {
    let store = Store::in_memory().unwrap();
    let id = say(&store, "a", "run-1").await;
    let deleted =
        store.sessions().delete(&key("a"), Delete::default(), NOW + 1).await.unwrap().unwrap();
    assert_eq!(deleted.transcripts, std::slice::from_ref(&id));
    assert_eq!(store.transcripts().count(&id).await.unwrap(), 1);
    let info = store.transcripts().info(&id).await.unwrap().unwrap();
    assert_eq!(info.archive_reason.as_deref(), Some("deleted"));
    assert!(store.runs().unfinished().await.unwrap().is_empty(), "nobody answers any more");
    assert_ne!(open(&store, "a", NOW + 2).await.session_id, id);
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_paged() {
    let store = Store::in_memory().unwrap();
    for (index, name) in
        ["main", "work", "subagent:1", "cron:job", "cron:job:run:1"].into_iter().enumerate()
    {
        open(&store, name, NOW + u64::try_from(index).unwrap()).await;
    }
    for literal in ["global", "unknown"] {
        let literal = SessionKey::new(literal);
        store.sessions().get_or_create(&literal, &agent(), NOW + 9).await.unwrap();
    }
    let ops = AgentId::new("ops");
    store.sessions().get_or_create(&SessionKey::main_of(&ops), &ops, NOW + 8).await.unwrap();
    let all = SessionQuery::default();
    let everyday = ["agent:ops:main", "agent:main:cron:job", "agent:main:subagent:1"];
    assert_eq!(
        keys(&store, all.clone()).await,
        [&everyday[..], &["agent:main:work", "agent:main:main"]].concat()
    );
    let narrow = SessionQuery {
        agent_id: Some(agent()),
        include_subagents: false,
        include_cron: false,
        updated_since_ms: Some(NOW + 1),
        ..all.clone()
    };
    assert_eq!(keys(&store, narrow).await, ["agent:main:work"]);
    let literals = SessionQuery {
        include_global: true,
        include_unknown: true,
        search: Some("  GLOBAL ".to_owned()),
        ..all.clone()
    };
    assert_eq!(keys(&store, literals).await, ["global"]);

    let pinned = SessionPatch { pinned: Some(true), ..label("50% off_it") };
    patch(&store, "main", pinned).await;
    let found = |query| keys(&store, query);
    let words = |words: &str| SessionQuery { search: Some(words.to_owned()), ..all.clone() };
    assert_eq!(found(words("50% OFF_")).await, ["agent:main:main"]);
    assert_eq!(found(words("%")).await, ["agent:main:main"], "no wildcards");
    let by_label = SessionQuery { label: Some("50% off_it".to_owned()), ..all.clone() };
    assert_eq!(found(by_label).await, ["agent:main:main"]);
    let is_pinned = SessionQuery { pinned: Some(true), ..all.clone() };
    assert_eq!(found(is_pinned).await, ["agent:main:main"]);
    let archived = SessionQuery { archived: Some(true), ..all.clone() };
    assert_eq!(found(archived).await, [""; 0]);

    let page = SessionQuery { offset: 1, limit: 2, ..all.clone() };
    let page = store.sessions().list(page).await.unwrap();
    assert_eq!((page.sessions.len(), page.total), (2, 5));
    let beyond = SessionQuery { offset: 50, limit: 2, ..all };
    let beyond = store.sessions().list(beyond).await.unwrap();
    assert_eq!((beyond.sessions.len(), beyond.total), (0, 5));
}

#[tokio::test]
async fn lists_can_follow_the_person_rather_than_the_agent() {
    let store = Store::in_memory().unwrap();
    let asked = say(&store, "asked", "run-1").await;
    let answer = NewMessage::text(MessageRole::Assistant, "on my own", NOW + 90);
    let alone = open(&store, "alone", NOW - 5).await;
    store.transcripts().append(&alone.session_id, vec![answer]).await.unwrap();
    let by = |sort| SessionQuery { sort, ..SessionQuery::default() };
    assert_eq!(
        keys(&store, by(SessionSort::Updated)).await,
        ["agent:main:alone", "agent:main:asked"]
    );
    assert_eq!(
        keys(&store, by(SessionSort::Interaction)).await,
        ["agent:main:asked", "agent:main:alone"]
    );
    assert_eq!(store.transcripts().count(&asked).await.unwrap(), 1);
}
