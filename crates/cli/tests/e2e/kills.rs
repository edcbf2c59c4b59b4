//! SIGKILL to the Gateway, to the node and to what stands for the outside, at random moments, while people
//! write: every message is answered, in order, and no tool runs twice.
//!
//! `cargo xtask kills` does it for minutes; as a test it is over sooner.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use openclaw_testkit::fake_telegram::FakeTelegram;
use openclaw_testkit::played_model::{Play, PlayedModel};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::machine::{Gateway, Machine, read_until, shown};
use crate::node_host::Host;

const SECONDS_VARIABLE: &str = "OPENCLAW_KILLS_SECONDS";
const SEED_VARIABLE: &str = "OPENCLAW_KILLS_SEED";
const RELAY_VARIABLE: &str = "OPENCLAW_KILLS_RELAY";
/// How long there are kills, unless the variable says otherwise.
const SECONDS: u64 = 6;
const TOKEN: &str = "123456:telegram-token-of-this-test";
/// Chats in which somebody writes at a time, messages that one chat gets, and messages that wait.
const CHATS: u64 = 3;
const PER_CHAT: u64 = 24;
const WAITING: usize = 6;
/// How long the last messages may take after the last kill.
const SETTLED: Duration = Duration::from_secs(120);

#[expect(clippy::disallowed_methods, reason = "a test is told so by what starts it")]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A process of its own in front of a stand-in: what is killed when a service of the outside is. What the
/// service wrote down is not lost by that, as it is not outside.
struct Relay {
    child: Child,
    port: u16,
    to: u16,
}

