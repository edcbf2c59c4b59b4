//! Commands that wait for a person's word, in the chat that gave rise to them.

use openclaw_testkit::played_model::{Play, PlayedModel};
use serde_json::{Value, json};

use crate::stage::{ADA, Stage, within};

const BOB: i64 = 43;
const LABELS: [&str; 3] = ["Allow once", "Allow always", "Deny"];

/// A model that runs `uname` when it is told so, and says what came out.
async fn runner() -> PlayedModel {
    PlayedModel::start(|messages| {
        let last = messages.last().cloned().unwrap_or_default();
        match last["role"].as_str() {
            Some("tool") => Play::Say(format!("It came out: {}", last["content"])),
            _ => Play::call("call", "exec", json!({"command": "/usr/bin/uname -s"})),
        }
    })
    .await
}

async fn stage(keys: Value, model: &PlayedModel) -> Stage {
    Stage::with(keys, model.configuration()).await
}

fn decided(texts: &[String], outcome: &str) -> bool {
    texts.iter().any(|text| text.contains(outcome))
}

#[tokio::test]
async fn buttons_decide_for_who_may_and_the_message_says_what_was_decided() {
    let model = runner().await;
    let stage = stage(json!({"allowFrom": [ADA], "streamMode": "off"}), &model).await;
    stage.telegram.direct_message(ADA, "which system is this?");
    within(stage.telegram.buttons_are(ADA, &LABELS)).await;
    let asked = stage.telegram.texts(ADA);
    assert!(asked[0].contains("<pre><code>/usr/bin/uname -s"), "{asked:?}");

    // Somebody else's press is refused, and the question stays.
    let press = stage.telegram.press(BOB, ADA, "Allow once");
    let answers = within(stage.telegram.called("answerCallbackQuery", 1)).await;
    assert_eq!(
        (&answers[0]["callback_query_id"], &answers[0]["show_alert"]),
        (&json!(press), &json!(true))
    );
    assert!(answers[0]["text"].as_str().expect("text").contains("may not"), "{answers:?}");
    assert_eq!(stage.telegram.buttons(ADA), LABELS);

    stage.telegram.press(ADA, ADA, "Allow once");
    let answers = within(stage.telegram.called("answerCallbackQuery", 2)).await;
    assert_eq!(answers[1]["show_alert"], false);
    let whole = |texts: &[String]| decided(texts, "Allowed once") && decided(texts, "came out");
    let texts = within(stage.telegram.texts_like(ADA, whole)).await;
    assert!(texts[0].contains("telegram:42") && texts[0].contains("uname -s"), "{texts:?}");
    assert!(texts[1].contains("Linux"), "{texts:?}");
    assert!(stage.telegram.buttons(ADA).is_empty());
}

#[tokio::test]
async fn the_command_in_words_decides_as_well() {
    let model = runner().await;
    let stage = stage(json!({"allowFrom": [ADA], "streamMode": "off"}), &model).await;
    stage.telegram.direct_message(ADA, "which system is this?");
    within(stage.telegram.buttons_are(ADA, &LABELS)).await;
    let asked = stage.telegram.calls("sendMessage");
    let data = asked[0]["reply_markup"]["inline_keyboard"][2][0]["callback_data"].clone();
    let id = data.as_str().expect("data").split(' ').nth(1).expect("an id").to_owned();
    stage.telegram.direct_message(ADA, &format!("/approve {} maybe", &id[..8]));
    let texts =
        within(stage.telegram.texts_like(ADA, |texts| decided(texts, "allow-always"))).await;
    assert_eq!(texts.len(), 2, "{texts:?}");
    stage.telegram.direct_message(ADA, &format!("/approve {} deny", &id[..8]));
    let whole = |texts: &[String]| decided(&texts[..1], "Denied") && decided(texts, "came out");
    let texts = within(stage.telegram.texts_like(ADA, whole)).await;
    assert!(decided(&texts[2..], "⛔ Denied"), "{texts:?}");
    assert!(!decided(&texts, "Linux"), "it did not run: {texts:?}");
}

#[tokio::test]
async fn only_approvers_decide_where_they_are_named_and_old_buttons_say_that_they_are_over() {
    let model = runner().await;
    let keys = json!({"allowFrom": [ADA, BOB], "streamMode": "off",
        "execApprovals": {"approvers": [BOB]}});
    let stage = stage(keys, &model).await;
    stage.telegram.direct_message(ADA, "which system is this?");
    within(stage.telegram.buttons_are(ADA, &LABELS)).await;
    stage.telegram.press(ADA, ADA, "Allow always");
    let answers = within(stage.telegram.called("answerCallbackQuery", 1)).await;
    assert_eq!(answers[0]["show_alert"], true, "{answers:?}");
    stage.telegram.press(BOB, ADA, "Deny");
    within(stage.telegram.texts_like(ADA, |texts| decided(texts, "Denied"))).await;
    // A Gateway that was started anew knows nothing of its questions: so does this one of this.
    let message = (ADA, stage.telegram.texts(ADA).len() as i64);
    let old = "/approve 00000000-0000-4000-8000-000000000000 allow-once";
    stage.telegram.press_with(BOB, message, old);
    let answers = within(stage.telegram.called("answerCallbackQuery", 3)).await;
    let said = answers[2]["text"].as_str().expect("text");
    assert!(said.contains("expired"), "{answers:?}");
    let bare = within(stage.telegram.called("editMessageReplyMarkup", 1)).await;
    assert_eq!(bare[0]["reply_markup"], json!({"inline_keyboard": []}));
}
