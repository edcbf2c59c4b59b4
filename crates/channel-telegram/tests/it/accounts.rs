//! Several bots at one Gateway.

use openclaw_testkit::{GatewayOptions, TestGateway, fake_telegram::FakeTelegram};
use serde_json::{Value, json};

use crate::stage::{ADA, within};

const BOB: i64 = 43;

#[tokio::test]
async fn each_bot_has_its_own_people_its_own_offset_and_its_own_answers() {
    let (one, two) = (FakeTelegram::start("7:one").await, FakeTelegram::start("8:two").await);
    let account = |telegram: &FakeTelegram, token: &str, person: i64| json!({"apiRoot": telegram.root(), "botToken": token, "allowFrom": [person]});
    let config = json!({"channels": {"telegram": {"streamMode": "off", "accounts": {
        "first": account(&one, "7:one", ADA),
        "second": account(&two, "8:two", BOB),
        // Two that poll with one token take each other's messages.
        "thief": account(&two, "8:two", ADA),
    }}}});
    let options = GatewayOptions { config: Some(config.to_string()), ..GatewayOptions::default() };
    let mut gateway = TestGateway::with(options).await;
    one.direct_message(ADA, "/whoami");
    two.direct_message(BOB, "/whoami");
    let first = within(one.texts_are(ADA, 1)).await;
    let second = within(two.texts_are(BOB, 1)).await;
    assert!(
        first[0].contains("account first") && second[0].contains("account second"),
        "{first:?} {second:?}"
    );
    // Who may write to one is a stranger to the other.
    two.direct_message(ADA, "hello");
    let asked = within(two.texts_are(ADA, 1)).await;
    assert!(asked[0].contains("pairing approve"), "{asked:?}");
    within(one.confirmed()).await;
    within(two.confirmed()).await;

    gateway.stop().await;
    gateway.resume().await;
    let mut client = gateway.operator().await;
    let say = |account: &str, to: i64| {
        json!({"to": to.to_string(), "message": account, "channel": "telegram",
            "accountId": account, "idempotencyKey": account})
    };
    client.ok("send", say("first", ADA)).await;
    client.ok("send", say("second", BOB)).await;
    // Each once, by its own bot, and nothing of before again.
    assert_eq!(one.texts(ADA)[1..], ["first"]);
    assert_eq!(two.texts(BOB)[1..], ["second"]);
    let status = client.ok("channels.status", json!({})).await;
    let accounts = status["channelAccounts"]["telegram"].as_array().expect("accounts").clone();
    let of = |name: &str| -> Value {
        accounts.iter().find(|account| account["accountId"] == name).expect("listed").clone()
    };
    assert_eq!((&of("first")["running"], &of("second")["running"]), (&json!(true), &json!(true)));
    let thief = of("thief");
    let why = thief["lastError"].as_str().expect("a reason");
    assert!(
        thief["running"] == false && why.contains("same bot token as the account second"),
        "{thief}"
    );
}
