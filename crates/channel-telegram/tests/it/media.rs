//! Files that people send.

use openclaw_testkit::{
    fake_telegram::Fault,
    played_model::{Play, PlayedModel},
};
use serde_json::{Value, json};

use crate::stage::{ADA, Stage, within};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nand so on";

async fn stage(keys: Value) -> (Stage, PlayedModel) {
    let model = PlayedModel::start(|_| Play::say("I have seen it.")).await;
    let stage = Stage::with(keys, model.configuration()).await;
    (stage, model)
}

/// What the model was told last.
async fn told(model: &PlayedModel, count: usize) -> Value {
    let requests = within(model.asked(count)).await;
    let messages = requests[count - 1].as_array().expect("messages").clone();
    messages.last().expect("one")["content"].clone()
}

#[tokio::test]
async fn a_photo_is_shown_to_the_model_and_kept_in_the_workspace() {
    let (stage, model) = stage(json!({"allowFrom": [ADA]})).await;
    stage.telegram.put_file("large", "photos/file_1.png", PNG);
    // The first connection to the file server is lost.
    stage.telegram.fail_next("download", Fault::CutAfter);
    let sizes =
        json!([{"file_id": "small", "file_size": 3}, {"file_id": "large", "file_size": 17}]);
    stage.telegram.direct(ADA, &json!({"photo": sizes, "caption": "what is this?"}));
    let content = told(&model, 1).await;
    let text = content.to_string();
    assert!(text.contains("what is this?") && text.contains("data:image/png;base64,"), "{text}");
    let path = text.split("is in ").nth(1).expect("a path").split(',').next().expect("a path");
    let kept = stage.gateway.home().join(".openclaw/workspace").join(path);
    assert!(path.starts_with("media/inbound/") && path.ends_with("file_1.png"), "{path}");
    assert_eq!(std::fs::read(kept).expect("kept"), PNG);
    assert_eq!(stage.telegram.calls("getFile")[0], json!({"file_id": "large"}));
}

#[tokio::test]
async fn other_files_are_kept_and_what_cannot_be_had_is_said() {
    let (stage, model) = stage(json!({"allowFrom": [ADA], "mediaMaxMb": 1})).await;
    stage.telegram.put_file("doc", "documents/file_2.pdf", b"%PDF");
    let document = json!({"file_id": "doc", "file_name": "../my report.pdf", "file_size": 4});
    stage.telegram.direct(ADA, &json!({"document": document}));
    let text = told(&model, 1).await.to_string();
    assert!(text.contains("media/inbound/") && text.contains("0-my_report.pdf, 4 bytes"), "{text}");

    stage.telegram.put_file("liar", "documents/file_3.bin", &vec![0; 2 * 1024 * 1024]);
    for (count, file) in [
        (2, json!({"file_id": "liar", "file_size": 5})),
        (3, json!({"file_id": "huge", "file_size": 5_000_000_u64})),
        (4, json!({"file_id": "gone"})),
    ] {
        stage.telegram.direct(ADA, &json!({"voice": file}));
        let text = told(&model, count).await.to_string();
        assert!(text.contains("The voice could not be fetched"), "{text}");
        assert!(!text.contains("7:token"), "{text}");
    }
    stage.settled().await;
}

#[tokio::test]
async fn files_of_strangers_are_not_fetched() {
    let (stage, _model) = stage(json!({"dmPolicy": "allowlist"})).await;
    stage.telegram.put_file("large", "photos/file_1.png", PNG);
    stage.telegram.direct(ADA, &json!({"photo": [{"file_id": "large"}]}));
    stage.settled().await;
    assert!(stage.telegram.calls("getFile").is_empty());
}

#[tokio::test]
async fn a_slow_file_holds_up_its_own_chat_and_no_other_and_outlives_a_restart() {
    let bob = 43;
    let (mut stage, model) = stage(json!({"allowFrom": [ADA, bob], "streamMode": "off"})).await;
    stage.telegram.put_file("slow", "documents/file_1.pdf", b"%PDF");
    stage.telegram.fail_next("download", Fault::Stall);
    stage.telegram.direct(ADA, &json!({"document": {"file_id": "slow"}, "caption": "read this"}));
    stage.telegram.direct_message(ADA, "/help");
    stage.telegram.direct_message(bob, "/help");
    within(stage.telegram.texts_are(bob, 1)).await;
    within(stage.telegram.confirmed()).await;
    let account = stage.account_is(|account| account["waiting"] == 2).await;
    assert_eq!(account["connected"], true);
    assert_eq!(stage.telegram.texts(ADA).len(), 0, "what came after the file waits for it");
    stage.gateway.stop().await;
    stage.gateway.resume().await;
    assert!(told(&model, 1).await.to_string().contains("media/inbound/"));
    stage.said(2).await;
    stage.settled().await;
    assert_eq!(stage.telegram.calls("getFile").len(), 2);
}
