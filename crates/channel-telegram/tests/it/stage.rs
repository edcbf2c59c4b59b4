//! A Gateway with one bot.

use std::time::Duration;

use openclaw_testkit::{GatewayOptions, TestGateway, fake_telegram::FakeTelegram};
use serde_json::{Value, json};

/// The bot's token.
pub(crate) const TOKEN: &str = "7:token";
/// The owner of the bot.
pub(crate) const ADA: i64 = 42;

/// A Gateway and the Bot API its bot talks to.
pub(crate) struct Stage {
    pub(crate) gateway: TestGateway,
    pub(crate) telegram: FakeTelegram,
}

impl Stage {
    /// With these keys of `channels.telegram` beside token and server.
    pub(crate) async fn new(telegram: Value) -> Self {
        Self::with(telegram, json!({})).await
    }

    /// With these keys, and those of the whole configuration.
    pub(crate) async fn with(keys: Value, mut config: Value) -> Self {
        let telegram = FakeTelegram::start(TOKEN).await;
        let mut channel = json!({"apiRoot": telegram.root(), "botToken": TOKEN});
        merge(&mut channel, keys);
        merge(&mut config, json!({"channels": {"telegram": channel}}));
        let config = Some(config.to_string());
        let gateway =
            TestGateway::with(GatewayOptions { config, ..GatewayOptions::default() }).await;
        Self { gateway, telegram }
    }

    /// What the bot said to Ada, once there are `count` messages.
    pub(crate) async fn said(&self, count: usize) -> Vec<String> {
        within(self.telegram.texts_are(ADA, count)).await
    }

    /// Waits until everything that was written to the bot is handled.
    pub(crate) async fn settled(&self) {
        within(self.telegram.confirmed()).await;
        self.account_is(|account| account["waiting"] == 0).await;
    }

    /// The account as `channels.status` shows it, as soon as it is like this.
    pub(crate) async fn account_is(&self, like: impl Fn(&Value) -> bool) -> Value {
        within(async {
            loop {
                let mut client = self.gateway.operator().await;
                let status = client.ok("channels.status", json!({})).await;
                let account = status["channelAccounts"]["telegram"][0].clone();
                if like(&account) {
                    return account;
                }
            }
        })
        .await
    }
}

/// Waits, but not for ever.
pub(crate) async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), what).await.expect("it happens in time")
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}
