//! Calls and events over a connection that is up.

use std::time::Duration;

use openclaw_client::{CallOptions, Client, ClientError, CloseReason, Delivery, ErrorKind, Plan};
use serde_json::{Value, json};

use crate::fake::{Fake, connect};

async fn client() -> Client {
    connect(&Fake::ours(), Plan::nothing()).await.expect("connected")
}

async fn call(client: &Client, method: &str, params: Value) -> Result<Value, ClientError> {
    client.call_raw(method, &params, CallOptions::default()).await
}

#[tokio::test]
async fn answers_find_their_callers() {
    let client = client().await;
    let calls = (0..300).map(|number| {
        let client = client.clone();
        async move { (number, call(&client, "echo", json!({"number": number})).await) }
    });
    for (number, answer) in futures_util::future::join_all(calls).await {
        assert_eq!(answer.expect("answered"), json!({"number": number}));
    }
}

#[tokio::test]
async fn an_interim_answer_is_passed_over_or_handed_out() {
    let client = client().await;
    let first = call(&client, "work", json!({})).await.expect("answered");
    assert_eq!(first, json!({"status": "accepted"}), "a plain call takes the first answer");
    let patient = CallOptions { expect_final: true, ..CallOptions::default() };
    let last = client.call_raw("work", &json!({}), patient).await.expect("answered");
    assert_eq!(last, json!({"status": "ok"}));

    let mut answers =
        client.call_streaming("work", &json!({}), CallOptions::default()).await.expect("sent");
    let mut steps = Vec::new();
    while let Some(step) = answers.next().await {
        let step = step.expect("answered");
        steps.push((step.last, step.decode::<Value>().expect("JSON")["status"].clone()));
    }
    assert_eq!(steps, [(false, json!("accepted")), (true, json!("ok"))]);
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let client = client().await;
    let error = json!({"code": "UNAVAILABLE", "message": "later", "retryable": true});
    let refused = call(&client, "refuse", error).await.expect_err("refused");
    assert_eq!((refused.kind(), refused.to_string()), (ErrorKind::Failed, "later".to_owned()));
    assert!(refused.is_passing());
    let scope = json!({"code": "INVALID_REQUEST", "message": "missing scope: operator.admin"});
    let refused = call(&client, "refuse", scope).await.expect_err("refused");
    assert_eq!(refused.kind(), ErrorKind::ScopeMissing);
    assert!(!refused.hint().is_empty());
}

#[tokio::test]
async fn a_call_that_is_too_large_is_not_sent() {
    let client = client().await;
    let error = call(&client, "echo", json!("x".repeat(200_000))).await.expect_err("too large");
    assert!(error.to_string().contains("100000"), "{error}");
    call(&client, "echo", json!(1)).await.expect("the connection is unharmed");
}

#[tokio::test(start_paused = true)]
async fn a_call_without_an_answer_times_out() {
    let client = piped_client().await;
    let options = CallOptions::within(Duration::from_secs(3));
    let error = client.call_raw("hang", &json!({}), options).await.expect_err("no answer");
    assert_eq!(error.kind(), ErrorKind::LinkLost);
    assert_eq!(error.to_string(), "the answer to hang took longer than 3 s");
    call(&client, "echo", json!(1)).await.expect("the connection is unharmed");
}

async fn piped_client() -> Client {
    let tasks = openclaw_base::Tasks::new();
    let dial = crate::fake::Piped { fake: Fake::ours(), tasks: tasks.clone() };
    let endpoint = openclaw_client::Endpoint::new(dial, Plan::nothing());
    Client::connect(&endpoint, &crate::fake::options(&tasks)).await.expect("connected")
}

#[tokio::test]
async fn the_end_of_the_connection_reaches_everybody() {
    let client = client().await;
    let mut events = client.events();
    let pending = call(&client, "hang", json!({}));
    let ending = call(&client, "restart", json!({}));
    let (pending, ending) = tokio::join!(pending, ending);
    for error in [pending.expect_err("cut"), ending.expect_err("cut")] {
        let ClientError::LinkLost(reason) = &error else { panic!("{error}") };
        assert!(reason.is_restart(), "{reason}");
        assert!(error.hint().contains("restarts"), "{}", error.hint());
    }
    assert!(events.next().await.is_none());
    assert!(client.events().next().await.is_none());
    let late = call(&client, "echo", json!(1)).await.expect_err("closed");
    assert_eq!(late.kind(), ErrorKind::LinkLost);
    let closed = CloseReason::Closed { code: 1012, reason: "service restart".to_owned() };
    assert_eq!(client.close_reason(), Some(closed));
}

#[tokio::test]
async fn a_peer_that_breaks_the_protocol_is_left() {
    let client = client().await;
    let error = call(&client, "garbage", json!({})).await.expect_err("left");
    assert!(error.to_string().contains("not a Gateway frame"), "{error}");
}

#[tokio::test]
async fn closing_is_seen_at_once() {
    let client = client().await;
    client.close().await;
    assert_eq!(client.close_reason(), Some(CloseReason::Local));
    client.close().await;
}

fn event(seq: u64) -> Value {
    json!({"type": "event", "event": "tick", "payload": {"ts": seq}, "seq": seq})
}

#[tokio::test]
async fn lost_events_are_reported() {
    let client = client().await;
    let mut events = client.events();
    let sent = json!([event(1), event(2), event(5)]);
    let hang = CallOptions::within(Duration::from_millis(1));
    client.call_raw("emit", &sent, hang).await.expect_err("emit is not answered");
    let mut seen = Vec::new();
    while seen.len() < 4 {
        seen.push(match events.next().await.expect("up") {
            Delivery::Event(event) => format!("{} {}", event.name, event.seq.expect("a number")),
            Delivery::Gap { expected, got } => format!("gap {expected} {got}"),
            Delivery::Overflow { lost } => format!("overflow {lost}"),
            Delivery::Resync { .. } => "resync".to_owned(),
        });
    }
    assert_eq!(seen, ["tick 1", "tick 2", "gap 3 5", "tick 5"]);
}

#[tokio::test]
async fn a_slow_reader_is_told_what_it_missed() {
    let client = client().await;
    let mut slow = client.events();
    let hang = CallOptions::within(Duration::from_millis(1));
    for numbers in [1..=1_100, 1_101..=2_100] {
        let many: Vec<_> = numbers.map(event).collect();
        client.call_raw("emit", &Value::from(many), hang).await.expect_err("emit is not answered");
    }
    // The answer to a later call comes after all of them.
    call(&client, "echo", json!(1)).await.expect("answered");
    let Some(Delivery::Overflow { lost }) = slow.next().await else { panic!("no marker") };
    assert_eq!(lost, 2_100 - 2_048);
    let Some(Delivery::Event(next)) = slow.try_next() else { panic!("no event") };
    assert_eq!(next.seq, Some(lost + 1));
}
