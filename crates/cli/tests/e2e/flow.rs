//! The whole command flow with real processes: a message in Telegram, a run of the agent, a command on a
//! node, and the answer in the chat. Only Telegram's server and the model's are stand-ins.
//!
//! `cargo xtask demo` plays it and shows each hop as it happens.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use openclaw_testkit::fake_telegram::FakeTelegram;
use rustix::process::Signal;
use serde_json::Value;

use crate::machine::{Machine, PATIENCE};
use crate::node_host::Host;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests-js");
const TOKEN: &str = "123456:telegram-token-of-this-test";
const ME: i64 = 4242;
const QUESTION: &str = "how full is the disk on my laptop?";

/// A third party's stand-in for a model; it ends with its standard input.
struct Model {
    _child: Child,
    url: String,
}

impl Model {
    fn start() -> Self {
        let node = Path::new(FOLDER).join("node_modules/node/bin/node");
        assert!(node.exists(), "the npm packages are missing: npm ci --prefix tests-js");
        let mut child = Command::new(node)
            .arg("flow.mjs")
            .current_dir(FOLDER)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        Self { _child: child, url: told["url"].as_str().unwrap().to_owned() }
    }
}

fn configuration(model: &Model, telegram: &FakeTelegram) -> String {
    format!(
        "{{ agents: {{ defaults: {{ model: 'played/model' }} }}, \
         models: {{ providers: {{ played: {{ baseUrl: '{}/v1', apiKey: 'k', \
         api: 'openai-completions', models: [{{ id: 'model' }}] }} }} }}, \
         channels: {{ telegram: {{ botToken: '{TOKEN}', apiRoot: '{}' }} }} }}",
        model.url,
        telegram.root()
    )
}

#[expect(clippy::print_stdout, reason = "the demo shows each hop as it happens")]
fn hop(from: &str, to: &str, what: &str) {
    println!("{from:>9} → {to:<9} {what}");
}

/// The pairing code in what a stranger is told.
fn code(said: &str) -> &str {
    let is_code = |word: &&str| {
        word.len() == 8 && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
    };
    let mut words = said.split(|c: char| !c.is_ascii_alphanumeric());
    words.rfind(is_code).unwrap_or_else(|| panic!("no code in {said:?}"))
}

#[test]
fn a_question_in_telegram_is_answered_with_what_a_node_said() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    let (telegram, model) = (runtime.block_on(FakeTelegram::start(TOKEN)), Model::start());
    let (server, laptop) = (Machine::new(), Machine::new());
    server.configure(&configuration(&model, &telegram));
    let gateway = server.gateway(&["--port", "0"]);
    hop("you", "gateway", "openclaw gateway run");

    let host = Host::start(&laptop, &gateway, &server.token(), &[]);
    hop("laptop", "gateway", "openclaw node run: connected, and asks before it runs anything");

    telegram.direct_message(ME, "hello");
    let said = runtime.block_on(telegram.texts_are(ME, 1)).remove(0);
    let code = code(&said).to_owned();
    hop("telegram", "you", &format!("a stranger gets a pairing code: {code}"));
    server.text(&["pairing", "approve", "telegram", &code]);
    hop("you", "gateway", &format!("openclaw pairing approve telegram {code}"));

    telegram.direct_message(ME, QUESTION);
    hop("telegram", "gateway", QUESTION);
    let asked = telegram.buttons_are(ME, &["Allow once", "Allow always", "Deny"]);
    runtime.block_on(async { tokio::time::timeout(PATIENCE, asked).await }).unwrap();
    let question = telegram.texts(ME).pop().unwrap();
    assert!(question.contains("df -h /") && question.contains("laptop"), "{question}");
    hop("laptop", "telegram", "may I run: df -h /   [Allow once] [Allow always] [Deny]");
    telegram.press(ME, ME, "Allow once");
    hop("telegram", "laptop", "[Allow once]");
    let answered =
        |texts: &[String]| texts.last().is_some_and(|text| text.contains("</b> has room enough"));
    let texts = runtime.block_on(telegram.texts_like(ME, answered));
    // The same conversation, as it is seen on the Gateway's machine: with what df printed.
    let history = server.json(&["sessions", "show", "main"]).to_string();
    assert!(history.contains(QUESTION) && history.contains("Filesystem"), "{history}");
    hop("gateway", "laptop", "system.run df -h /");
    let printed = history.split("Filesystem").nth(1).unwrap();
    let printed: String = printed.chars().take_while(|c| *c != '"').collect();
    hop(
        "laptop",
        "gateway",
        &format!("Filesystem{}", printed.replace("\\\\n", " | ").replace("\\n", " | ")),
    );
    hop("gateway", "telegram", texts.last().unwrap());
    assert!(!texts.iter().any(|text| text.contains("**")), "it is formatted: {texts:?}");
    assert_eq!(host.end(), Some(0));
    gateway.end(Signal::TERM);
}
