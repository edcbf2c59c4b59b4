//! When servers start, end and start again.

use std::{sync::Arc, time::Duration};

use openclaw_agent::ToolSource;
use openclaw_mcp::{ServerSetting, Way};
use serde_json::json;

use crate::place::{Place, SOON, alive, server, until, with};

/// A server that notes its starts.
fn noted(place: &Place, flags: &[&str]) -> ServerSetting {
    with(server(flags), "STARTS", &place.starts_file().display().to_string())
}

#[tokio::test]
async fn one_that_crashes_is_started_again_after_a_pause_and_the_call_is_not_repeated() {
    let place = Place::of(&[]);
    place.apply(&[("s", noted(&place, &[]))], None);
    let outcome = place.call("s__crash", json!({})).await;
    assert!(
        outcome.is_error && outcome.text.contains("It was not called again"),
        "{}",
        outcome.text
    );
    // Until the pause is over it says why at once.
    let refused = place.call("s__echo", json!({"text": "x"})).await;
    assert!(refused.is_error && refused.text.contains("ended with exit status: 3"), "{refused:?}");
    assert_eq!(place.starts().len(), 1);
    place.answers_again().await;
    assert_eq!(place.starts().len(), 2);
}

#[tokio::test]
async fn one_that_cannot_start_says_why_and_keeps_nobody() {
    let place = Place::of(&[]);
    let complaining = with(noted(&place, &["--crash"]), "COMPLAINT", "cannot read hunter2-secret");
    let complaining = with(complaining, "PASSWORD", "hunter2-secret");
    let missing = ServerSetting {
        way: Ok(Way::Stdio {
            argv: vec!["/nowhere/server".into()],
            environment: Default::default(),
            cwd: None,
        }),
        ..server(&[])
    };
    let silent =
        ServerSetting { connect_timeout: Duration::from_millis(300), ..server(&["--silent"]) };
    place.apply(
        &[
            ("complains", complaining),
            ("fine", server(&[])),
            ("missing", missing),
            ("silent", silent),
        ],
        None,
    );
    let names = place.names().await;
    assert!(names.iter().all(|name| name.starts_with("fine__")) && !names.is_empty(), "{names:?}");
    // The pauses hold: asking again starts nothing.
    place.names().await;
    assert_eq!(place.starts().len(), 1);
}

#[tokio::test]
async fn one_that_nobody_uses_rests_and_wakes_for_a_call() {
    let place = Place::of(&[]);
    place.apply(&[("s", noted(&place, &[]))], Some(Duration::from_millis(50)));
    assert!(!place.names().await.is_empty());
    let first = place.starts()[0];
    until("it rests", || !alive(first)).await;
    // Its tools are known while it rests, and naming them starts nothing.
    assert!(!place.names().await.is_empty());
    assert_eq!(place.starts().len(), 1);
    let outcome = place.call("s__echo", json!({"text": "awake"})).await;
    assert!(outcome.text.contains("echo: awake"), "{}", outcome.text);
    assert_eq!(place.starts().len(), 2);
}

#[tokio::test]
async fn calls_overlap_and_an_aborted_one_leaves_the_server_alone() {
    let place = Arc::new(Place::of(&[]));
    place.apply(&[("s", noted(&place, &[]))], None);
    let stalled =
        tokio::time::timeout(Duration::from_millis(200), place.call("s__stall", json!({})));
    assert!(stalled.await.is_err());
    let both = async {
        futures_util::join!(place.call("s__meet", json!({})), place.call("s__meet", json!({})))
    };
    let (one, other) = tokio::time::timeout(SOON, both).await.expect("they meet");
    assert!(one.text.contains("met") && other.text.contains("met"));
    assert_eq!(place.starts().len(), 1);
}

#[tokio::test]
async fn new_tools_are_there_when_the_server_says_so() {
    let place = Place::of(&[("s", server(&[]))]);
    assert!(!place.names().await.contains(&"s__grown".to_owned()));
    place.call("s__grow", json!({})).await;
    until("the new tool is known", || {
        place.servers.known().iter().any(|tool| tool.name() == "s__grown")
    })
    .await;
}

#[tokio::test]
async fn stopping_leaves_no_process_and_takes_no_time() {
    let place = Place::of(&[]);
    place.apply(&[("s", noted(&place, &[]))], None);
    let outcome = place.call("s__child", json!({})).await;
    let child: u32 = outcome.text.lines().nth(1).expect("a line").parse().expect("a process id");
    let own = place.starts()[0];
    assert!(alive(child) && alive(own));
    assert!(place.tasks.shutdown(Duration::from_secs(5)).await, "ended by itself");
    until("both are gone", || !alive(child) && !alive(own)).await;
    let refused = place.call("s__echo", json!({"text": "x"})).await;
    assert!(refused.is_error && refused.text.contains("being stopped"), "{}", refused.text);
}

#[tokio::test]
async fn a_changed_setting_ends_only_the_server_it_is_about() {
    let place = Place::of(&[]);
    let kept = noted(&place, &[]);
    place.apply(&[("kept", kept.clone()), ("other", server(&[]))], None);
    place.names().await;
    let own = place.starts()[0];
    place.apply(&[("kept", kept.clone())], None);
    let names = place.names().await;
    assert!(names.iter().all(|name| name.starts_with("kept__")));
    assert_eq!(place.starts(), [own]);
    place.apply(&[("kept", with(kept, "MORE", "1"))], None);
    until("the old one is gone", || !alive(own)).await;
    place.names().await;
    assert_eq!(place.starts().len(), 2);
}
