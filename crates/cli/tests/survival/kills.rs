//! SIGKILL in the middle of writes, a hundred times.

use std::time::Duration;

use openclaw_testkit::{WireClient, connect_params};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::machine::Machine;

const KILLS: u64 = 100;

async fn owner(machine: &Machine) -> WireClient {
    let mut client = WireClient::door(&machine.state().join("gateway.sock")).await;
    client.ok("connect", connect_params(&json!({}))).await;
    client
}

/// Sends messages, each to a session of its own, until time is up; gives the keys that were
/// acknowledged.
async fn send_until(client: &mut WireClient, round: u64, time: Duration) -> Vec<String> {
    let mut acknowledged = Vec::new();
    let sending = async {
        for number in 0_u64.. {
            let key = format!("k{round}-{number}");
            let params = json!({"sessionKey": key, "message": key, "idempotencyKey": key});
            let ack = client.ok("chat.send", params).await;
            assert_eq!(ack["status"], "started", "{ack}");
            acknowledged.push(key);
        }
    };
    tokio::time::timeout(time, sending).await.expect_err("sending goes on until it is cut");
    acknowledged
}

/// The words of the user messages in a session's history.
async fn user_words(client: &mut WireClient, session: &str) -> Vec<String> {
    let history = client.ok("chat.history", json!({"sessionKey": session, "limit": 50})).await;
    let messages = history["messages"].as_array().expect("messages");
    let of_user = messages.iter().filter(|message| message["role"] == "user");
    of_user.map(|message| message["content"].to_string()).collect()
}

#[tokio::test]
async fn a_hundred_kills_lose_nothing_that_was_acknowledged() {
    let machine = Machine::new();
    let mut acknowledged = Vec::new();
    for round in 0..KILLS {
        let gateway = machine.gateway(&["--port", "0"]);
        let mut client = owner(&machine).await;
        // Between the first write and well into the answers.
        let time = Duration::from_millis(2 + round * 13 % 60);
        acknowledged.extend(send_until(&mut client, round, time).await);
        assert_eq!(gateway.end(Signal::KILL).code, None);
    }
    let gateway = machine.gateway(&["--port", "0"]);
    let mut client = owner(&machine).await;
    for key in &acknowledged {
        let wait = json!({"runId": key, "timeoutMs": 20_000});
        let run: Value = client.ok("agent.wait", wait).await;
        assert_eq!(run["status"], "ok", "{key}: {run}");
        let words = user_words(&mut client, key).await;
        assert_eq!(words.len(), 1, "{key}: {words:?}");
        assert!(words[0].contains(key.as_str()), "{key}: {words:?}");
    }
    println!("{KILLS} kills, {} acknowledged messages, all there and answered", acknowledged.len());
    assert!(acknowledged.len() as u64 > KILLS, "enough was acknowledged to mean something");
    drop(gateway);
}

#[tokio::test]
async fn a_key_that_was_used_means_the_same_run_after_a_kill() {
    let machine = Machine::new();
    let gateway = machine.gateway(&["--port", "0"]);
    let mut client = owner(&machine).await;
    let params = json!({"sessionKey": "once", "message": "hello", "idempotencyKey": "once"});
    client.ok("chat.send", params.clone()).await;
    gateway.end(Signal::KILL);
    let gateway = machine.gateway(&["--port", "0"]);
    let mut client = owner(&machine).await;
    client.ok("agent.wait", json!({"runId": "once", "timeoutMs": 20_000})).await;
    let again = client.ok("chat.send", params).await;
    assert_eq!(again, json!({"runId": "once", "status": "ok"}));
    assert_eq!(user_words(&mut client, "once").await.len(), 1);
    let other = json!({"sessionKey": "once", "message": "bye", "idempotencyKey": "once"});
    let error = client.refused("chat.send", other).await;
    assert_eq!(error["details"]["code"], "IDEMPOTENCY_CONFLICT", "{error}");
    drop(gateway);
}
