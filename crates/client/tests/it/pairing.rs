//! A device that a person has to approve.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use openclaw_base::Tasks;
use openclaw_client::{
    Client, ClientError, ClientOptions, Endpoint, ErrorKind, PairingWait, Plan, Stage,
};
use serde_json::{Value, json};

use crate::fake::{Fake, Piped, Reply, connect, hello, options, refusal};

fn required() -> Value {
    let details = json!({"code": "PAIRING_REQUIRED", "reason": "not-paired", "requestId": "r1"});
    refusal("NOT_PAIRED", "pairing required: device is not approved yet", details)
}

fn resolved(request_id: &str, decision: &str) -> Value {
    json!({
        "type": "event", "event": "device.pair.resolved",
        "payload": {"requestId": request_id, "deviceId": "d", "decision": decision, "ts": 1},
    })
}

/// The notices given while waiting, and how connecting ended.
async fn wait(fake: Fake) -> (Vec<Option<String>>, Result<Client, ClientError>) {
    let tasks = Tasks::new();
    let notices = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&notices);
    let pairing = PairingWait::For {
        at_most: Duration::from_secs(300),
        notify: Arc::new(move |notice| {
            assert!(notice.hint.contains("openclaw devices approve r1"), "{}", notice.hint);
            heard.lock().unwrap().push(notice.request_id.clone());
        }),
    };
    let options = ClientOptions { pairing, ..options(&tasks) };
    let endpoint = Endpoint::new(Piped { fake, tasks: tasks.clone() }, Plan::nothing());
    let client = Client::connect(&endpoint, &options).await;
    let notices = notices.lock().unwrap().clone();
    (notices, client)
}

#[tokio::test]
async fn whoever_cannot_wait_is_told_what_to_approve() {
    let fake = Fake::ours().decides(|_, _| Reply::Refuse(required()));
    let error = connect(&fake, Plan::nothing()).await.expect_err("not approved");
    assert_eq!(error.kind(), ErrorKind::PairingRequired);
    assert_eq!(error.to_string(), "this device waits for approval (request r1)");
    assert!(error.hint().ends_with("openclaw devices approve r1"), "{}", error.hint());
    assert!(!fake.log.uris()[0].contains("oc_wait"));
}

#[tokio::test(start_paused = true)]
async fn an_approved_client_connects_again() {
    let fake = Fake::ours().decides(|attempt, _| match attempt {
        0 => {
            Reply::Hold(required(), vec![resolved("other", "rejected"), resolved("r1", "approved")])
        }
        _ => Reply::Hello(hello(4)),
    });
    let (notices, client) = wait(fake.clone()).await;
    client.expect("approved");
    assert_eq!(notices, [Some("r1".to_owned())]);
    assert!(fake.log.uris()[0].contains("oc_wait=1"));
}

#[tokio::test(start_paused = true)]
async fn a_rejected_client_stops() {
    let reply = || Reply::Hold(required(), vec![resolved("r1", "rejected")]);
    let (_, client) = wait(Fake::ours().decides(move |_, _| reply())).await;
    let error = client.expect_err("rejected");
    assert!(matches!(error, ClientError::PairingRejected { .. }), "{error}");
    assert_eq!(error.kind(), ErrorKind::PairingRequired);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_ever() {
    let (_, client) = wait(Fake::ours().decides(|_, _| Reply::Hold(required(), vec![]))).await;
    let error = client.expect_err("nobody decided");
    assert!(matches!(error, ClientError::Timeout { stage: Stage::Pairing, .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_hangs_up_does_not_hold() {
    let (notices, client) = wait(Fake::ours().decides(|_, _| Reply::Refuse(required()))).await;
    let error = client.expect_err("not held");
    assert!(matches!(error, ClientError::PairingRequired(_)), "{error}");
    assert_eq!(notices.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_waited_for_at_a_gateway_without_proof() {
    let (notices, client) = wait(Fake::foreign().decides(|_, _| Reply::Refuse(required()))).await;
    assert!(matches!(client.expect_err("refused"), ClientError::PairingRequired(_)));
    assert_eq!(notices, []);
}
