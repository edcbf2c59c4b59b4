//! `kill -9` at any moment loses nothing that was acknowledged.
//!
//! The test starts itself as a child that writes with several hands and says what was acknowledged,
//! one line each, and kills it in the middle of that. Whatever line was read must be in the file.

use std::{
    collections::HashSet,
    fmt::Display,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::Stdio,
};

use openclaw_protocol::{
    ids::{DeviceId, RunId},
    scope::{Role, Scope},
};
use openclaw_store::{
    ParamsDigest, Store,
    devices::{Ask, DeviceInfo},
    ledger::{Begin, LedgerKey, Outcome},
    node_work::{NewWork, Put, WorkKind},
    runs::{Accepted, RunEnd, RunState, Step},
    transcripts::MessageRole,
};
use rusqlite::Connection;

use crate::support::{NOW, agent, as_child, child_folder, open, run, said, session};

const KILLS: usize = 100;
const HANDS: usize = 4;
const TEST: &str = "kill::nothing_acknowledged_is_lost";

#[tokio::test]
async fn nothing_acknowledged_is_lost() {
    if let Some(folder) = child_folder() {
        write_until_killed(&folder).await;
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.db");
    let mut acknowledged = HashSet::new();
    for round in 0..KILLS {
        // From the very first acknowledgement to some way into the work.
        let lines = kill_after(folder.path(), 1 + round * 37 % 90);
        let store = open(&path);
        check(&store, &lines).await;
        store.close().await;
        check_file(&path);
        acknowledged.extend(lines);
    }
    let store = open(&path);
    check(&store, &acknowledged).await;
    let taken = acknowledged.iter().filter(|line| line.starts_with("accepted ")).count();
    let kept: usize = connect(&path)
        .query_row("SELECT count(*) FROM runs", [], |row| row.get(0))
        .expect("the runs are counted");
    println!(
        "kill: {KILLS} kills, {} acknowledgements kept; {} runs acknowledged, {} more committed \
         and not yet acknowledged",
        acknowledged.len(),
        taken,
        kept - taken
    );
}

/// Runs the child until it has acknowledged this much, kills it, and returns all it said.
fn kill_after(folder: &Path, count: usize) -> HashSet<String> {
    let mut child = as_child(&[], TEST, folder).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut lines = HashSet::new();
    let mut killed = false;
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 {
        // A line that was cut off acknowledges nothing, and the harness has lines of its own.
        if let Some(said) = line.strip_prefix("ack ").and_then(|said| said.strip_suffix('\n')) {
            lines.insert(said.to_owned());
        }
        line.clear();
        if lines.len() >= count && !killed {
            child.kill().unwrap();
            killed = true;
        }
    }
    let status = child.wait().unwrap();
    assert!(killed, "the child ended by itself: {status}");
    lines
}

fn acknowledge(what: &str, id: impl Display) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "ack {what} {id}").unwrap();
}

async fn write_until_killed(folder: &Path) {
    println!(); // after the harness's own words
    let store = open(&folder.join("gateway.db"));
    // Ids must differ from round to round.
    let life = uuid::Uuid::now_v7();
    futures_util::future::join_all((0..HANDS).map(|hand| {
        let store = store.clone();
        async move {
            for index in 0.. {
                let id = format!("{life}.{hand}.{index}");
                write_once(&store, hand, &id).await;
                if index % 3 == 0 {
                    pair(&store, &id).await;
                }
            }
        }
    }))
    .await;
}

async fn write_once(store: &Store, hand: usize, id: &str) {
    let run_id = RunId::new(id);
    let new = run(id, session(&format!("hand-{hand}")));
    let message = said(MessageRole::User, &"question ".repeat(50));
    let accepted = store.runs().accept(new, Some(message), NOW).await.unwrap();
    assert!(matches!(accepted, Accepted::New(_)), "{accepted:?}");
    acknowledge("accepted", id);

    let key = LedgerKey::new("device", "chat.send", id);
    let begun = store.ledger().begin(&key, &ParamsDigest::of(&id.into()), NOW).await.unwrap();
    assert_eq!(begun, Begin::Fresh);
    store.ledger().finish(&key, Outcome::Keep(id.into()), NOW).await.unwrap();
    acknowledge("ledger", id);

    let end = RunEnd {
        messages: vec![said(MessageRole::Assistant, &"answer ".repeat(300))],
        ..RunEnd::new(RunState::Done, Some(id.into()))
    };
    let step = store.runs().finish(&run_id, end, NOW).await.unwrap();
    assert!(matches!(step, Step::Taken(_)), "{step:?}");
    acknowledge("done", id);
}