impl Relay {
    fn start(port: u16, to: u16) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["kills::a_relay_that_is_killed", "--exact", "--nocapture"])
            .env(RELAY_VARIABLE, format!("{port} {to}"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let said = read_until(child.stdout.as_mut().unwrap(), " relayed");
        let port = said.split("port ").nth(1).unwrap().split(' ').next().unwrap();
        Self { child, port: port.parse().unwrap(), to }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn again(&mut self) {
        *self = Self::start(self.port, self.to);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // Gone already if it was killed.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    to.shutdown(Shutdown::Both).ok();
    from.shutdown(Shutdown::Both).ok();
}

/// Does nothing as a test: it is what [`Relay`] starts.
#[test]
fn a_relay_that_is_killed() {
    let Some(ports) = told(RELAY_VARIABLE) else { return };
    let (own, to) = ports.split_once(' ').unwrap();
    let to: u16 = to.parse().unwrap();
    let listener = TcpListener::bind(("127.0.0.1", own.parse().unwrap())).unwrap();
    println!("port {} relayed", listener.local_addr().unwrap().port());
    for near in listener.incoming().map_while(Result::ok) {
        let Ok(far) = TcpStream::connect(("127.0.0.1", to)) else { continue };
        let (there, back) = ((near.try_clone(), far.try_clone()), (far, near));
        if let (Ok(near), Ok(far)) = there {
            std::thread::spawn(move || pass_on(near, far));
            std::thread::spawn(move || pass_on(back.0, back.1));
        }
    }
}

/// Does something that can be counted, and takes long enough to be killed meanwhile.
fn tool(log: &Path, job: &str) -> Value {
    json!({"command": ["/bin/sh", "-c", format!("echo {job} >> {}; sleep 0.1", log.display())]})
}

/// The job that a text is about.
fn job(text: &str) -> Option<&str> {
    let at = text.rfind("job-")?;
    text[at..].split_once("-end").map(|(job, _)| job)
}

/// Calls the tool once for each message, and then says what came of it. It never tries again.
fn mind(log: &Path, messages: &[Value]) -> Play {
    let asked = messages.iter().rposition(|message| message["role"] == "user").unwrap_or(0);
    let text = messages.get(asked).map(|message| message["content"].to_string());
    let Some(job) = text.as_deref().and_then(job) else { return Play::say("a summary") };
    let result = messages[asked..].iter().find(|message| message["role"] == "tool");
    match result.map(|message| message["content"].to_string()) {
        Some(said) if said.contains("exitCode") => Play::say(&format!("ran {job}-end")),
        Some(_) => Play::say(&format!("cannot say about {job}-end")),
        None => {
            let arguments = json!({"action": "invoke", "node": "laptop",
                "invokeCommand": "system.run", "invokeParams": tool(log, job)});
            Play::call(&format!("call-{job}"), "nodes", arguments)
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Victim {
    Gateway,
    Node,
    Telegram,
    Model,
}

/// An operator's calls, each repeated with its key until something definite comes back.
#[derive(Default)]
struct Operator {
    calls: AtomicU64,
    repeats: AtomicU64,
    unknown: AtomicU64,
}

impl Operator {
    fn work(&self, server: &Machine, log: &Path, stop: &AtomicBool) {
        while !stop.load(Ordering::Acquire) {
            let job = format!("call-{}", self.calls.fetch_add(1, Ordering::AcqRel));
            let params = tool(log, &job).to_string();
            // While there are kills it may take as long as it likes.
            let mut calm = None;
            loop {
                let output = server.run(&[
                    "nodes",
                    "invoke",
                    "--node",
                    "laptop",
                    "--command",
                    "system.run",
                    "--params",
                    &params,
                    "--idempotency-key",
                    &job,
                ]);
                let said = shown(&output);
                if output.status.success() {
                    break;
                }
                // The node's word; that of the Gateway's ledger; and a call that was under way when the node
                // went, whose first answer is kept: another try would need another key.
                let cut = ["is not done again", "is not run again", "node disconnected"];
                if cut.iter().any(|words| said.contains(words)) {
                    self.unknown.fetch_add(1, Ordering::AcqRel);
                    break;
                }
                if stop.load(Ordering::Acquire) {
                    let since = *calm.get_or_insert_with(Instant::now);
                    assert!(since.elapsed() < SETTLED, "{job}: {said}");
                }
                self.repeats.fetch_add(1, Ordering::AcqRel);
            }
        }
    }
}

/// Which jobs were answered in each chat, in order, each once; and what was sent again.
struct Answers {
    firsts: BTreeMap<i64, Vec<u64>>,
    /// The index of the earlier and of the later send.
    repeated: Vec<(String, usize, usize)>,
}

fn answers(telegram: &FakeTelegram) -> Answers {
    let (mut firsts, mut repeated) = (BTreeMap::<i64, Vec<u64>>::new(), Vec::new());
    let mut last = BTreeMap::<String, usize>::new();
    for (index, call) in telegram.calls("sendMessage").iter().enumerate() {
        let Some(job) = call["text"].as_str().and_then(job) else { continue };
        let id = &call["chat_id"];
        let chat = id.as_i64().or_else(|| id.as_str()?.parse().ok()).unwrap();
        match last.insert(job.to_owned(), index) {
            Some(earlier) => repeated.push((job.to_owned(), earlier, index)),
            None => {
                let number = job.trim_start_matches("job-").parse().unwrap();
                firsts.entry(chat).or_default().push(number);
            }
        }
    }
    Answers { firsts, repeated }
}

fn configuration(telegram: u16, model: u16) -> String {
    let provider = json!({"baseUrl": format!("http://127.0.0.1:{model}/v1"), "apiKey": "k",
        "api": "openai-completions", "models": [{"id": "model"}]});
    let channel = json!({"botToken": TOKEN, "apiRoot": format!("http://127.0.0.1:{telegram}"),
        "dmPolicy": "open", "allowFrom": ["*"], "streamMode": "off"});
    json!({"agents": {"defaults": {"model": "played/model"}},
        "models": {"providers": {"played": provider}},
        "session": {"dmScope": "per-channel-peer"},
        "messages": {"queue": {"mode": "followup", "debounceMs": 0}},
        "channels": {"telegram": channel}})
    .to_string()
}

fn port_of(url: &str) -> u16 {
    url.trim_end_matches("/v1").rsplit(':').next().unwrap().parse().unwrap()
}

#[test]
#[expect(clippy::too_many_lines, reason = "one flow, told from its beginning to its end")]
fn whoever_is_killed_every_message_is_answered_and_no_tool_runs_twice() {
    let seconds = told(SECONDS_VARIABLE).map_or(SECONDS, |text| text.parse().unwrap());
    let seed = told(SEED_VARIABLE).map_or_else(|| fastrand::u64(..), |text| text.parse().unwrap());
    println!("seed {seed}: {SEED_VARIABLE}={seed} draws the same again");
    let mut random = Rng::with_seed(seed);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    // The moments are random: nothing is waited for but time.
    let pause = |ms: u64| {
        let never = std::future::pending::<()>();
        let limit = Duration::from_millis(ms);
        runtime.block_on(async { tokio::time::timeout(limit, never).await.is_err() });
    };
    let (server, laptop) = (Machine::new(), Machine::new());
    let log = laptop.home().join("log");
    let telegram = runtime.block_on(FakeTelegram::start(TOKEN));
    let at = log.clone();
    let model = runtime.block_on(PlayedModel::start(move |messages| mind(&at, messages)));
    let at = model.configuration();
    let at = at["models"]["providers"]["played"]["baseUrl"].as_str().unwrap();
    let mut model_front = Relay::start(0, port_of(at));
    let mut telegram_front = Relay::start(0, port_of(&telegram.root()));
    server.configure(&configuration(telegram_front.port, model_front.port));
    std::fs::create_dir_all(laptop.state()).unwrap();
    let file = json!({"version": 1, "defaults": {"security": "full", "ask": "off"}, "agents": {}});
    std::fs::write(laptop.state().join("exec-approvals.json"), file.to_string()).unwrap();
    let mut gateway: Option<Gateway> = Some(server.gateway(&["--port", "0"]));
    let port = gateway.as_ref().unwrap().port.to_string();
    let token = server.token();
    let mut node = Some(Host::start(&laptop, gateway.as_ref().unwrap(), &token, &[]));

    let (operator, stop) = (Operator::default(), AtomicBool::new(false));
    let (mut kills, mut deck) = (BTreeMap::<Victim, u32>::new(), Vec::new());
    // What was sent when something between send and record was killed.
    let mut marks = Vec::new();
    let mut written = 0u64;
    let settled = std::thread::scope(|scope| {
        let working = scope.spawn(|| operator.work(&server, &log, &stop));
        let until = Instant::now() + Duration::from_secs(seconds);
        let mut next = Instant::now();
        while Instant::now() < until {
            let answered: usize = answers(&telegram).firsts.values().map(Vec::len).sum();
            if usize::try_from(written).unwrap() < answered + WAITING {
                let chat = 1000 + written % CHATS + CHATS * (written / (CHATS * PER_CHAT));
                let text = format!("please do job-{written}-end");
                telegram.direct_message(i64::try_from(chat).unwrap(), &text);
                written += 1;
            }
            pause(random.u64(10..120));
            if Instant::now() < next {
                continue;
            }
            next = Instant::now() + Duration::from_millis(random.u64(100..2500));
            // A deck: however short the run is, it is not one kind alone.
            if deck.is_empty() {
                deck = vec![Victim::Gateway, Victim::Node, Victim::Telegram, Victim::Model];
                random.shuffle(&mut deck);
            }
            let victim = deck.pop().unwrap();
            *kills.entry(victim).or_default() += 1;
            let down = random.u64(0..300);
            match victim {
                Victim::Gateway => {
                    gateway.take().unwrap().end(Signal::KILL);
                    marks.push(telegram.calls("sendMessage").len());
                    pause(down);
                    gateway = Some(server.gateway(&["--port", &port]));
                }
                Victim::Node => {
                    drop(node.take());
                    pause(down);
                    let gateway = gateway.as_ref().unwrap();
                    node = Some(Host::begin(&laptop, gateway, &token, &[]));
                }
                Victim::Telegram => {
                    telegram_front.kill();
                    // What it had passed on is on its way into the service.
                    pause(down);
                    marks.push(telegram.calls("sendMessage").len());
                    telegram_front.again();
                }
                Victim::Model => {
                    model_front.kill();
                    pause(down);
                    model_front.again();
                }
            }
        }
        stop.store(true, Ordering::Release);
        let started = Instant::now();
        let settled = loop {
            let answered: usize = answers(&telegram).firsts.values().map(Vec::len).sum();
            if usize::try_from(written).unwrap() == answered {
                break true;
            }
            if started.elapsed() > SETTLED {
                break false;
            }
            pause(50);
        };
        working.join().unwrap();
        settled
    });
    let Answers { firsts, repeated } = answers(&telegram);
    let calls = telegram.calls("sendMessage");
    let said: Vec<&str> = calls.iter().filter_map(|call| call["text"].as_str()).collect();
    let answered: usize = firsts.values().map(Vec::len).sum();
    let text = std::fs::read_to_string(&log).unwrap_or_default();
    let mut runs = BTreeMap::<&str, u32>::new();
    text.lines().for_each(|job| *runs.entry(job).or_default() += 1);
    let by_message = runs.keys().filter(|job| job.starts_with("job-")).count();
    println!("{seconds} s, kills {kills:?}");
    println!("{written} messages, {answered} answered; the tool ran for {by_message} of them");
    println!(
        "{} calls of an operator, repeated {} times, {} answered that the outcome is not known",
        operator.calls.load(Ordering::Acquire),
        operator.repeats.load(Ordering::Acquire),
        operator.unknown.load(Ordering::Acquire)
    );
    println!("{} answers were sent again: {repeated:?}", repeated.len());
    assert!(settled, "not everything was answered: {firsts:?}; {said:?}");
    for (chat, jobs) in &firsts {
        assert!(jobs.is_sorted(), "out of order in {chat}: {jobs:?}");
    }
    let twice: Vec<_> = runs.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "done twice: {twice:?}");
    assert!(by_message > 0 && kills.len() > 1, "enough happened to mean something");
    for (job, earlier, later) in &repeated {
        let between = marks.iter().any(|mark| earlier < mark && mark <= later);
        assert!(between, "{job} was sent again though nothing was killed: {marks:?}");
    }
}
