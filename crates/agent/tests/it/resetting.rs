//! Conversations that start anew by themselves, by a clock that is turned by hand.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use openclaw_agent::{AbortReason, AgentSettings, ResetRule, ResetRules, Start};
use openclaw_base::ManualClock;
use openclaw_store::{Store, outbox::Route};

use crate::{
    bench::{Bench, main, message, quick},
    scripted_model::{Answer, ScriptedModel, Step, spoken},
};

const HOUR: Duration = Duration::from_secs(3600);
const NOON: u64 = 1_767_268_800_000;
const AFTER_AN_HOUR: ResetRule = ResetRule { at_hour: None, idle: Some(HOUR) };

fn bench(model: &Arc<ScriptedModel>, resets: ResetRules) -> (Bench, Arc<ManualClock>) {
    let clock = ManualClock::new(NOON);
    let settings = AgentSettings { resets, ..quick() };
    let store = Store::in_memory().unwrap();
    let bench = Bench::at(clock.clone(), store, vec![model.clone()], settings, Vec::new());
    (bench, clock)
}

fn direct(rule: ResetRule) -> ResetRules {
    ResetRules { direct: rule, ..ResetRules::default() }
}

#[tokio::test]
async fn a_message_after_a_pause_is_answered_in_a_new_transcript() {
    let model = ScriptedModel::new("a", []);
    let (bench, clock) = bench(&model, direct(AFTER_AN_HOUR));
    bench.ask("r1", "one").await;
    let before = bench.session_id().await;
    clock.advance(HOUR / 2);
    bench.ask("r2", "two").await;
    clock.advance(HOUR - Duration::from_millis(1));
    bench.ask("r3", "three").await;
    assert_eq!(bench.session_id().await, before, "each message made it younger");

    clock.advance(HOUR);
    // Who saw the old transcript is answered in the new one.
    let mut seen = message("r4", "four");
    seen.expected_session_id = Some(before.clone());
    let Start::Accepted { session_id, .. } = bench.agent.start(seen).await.unwrap() else {
        panic!("a message is accepted")
    };
    bench.ended("r4").await;
    let after = bench.session_id().await;
    assert_eq!(session_id, after);
    assert_ne!(after, before);
    assert_eq!(bench.heard.changes(), ["idle"]);
    assert_eq!(spoken(&model.requests()[3]), ["user: four"], "the memory is empty");
    assert_eq!(bench.lines().await, ["user: four", "assistant: ."]);

    let old = bench.store.transcripts().tail(&before, 10, None).await.unwrap();
    assert_eq!(old.len(), 6, "what was said before stays");
    let kept = bench.store.transcripts().info(&before).await.unwrap().unwrap();
    assert_eq!(kept.archive_reason.as_deref(), Some("reset"));

    let mut late = message("r5", "five");
    late.expected_session_id = Some(before);
    assert!(bench.agent.start(late).await.is_err(), "the session is at another transcript now");
    let again = bench.send("r4", "four").await.unwrap();
    assert!(matches!(again, Start::Done(_)), "{again:?}");
    assert_eq!(bench.session_id().await, after);
}

#[tokio::test]
async fn a_day_ends_at_its_hour() {
    let model = ScriptedModel::new("a", []);
    let (bench, clock) = bench(&model, direct(ResetRule { at_hour: Some(4), idle: None }));
    bench.ask("r1", "one").await;
    let before = bench.session_id().await;
    // In whatever zone this runs, some hour of a day is four.
    clock.advance(24 * HOUR);
    bench.ask("r2", "two").await;
    let after = bench.session_id().await;
    assert_ne!(after, before);
    bench.ask("r3", "three").await;
    assert_eq!(bench.session_id().await, after, "once a day");
    assert_eq!(bench.heard.changes(), ["daily"]);
}

#[tokio::test]
async fn a_command_finds_a_new_transcript_too_and_a_reset_is_made_once() {
    let model = ScriptedModel::new("a", []);
    let (bench, clock) = bench(&model, direct(AFTER_AN_HOUR));
    bench.ask("r1", "one").await;
    clock.advance(HOUR);
    bench.ask("c1", "/think high").await;
    assert_eq!(bench.lines().await.len(), 2);
    clock.advance(HOUR);
    bench.ask("c2", "/new").await;
    assert_eq!(bench.heard.changes(), ["idle", "patch", "new"]);
    let entry = bench.store.sessions().get(&main()).await.unwrap().unwrap();
    assert_eq!(entry.settings.thinking_level.as_deref(), Some("high"), "what was set stays");

    // Nobody wrote since, but it is new all the same.
    clock.advance(HOUR);
    let was = bench.agent.reset_session(&main(), None).await.unwrap();
    bench.ask("r2", "two").await;
    assert_eq!(bench.session_id().await, was.entry.session_id);
}

#[tokio::test]
async fn what_goes_on_is_not_cut() {
    let model = ScriptedModel::new("a", [Answer::default().say("x").step(Step::Hang)]);
    let (bench, clock) = bench(&model, direct(AFTER_AN_HOUR));
    bench.send("r1", "hang").await.unwrap();
    model.asked(1).await;
    let before = bench.session_id().await;
    clock.advance(2 * HOUR);
    bench.send("r2", "meanwhile").await.unwrap();
    bench.ask("c1", "/status").await;
    assert_eq!(bench.session_id().await, before);
    assert_eq!(bench.agent.activity(&main()).queued.len(), 1);
    bench.agent.abort(&main(), Some(&"r1".into()), AbortReason::Rpc).await.unwrap();
    bench.ended("r2").await;
    assert_eq!(bench.session_id().await, before);
    assert!(bench.heard.changes().is_empty());
}

#[tokio::test]
async fn a_channel_has_its_own_rule() {
    let model = ScriptedModel::new("a", []);
    let channels = BTreeMap::from([("webhook".to_owned(), AFTER_AN_HOUR)]);
    let (bench, clock) = bench(&model, ResetRules { channels, ..ResetRules::default() });
    bench.ask("r1", "one").await;
    let before = bench.session_id().await;
    clock.advance(100 * HOUR);
    bench.ask("r2", "two").await;
    assert_eq!(bench.session_id().await, before);
    clock.advance(HOUR);
    let mut by_channel = message("r3", "three");
    by_channel.route = Some(Route {
        channel: "webhook".to_owned(),
        account: "default".to_owned(),
        chat: "someone".to_owned(),
        thread: None,
        reply_to: None,
        reply_asked: false,
    });
    bench.agent.start(by_channel).await.unwrap();
    bench.ended("r3").await;
    assert_ne!(bench.session_id().await, before);
}
