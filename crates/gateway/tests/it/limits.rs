//! What a peer may not do: flood, guess, repeat ids, read too slowly.

use openclaw_testkit::{GatewayOptions, TestGateway};
use serde_json::json;

#[tokio::test]
async fn a_duplicate_id_is_refused_while_the_first_is_running() {
    let gateway = TestGateway::start().await;
    let mut client = gateway.operator().await;
    let wait = json!({"runId": "nobody-knows", "timeoutMs": 600});
    let frame = json!({"type": "req", "id": "same", "method": "agent.wait", "params": wait});
    client.send_text(&frame.to_string()).await;
    client.send_text(&frame.to_string()).await;
    let first = client.response("same").await.expect("open");
    assert!(
        first["error"]["message"]
            .as_str()
            .is_some_and(|text| text.starts_with("duplicate request id")),
        "{first}"
    );
    let second = client.response("same").await.expect("open");
    assert_eq!(second["payload"]["status"], "timeout", "{second}");
}

#[tokio::test]
async fn a_flood_is_answered_and_bounded() {
    let gateway = TestGateway::start().await;
    let mut client = gateway.operator().await;
    let wait = json!({"runId": "nobody-knows", "timeoutMs": 1_500});
    let mut ids = Vec::new();
    for _ in 0..300 {
        ids.push(client.send("agent.wait", &wait).await);
    }
    let mut busy = 0;
    for id in ids {
        let answer = client.response(&id).await;
        // Responses come in any order; those read on the way were kept among the events.
        let answer = answer.expect("open");
        busy += usize::from(answer["error"]["message"] == "server is busy");
    }
    assert_eq!(busy, 300 - openclaw_protocol::limits::MAX_REQUESTS_PER_CONNECTION);
}

#[tokio::test]
async fn responses_of_many_requests_at_once_all_arrive() {
    let gateway = TestGateway::start().await;
    let mut client = gateway.operator().await;
    let mut ids = Vec::new();
    for _ in 0..200 {
        ids.push(client.send("health", &json!({})).await);
    }
    for id in ids {
        let answer = client.response(&id).await.expect("open");
        assert_eq!(answer["payload"]["ok"], true);
    }
}

#[tokio::test]
async fn a_message_over_the_limit_ends_the_connection() {
    let gateway = TestGateway::start().await;
    let mut client = gateway.operator().await;
    client.send_text(&" ".repeat(openclaw_protocol::limits::MAX_PAYLOAD_BYTES + 1)).await;
    let closed = client.closed().await;
    assert!(closed.code == 1009 || closed.code == 1006, "{closed:?}");
}

#[tokio::test]
async fn a_late_connect_is_not_waited_for() {
    let variables = vec![("OPENCLAW_HANDSHAKE_TIMEOUT_MS".to_owned(), "150".to_owned())];
    let gateway =
        TestGateway::with(GatewayOptions { variables, ..GatewayOptions::default() }).await;
    let mut client = gateway.wire().await;
    let closed = client.closed().await;
    assert_eq!((closed.code, closed.reason.as_str()), (1000, ""));
}

#[tokio::test]
async fn a_client_that_does_not_read_is_closed_and_nothing_is_lost_in_silence() {
    let gateway = TestGateway::start().await;
    let mut client = gateway.operator().await;
    for _ in 0..3_000 {
        client.send("config.schema", &json!({})).await;
    }
    let closed = client.closed().await;
    let answered = client.events.iter().filter(|frame| frame["type"] == "res").count();
    assert!(answered < 3_000, "the buffer is smaller than that");
    assert!(
        closed.code == 1008 && closed.reason == "slow consumer" || closed.code == 1006,
        "{closed:?}"
    );
    // Others are not disturbed.
    gateway.operator().await.ok("health", json!({})).await;
}
