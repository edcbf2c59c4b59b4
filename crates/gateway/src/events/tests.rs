//! Coming back, without sockets: what the queue of the new connection holds.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
};

use openclaw_base::{Clock as _, ManualClock};
use openclaw_protocol::{
    PROTOCOL_V4, Role, ScopeSet,
    connect::ClientInfo,
    events::{
        chat::{Agent, AgentPayload, Chat, ChatPayload, ChatState},
        core::{ConfigChanged, ConfigChangedPayload, Tick, TickPayload},
        sessions::{SessionMessage, SessionMessagePayload},
    },
    ids::{ConnId, RunId, SessionKey},
    resume::CAPABILITY,
};
use serde_json::{Value, json};

use super::*;
use crate::connections::{NewConnection, Principal};

const BOOT: &str = "boot";
const NOW: u64 = 1_000_000;

struct Desk {
    bus: EventBus,
    clock: Arc<ManualClock>,
}

/// Who connects, and with what.
#[derive(Clone)]
struct Client {
    who: &'static str,
    scopes: &'static [&'static str],
    caps: &'static [&'static str],
    resume: Option<Value>,
}

const OWNER: Client =
    Client { who: "d1", scopes: &["operator.admin"], caps: &[CAPABILITY], resume: None };

impl Client {
    /// Comes back from a connection of which this was the last number that came.
    fn from(&self, conn: &str, last_seq: u64) -> Self {
        let resume = json!({"bootId": BOOT, "connId": conn, "lastSeq": last_seq});
        Self { resume: Some(resume), ..self.clone() }
    }

    fn with(mut self, key: &str, value: Value) -> Self {
        if let Some(resume) = &mut self.resume {
            resume[key] = value;
        }
        self
    }

    fn connection(&self, id: &str) -> Arc<Connection> {
        let client = json!({"id": "cli", "version": "1", "platform": "linux", "mode": "cli"});
        let client: ClientInfo = serde_json::from_value(client).expect("a client");
        let resume = self.resume.clone().map(|resume| serde_json::from_value(resume).expect("ok"));
        let new = NewConnection {
            id: ConnId::new(id),
            protocol: PROTOCOL_V4,
            principal: Principal {
                id: self.who.to_owned(),
                device: None,
                role: Role::Operator,
                scopes: ScopeSet::parse(self.scopes.iter().copied()),
                method: "none",
                owner: false,
            },
            client,
            origin: crate::peer::Origin::Door,
            now_ms: NOW,
            caps: self.caps.iter().map(|cap| (*cap).to_owned()).collect(),
            resume,
            claims: crate::claims::NodeClaims::default(),
        };
        Arc::new(Connection::new(new, 64 * 1024 * 1024))
    }
}

impl Desk {
    fn new() -> Self {
        let clock = ManualClock::new(NOW);
        let bus = EventBus::new(Arc::default(), Arc::clone(&clock) as SharedClock);
        Self { bus, clock }
    }

    fn enter(&self, client: &Client, id: &str) -> (Arc<Connection>, Option<ResumeOutcome>) {
        let connection = client.connection(id);
        let outcome = self.bus.enter(&connection, BOOT);
        (connection, outcome)
    }

    /// Says a word to everybody who may read.
    fn say(&self, word: &str) {
        let payload = ConfigChangedPayload { hash: None, paths: vec![word.to_owned()] };
        self.bus.publish::<ConfigChanged>(&payload);
    }

    fn figures(&self) -> (usize, usize, usize) {
        self.bus.memory.lock().figures()
    }
}

/// The frames that wait.
fn frames(connection: &Connection) -> Vec<Value> {
    let frames = std::iter::from_fn(|| connection.outbound.pop().expect("not overflowed"));
    frames.map(|text| serde_json::from_str(&text).expect("JSON")).collect()
}

/// The words that wait, each with its number.
fn words(connection: &Connection) -> Vec<(u64, String)> {
    let said = |frame: &Value| {
        let word = frame["payload"]["paths"][0].as_str().unwrap_or("?").to_owned();
        (frame["seq"].as_u64().unwrap_or(0), word)
    };
    frames(connection).iter().map(said).collect()
}