async fn pair(store: &Store, id: &str) {
    store.devices().pair_silently(ask(id), "silent", NOW).await.unwrap();
    acknowledge("paired", id);
    let put = store.node_work().put(work(id), NOW).await.unwrap();
    assert!(matches!(put, Put::Waits { .. }), "{put:?}");
    acknowledge("waits", id);
}

fn work(id: &str) -> NewWork {
    NewWork {
        node: DeviceId::new(id),
        kind: WorkKind::Request,
        name: "status.request".to_owned(),
        key: String::new(),
        params: None,
        urgent: false,
        lives_ms: 1_000,
    }
}

fn ask(id: &str) -> Ask {
    Ask {
        info: DeviceInfo {
            device_id: DeviceId::new(id),
            public_key: id.to_owned(),
            display_name: None,
            platform: None,
            device_family: None,
            client_id: None,
            client_mode: None,
            remote_ip: None,
        },
        role: Role::Operator,
        scopes: [Scope::Read].into_iter().collect(),
        commands: Vec::new(),
        reason: "not-paired".to_owned(),
    }
}

/// Everything that was acknowledged is there.
async fn check(store: &Store, acknowledged: &HashSet<String>) {
    for line in acknowledged {
        let (what, id) = line.split_once(' ').expect("two words");
        match what {
            "accepted" => {
                let run = store.runs().get(&id.into()).await.unwrap().expect(line);
                assert_eq!(run.agent_id, agent(), "{line}");
            }
            "done" => {
                let run = store.runs().get(&id.into()).await.unwrap().expect(line);
                assert_eq!((run.state, run.outcome), (RunState::Done, Some(id.into())), "{line}");
            }
            "ledger" => {
                let key = LedgerKey::new("device", "chat.send", id);
                let digest = ParamsDigest::of(&id.into());
                let known = store.ledger().begin(&key, &digest, NOW).await.unwrap();
                assert_eq!(known, Begin::Done(id.into()), "{line}");
            }
            "paired" => {
                let paired = store.devices().get(&id.into()).await.unwrap().expect(line);
                assert!(paired.grant(Role::Operator).is_some(), "{line}");
            }
            "waits" => {
                let node = DeviceId::new(id);
                let waiting =
                    store.node_work().waiting(&node, WorkKind::Request, NOW).await.unwrap();
                assert_eq!(waiting.work.len(), 1, "{line}");
            }
            other => panic!("what is {other}?"),
        }
    }
}

fn connect(path: &Path) -> Connection {
    Connection::open(path).unwrap()
}

/// The file is sound, and nothing in it is half done.
fn check_file(path: &Path) {
    let conn = connect(path);
    let verdict: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
    let must_be_none = [
        ("dangling references", "SELECT count(*) FROM pragma_foreign_key_check"),
        (
            "runs without the user's message",
            "SELECT count(*) FROM runs WHERE run_id NOT IN (
                 SELECT run_id FROM messages WHERE role = 'user')",
        ),
        (
            "ended runs without an answer, or the other way round",
            "SELECT count(*) FROM runs WHERE (state = 'done') <> (run_id IN (
                 SELECT run_id FROM messages WHERE role = 'assistant'))",
        ),
        (
            "transcripts with a gap",
            "SELECT count(*) FROM transcripts WHERE last_seq <> (
                 SELECT count(*) FROM messages
                 WHERE messages.session_id = transcripts.session_id)",
        ),
        (
            "devices without a grant",
            "SELECT count(*) FROM devices WHERE device_id NOT IN (SELECT device_id FROM grants)",
        ),
    ];
    for (what, sql) in must_be_none {
        let count: usize = conn.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(count, 0, "{what}");
    }
}
