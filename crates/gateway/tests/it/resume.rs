//! A client that loses its connection while an answer comes, and takes up.

use std::sync::Arc;

use openclaw_protocol::resume::CAPABILITY;
use openclaw_testkit::{
    WireClient,
    scripted_model::{Answer, Step},
};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::scripted::{Scripted, ended, message, talk};

/// What a client has when its connection ends.
struct Ended {
    frames: Vec<Value>,
    resume: Value,
}

impl Ended {
    /// Keeps what came so far, and is gone without a goodbye.
    fn new(mut client: WireClient, hello: &Value) -> Self {
        let frames = std::mem::take(&mut client.events);
        let last = frames.iter().filter_map(|frame| frame["seq"].as_u64()).max();
        let resume = json!({
            "bootId": hello["server"]["bootId"],
            "connId": hello["server"]["connId"],
            "lastSeq": last.unwrap_or(0),
            "sessionList": true,
            "messages": ["agent:main:main"],
        });
        Self { frames, resume }
    }
}

async fn enter(gateway: &Scripted, resume: Option<&Value>) -> (WireClient, Value) {
    let mut replaced = json!({"caps": [CAPABILITY, "tool-events"]});
    if let Some(resume) = resume {
        replaced["resume"] = resume.clone();
    }
    gateway.enter(replaced).await
}

/// Reads until an event that `wanted` accepts, and keeps it as well.
async fn read_until(client: &mut WireClient, wanted: impl Fn(&Value) -> bool) {
    while !client.events.iter().any(&wanted) {
        let frame = client.next().await.expect("the socket stays open");
        client.events.push(frame);
    }
}

fn is_chat(frame: &Value, state: &str) -> bool {
    frame["event"] == "chat" && frame["payload"]["state"] == state
}

fn text(frames: &[Value]) -> String {
    let deltas = frames.iter().filter(|frame| is_chat(frame, "delta"));
    deltas.filter_map(|frame| frame["payload"]["deltaText"].as_str()).collect()
}

#[tokio::test]
async fn an_answer_goes_on_where_the_connection_broke() {
    let gate = Arc::new(Notify::new());
    let answer = Answer::default().say("Hello").step(Step::Gate(Arc::clone(&gate))).say(" you");
    let gateway = Scripted::start([answer.stop()]).await;
    let mut other = gateway.operator().await;
    let (mut client, hello) = enter(&gateway, None).await;
    assert!(hello["features"]["capabilities"].to_string().contains(CAPABILITY));
    assert!(hello.get("resume").is_none(), "nothing to take up from");
    client.ok("sessions.subscribe", json!({})).await;
    client.ok("sessions.messages.subscribe", json!({"key": "main"})).await;
    client.ok("chat.send", message("k1", "hi")).await;
    read_until(&mut client, |frame| is_chat(frame, "delta")).await;
    let gone = Ended::new(client, &hello);

    gate.notify_one();
    ended(&mut other, "k1").await;
    let (mut client, hello) = enter(&gateway, Some(&gone.resume)).await;
    assert_eq!(hello["resume"]["resumed"], true, "{hello}");
    read_until(&mut client, |frame| {
        frame["event"] == "sessions.changed" && frame["payload"]["phase"] == "end"
    })
    .await;
    let replayed = hello["resume"]["replayed"].as_u64().expect("a number");
    let seqs: Vec<_> = client.events.iter().filter_map(|frame| frame["seq"].as_u64()).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "numbers begin anew");
    assert!(replayed > 0 && replayed <= seqs.len() as u64);

    let all: Vec<Value> = gone.frames.into_iter().chain(client.events).collect();
    // What comes within 150 ms of a delta may be told by the final alone, which is always whole.
    assert!(["Hello", "Hello you"].contains(&text(&all).as_str()), "{}", text(&all));
    let finals = all.iter().filter(|frame| is_chat(frame, "final"));
    let finals: Vec<_> =
        finals.map(|frame| frame["payload"]["message"]["content"][0]["text"].clone()).collect();
    assert_eq!(finals, ["Hello you"]);
    let said = all.iter().filter(|frame| frame["event"] == "session.message");
    let said: Vec<_> = said.map(|frame| frame["payload"]["messageSeq"].clone()).collect();
    assert_eq!(said, [1, 2], "each stored message is told once");
    gateway.stop().await;
}

#[tokio::test]
async fn rights_that_are_gone_are_not_replayed() {
    let gateway = Scripted::start([Answer::text("secret")]).await;
    let mut other = gateway.operator().await;
    let (client, hello) = enter(&gateway, None).await;
    let gone = Ended::new(client, &hello);
    talk(&mut other, "k1", "hi").await;
    let less = json!({
        "caps": [CAPABILITY], "scopes": ["operator.pairing"], "resume": gone.resume,
    });
    let (mut client, hello) = gateway.enter(less).await;
    assert_eq!(hello["resume"], json!({"resumed": true, "replayed": 0}));
    client.refused("chat.history", json!({"sessionKey": "main"})).await;
    assert!(!client.events.iter().any(|frame| frame["event"] == "chat"));
    gateway.stop().await;
}

#[tokio::test]
async fn who_cannot_take_up_hears_what_to_read() {
    let gateway = Scripted::start([]).await;
    let (client, hello) = enter(&gateway, None).await;
    let mut gone = Ended::new(client, &hello).resume;
    gone["bootId"] = json!("before the restart");
    let (_, hello) = enter(&gateway, Some(&gone)).await;
    let resync = &hello["resume"]["resync"];
    assert_eq!(
        (&hello["resume"]["resumed"], &resync["reason"]),
        (&json!(false), &json!("unknown-boot"))
    );
    let reload = resync["reload"].as_array().expect("methods");
    let methods = hello["features"]["methods"].as_array().expect("methods");
    assert!(!reload.is_empty() && reload.iter().all(|name| methods.contains(name)), "{reload:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn published_clients_notice_nothing() {
    let gateway = Scripted::start([Answer::text("Hello")]).await;
    let resume = json!({"bootId": "boot", "connId": "c", "lastSeq": 0});
    let (mut client, hello) = gateway.enter(json!({"resume": resume})).await;
    assert!(hello.get("resume").is_none());
    talk(&mut client, "k1", "hi").await;
    gateway.stop().await;
}
