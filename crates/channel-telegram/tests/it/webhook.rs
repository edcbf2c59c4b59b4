//! Telegram posts updates to the Gateway.

use openclaw_testkit::{
    fake_telegram::{Fault, Refusal},
    http::{Post, post},
};
use serde_json::{Value, json};

use crate::stage::{ADA, Stage, within};

const SECRET: &str = "a_secret-that-Telegram_shows";
const HEADER: &str = "X-Telegram-Bot-Api-Secret-Token";
const PATH: &str = "/channels/telegram/default";

fn keys() -> Value {
    json!({"allowFrom": [ADA], "streamMode": "off", "webhookSecret": SECRET,
        "webhookUrl": format!("https://bot.example{PATH}")})
}

async fn stage() -> Stage {
    let stage = Stage::new(keys()).await;
    stage.telegram.webhooks_lead_to(Some(stage.gateway.port()));
    stage
}

/// Posts an update as whoever has this secret; gives the status.
async fn posted(stage: &Stage, secret: Option<&str>, body: &[u8]) -> u16 {
    let headers: Vec<_> = secret.map(|secret| (HEADER, secret)).into_iter().collect();
    let what = Post { path: PATH, headers: &headers, body };
    within(post(stage.gateway.port(), what)).await.expect("an answer").0
}

fn update(id: i64, text: &str) -> Vec<u8> {
    let message = json!({"message_id": id, "date": 1, "text": text,
        "from": {"id": ADA, "is_bot": false, "first_name": "Ada"},
        "chat": {"id": ADA, "type": "private"}});
    json!({"update_id": id, "message": message}).to_string().into_bytes()
}

#[tokio::test]
async fn a_conversation_comes_through_the_webhook() {
    let stage = stage().await;
    let set = within(stage.telegram.called("setWebhook", 1)).await;
    assert_eq!(set[0]["max_connections"], 1);
    assert_eq!(
        (&set[0]["secret_token"], &set[0]["drop_pending_updates"]),
        (&json!(SECRET), &json!(false))
    );
    for (count, text) in ["/help", "/status", "/help"].into_iter().enumerate() {
        stage.telegram.direct_message(ADA, text);
        stage.said(count + 1).await;
    }
    stage.settled().await;
    assert_eq!(stage.telegram.calls("getUpdates"), Vec::<Value>::new());
    let account = stage.account_is(|account| account["webhook"].is_object()).await;
    assert_eq!((&account["mode"], &account["webhookPath"]), (&json!("webhook"), &json!(PATH)));
    assert_eq!(account["webhook"]["url"], format!("https://bot.example{PATH}"));
    assert!(!account.to_string().contains(SECRET), "{account}");
}

#[tokio::test]
async fn whoever_has_not_the_secret_or_posts_no_update_is_refused() {
    let stage = stage().await;
    stage.account_is(|account| account["connected"] == true).await;
    let help = update(7, "/help");
    let long = vec![b' '; 1024 * 1024 + 1];
    for (secret, body, status) in [
        (None, &help[..], 401),
        (Some("wrong"), &help[..], 401),
        (Some(""), &help[..], 401),
        (Some(SECRET), b"{", 400),
        (Some(SECRET), b"[1]", 400),
        (Some(SECRET), b"{\"message\": {}}", 400),
        (Some(SECRET), &long[..], 413),
    ] {
        assert_eq!(posted(&stage, secret, body).await, status, "{secret:?} {} bytes", body.len());
    }
    assert_eq!(posted(&stage, Some(SECRET), b"{\"update_id\": 3, \"poll\": {}}").await, 200);
    // A page in somebody's browser gets no further than before.
    let headers = [("host", "evil.example"), ("origin", "https://evil.example"), (HEADER, SECRET)];
    let what = Post { path: PATH, headers: &headers, body: &help };
    let (status, _) = within(post(stage.gateway.port(), what)).await.expect("an answer");
    assert_eq!(status, 403);
    assert_eq!(stage.telegram.calls("sendMessage"), Vec::<Value>::new());
}

#[tokio::test]
async fn what_is_brought_twice_is_handled_once() {
    let mut stage = stage().await;
    stage.account_is(|account| account["connected"] == true).await;
    for _ in 0..3 {
        assert_eq!(posted(&stage, Some(SECRET), &update(1_001, "/help")).await, 200);
    }
    stage.gateway.stop().await;
    stage.gateway.resume().await;
    stage.account_is(|account| account["connected"] == true).await;
    assert_eq!(posted(&stage, Some(SECRET), &update(1_001, "/help")).await, 200);
    assert_eq!(posted(&stage, Some(SECRET), &update(1_002, "/status")).await, 200);
    stage.said(2).await;
    stage.settled().await;
    assert_eq!(stage.telegram.texts(ADA).len(), 2);
}

