//! What goes wrong on the way.

use openclaw_testkit::fake_telegram::{Fault, Refusal};
use serde_json::json;

use crate::stage::{ADA, Stage, within};

#[tokio::test]
async fn a_flood_is_waited_out_and_the_order_kept() {
    let stage = Stage::new(json!({"allowFrom": [ADA], "streamMode": "off"})).await;
    stage.telegram.fail_next("sendMessage", Fault::Refuse(Refusal::too_many(1)));
    stage.telegram.direct_message(ADA, "/help");
    within(stage.telegram.called("sendMessage", 1)).await;
    let account = stage.account_is(|account| !account["sending"].is_null()).await;
    let sending = &account["sending"];
    assert!(sending["chat"] == "42" && sending["untilMs"].as_u64() > Some(0), "{account}");
    assert!(sending["why"].as_str().expect("why").contains("pause of 1 s"), "{account}");
    stage.telegram.direct_message(ADA, "/status");
    let said = stage.said(2).await;
    assert!(said[0].contains("/new"), "the help first: {said:?}");
    assert_eq!(stage.telegram.calls("sendMessage").len(), 3);
    stage.account_is(|account| account["sending"].is_null()).await;
}

#[tokio::test]
async fn html_that_telegram_refuses_is_sent_as_it_is() {
    let stage = Stage::new(json!({"allowFrom": [ADA], "streamMode": "off"})).await;
    let refusal = Refusal::new(400, "Bad Request: can't parse entities: Unsupported start tag");
    stage.telegram.fail_next("sendMessage", Fault::Refuse(refusal));
    stage.telegram.direct_message(ADA, "/help");
    stage.said(1).await;
    let sent = stage.telegram.calls("sendMessage");
    assert_eq!(sent[0]["parse_mode"], "HTML");
    assert!(sent[1]["parse_mode"].is_null());
}

#[tokio::test]
async fn another_poller_is_named_and_outlived() {
    let stage = Stage::new(json!({"allowFrom": [ADA]})).await;
    let conflict = Refusal::new(409, "Conflict: terminated by other getUpdates request");
    stage.telegram.fail_next("getUpdates", Fault::Refuse(conflict));
    // Ends the poll that is open.
    stage.telegram.direct_message(ADA, "/help");
    let says = |account: &serde_json::Value, words: &str| {
        account["lastError"].as_str().is_some_and(|error| error.contains(words))
    };
    stage.account_is(|account| says(account, "another program polls")).await;
    stage.said(1).await;
    stage
        .account_is(|account| account["connected"] == true && account["lastError"].is_null())
        .await;
}

#[tokio::test]
async fn a_token_that_is_taken_back_stops_the_account_until_it_is_started() {
    let stage = Stage::new(json!({"allowFrom": [ADA]})).await;
    within(stage.telegram.called("getUpdates", 1)).await;
    stage.telegram.fail_next("getUpdates", Fault::Refuse(Refusal::new(401, "Unauthorized")));
    stage.telegram.direct_message(ADA, "/help");
    let account = stage.account_is(|account| account["running"] == false).await;
    assert!(account["lastError"].as_str().expect("why").contains("channels add telegram"));
    let mut client = stage.gateway.operator().await;
    let started = client.ok("channels.start", json!({"channel": "telegram"})).await;
    assert_eq!(started["accounts"], json!(["default"]));
    stage.account_is(|account| account["connected"] == true).await;
    let stopped = client.ok("channels.stop", json!({"channel": "telegram"})).await;
    assert_eq!(stopped["ok"], true);
    stage.account_is(|account| account["running"] == false).await;
    let unknown = client.refused("channels.stop", json!({"channel": "pigeon"})).await;
    assert_eq!(unknown["message"], "unsupported channel: pigeon");
}

#[tokio::test]
async fn a_lost_answer_is_sent_again_and_listed() {
    let stage = Stage::new(json!({"allowFrom": [ADA], "streamMode": "off"})).await;
    stage.telegram.fail_next("sendMessage", Fault::CutAfter);
    stage.telegram.direct_message(ADA, "/help");
    let said = stage.said(2).await;
    assert_eq!(said[0], said[1]);
    let mut client = stage.gateway.operator().await;
    let listed = within(async {
        loop {
            let listed = client.ok("outbox.list", json!({})).await;
            if listed["deliveries"][0]["state"] == "sent" {
                return listed;
            }
        }
    })
    .await;
    assert_eq!(listed["deliveries"][0]["uncertain"], 1, "{listed}");
}