fn numbered(words: &[&str]) -> Vec<(u64, String)> {
    (1..).zip(words.iter().map(|word| (*word).to_owned())).collect()
}

fn reason(outcome: Option<ResumeOutcome>) -> ResyncReason {
    let resync = outcome.and_then(|outcome| outcome.resync).expect("a resync");
    assert!(resync.reload.iter().any(|name| name == "chat.history"), "{resync:?}");
    resync.reason
}

fn replayed(outcome: Option<ResumeOutcome>) -> u64 {
    let outcome = outcome.expect("an outcome");
    assert!(outcome.resumed && outcome.resync.is_none(), "{outcome:?}");
    outcome.replayed.expect("a number")
}

#[test]
fn exactly_what_was_missed_comes_first_and_in_order() {
    let desk = Desk::new();
    let (first, outcome) = desk.enter(&OWNER, "a");
    assert!(outcome.is_none());
    for word in ["one", "two", "three"] {
        desk.say(word);
    }
    desk.bus.publish::<Tick>(&TickPayload { ts: 1 });
    assert_eq!(words(&first).len(), 4);
    desk.bus.leave(&first);
    desk.say("four");
    let (second, outcome) = desk.enter(&OWNER.from("a", 2), "b");
    desk.say("five");
    assert_eq!(replayed(outcome), 2);
    assert_eq!(words(&second), numbered(&["three", "four", "five"]));
}

#[test]
fn a_connection_that_still_seems_alive_gives_way() {
    let desk = Desk::new();
    let (first, _) = desk.enter(&OWNER, "a");
    desk.say("one");
    let (second, outcome) = desk.enter(&OWNER.from("a", 0), "b");
    assert_eq!(replayed(outcome), 1);
    desk.say("two");
    assert_eq!(words(&second), numbered(&["one", "two"]));
    assert!(first.outbound.overflowed(), "nothing is kept for the old one");
    // Its own end is noticed later, and changes nothing.
    desk.bus.leave(&first);
    assert_eq!(desk.bus.connections().count(), 1);
    let (third, outcome) = desk.enter(&OWNER.from("b", 1), "c");
    assert_eq!(replayed(outcome), 1);
    assert_eq!(words(&third), numbered(&["two"]));
}

#[test]
fn a_client_that_never_heard_of_its_new_connection_names_the_old_one_again() {
    let desk = Desk::new();
    let (first, _) = desk.enter(&OWNER, "a");
    desk.say("one");
    desk.bus.leave(&first);
    desk.enter(&OWNER.from("a", 0), "b");
    desk.say("two");
    let (third, outcome) = desk.enter(&OWNER.from("a", 0), "c");
    assert_eq!(replayed(outcome), 2);
    assert_eq!(words(&third), numbered(&["one", "two"]));
    let (live, departed, _) = desk.figures();
    assert_eq!((live, departed), (1, 1), "what was between is forgotten");
    assert_eq!(reason(desk.enter(&OWNER.from("b", 0), "d").1), ResyncReason::UnknownConnection);
}

#[test]
fn rights_are_those_of_now() {
    let desk = Desk::new();
    let (first, _) = desk.enter(&OWNER, "a");
    desk.say("secret");
    desk.bus.leave(&first);
    let less = Client { scopes: &["operator.pairing"], ..OWNER };
    let (second, outcome) = desk.enter(&less.from("a", 0), "b");
    assert_eq!(replayed(outcome), 0);
    assert!(words(&second).is_empty());
}

#[test]
fn subscriptions_go_on_but_not_backwards() {
    let desk = Desk::new();
    let key = SessionKey::new("agent:main:main");
    let message = |id: &str| SessionMessagePayload {
        session_key: key.clone(),
        message_id: id.into(),
        ..Default::default()
    };
    let (first, _) = desk.enter(&OWNER, "a");
    desk.bus.publish::<SessionMessage>(&message("before it watched"));
    assert!(first.subscribe_messages(&key, true));
    desk.bus.publish::<SessionMessage>(&message("watched"));
    desk.bus.leave(&first);
    assert!(desk.bus.is_awaited::<SessionMessage>(&key));
    desk.bus.publish::<SessionMessage>(&message("away"));
    let again = OWNER.from("a", 0).with("messages", json!([key]));
    let (second, _) = desk.enter(&again, "b");
    desk.bus.publish::<SessionMessage>(&message("back"));
    let ids = |frame: &Value| frame["payload"]["messageId"].as_str().unwrap_or("?").to_owned();
    let got: Vec<_> = frames(&second).iter().map(ids).collect();
    assert_eq!(got, ["watched", "away", "back"]);
}

