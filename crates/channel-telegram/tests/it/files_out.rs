//! Files that are sent to people.

use openclaw_testkit::{
    fake_telegram::{Fault, Refusal},
    played_model::{Play, PlayedModel},
};
use serde_json::json;

use crate::stage::{ADA, Stage, within};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nand so on";
/// `PNG` in base64.
const PNG_BASE64: &str = "iVBORw0KGgphbmQgc28gb24=";

#[tokio::test]
async fn send_shows_each_file_as_what_it_is() {
    let stage = Stage::new(json!({})).await;
    let mut client = stage.gateway.operator().await;
    let photo = json!({"to": "42", "message": "**look**", "buffer": PNG_BASE64,
        "filename": "../up/a \"b\".png", "idempotencyKey": "1"});
    let sent = client.ok("send", photo).await;
    assert_eq!(sent["chatId"], "42");
    let forced = json!({"to": "42", "buffer": PNG_BASE64, "filename": "c.png",
        "forceDocument": true, "idempotencyKey": "2"});
    client.ok("send", forced).await;
    // It says it is a picture, and is none.
    let liar = json!({"to": "42", "buffer": "aGVsbG8=", "filename": "d.png",
        "idempotencyKey": "3"});
    client.ok("send", liar).await;
    let files = within(stage.telegram.files_are(3)).await;
    let seen: Vec<_> =
        files.iter().map(|file| (file.method.as_str(), file.name.as_str())).collect();
    let wanted = [("sendPhoto", "a b.png"), ("sendDocument", "c.png"), ("sendDocument", "d.png")];
    assert_eq!(seen, wanted);
    assert_eq!((files[0].bytes.as_slice(), files[0].mime.as_str()), (PNG, "image/png"));
    assert_eq!((files[0].caption.as_str(), files[0].chat), ("<b>look</b>", ADA));
    assert_eq!(stage.telegram.calls("sendPhoto").len(), 2);
    assert!(stage.telegram.calls("sendMessage").is_empty());
}

#[tokio::test]
async fn a_long_text_stands_before_the_file_and_a_repeat_sends_nothing() {
    let stage = Stage::new(json!({})).await;
    let mut client = stage.gateway.operator().await;
    let text = "word ".repeat(300);
    let params = json!({"to": "42", "message": text, "buffer": PNG_BASE64, "filename": "a.png",
        "idempotencyKey": "1"});
    let first = client.ok("send", params.clone()).await;
    let again = client.ok("send", params).await;
    assert_eq!(first["messageId"], again["messageId"]);
    assert_eq!(stage.telegram.texts(ADA), [text.trim(), ""]);
    assert_eq!(within(stage.telegram.files_are(1)).await.len(), 1);
}

#[tokio::test]
async fn a_file_that_could_not_be_sent_waits_whole() {
    let stage = Stage::new(json!({})).await;
    let path = stage.gateway.home().join(".openclaw/workspace/plot.png");
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(&path, PNG).expect("written");
    stage.telegram.fail_next("sendPhoto", Fault::Refuse(Refusal::new(502, "Bad Gateway")));
    stage.telegram.fail_next("sendPhoto", Fault::Refuse(Refusal::too_many(1)));
    let mut client = stage.gateway.operator().await;
    let params = json!({"to": "42", "mediaUrl": "plot.png", "idempotencyKey": "1"});
    client.send("send", &params).await;
    within(stage.telegram.called("sendPhoto", 1)).await;
    // What it was read from does not matter any more.
    std::fs::remove_file(&path).expect("removed");
    let files = within(stage.telegram.files_are(1)).await;
    assert_eq!(files[0].bytes, PNG);
}

#[tokio::test]
async fn nothing_but_the_workspace_and_the_public_web_is_sent() {
    let stage = Stage::new(json!({})).await;
    let mut client = stage.gateway.operator().await;
    let config = stage.gateway.home().join(".openclaw/openclaw.json").display().to_string();
    let root = stage.telegram.root();
    for (count, named) in [
        "../openclaw.json",
        config.as_str(),
        "/etc/passwd",
        "file:///etc/passwd",
        "gone.png",
        root.as_str(),
        "http://169.254.169.254/latest/meta-data",
        "http://localhost:1/",
    ]
    .into_iter()
    .enumerate()
    {
        let params = json!({"to": "42", "mediaUrls": [named], "idempotencyKey": count.to_string()});
        let error = client.refused("send", params).await;
        assert_eq!(error["code"], "INVALID_REQUEST", "{named}: {error}");
        assert!(error["message"].as_str().expect("text").contains("no file to send"), "{error}");
    }
    let empty = json!({"to": "42", "buffer": "", "filename": "a", "idempotencyKey": "e"});
    client.refused("send", empty).await;
    assert!(within(stage.telegram.files_are(0)).await.is_empty());
}

#[tokio::test]
async fn the_agent_sends_files_with_its_answer_and_beside_it() {
    let model = PlayedModel::start(|told| {
        match told.iter().filter(|part| part["role"] == "tool").count() {
            0 => Play::call("1", "message", json!({"message": "Wait.", "media": "plot.png"})),
            _ => Play::say(
                "Here it is again, and all of it.\nMEDIA:plot.png\nMEDIA:../openclaw.json",
            ),
        }
    })
    .await;
    let stage = Stage::with(json!({"allowFrom": [ADA]}), model.configuration()).await;
    let path = stage.gateway.home().join(".openclaw/workspace/plot.png");
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(&path, PNG).expect("written");
    stage.telegram.direct_message(ADA, "show me the plot");
    let files = within(stage.telegram.files_are(2)).await;
    assert_eq!(files[0].caption, "Wait.");
    assert_eq!((files[1].method.as_str(), files[1].bytes.as_slice()), ("sendPhoto", PNG));
    let texts = within(stage.telegram.texts_are(ADA, 3)).await;
    assert!(texts[1].starts_with("Here it is again, and all of it.\n\n⚠️ A file is not sent: "));
    assert!(!texts[1].contains("MEDIA:"), "{texts:?}");
}

#[tokio::test]
async fn a_line_sends_no_file_where_the_tool_may_not() {
    let model = PlayedModel::start(|_| Play::say("Here it is.\nMEDIA:plot.png")).await;
    let mut configuration = model.configuration();
    configuration["tools"] = json!({"deny": ["message"]});
    let stage = Stage::with(json!({"allowFrom": [ADA]}), configuration).await;
    let path = stage.gateway.home().join(".openclaw/workspace/plot.png");
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(&path, PNG).expect("written");
    stage.telegram.direct_message(ADA, "show me the plot");
    let texts = within(stage.telegram.texts_are(ADA, 1)).await;
    assert!(texts[0].starts_with("Here it is.\n\n⚠️ No file is sent: "), "{texts:?}");
    assert!(within(stage.telegram.files_are(0)).await.is_empty());
}