#[tokio::test]
async fn what_is_refused_is_listed_and_can_be_tried_again() {
    let stage = Stage::new(json!({"allowFrom": [ADA]})).await;
    within(stage.telegram.called("getUpdates", 1)).await;
    let mut client = stage.gateway.operator().await;
    stage
        .telegram
        .fail_next("sendMessage", Fault::Refuse(Refusal::new(400, "Bad Request: chat not found")));
    let send = json!({"to": "telegram:42", "message": "hello", "idempotencyKey": "k1"});
    let refused = client.refused("send", send).await;
    assert!(refused["message"].as_str().expect("why").contains("write to the bot first"));
    let listed = client.ok("outbox.list", json!({})).await;
    let id = listed["deliveries"][0]["id"].clone();
    assert_eq!(listed["deliveries"][0]["state"], "failed");
    client.ok("outbox.retry", json!({"id": id})).await;
    assert_eq!(stage.said(1).await, ["hello"]);
    client.refused("outbox.retry", json!({"id": id})).await;
    let again = json!({"to": "42", "message": "again", "idempotencyKey": "k2"});
    let sent = client.ok("send", again.clone()).await;
    assert_eq!((&sent["channel"], &sent["runId"]), (&json!("telegram"), &json!("k2")));
    assert_eq!(client.ok("send", again).await, sent, "a repeat sends nothing");
    assert_eq!(stage.telegram.texts(ADA).len(), 2);
    for (params, words) in [
        (json!({"to": "1", "message": " ", "idempotencyKey": "a"}), "text or media is required"),
        (
            json!({"to": "1", "message": "x", "channel": "webchat", "idempotencyKey": "b"}),
            "chat.send",
        ),
        (
            json!({"to": "1", "message": "x", "channel": "pigeon", "idempotencyKey": "c"}),
            "unsupported",
        ),
        (json!({"to": "1", "mediaUrl": "http://x/", "idempotencyKey": "d"}), "no file to send"),
    ] {
        let refused = client.refused("send", params).await;
        assert!(refused["message"].as_str().expect("why").contains(words), "{refused}");
    }
}

#[tokio::test]
async fn the_owner_decides_who_waits() {
    let stage = Stage::new(json!({})).await;
    for person in 1..=4 {
        stage.telegram.direct_message(person, "hello");
        stage.settled().await;
    }
    let mut client = stage.gateway.operator().await;
    let listed = client.ok("channels.pairing.list", json!({})).await;
    let requests = listed["requests"].as_array().expect("requests");
    assert_eq!(requests.len(), 3, "no more wait than that");
    assert_eq!(listed["accounts"][0]["accountId"], "default");
    let named = |at: usize| json!({"channel": "telegram", "accountId": "default", "requestId": requests[at]["requestId"]});
    let approved = client.ok("channels.pairing.approve", named(0)).await;
    assert_eq!(approved["senderId"], "1");
    let dismissed = client.ok("channels.pairing.dismiss", named(1)).await;
    assert_eq!(dismissed["senderId"], "2");
    client.refused("channels.pairing.approve", named(0)).await;
    client.refused("channels.pairing.dismiss", named(1)).await;
    within(stage.telegram.texts_are(1, 1)).await;
    stage.telegram.direct_message(1, "/help");
    let said = within(stage.telegram.texts_are(1, 2)).await;
    assert!(said[1].contains("/new"), "{said:?}");
}

#[tokio::test]
async fn what_is_sent_to_many_at_once_is_sent_to_each_once_and_in_order() {
    let stage = Stage::new(json!({})).await;
    let mut client = stage.gateway.operator().await;
    let people = 1000..1030;
    let wanted: Vec<String> = (0..6).map(|round| format!("message {round}")).collect();
    for text in &wanted {
        for person in people.clone() {
            let params = json!({"to": person.to_string(), "message": text,
                "idempotencyKey": format!("{person} {text}")});
            client.send("send", &params).await;
        }
    }
    for person in people.clone() {
        within(stage.telegram.texts_are(person, wanted.len())).await;
    }
    for person in people {
        assert_eq!(stage.telegram.texts(person), wanted, "{person}");
    }
}
