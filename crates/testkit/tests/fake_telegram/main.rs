//! The stand-in for Telegram keeps to the documented envelope, long polls and refusals.

#![expect(clippy::expect_used, reason = "the helpers of a test may fail it")]

use openclaw_testkit::fake_telegram::{FakeTelegram, Fault, Refusal};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Calls a method on a connection of its own; `None` if that ends without an answer.
async fn call(bot: &FakeTelegram, token: &str, method: &str, params: Value) -> Option<Value> {
    let root = bot.root();
    let address = root.strip_prefix("http://").expect("a plain root");
    let mut socket = TcpStream::connect(address).await.expect("it listens");
    let body = params.to_string();
    let length = body.len();
    let request =
        format!("POST /bot{token}/{method} HTTP/1.1\r\ncontent-length: {length}\r\n\r\n{body}");
    socket.write_all(request.as_bytes()).await.expect("sent");
    socket.shutdown().await.expect("said all");
    let mut reply = String::new();
    socket.read_to_string(&mut reply).await.expect("read");
    let (_, body) = reply.split_once("\r\n\r\n")?;
    Some(serde_json::from_str(body).expect("JSON"))
}

#[tokio::test]
async fn an_update_comes_again_until_an_offset_confirms_it() {
    let bot = FakeTelegram::start("7:abc").await;
    let poll = |offset: i64| call(&bot, "7:abc", "getUpdates", json!({"offset": offset}));
    let id = bot.direct_message(42, "hello");
    for _ in 0..2 {
        let answer = poll(id).await.expect("an answer");
        assert_eq!(answer["result"][0]["message"]["text"], "hello");
    }
    assert_eq!(poll(id + 1).await.expect("an answer"), json!({"ok": true, "result": []}));
    assert_eq!(bot.unconfirmed(), 0);
}

#[tokio::test]
async fn a_long_poll_ends_with_an_update_or_with_a_newer_poll() {
    let bot = FakeTelegram::start("7:abc").await;
    let long = || call(&bot, "7:abc", "getUpdates", json!({"timeout": 300}));
    let newer = async {
        bot.called("getUpdates", 1).await;
        long().await.expect("an answer")
    };
    let push = async {
        bot.called("getUpdates", 2).await;
        bot.direct_message(42, "hello")
    };
    let (older, newer, id) = tokio::join!(long(), newer, push);
    assert_eq!(older.expect("an answer")["error_code"], 409);
    assert_eq!(newer["result"][0]["update_id"], id);
}

#[tokio::test]
async fn a_fault_hits_one_call_and_only_a_cut_one_is_done() {
    let bot = FakeTelegram::start("7:abc").await;
    let send = || call(&bot, "7:abc", "sendMessage", json!({"chat_id": "42", "text": "hi"}));
    bot.fail_next("sendMessage", Fault::Refuse(Refusal::too_many(3)));
    bot.fail_next("sendMessage", Fault::CutAfter);
    let refused = send().await.expect("an answer");
    assert_eq!(refused["ok"], false);
    assert_eq!(refused["error_code"], 429);
    assert_eq!(refused["parameters"]["retry_after"], 3);
    assert!(bot.texts(42).is_empty());
    assert_eq!(send().await, None);
    assert_eq!(bot.texts(42), ["hi"]);
    assert_eq!(send().await.expect("an answer")["ok"], true);
    assert_eq!(bot.calls("sendMessage").len(), 3);
}

#[tokio::test]
async fn texts_and_tokens_are_checked_as_telegram_does() {
    let bot = FakeTelegram::start("7:abc").await;
    let stranger = call(&bot, "7:other", "getMe", json!({})).await.expect("an answer");
    assert_eq!(stranger, json!({"ok": false, "error_code": 401, "description": "Unauthorized"}));
    let long = json!({"chat_id": 42, "text": "x".repeat(4097)});
    let refused = call(&bot, "7:abc", "sendMessage", long).await.expect("an answer");
    assert_eq!(refused["description"], "Bad Request: message is too long");
    let send = json!({"chat_id": 42, "text": "one"});
    let sent = call(&bot, "7:abc", "sendMessage", send).await.expect("an answer");
    let edit = |text: &str| {
        let id = &sent["result"]["message_id"];
        call(
            &bot,
            "7:abc",
            "editMessageText",
            json!({"chat_id": 42, "message_id": id, "text": text}),
        )
    };
    let same = edit("one").await.expect("an answer");
    assert!(
        same["description"].as_str().is_some_and(|text| text.contains("message is not modified"))
    );
    assert_eq!(edit("two").await.expect("an answer")["ok"], true);
    assert_eq!(bot.texts(42), ["two"]);
}
