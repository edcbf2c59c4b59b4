//! What comes back from a call.

use std::time::Duration;

use openclaw_agent::{ToolOrigin, ToolSource};
use openclaw_exec::run::can_hide;
use openclaw_mcp::{ServerSetting, ToolFilter};
use serde_json::json;

use crate::place::{Place, alive, server, until, with};

#[tokio::test]
async fn tools_are_found_called_and_named_after_their_server() {
    let place = Place::of(&[("my docs", server(&[]))]);
    assert!(place.servers.known().is_empty(), "nothing is started before it is wanted");
    let names = place.names().await;
    assert!(names.contains(&"my-docs__echo".to_owned()), "{names:?}");
    assert!(names.is_sorted());
    let outcome = place.call("my-docs__echo", json!({"text": "hello"})).await;
    assert!(!outcome.is_error);
    assert!(outcome.text.contains("\necho: hello\n"), "{}", outcome.text);
    assert!(outcome.text.starts_with("--- answer of my docs "), "{}", outcome.text);
    let tools = place.servers.known();
    let tool = tools.iter().find(|tool| tool.name() == "my-docs__echo").expect("known");
    let origin = ToolOrigin::Server { server: "my docs".into(), tool: "echo".into() };
    assert_eq!((tool.origin(), tool.description()), (origin, "Does echo."));
    assert_eq!(tool.schema()["properties"]["text"]["type"], "string");
}

#[tokio::test]
async fn what_a_policy_rules_out_is_not_started() {
    let place = Place::of(&[("one", server(&[]))]);
    let starts = place.starts_file().display().to_string();
    place.apply(&[("one", with(server(&[]), "STARTS", &starts))], None);
    let tools = place.servers.ready(&|beginning| beginning != "one__").await;
    assert!(tools.is_empty() && place.starts().is_empty());
    assert!(!place.names().await.is_empty());
    assert_eq!(place.starts().len(), 1);
}

#[tokio::test]
async fn filters_take_tools_away() {
    let only = ToolFilter { include: vec!["e*".into()], exclude: vec!["s__environment".into()] };
    let place = Place::of(&[("s", ServerSetting { filter: only, ..server(&[]) })]);
    assert_eq!(place.names().await, ["s__echo"]);
}

#[tokio::test]
async fn failures_and_refusals_are_told_and_what_is_malformed_is_a_failure() {
    let place = Place::of(&[("s", server(&[]))]);
    for (tool, part) in
        [("fails", "no such page"), ("refuses", "not today"), ("malformed", "could not be called")]
    {
        let outcome = place.call(&format!("s__{tool}"), json!({})).await;
        assert!(outcome.is_error && outcome.text.contains(part), "{tool}: {}", outcome.text);
    }
    let wrong = place.call("s__echo", json!([1])).await;
    assert!(wrong.is_error && wrong.text.contains("must be an object"), "{}", wrong.text);
    let outcome = place.call("s__garbage", json!({})).await;
    assert!(outcome.text.contains("after the garbage"), "{}", outcome.text);
}

#[tokio::test]
async fn long_results_are_cut_in_the_open_and_longer_ones_end_the_server() {
    let place = Place::of(&[("s", server(&[]))]);
    let outcome = place.call("s__huge", json!({"chars": 100_123})).await;
    assert!(outcome.text.contains("[123 characters left out]") && outcome.text.len() < 101_000);
    let outcome = place.call("s__huge", json!({"chars": 5_000_000})).await;
    assert!(outcome.is_error && outcome.text.contains("ended while"), "{}", outcome.text);
    let refused = place.call("s__echo", json!({"text": "x"})).await;
    assert!(
        refused.is_error && refused.text.contains("more than 4194304 bytes"),
        "{}",
        refused.text
    );
}

#[tokio::test]
async fn silence_has_a_deadline_and_then_an_end() {
    let place = Place::of(&[]);
    let starts = place.starts_file().display().to_string();
    let impatient = ServerSetting {
        request_timeout: Duration::from_millis(200),
        ..with(server(&[]), "STARTS", &starts)
    };
    place.apply(&[("s", impatient)], None);
    for _ in 0..2 {
        let outcome = place.call("s__stall", json!({})).await;
        assert!(outcome.is_error && outcome.text.contains("did not answer"), "{}", outcome.text);
    }
    let first = place.starts()[0];
    until("the silent server is gone", || !alive(first)).await;
    place.answers_again().await;
    assert_eq!(place.starts().len(), 2);
}

#[tokio::test]
async fn programs_get_a_filtered_environment_and_do_not_see_the_state_folder() {
    let setting = with(server(&[]), "GITHUB_TOKEN", "for-the-server");
    let place = Place::of(&[("s", setting)]);
    let outcome = place.call("s__environment", json!({})).await;
    let inside = outcome.text.lines().nth(1).expect("a line");
    let variables: serde_json::Value = serde_json::from_str(inside).expect("JSON");
    let names: Vec<&String> = variables.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["GITHUB_TOKEN", "PATH"]);
    let folder = place.call("s__folder", json!({})).await;
    assert!(folder.text.contains("/work"), "{}", folder.text);

    let hijack = Place::of(&[("s", with(server(&[]), "NODE_OPTIONS", "--inspect"))]);
    assert!(hijack.names().await.is_empty());

    if can_hide() {
        let secret = place.folder.path().join("state/token");
        let read = place.call("s__read", json!({"path": secret})).await;
        assert!(read.is_error && !read.text.contains("the-secret"), "{}", read.text);
    }
}
