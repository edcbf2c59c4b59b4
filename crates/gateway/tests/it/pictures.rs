//! Pictures of a conversation: left out of histories, had one message at a time, shown by answers.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use openclaw_testkit::{
    WireClient,
    scripted_model::{Answer, spoken},
};
use serde_json::{Value, json};

use crate::scripted::{Scripted, ended, message};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n....";

async fn history(client: &mut WireClient) -> Vec<Value> {
    let history = client.ok("chat.history", json!({"sessionKey": "main"})).await;
    history["messages"].as_array().expect("messages").clone()
}

fn asked(message: &Value) -> Value {
    json!({"sessionKey": "main", "messageId": message["__openclaw"]["id"]})
}

#[tokio::test]
async fn a_message_is_had_whole_by_its_name_in_its_own_session() {
    let gateway = Scripted::start([Answer::text("A dot.")]).await;
    let mut client = gateway.operator().await;
    let data = BASE64_STANDARD.encode(PNG);
    let mut params = message("k1", &"word ".repeat(4_000));
    params["attachments"] = json!([
        {"type": "image", "fileName": "dot.png", "content": format!("data:image/png;base64,{data}")},
    ]);
    client.ok("chat.send", params).await;
    ended(&mut client, "k1").await;
    let messages = history(&mut client).await;
    let omitted = json!({"type": "image", "mimeType": "image/png", "omitted": true, "bytes": 12});
    assert_eq!(messages[0]["content"][1], omitted);

    let mut wanted = asked(&messages[0]);
    wanted["maxChars"] = json!(100_000);
    let whole = client.ok("chat.message.get", wanted.clone()).await;
    assert_eq!(whole["ok"], true);
    let content = &whole["message"]["content"];
    assert_eq!(content[0]["text"].as_str().expect("text").len(), 20_000);
    let picture = json!({"type": "image", "mimeType": "image/png", "data": data, "bytes": 12});
    assert_eq!(content[1], picture);

    client.ok("sessions.create", json!({"key": "other"})).await;
    let gone = json!({"ok": false, "unavailableReason": "not_found"});
    for (key, value) in [("sessionKey", "other"), ("messageId", "nothing")] {
        let mut other = wanted.clone();
        other[key] = json!(value);
        assert_eq!(client.ok("chat.message.get", other).await, gone, "{key}");
    }
    // What was said before a reset can still be looked at.
    client.ok("sessions.reset", json!({"key": "main"})).await;
    assert_eq!(client.ok("chat.message.get", wanted).await["ok"], true);
}

#[tokio::test]
async fn a_message_that_no_client_can_take_in_is_refused_with_the_reason() {
    let gateway = Scripted::start([]).await;
    let big = vec![0; 9 * 1024 * 1024];
    std::fs::create_dir_all(gateway.workspace()).expect("a folder");
    std::fs::write(gateway.workspace().join("big.png"), &big[..5 * 1024 * 1024]).expect("a file");
    std::fs::write(gateway.workspace().join("huge.png"), big).expect("a file");
    let mut client = gateway.operator().await;
    // 5 MiB twice fit into an answer; a third picture goes by its name, as does what cannot be read.
    let lines = "Three.\nMEDIA:big.png\nMEDIA:big.png\nMEDIA:big.png\nMEDIA:huge.png";
    gateway.model.then(Answer::text(lines));
    client.ok("chat.send", message("k1", "show me")).await;
    ended(&mut client, "k1").await;
    let answer = history(&mut client).await.remove(1);
    let text = answer["content"][0]["text"].as_str().expect("text");
    assert!(
        text.starts_with("Three.\n\n⚠️ A file is not sent: ") && text.ends_with("📎 big.png"),
        "{text}"
    );
    assert_eq!(answer["content"].as_array().map(Vec::len), Some(3));
    let whole = client.ok("chat.message.get", asked(&answer)).await;
    assert_eq!(whole["message"]["content"][2]["bytes"], 5 * 1024 * 1024);
}

#[tokio::test]
async fn pictures_that_an_answer_names_are_shown_in_the_conversation() {
    let script = [
        Answer::text(
            "Here.\nMEDIA:out/plot.png\nMEDIA:report.pdf\nMEDIA:../secret.png\nMEDIA:https://x.invalid/a.png",
        ),
        Answer::text("Yes."),
    ];
    let gateway = Scripted::start(script).await;
    std::fs::create_dir_all(gateway.workspace().join("out")).expect("a folder");
    std::fs::write(gateway.workspace().join("out/plot.png"), PNG).expect("a file");
    std::fs::write(gateway.workspace().join("report.pdf"), b"%PDF").expect("a file");
    std::fs::write(gateway.workspace().join("../secret.png"), b"secret").expect("a file");
    let mut client = gateway.operator().await;
    client.ok("chat.send", message("k1", "plot it")).await;
    ended(&mut client, "k1").await;
    let answer = history(&mut client).await.remove(1);
    let text = answer["content"][0]["text"].as_str().expect("text");
    assert!(text.starts_with("Here.\n\n⚠️ A file is not sent: "), "{text}");
    assert!(text.ends_with("https://x.invalid/a.png\n\n📎 report.pdf"), "{text}");
    let whole = client.ok("chat.message.get", asked(&answer)).await;
    let pictures: Vec<&Value> = whole["message"]["content"]
        .as_array()
        .expect("blocks")
        .iter()
        .filter(|block| block["type"] == "image")
        .collect();
    assert_eq!(pictures.len(), 1);
    assert_eq!(pictures[0]["data"], BASE64_STANDARD.encode(PNG));

    // The model is told what it showed, not shown it.
    client.ok("chat.send", message("k2", "was that it?")).await;
    ended(&mut client, "k2").await;
    let requests = gateway.model.requests();
    let said = spoken(&requests[1]).join("\n");
    assert!(said.contains("MEDIA:out/plot.png"), "{said}");
    assert!(!format!("{:?}", requests[1]).contains(&BASE64_STANDARD.encode(PNG)));
}
