use serde_json::json;

use super::*;
use crate::{Store, StoreOptions};

const NOW: u64 = 1_700_000_000_000;

fn key(raw: &str) -> LedgerKey {
    LedgerKey::new("device-a", "chat.send", raw)
}

fn digest(params: &str) -> ParamsDigest {
    ParamsDigest::of(&json!({"message": params}))
}

#[tokio::test]
async fn a_repeat_gets_the_first_result() {
    let store = Store::in_memory().unwrap();
    let ledger = store.ledger();
    let begin = || async { ledger.begin(&key("k"), &digest("hi"), NOW).await.unwrap() };
    assert_eq!(begin().await, Begin::Fresh);
    assert_eq!(begin().await, Begin::Running);
    let result = json!({"runId": "k"});
    assert!(ledger.finish(&key("k"), Outcome::Keep(result.clone()), NOW).await.unwrap());
    assert_eq!(begin().await, Begin::Done(result.clone()));
    let second = Outcome::Keep(json!("other"));
    assert!(!ledger.finish(&key("k"), second, NOW).await.unwrap(), "the first result stays");
    assert_eq!(begin().await, Begin::Done(result));
}

#[tokio::test]
async fn the_same_key_with_other_parameters_is_a_conflict() {
    let store = Store::in_memory().unwrap();
    let ledger = store.ledger();
    ledger.begin(&key("k"), &digest("hi"), NOW).await.unwrap();
    let other = || async { ledger.begin(&key("k"), &digest("ho"), NOW).await.unwrap() };
    assert_eq!(other().await, Begin::Conflict);
    ledger.finish(&key("k"), Outcome::Keep(json!(1)), NOW).await.unwrap();
    assert_eq!(other().await, Begin::Conflict);
}

#[tokio::test]
async fn principals_and_methods_do_not_meet() {
    let store = Store::in_memory().unwrap();
    let ledger = store.ledger();
    let keys = [
        LedgerKey::new("device-a", "chat.send", "k"),
        LedgerKey::new("device-b", "chat.send", "k"),
        LedgerKey::new("device-a", "agent", "k"),
    ];
    for key in &keys {
        assert_eq!(ledger.begin(key, &digest("hi"), NOW).await.unwrap(), Begin::Fresh, "{key:?}");
    }
}

#[tokio::test]
async fn a_withheld_result_is_answered_as_that() {
    let store = Store::in_memory().unwrap();
    let ledger = store.ledger();
    ledger.begin(&key("k"), &digest("hi"), NOW).await.unwrap();
    ledger.finish(&key("k"), Outcome::Withhold, NOW).await.unwrap();
    assert_eq!(ledger.begin(&key("k"), &digest("hi"), NOW).await.unwrap(), Begin::Withheld);
}

#[tokio::test]
async fn what_a_restart_cut_off_is_not_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.db");
    let store = Store::open(&path, &StoreOptions::default()).unwrap();
    store.ledger().begin(&key("cut"), &digest("hi"), NOW).await.unwrap();
    store.ledger().begin(&key("done"), &digest("hi"), NOW).await.unwrap();
    store.ledger().finish(&key("done"), Outcome::Keep(json!(1)), NOW).await.unwrap();
    drop(store);

    let store = Store::open(&path, &StoreOptions::default()).unwrap();
    let ledger = store.ledger();
    assert_eq!(ledger.interrupt_all_running(NOW + 1).await.unwrap(), 1);
    let cut = ledger.begin(&key("cut"), &digest("hi"), NOW + 2).await.unwrap();
    assert_eq!(cut, Begin::Interrupted);
    let done = ledger.begin(&key("done"), &digest("hi"), NOW + 2).await.unwrap();
    assert_eq!(done, Begin::Done(json!(1)));
    let late = ledger.finish(&key("cut"), Outcome::Keep(json!(2)), NOW + 3).await.unwrap();
    assert!(!late, "an interrupted request has no result");
}

#[tokio::test]
async fn a_released_request_can_run() {
    let store = Store::in_memory().unwrap();
    let ledger = store.ledger();
    ledger.begin(&key("k"), &digest("hi"), NOW).await.unwrap();
    ledger.release(&key("k")).await.unwrap();
    assert_eq!(ledger.begin(&key("k"), &digest("ho"), NOW).await.unwrap(), Begin::Fresh);
    ledger.finish(&key("k"), Outcome::Keep(json!(1)), NOW).await.unwrap();
    ledger.release(&key("k")).await.unwrap();
    let after = ledger.begin(&key("k"), &digest("ho"), NOW).await.unwrap();
    assert_eq!(after, Begin::Done(json!(1)), "what ran cannot be released");
}

#[tokio::test]
async fn a_day_later_it_is_forgotten() {
    let store = Store::in_memory().unwrap();
    let ledger = store.ledger();
    for raw in ["done", "withheld", "running"] {
        ledger.begin(&key(raw), &digest("hi"), NOW).await.unwrap();
    }
    ledger.finish(&key("done"), Outcome::Keep(json!(1)), NOW).await.unwrap();
    ledger.finish(&key("withheld"), Outcome::Withhold, NOW).await.unwrap();
    let end = NOW + LEDGER_TTL_MS;
    assert_eq!(ledger.sweep(end - 1).await.unwrap(), 0);
    // Over age but not swept yet: the same as if it were.
    assert_eq!(ledger.begin(&key("done"), &digest("ho"), end).await.unwrap(), Begin::Fresh);
    assert_eq!(ledger.sweep(end).await.unwrap(), 1);
    assert_eq!(ledger.begin(&key("withheld"), &digest("ho"), end).await.unwrap(), Begin::Fresh);
    assert_eq!(ledger.begin(&key("running"), &digest("hi"), end).await.unwrap(), Begin::Running);
}