#[test]
fn deltas_are_all_there_once() {
    let desk = Desk::new();
    let (first, _) = desk.enter(&OWNER, "a");
    let say = |text: &str| {
        let payload = ChatPayload {
            run_id: RunId::new("r"),
            state: ChatState::Delta,
            delta_text: Some(text.to_owned()),
            ..ChatPayload::default()
        };
        desk.bus.publish::<Chat>(&payload);
    };
    ["He", "ll"].into_iter().for_each(say);
    let delta = |frame: Value| frame["payload"]["deltaText"].as_str().unwrap_or("").to_owned();
    let seen = serde_json::from_str(&first.outbound.pop().expect("up").expect("a frame"));
    let mut text = delta(seen.expect("JSON"));
    desk.bus.leave(&first);
    ["o ", "you"].into_iter().for_each(say);
    let (second, _) = desk.enter(&OWNER.from("a", 1), "b");
    text.extend(frames(&second).into_iter().map(delta));
    assert_eq!(text, "Hello you");
}

#[test]
fn what_is_meant_for_one_client_follows_it() {
    let desk = Desk::new();
    let (first, _) = desk.enter(&OWNER, "a");
    let (other, _) = desk.enter(&OWNER, "x");
    let line = first.line().clone();
    let tell = |name: &str| {
        let payload = AgentPayload { run_id: RunId::new(name), ..AgentPayload::default() };
        desk.bus.tell::<Agent>(&line, &payload, |_| true);
    };
    tell("seen");
    tell("missed");
    desk.bus.leave(&first);
    tell("away");
    let (second, _) = desk.enter(&OWNER.from("a", 1), "b");
    tell("back");
    let (third, _) = desk.enter(&OWNER.from("b", 2), "c");
    let runs = |connection: &Connection| -> Vec<_> {
        frames(connection).iter().map(|frame| frame["payload"]["runId"].clone()).collect()
    };
    assert_eq!(runs(&third), ["back"]);
    assert!(second.outbound.overflowed() && runs(&other).is_empty());
}

#[test]
fn who_cannot_take_up_is_told_why() {
    let desk = Desk::new();
    let (first, _) = desk.enter(&OWNER, "a");
    desk.say("one");
    desk.bus.leave(&first);
    let enter = |client: &Client| desk.enter(client, "b").1;
    let other_boot = OWNER.from("a", 0).with("bootId", json!("earlier"));
    assert_eq!(reason(enter(&other_boot)), ResyncReason::UnknownBoot);
    assert_eq!(reason(enter(&OWNER.from("z", 0))), ResyncReason::UnknownConnection);
    assert_eq!(reason(enter(&OWNER.from("a", 7))), ResyncReason::UnknownConnection);
    let somebody = Client { who: "d2", ..OWNER };
    assert_eq!(reason(enter(&somebody.from("a", 0))), ResyncReason::OtherPrincipal);
    // Nor can somebody else end a live connection.
    let (live, _) = desk.enter(&OWNER, "l");
    assert_eq!(reason(enter(&somebody.from("l", 0))), ResyncReason::OtherPrincipal);
    assert!(!live.outbound.overflowed() && desk.bus.connections().get(&live.id).is_some());
    // Who did not announce it is not answered at all.
    let published = Client { caps: &[], ..OWNER };
    assert!(enter(&published.from("a", 0)).is_none());
}

#[test]
fn too_much_or_too_long_ago_is_an_overrun_or_forgotten() {
    let desk = Desk::new();
    let (first, _) = desk.enter(&OWNER, "a");
    desk.bus.leave(&first);
    let big = "x".repeat(ring::MAX_BYTES / 4);
    (0..6).for_each(|_| desk.say(&big));
    assert_eq!(reason(desk.enter(&OWNER.from("a", 0), "b").1), ResyncReason::RingOverrun);
    let (late, _) = desk.enter(&OWNER, "c");
    desk.bus.leave(&late);
    desk.clock.advance(std::time::Duration::from_millis(ring::MAX_AGE_MS + 1));
    assert_eq!(reason(desk.enter(&OWNER.from("c", 0), "d").1), ResyncReason::UnknownConnection);
}

