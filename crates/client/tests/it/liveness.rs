//! A dead link is noticed within 15 s, whatever is pending, on a clock that the test turns.

use std::{sync::Arc, time::Duration};

use openclaw_base::Tasks;
use openclaw_client::{
    CallOptions, Client, ClientError, ClientOptions, CloseReason, Endpoint, PairingWait, Plan,
};
use serde_json::json;
use tokio::time::Instant;

use crate::fake::{Fake, Piped, Reply, options};

const PROMISE: Duration = Duration::from_secs(15);

async fn client(fake: Fake) -> Client {
    let tasks = Tasks::new();
    let endpoint = Endpoint::new(Piped { fake, tasks: tasks.clone() }, Plan::nothing());
    Client::connect(&endpoint, &options(&tasks)).await.expect("connected")
}

fn frozen() -> Fake {
    Fake::ours().decides(|_, _| Reply::Freeze)
}

#[tokio::test(start_paused = true)]
async fn with_nothing_pending() {
    let client = client(frozen()).await;
    let began = Instant::now();
    assert!(matches!(client.closed().await, CloseReason::Silent(_)));
    assert!(began.elapsed() <= PROMISE, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn with_a_call_pending() {
    let client = client(frozen()).await;
    let began = Instant::now();
    let patient = CallOptions::within(Duration::from_secs(3600));
    let error = client.call_raw("echo", &json!({}), patient).await.expect_err("dead");
    assert!(matches!(error, ClientError::LinkLost(CloseReason::Silent(_))), "{error}");
    assert!(began.elapsed() <= PROMISE, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn with_more_to_write_than_the_link_takes() {
    let client = client(frozen()).await;
    let began = Instant::now();
    let large = json!("x".repeat(90_000));
    let patient = CallOptions::within(Duration::from_secs(3600));
    let calls = (0..400).map(|_| client.call_raw("echo", &large, patient));
    for outcome in futures_util::future::join_all(calls).await {
        let error = outcome.expect_err("dead");
        assert!(matches!(error, ClientError::LinkLost(CloseReason::Silent(_))), "{error}");
    }
    assert!(began.elapsed() <= PROMISE, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_quiet_link_that_answers_pings_lives_on() {
    let client = client(Fake::ours()).await;
    tokio::time::advance(Duration::from_secs(3)).await;
    let quiet = tokio::time::timeout(Duration::from_secs(600), client.closed()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    let options = CallOptions::default();
    client.call_raw("echo", &json!(1), options).await.expect("still answers");
}

#[tokio::test(start_paused = true)]
async fn with_a_decision_pending() {
    let details = json!({"code": "PAIRING_REQUIRED", "requestId": "r1"});
    let required = json!({"code": "NOT_PAIRED", "message": "pairing required", "details": details});
    let fake = Fake::ours().decides(move |_, _| Reply::HoldFrozen(required.clone()));
    let tasks = Tasks::new();
    let endpoint = Endpoint::new(Piped { fake, tasks: tasks.clone() }, Plan::nothing());
    let pairing = PairingWait::For { at_most: 20 * PROMISE, notify: Arc::new(|_| {}) };
    let options = ClientOptions { pairing, ..options(&tasks) };
    let began = Instant::now();
    let error = Client::connect(&endpoint, &options).await.expect_err("dead");
    assert!(matches!(error, ClientError::LinkLost(CloseReason::Silent(_))), "{error}");
    assert!(began.elapsed() <= PROMISE, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn closing_does_not_wait_for_a_dead_link() {
    let client = client(frozen()).await;
    let large = json!("x".repeat(90_000));
    let calls = (0..20).map(|_| client.call_raw("echo", &large, CallOptions::default()));
    let close = async {
        let began = Instant::now();
        client.close().await;
        began.elapsed()
    };
    let (outcomes, elapsed) = tokio::join!(futures_util::future::join_all(calls), close);
    assert!(outcomes.iter().all(Result::is_err));
    assert!(elapsed < Duration::from_secs(1), "{elapsed:?}");
}
