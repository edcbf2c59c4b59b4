use std::time::Duration;

use openclaw_agent::{
    AgentEventKind, FinalState,
    model::{ErrorKind, ModelError},
};

use crate::{
    bench::{Bench, message},
    scripted_model::{Answer, ScriptedModel, Step},
};

fn limited(seconds: u64) -> Answer {
    let retry_after = Some(Duration::from_secs(seconds));
    Answer::fail(ModelError::RateLimited { retry_after, message: "slow down".into() })
}

fn server() -> Answer {
    Answer::fail(ModelError::Server { status: 500, message: "oops".into() })
}

fn auth() -> Answer {
    Answer::fail(ModelError::Auth { status: 401, message: "bad key".into() })
}

#[tokio::test]
async fn a_busy_provider_is_asked_again() {
    let busy = ModelError::Overloaded {
        retry_after: Some(Duration::from_millis(5)),
        message: "busy".into(),
    };
    let model = ScriptedModel::new("a", [server(), Answer::fail(busy), Answer::text("there")]);
    let bench = Bench::new(vec![model]);
    let outcome = bench.ask("r1", "hi").await;
    assert_eq!(outcome.text.as_deref(), Some("there"));
    let retries: Vec<_> = bench
        .heard
        .of("r1")
        .into_iter()
        .filter_map(|event| match event.kind {
            AgentEventKind::Retry { attempt, reason, after, .. } => Some((attempt, reason, after)),
            _ => None,
        })
        .collect();
    assert_eq!(retries.len(), 2);
    assert_eq!((retries[0].0, retries[0].1), (1, "server_error"));
    assert_eq!(retries[1], (2, "overloaded", Duration::from_millis(5)));
}

#[tokio::test]
async fn a_long_wait_is_said_and_not_waited() {
    let model = ScriptedModel::new("a", [limited(3600)]);
    let bench = Bench::new(vec![model.clone()]);
    let outcome = bench.ask("r1", "hi").await;
    assert_eq!(outcome.state, FinalState::Error);
    let error = outcome.error.as_ref().unwrap();
    assert_eq!(error.kind, ErrorKind::RateLimit);
    assert_eq!(error.retry_after_ms, Some(3_600_000));
    assert!(error.message.contains("scripted/a") && error.message.contains("slow down"));
    assert_eq!(model.requests().len(), 1);
    let rows = bench.rows().await;
    assert_eq!(rows[1].meta["stopReason"], "error");
    assert_eq!(rows[1].meta["errorMessage"], error.message.as_str());
}

#[tokio::test]
async fn another_model_takes_over() {
    let first = ScriptedModel::new("a", [auth(), server(), server(), server()]);
    let second = ScriptedModel::new("b", [Answer::text("from b"), Answer::text("again b")]);
    let bench = Bench::new(vec![first.clone(), second]);
    let outcome = bench.ask("r1", "hi").await;
    assert_eq!(outcome.text.as_deref(), Some("from b"));
    assert_eq!(outcome.model.as_ref().unwrap().model, "b");
    assert_eq!(first.requests().len(), 1, "a bad key is not tried twice");
    bench.ask("r2", "hi").await;
    assert_eq!(first.requests().len(), 4, "a failing server is tried three times");
    let models: Vec<_> = bench
        .heard
        .of("r1")
        .into_iter()
        .filter_map(|event| match event.kind {
            AgentEventKind::Model(model) => Some(model.model),
            _ => None,
        })
        .collect();
    assert_eq!(models, ["a", "b"]);
}

#[tokio::test]
async fn when_all_fail_each_is_named() {
    let first = ScriptedModel::new("a", [auth()]);
    let second = ScriptedModel::new("b", [auth()]);
    let bench = Bench::new(vec![first, second]);
    let outcome = bench.ask("r1", "hi").await;
    let error = outcome.error.as_ref().unwrap();
    assert_eq!((error.reason.as_str(), error.http_status), ("auth", Some(401)));
    assert!(error.message.contains("scripted/a") && error.message.contains("scripted/b"));
}

#[tokio::test]
async fn some_failures_are_nobody_elses_business() {
    let errors = [
        (ModelError::ContextTooLong { message: "x".into() }, ErrorKind::ContextLength),
        (ModelError::Refused { message: "x".into() }, ErrorKind::Refusal),
    ];
    for (error, kind) in errors {
        let first = ScriptedModel::new("a", [Answer::fail(error)]);
        let second = ScriptedModel::new("b", []);
        let bench = Bench::new(vec![first, second.clone()]);
        let outcome = bench.ask("r1", "hi").await;
        assert_eq!(outcome.error.as_ref().unwrap().kind, kind);
        assert_eq!(second.requests().len(), 0);
    }
}

#[tokio::test]
async fn a_stream_cut_before_a_word_is_tried_once_more() {
    let cut = || Answer::default().step(Step::Cut);
    let model = ScriptedModel::new("a", [cut(), Answer::text("whole"), cut(), cut(), cut()]);
    let bench = Bench::new(vec![model.clone()]);
    assert_eq!(bench.ask("r1", "hi").await.text.as_deref(), Some("whole"));
    let outcome = bench.ask("r2", "hi").await;
    assert_eq!(outcome.error.as_ref().unwrap().reason, "cut");
    assert_eq!(model.requests().len(), 4);
}

#[tokio::test]
async fn a_stream_cut_in_the_middle_keeps_what_came() {
    for (step, reason, kind) in [
        (Step::Cut, "cut", ErrorKind::Unknown),
        (
            Step::Fail(ModelError::Stalled { silent_for: Duration::from_secs(1) }),
            "stalled",
            ErrorKind::Timeout,
        ),
    ] {
        // The second piece comes before its time, and the cut before that.
        let half = Answer::default().say("half").say(" a").step(step);
        let model = ScriptedModel::new("a", [half, Answer::text("next")]);
        let bench = Bench::new(vec![model.clone(), ScriptedModel::new("b", [])]);
        let outcome = bench.ask("r1", "hi").await;
        assert_eq!(outcome.state, FinalState::Error);
        assert_eq!(outcome.text.as_deref(), Some("half a"));
        let error = outcome.error.as_ref().unwrap();
        assert_eq!((error.reason.as_str(), error.kind), (reason, kind));
        assert_eq!(bench.lines().await, ["user: hi", "assistant: half a"]);
        let told = bench.heard.of("r1").into_iter().filter_map(|event| match event.kind {
            AgentEventKind::Text { cumulative, .. } => Some(cumulative),
            _ => None,
        });
        assert_eq!(told.last().as_deref(), Some("half a"), "who listened has heard all of it");
        assert_eq!(model.requests().len(), 1, "what was shown is not said again");
        assert_eq!(bench.ask("r2", "go on").await.text.as_deref(), Some("next"));
    }
}

#[tokio::test]
async fn a_model_nobody_has_is_an_error_of_the_run() {
    let bench = Bench::new(vec![ScriptedModel::new("a", [])]);
    let mut start = message("r1", "hi");
    start.model = Some("scripted/zzz".into());
    bench.agent.start(start).await.unwrap();
    let outcome = bench.ended("r1").await;
    assert_eq!(outcome.error.as_ref().unwrap().reason, "unknown_model");
}
