//! A connection that comes back.

use std::time::Duration;

use openclaw_base::{Backoff, Tasks};
use openclaw_client::{CallOptions, Endpoint, ErrorKind, LinkState, Plan, Reconnecting};
use serde_json::json;

use crate::fake::{Fake, Piped, Reply, hello, options, refusal};

fn reconnecting(fake: &Fake) -> Reconnecting {
    let tasks = Tasks::new();
    let endpoint =
        Endpoint::new(Piped { fake: fake.clone(), tasks: tasks.clone() }, Plan::nothing());
    let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(8)).jitter(0.0);
    Reconnecting::with_backoff(endpoint, options(&tasks), backoff)
}

#[tokio::test(start_paused = true)]
async fn comes_back_after_a_restart() {
    let fake = Fake::ours();
    let link = reconnecting(&fake);
    for _ in 0..3 {
        let client = link.client().await.expect("up");
        client.call_raw("echo", &json!(1), CallOptions::default()).await.expect("answers");
        client.call_raw("restart", &json!({}), CallOptions::default()).await.expect_err("cut");
        client.closed().await;
    }
    link.client().await.expect("up again");
    assert_eq!(fake.log.connects().len(), 4);
    let mut state = link.state();
    link.close().await;
    let stopped = state.wait_for(|state| matches!(state, LinkState::Stopped(_))).await;
    assert!(stopped.is_ok());
}

#[tokio::test(start_paused = true)]
async fn waits_longer_each_time() {
    let fake = Fake::ours().decides(|attempt, _| match attempt {
        0..4 => Reply::Close(1013, "starting"),
        _ => Reply::Hello(hello(4)),
    });
    let began = tokio::time::Instant::now();
    reconnecting(&fake).client().await.expect("up in the end");
    let waited = began.elapsed().as_secs();
    assert_eq!(waited, 1 + 2 + 4 + 8, "one delay for each failure");
}

#[tokio::test(start_paused = true)]
async fn stops_where_trying_again_changes_nothing() {
    let fake = Fake::ours().decides(|_, _| {
        let details = json!({"code": "AUTH_TOKEN_MISMATCH"});
        Reply::Refuse(refusal("INVALID_REQUEST", "unauthorized: gateway token mismatch", details))
    });
    let link = reconnecting(&fake);
    let error = link.client().await.expect_err("refused for good");
    assert_eq!(error.kind(), ErrorKind::CredentialRefused);
    assert_eq!(fake.log.connects().len(), 1);
}
