//! An account that is logged out.

use openclaw_testkit::{GatewayOptions, TestGateway, fake_telegram::FakeTelegram};
use serde_json::{Value, json};

use crate::stage::{ADA, Stage, TOKEN, within};

fn written(stage: &Stage) -> Value {
    let text = std::fs::read_to_string(stage.gateway.paths().config_file()).expect("the file");
    serde_json::from_str(&text).expect("JSON")
}

#[tokio::test]
async fn the_token_goes_out_of_the_configuration_and_the_account_stops() {
    let stage = Stage::new(json!({"allowFrom": [ADA]})).await;
    within(stage.telegram.called("getUpdates", 1)).await;
    let mut client = stage.gateway.operator().await;
    let gone = client.ok("channels.logout", json!({"channel": "telegram"})).await;
    assert_eq!(
        gone,
        json!({"channel": "telegram", "accountId": "default", "cleared": true, "loggedOut": true,
            "envToken": false, "keys": ["channels.telegram.botToken"]})
    );
    let telegram = &written(&stage)["channels"]["telegram"];
    assert!(telegram["botToken"].is_null() && telegram["allowFrom"] == json!([ADA]), "{telegram}");
    let account = stage.account_is(|account| account["configured"] == false).await;
    assert_eq!(account["running"], false);
    stage.telegram.direct_message(ADA, "/help");
    let refused = client.refused("channels.logout", json!({"channel": "telegram"})).await;
    assert_eq!(refused["details"]["code"], "CHANNEL_NOT_LOGGED_IN");
    assert_eq!(stage.telegram.unconfirmed(), 1, "nobody reads any more");
    for (params, words) in [
        (json!({"channel": "telegram", "accountId": "other"}), "unknown account"),
        (json!({"channel": "pigeon"}), "unsupported channel"),
    ] {
        let refused = client.refused("channels.logout", params).await;
        assert!(refused["message"].as_str().expect("why").contains(words), "{refused}");
    }
}

#[tokio::test]
async fn a_token_of_the_environment_stays_there_and_is_named() {
    let telegram = FakeTelegram::start(TOKEN).await;
    let config = json!({"channels": {"telegram": {"apiRoot": telegram.root()}}});
    let variables = vec![("TELEGRAM_BOT_TOKEN".to_owned(), TOKEN.to_owned())];
    let options = GatewayOptions { config: Some(config.to_string()), variables };
    let gateway = TestGateway::with(options).await;
    within(telegram.called("getUpdates", 1)).await;
    let mut client = gateway.operator().await;
    let refused = client.refused("channels.logout", json!({"channel": "telegram"})).await;
    assert_eq!(refused["details"]["code"], "CHANNEL_TOKEN_FROM_ENV");
    assert!(refused["message"].as_str().expect("why").contains("TELEGRAM_BOT_TOKEN"), "{refused}");
    let status = client.ok("channels.status", json!({})).await;
    assert_eq!(status["channelAccounts"]["telegram"][0]["running"], true, "{status}");
}

#[tokio::test]
async fn a_channel_without_a_login_says_so() {
    let config = json!({"channels": {"webhook": {"accounts": {"door": {
        "secret": "a secret that both know", "url": "http://127.0.0.1:9/"}}}}});
    let gateway = TestGateway::with_config(&config.to_string()).await;
    let mut client = gateway.operator().await;
    let refused = client.refused("channels.logout", json!({"channel": "webhook"})).await;
    assert_eq!(refused["message"], "channel webhook does not support logout");
}
