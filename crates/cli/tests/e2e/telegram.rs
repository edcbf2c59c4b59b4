//! Telegram, as its people and the owner of the Gateway meet it: real processes, killed at bad moments.

use std::future::Future;

use openclaw_testkit::fake_telegram::FakeTelegram;
use rustix::process::Signal;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::machine::{Machine, PATIENCE, read_until};

const TOKEN: &str = "7:token";
const ADA: i64 = 42;

/// The Bot API, on threads of its own.
struct Service {
    runtime: Runtime,
    telegram: FakeTelegram,
}

impl Service {
    fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let telegram = runtime.block_on(FakeTelegram::start(TOKEN));
        Self { runtime, telegram }
    }

    fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        self.runtime.block_on(async { tokio::time::timeout(PATIENCE, what).await }).unwrap()
    }

    fn texts_like(&self, like: impl Fn(&[String]) -> bool) -> Vec<String> {
        self.wait(self.telegram.texts_like(ADA, like))
    }
}

#[test]
fn from_a_token_to_a_conversation() {
    let service = Service::start();
    let root = service.telegram.root();
    let machine = Machine::new();
    let _gateway = machine.gateway(&["--port", "0"]);
    let wrong =
        machine.run(&["channels", "add", "telegram", "--token", "8:x", "--api-root", &root]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(!machine.state().join("openclaw.json").exists(), "nothing is written");
    let added =
        machine.text(&["channels", "add", "telegram", "--token", TOKEN, "--api-root", &root]);
    assert!(added.contains("@claw_bot") && added.contains("t.me/claw_bot"), "{added}");

    // The running Gateway takes it up by itself.
    service.wait(service.telegram.called("getUpdates", 1));
    service.telegram.direct_message(ADA, "hello");
    let said = service.texts_like(|texts| !texts.is_empty());
    let code = said[0].split("telegram ").last().unwrap().split(['<', '\n', '`']).next().unwrap();
    let listed = machine.json(&["pairing", "list"]);
    assert_eq!(listed["requests"][0]["requestId"], code);
    assert_eq!(machine.code(&["pairing", "approve", "telegram", "AAAAAAAA"]), 1);
    machine.text(&["pairing", "approve", "telegram", code, "--notify"]);
    service.texts_like(|texts| texts.len() == 2);

    let mut follow = machine.command(&["sessions", "show", "main", "--follow"]);
    let mut follow = follow.stdout(std::process::Stdio::piped()).spawn().unwrap();
    service.telegram.direct_message(ADA, "are you there?");
    let said = service
        .texts_like(|texts| texts.last().is_some_and(|text| text.contains("models auth set")));
    assert_eq!(said.len(), 3, "{said:?}");
    read_until(follow.stdout.as_mut().unwrap(), "are you there?");
    follow.kill().unwrap();
    follow.wait().unwrap();

    let status = machine.json(&["channels", "status", "--probe"]);
    let account = &status["channelAccounts"]["telegram"][0];
    assert_eq!(account["probe"]["bot"]["username"], "claw_bot", "{account}");
    assert!(machine.text(&["channels", "list"]).contains("connected"));
    let sent = machine.json(&["gateway", "send", "--to", "42", "--message", "hello"]);
    assert_eq!(sent["channel"], "telegram", "{sent}");
    let sent = machine.json(&["message", "send", "--to", "42", "--message", "*hi*"]);
    assert_eq!(sent["channel"], "telegram");
    assert_eq!(service.telegram.texts(ADA).last().unwrap(), "<i>hi</i>");
    assert!(machine.json(&["message", "outbox"])["deliveries"].as_array().unwrap().is_empty());
    machine.text(&["channels", "stop", "telegram"]);
    assert!(machine.text(&["channels", "status"]).contains("stopped"));
    let gone = machine.json(&["channels", "logout", "telegram"]);
    assert_eq!(gone["keys"], json!(["channels.telegram.botToken"]), "{gone}");
    assert_eq!(machine.code(&["channels", "logout", "telegram"]), 1);
    machine.text(&["channels", "remove", "telegram"]);
}

#[test]
fn everything_is_answered_in_order_whenever_the_gateway_is_killed() {
    let moments = ["sendChatAction", "sendMessage", "getUpdates", "sendMessage", "sendChatAction"];
    in_order(&json!({}), &moments);
}

#[test]
fn and_so_it_is_when_telegram_posts_to_it() {
    let keys = json!({"webhookUrl": "https://bot.example/channels/telegram/default",
        "webhookSecret": "e2e-secret"});
    let moments = ["webhook", "sendMessage", "webhook", "setWebhook", "sendChatAction", "webhook"];
    in_order(&keys, &moments);
}

/// Kills the Gateway whenever one of these methods is called, and looks at what was answered.
fn in_order(keys: &serde_json::Value, moments: &[&str]) {
    let service = Service::start();
    let machine = Machine::new();
    let mut channel = json!({"apiRoot": service.telegram.root(), "botToken": TOKEN,
        "allowFrom": [ADA], "streamMode": "off"});
    for (key, value) in keys.as_object().unwrap() {
        channel[key] = value.clone();
    }
    let config = json!({"channels": {"telegram": channel},
        "messages": {"queue": {"mode": "followup", "debounceMs": 0}}});
    machine.configure(&config.to_string());
    let mut count = 0;
    for moment in moments {
        let before = service.telegram.calls(moment).len();
        let gateway = machine.gateway(&["--port", "0"]);
        service.telegram.webhooks_lead_to(Some(gateway.port));
        for _ in 0..3 {
            count += 1;
            service.telegram.direct_message(ADA, &format!("number {count}."));
        }
        service.wait(service.telegram.called(moment, before + 1));
        assert_eq!(gateway.end(Signal::KILL).code, None);
    }
    let gateway = machine.gateway(&["--port", "0"]);
    service.telegram.webhooks_lead_to(Some(gateway.port));
    count += 1;
    service.telegram.direct_message(ADA, &format!("number {count}."));
    let last = format!("number {count}.");
    let said = service.texts_like(|texts| texts.last().is_some_and(|text| text.contains(&last)));

    // The offline assistant repeats what it is told.
    let number = |text: &String| -> usize {
        text.split("number ").nth(1).unwrap().split('.').next().unwrap().parse().unwrap()
    };
    let mut answered: Vec<usize> = said.iter().map(number).collect();
    let sent = answered.len();
    assert!(answered.is_sorted(), "{answered:?}");
    answered.dedup();
    assert_eq!(answered, (1..=count).collect::<Vec<_>>());
    let listed = machine.json(&["message", "outbox"]);
    let uncertain = listed["deliveries"].as_array().unwrap().iter();
    let uncertain: u64 = uncertain.map(|row| row["uncertain"].as_u64().unwrap()).sum();
    let twice = u64::try_from(sent - count).unwrap();
    assert!(twice <= uncertain, "{twice} came twice, {uncertain} are listed: {answered:?}");
}
