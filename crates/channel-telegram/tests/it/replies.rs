//! Answers that are shown as replies: by the account's mode, by a tag of the answer, by the word of a sender.

use openclaw_testkit::played_model::{Play, PlayedModel};
use serde_json::{Value, json};

use crate::stage::{ADA, Stage, within};

const HOME: i64 = -100;

async fn stage(keys: Value, answers: &'static [&'static str]) -> (Stage, PlayedModel) {
    let model = PlayedModel::start(|messages| {
        let given = messages.iter().filter(|message| message["role"] == "assistant").count();
        Play::say(answers[given.min(answers.len() - 1)])
    });
    let model = model.await;
    let mut channel = json!({"allowFrom": [ADA], "textChunkLimit": 64});
    for (key, value) in keys.as_object().expect("keys") {
        channel[key] = value.clone();
    }
    (Stage::with(channel, model.configuration()).await, model)
}

/// Which message each message to a chat replied to.
fn replied(stage: &Stage, chat: i64) -> Vec<Option<i64>> {
    let sent = stage.telegram.calls("sendMessage").into_iter();
    let here = sent.filter(|call| call["chat_id"].as_i64() == Some(chat));
    here.map(|call| call["reply_parameters"]["message_id"].as_i64()).collect()
}

#[tokio::test]
async fn a_tag_makes_an_answer_a_reply_whatever_the_mode_is() {
    let answers = &[
        "[[reply_to_current]] Here is a long answer that is shown while it grows, word by word.",
        "[[reply_to:77]] Over there.",
        "Just so.",
    ];
    let (stage, _model) = stage(json!({}), answers).await;
    let asked = stage.telegram.group(HOME, ADA, &json!({"text": "@claw_bot hello"}));
    let texts = within(stage.telegram.texts_like(HOME, |texts| texts.len() >= 2)).await;
    assert!(texts.iter().all(|text| !text.contains("[[")), "{texts:?}");
    // The first of several parts is the reply.
    assert_eq!(replied(&stage, HOME)[0], Some(asked));
    assert!(replied(&stage, HOME)[1..].iter().all(Option::is_none));
    let before = texts.len();
    stage.telegram.group(HOME, ADA, &json!({"text": "@claw_bot and?"}));
    within(stage.telegram.texts_like(HOME, |texts| texts.len() > before)).await;
    assert_eq!(replied(&stage, HOME)[before], Some(77));
    stage.telegram.group(HOME, ADA, &json!({"text": "@claw_bot why?"}));
    within(stage.telegram.texts_like(HOME, |texts| texts.len() > before + 1)).await;
    assert_eq!(replied(&stage, HOME)[before + 1], None);
}

#[tokio::test]
async fn the_mode_decides_about_answers_without_a_tag() {
    for (mode, wanted) in [("first", [true, false]), ("all", [true, true]), ("off", [false; 2])] {
        let answers =
            &["One two three four five six seven eight nine ten eleven twelve thirteen fourteen."];
        let keys = json!({"replyToMode": mode, "streamMode": "off"});
        let (stage, _model) = stage(keys, answers).await;
        let asked = stage.telegram.group(HOME, ADA, &json!({"text": "@claw_bot hello"}));
        within(stage.telegram.texts_like(HOME, |texts| texts.len() == 2)).await;
        let wanted: Vec<_> = wanted.iter().map(|is| is.then_some(asked)).collect();
        assert_eq!(replied(&stage, HOME), wanted, "{mode}");
    }
}

#[tokio::test]
async fn who_sends_a_message_may_say_what_it_replies_to() {
    let stage = Stage::new(json!({})).await;
    let mut client = stage.gateway.operator().await;
    let params =
        json!({"to": "42", "message": "this one", "replyToId": "9", "idempotencyKey": "1"});
    client.ok("send", params).await;
    client.ok("send", json!({"to": "42", "message": "none", "idempotencyKey": "2"})).await;
    assert_eq!(replied(&stage, 42), [Some(9), None]);
}
