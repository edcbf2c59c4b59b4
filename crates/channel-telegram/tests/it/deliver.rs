//! Turns that others start and whose answer goes to a chat, as Voice Wake does.

use openclaw_testkit::played_model::{Play, PlayedModel};
use serde_json::json;

use crate::stage::{ADA, Stage, within};

#[tokio::test]
async fn an_answer_goes_to_the_chat_that_wrote_last_or_to_the_one_that_is_named() {
    let model = PlayedModel::start(|messages| {
        let said = messages.last().map(|message| message["content"].to_string());
        Play::say(&format!("You said {}", said.unwrap_or_default().replace('"', "")))
    });
    let model = model.await;
    let keys = json!({"allowFrom": [ADA], "streamMode": "off"});
    let stage = Stage::with(keys, model.configuration()).await;
    let mut client = stage.gateway.operator().await;
    let spoken = |key: &str, more: serde_json::Value| {
        let mut params = json!({"message": key, "sessionKey": "main", "thinking": "low",
            "deliver": true, "idempotencyKey": key});
        for (name, value) in more.as_object().expect("fields") {
            params[name] = value.clone();
        }
        params
    };
    // Nobody wrote yet.
    let error = client.refused("agent", spoken("k0", json!({"channel": "last"}))).await;
    assert_eq!(error["message"], "unknown channel: last");
    let error = client.refused("agent", spoken("k1", json!({"channel": "telegram"}))).await;
    assert!(error["message"].as_str().expect("words").contains("name one with to"), "{error}");
    let error = client.refused("agent", spoken("k2", json!({"channel": "icq", "to": "1"}))).await;
    assert_eq!(error["code"], "INVALID_REQUEST", "{error}");
    let best = spoken("k3", json!({"channel": "last", "bestEffortDeliver": true}));
    client.send("agent", &best).await;

    stage.telegram.direct_message(ADA, "hello");
    let first = stage.said(1).await;
    assert!(first[0].ends_with("hello"), "{first:?}");
    client.send("agent", &spoken("wake one", json!({"channel": "last"}))).await;
    assert_eq!(stage.said(2).await[1], "You said wake one");
    client
        .send("agent", &spoken("wake two", json!({"channel": "telegram", "to": "telegram:77"})))
        .await;
    let there = within(stage.telegram.texts_are(77, 1)).await;
    assert_eq!(there, ["You said wake two"]);
    // Without `deliver` it stays where it was asked.
    client.send("agent", &spoken("quiet", json!({"deliver": false}))).await;
    client.send("agent", &spoken("wake three", json!({"channel": "last"}))).await;
    assert_eq!(stage.said(3).await[2], "You said wake three");
}
