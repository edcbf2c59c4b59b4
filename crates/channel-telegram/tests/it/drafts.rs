//! Answers that are shown while they grow.

use openclaw_testkit::{
    fake_telegram::{Fault, Refusal},
    played_model::{Play, PlayedModel},
};
use serde_json::json;

use crate::stage::{ADA, Stage, within};

const PIECES: [&str; 4] = [
    "The first words are more than thirty letters long, ",
    "then **bold** ones come, ",
    "then some more, ",
    "and that was all.",
];

async fn stage(keys: serde_json::Value) -> (Stage, PlayedModel) {
    let model = PlayedModel::start(|_| Play::grow(&PIECES)).await;
    let mut channel = json!({"allowFrom": [ADA]});
    for (key, value) in keys.as_object().expect("keys") {
        channel[key] = value.clone();
    }
    (Stage::with(channel, model.configuration()).await, model)
}

#[tokio::test]
async fn an_answer_grows_in_one_message_and_ends_formatted() {
    let (stage, model) = stage(json!({})).await;
    stage.telegram.direct_message(ADA, "tell me");
    model.go_on();
    let begun = within(stage.telegram.texts_like(ADA, |texts| texts.len() == 1)).await;
    assert_eq!(begun[0], PIECES[0].trim_end());
    assert!(!stage.telegram.calls("sendChatAction").is_empty(), "it shows that it writes");
    model.go_on();
    within(stage.telegram.texts_like(ADA, |texts| texts[0].ends_with("ones come,"))).await;
    model.go_on();
    model.go_on();
    within(stage.telegram.texts_like(ADA, |texts| texts[0].ends_with("that was all."))).await;
    assert_eq!(stage.telegram.calls("sendMessage").len(), 1);
    let edits = stage.telegram.calls("editMessageText");
    assert!(edits.len() >= 2, "{edits:?}");
    let last = edits.last().expect("an edit");
    assert!(
        last["parse_mode"] == "HTML" && last["text"].to_string().contains("<b>bold</b>"),
        "{last}"
    );
}

#[tokio::test]
async fn a_flood_in_the_middle_is_waited_out_and_the_answer_is_whole() {
    let (stage, model) = stage(json!({})).await;
    stage.telegram.direct_message(ADA, "tell me");
    model.go_on();
    within(stage.telegram.texts_like(ADA, |texts| texts.len() == 1)).await;
    stage.telegram.fail_next("editMessageText", Fault::Refuse(Refusal::too_many(1)));
    for _ in 1..PIECES.len() {
        model.go_on();
    }
    within(stage.telegram.texts_like(ADA, |texts| texts[0].ends_with("that was all."))).await;
    assert_eq!(stage.telegram.calls("sendMessage").len(), 1);
}

#[tokio::test]
async fn who_wants_whole_answers_gets_them_whole() {
    let (stage, model) = stage(json!({"streamMode": "off"})).await;
    stage.telegram.direct_message(ADA, "tell me");
    for _ in PIECES {
        model.go_on();
    }
    let said = stage.said(1).await;
    assert!(said[0].ends_with("that was all."), "{said:?}");
    assert!(stage.telegram.calls("editMessageText").is_empty());
}