#[test]
fn memory_is_bounded_and_given_back() {
    let desk = Desk::new();
    desk.say("nobody hears");
    assert_eq!(desk.figures(), (0, 0, 0));
    let published = Client { caps: &[], ..OWNER };
    let (plain, _) = desk.enter(&published, "p");
    desk.say("nobody can miss");
    assert_eq!(desk.figures(), (0, 0, 0));
    for index in 0..2 * memory::MAX_DEPARTED {
        let who = if index % 2 == 0 { "d1" } else { "d2" };
        let (gone, _) = desk.enter(&Client { who, ..OWNER }, &format!("c{index}"));
        desk.bus.leave(&gone);
    }
    desk.say("somebody may miss");
    assert_eq!(desk.figures(), (0, 2 * memory::MAX_DEPARTED_EACH, 1));
    desk.clock.advance(std::time::Duration::from_millis(ring::MAX_AGE_MS + 1));
    desk.bus.sweep();
    assert_eq!(desk.figures(), (0, 0, 0));
    let (polite, _) = desk.enter(&OWNER, "bye");
    polite.say_goodbye();
    desk.bus.leave(&polite);
    desk.bus.leave(&plain);
    assert_eq!(desk.figures(), (0, 0, 0));
    assert!(desk.clock.now_ms() > NOW);
}

/// Several publish all the time while one client is cut again and again, often before it read anything.
#[test]
fn a_hundred_cuts_under_load_miss_nothing_and_double_nothing() {
    const PUBLISHERS: usize = 4;
    let desk = Desk::new();
    let done = AtomicBool::new(false);
    let said: Vec<AtomicU64> = (0..PUBLISHERS).map(|_| AtomicU64::default()).collect();
    let mut got: Vec<String> = Vec::new();
    let (mut last, _) = desk.enter(&OWNER, "c0");
    std::thread::scope(|scope| {
        let mut current = Arc::clone(&last);
        for (index, count) in said.iter().enumerate() {
            let (desk, done) = (&desk, &done);
            scope.spawn(move || {
                // The ring holds all of it: what is tried here is order, not bounds.
                while !done.load(SeqCst) && count.load(SeqCst) < 3_000 {
                    desk.say(&format!("{index}-{}", count.fetch_add(1, SeqCst)));
                    std::thread::yield_now();
                }
            });
        }
        for cut in 1..=100_usize {
            // So that every cut falls into the middle of something.
            while said.iter().map(|count| count.load(SeqCst)).sum::<u64>() < 20 * cut as u64 {
                std::thread::yield_now();
            }
            let mut last_seq = 0;
            for _ in 0..cut % 7 * 10 {
                let Some(text) = current.outbound.pop().expect("not overflowed") else { break };
                let frame: Value = serde_json::from_str(&text).expect("JSON");
                assert_eq!(frame["seq"], last_seq + 1, "numbers have no gap");
                last_seq += 1;
                got.push(frame["payload"]["paths"][0].as_str().expect("a word").to_owned());
            }
            if cut % 3 == 0 {
                desk.bus.leave(&current);
            }
            let again = OWNER.from(current.id.as_str(), last_seq);
            let (next, outcome) = desk.enter(&again, &format!("c{cut}"));
            replayed(outcome);
            current = next;
        }
        done.store(true, SeqCst);
        last = current;
    });
    got.extend(words(&last).into_iter().map(|(_, word)| word));
    let distinct: HashSet<&String> = got.iter().collect();
    assert_eq!(distinct.len(), got.len(), "nothing is doubled");
    for (index, count) in said.iter().enumerate() {
        let of = |word: &&String| word.starts_with(&format!("{index}-"));
        let numbers: Vec<u64> =
            got.iter().filter(of).filter_map(|word| word.split('-').nth(1)?.parse().ok()).collect();
        let expected: Vec<u64> = (0..count.load(SeqCst)).collect();
        assert_eq!(numbers, expected, "all of publisher {index}, in order");
    }
}
