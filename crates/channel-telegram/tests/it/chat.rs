//! Conversations.

use serde_json::json;

use crate::stage::{ADA, Stage, within};

#[tokio::test]
async fn who_is_allowed_is_answered() {
    let stage = Stage::new(json!({"allowFrom": [ADA]})).await;
    stage.telegram.direct_message(ADA, "hello");
    // The offline assistant answers, and says how to get a real one: in the message that grew.
    let whole = |texts: &[String]| texts.iter().any(|text| text.contains("models auth set"));
    let said = within(stage.telegram.texts_like(ADA, whole)).await;
    assert_eq!(said.len(), 1, "{said:?}");
    let sent = stage.telegram.calls("sendMessage");
    assert_eq!((sent.len(), &sent[0]["chat_id"]), (1, &json!(ADA)));
    stage.settled().await;
}

#[tokio::test]
async fn a_stranger_gets_a_code_and_nothing_else_until_the_owner_lets_them_in() {
    let mut stage = Stage::new(json!({})).await;
    stage.telegram.direct_message(ADA, "hello");
    stage.telegram.direct_message(ADA, "hello?");
    let said = stage.said(1).await;
    stage.settled().await;
    assert!(said[0].contains("42") && said[0].contains("pairing approve telegram"), "{said:?}");
    // It is one answer after a restart too.
    stage.gateway.stop().await;
    stage.gateway.resume().await;
    stage.telegram.direct_message(ADA, "anybody there?");
    stage.settled().await;
    assert_eq!(stage.telegram.calls("sendMessage").len(), 1);
    assert_eq!(stage.telegram.calls("sendChatAction").len(), 0);
}

#[tokio::test]
async fn commands_work_and_answers_come_in_order() {
    let stage = Stage::new(json!({"allowFrom": [ADA]})).await;
    for (count, text) in ["/help", "/status@claw_bot", "/whoami"].into_iter().enumerate() {
        stage.telegram.direct_message(ADA, text);
        stage.said(count + 1).await;
    }
    stage.settled().await;
}