#[tokio::test]
async fn an_answer_that_telegram_never_got_changes_nothing() {
    let stage = stage().await;
    stage.telegram.fail_next("webhook", Fault::CutAfter);
    stage.telegram.direct_message(ADA, "/help");
    stage.telegram.direct_message(ADA, "/status");
    let said = stage.said(2).await;
    stage.settled().await;
    assert!(said[0].contains("/new"), "the help first: {said:?}");
    assert_eq!(stage.telegram.texts(ADA).len(), 2);
    assert_eq!(stage.telegram.calls("webhook").len(), 3);
}

#[tokio::test]
async fn an_account_that_is_not_ready_has_it_brought_again() {
    let stage = Stage::new(json!({"enabled": false})).await;
    assert_eq!(posted(&stage, Some(SECRET), &update(1, "/help")).await, 404, "nobody is there");
    stage.telegram.fail_next("getMe", Fault::Stall);
    let mut client = stage.gateway.operator().await;
    let mut keys = keys();
    keys["enabled"] = json!(true);
    let patch = json!({"channels": {"telegram": keys}}).to_string();
    let hash = client.ok("config.get", json!({})).await["hash"].clone();
    client.ok("config.patch", json!({"raw": patch, "baseHash": hash})).await;
    within(stage.telegram.called("getMe", 1)).await;
    assert_eq!(posted(&stage, Some(SECRET), &update(1, "/help")).await, 503);
}

#[tokio::test]
async fn nothing_is_lost_when_the_bot_polls_again() {
    let mut stage = stage().await;
    stage.telegram.direct_message(ADA, "/help");
    stage.said(1).await;
    stage.settled().await;
    // From here on nothing can be delivered.
    stage.telegram.webhooks_lead_to(None);
    stage.telegram.direct_message(ADA, "/status");
    stage.gateway.stop().await;
    stage.telegram.direct_message(ADA, "/help");
    let file = stage.gateway.paths().config_file().to_owned();
    let text = std::fs::read_to_string(&file).expect("the configuration");
    let mut config: Value = serde_json::from_str(&text).expect("JSON");
    let telegram = config["channels"]["telegram"].as_object_mut().expect("keys");
    telegram.remove("webhookUrl");
    std::fs::write(&file, config.to_string()).expect("written");
    stage.gateway.resume().await;
    within(stage.telegram.called("deleteWebhook", 1)).await;
    stage.said(3).await;
    stage.settled().await;
    assert_eq!(stage.telegram.texts(ADA).len(), 3);
    let account = stage.account_is(|account| account["connected"] == true).await;
    assert_eq!(account["mode"], "polling");
    assert_eq!(posted(&stage, Some(SECRET), &update(1, "/help")).await, 404);
}

#[tokio::test]
async fn what_is_wrong_with_the_webhook_is_said() {
    let stage = Stage::new(json!({"enabled": false})).await;
    let bad = Refusal::new(400, "Bad Request: bad webhook: Failed to resolve host");
    stage.telegram.fail_next("setWebhook", Fault::Refuse(bad));
    stage.telegram.fail_next("setWebhook", Fault::Refuse(Refusal::too_many(1)));
    let mut client = stage.gateway.operator().await;
    let mut keys = keys();
    keys["enabled"] = json!(true);
    let patch = json!({"channels": {"telegram": keys}}).to_string();
    let hash = client.ok("config.get", json!({})).await["hash"].clone();
    client.ok("config.patch", json!({"raw": patch, "baseHash": hash})).await;
    let says = |account: &Value, words: &str| {
        account["lastError"].as_str().is_some_and(|error| error.contains(words))
    };
    let account = stage.account_is(|account| says(account, "Failed to resolve host")).await;
    assert!(says(&account, "443, 80, 88 or 8443"), "{account}");
    stage.account_is(|account| says(account, "wants a pause")).await;
    stage.account_is(|account| account["connected"] == true).await;
    assert_eq!(stage.telegram.calls("setWebhook").len(), 3);
    // What Telegram says about its deliveries is shown when asked for.
    stage.telegram.fail_next("webhook", Fault::Stall);
    stage.telegram.webhooks_lead_to(Some(stage.gateway.port()));
    stage.telegram.direct_message(ADA, "/help");
    stage.said(1).await;
    let status = client.ok("channels.status", json!({"probe": true})).await;
    let probe = &status["channelAccounts"]["telegram"][0]["probe"];
    assert_eq!(probe["bot"]["webhook"]["lastError"], "Connection timed out", "{probe}");
}

#[tokio::test]
async fn updates_may_go_to_a_path_of_ones_own() {
    let mut keys = keys();
    keys["webhookPath"] = json!("/telegram-webhook");
    keys["webhookUrl"] = json!("https://bot.example/telegram-webhook");
    let stage = Stage::new(keys).await;
    stage.telegram.webhooks_lead_to(Some(stage.gateway.port()));
    stage.telegram.direct_message(ADA, "/help");
    stage.said(1).await;
    let what = Post { path: "/elsewhere", headers: &[(HEADER, SECRET)], body: &update(9, "/help") };
    let (status, _) = within(post(stage.gateway.port(), what)).await.expect("an answer");
    assert_eq!(status, 404);
}
