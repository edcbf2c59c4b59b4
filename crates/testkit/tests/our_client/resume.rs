//! Our client through a link that breaks again and again.

use openclaw_base::Backoff;
use openclaw_client::{Delivery, LinkState};
use openclaw_protocol::methods::{
    chat::{ChatHistory, ChatSend},
    sessions::SessionsSubscribe,
};
use openclaw_testkit::FaultProxy;
use serde_json::Value;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Notify,
};

use super::*;

const CUTS: usize = 100;
const SENT: usize = 20;
const SESSION: &str = "agent:main:load";
const PATIENT: CallOptions = CallOptions::within(Duration::from_secs(60));

fn reconnecting(proxy: &FaultProxy, gateway: &TestGateway, machine: &Machine) -> Reconnecting {
    let dial = TcpDial::loopback(proxy.port());
    let saved = machine.saved(&dial);
    let endpoint = Endpoint::new(dial, token(gateway)).saved(saved);
    let backoff = Backoff::new(Duration::from_millis(2), Duration::from_millis(20));
    Reconnecting::with_backoff(endpoint, machine.options.clone(), backoff)
}

/// The label that an event tells, if it is about the session that changes all the time.
fn label(delivery: &Delivery) -> Option<u64> {
    let Delivery::Event(event) = delivery else { panic!("{delivery:?}") };
    let payload: Value = event.payload()?;
    let wanted = event.name == "sessions.changed"
        && payload["sessionKey"] == SESSION
        && payload["reason"] == "patch";
    wanted.then(|| payload["label"].as_str()?.strip_prefix("n-")?.parse().ok())?
}

/// Renames a session until told to stop; how often.
async fn rename(owner: Client, stop: openclaw_base::CancellationToken) -> u64 {
    let mut count = 0;
    while !stop.is_cancelled() {
        let params = json!({"key": SESSION, "label": format!("n-{count}")});
        owner.call_raw("sessions.patch", &params, PATIENT).await.expect("renamed");
        count += 1;
    }
    count
}

/// Says something again and again through the link that breaks.
async fn talk(link: Arc<Reconnecting>) {
    for index in 0..SENT {
        let params = json!({
            "sessionKey": "main", "message": format!("m-{index}"),
            "idempotencyKey": format!("key-{index}"),
        });
        link.call::<ChatSend>(&from_json(&params), PATIENT).await.expect("taken once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_cuts_lose_nothing_double_nothing_and_do_nothing_twice() {
    let gateway = TestGateway::start().await;
    let proxy = FaultProxy::start(gateway.port()).await;
    let machine = Machine::new();
    let link = Arc::new(reconnecting(&proxy, &gateway, &machine));
    let mut events = link.events();
    link.call::<SessionsSubscribe>(&from_json(&json!({})), PATIENT).await.expect("subscribed");

    let (tasks, stop) = (Tasks::new(), openclaw_base::CancellationToken::new());
    let owner = owner(&gateway).await;
    let renaming = tasks.spawn("rename", rename(owner.clone(), stop.clone()));
    let talking = tasks.spawn("talk", talk(Arc::clone(&link)));
    let mut labels = Vec::new();
    for cut in 0..CUTS {
        // Something new came over this connection, and more is on its way.
        let enough = labels.len() + 1 + cut % 4;
        while labels.len() < enough {
            labels.extend(label(&events.next().await.expect("the link comes back")));
        }
        proxy.cut();
        // The next link may be a slow one, or one that loses.
        proxy.delay(Duration::from_millis(if cut % 5 == 0 { 10 } else { 0 }));
        proxy.lose(if cut % 7 == 0 { 4 } else { 0 });
    }
    proxy.delay(Duration::ZERO);
    proxy.lose(0);
    talking.await.expect("all was said");
    stop.cancel();
    let count = renaming.await.expect("all was renamed");
    while labels.last().is_none_or(|last| last + 1 < count) {
        labels.extend(label(&events.next().await.expect("the link comes back")));
    }
    assert_eq!(labels, (0..count).collect::<Vec<_>>(), "everything once, in order");

    let params = from_json(&json!({"sessionKey": "main", "limit": 1000}));
    let history = owner.call::<ChatHistory>(&params, PATIENT).await.expect("a history");
    let history = serde_json::to_string(&history).expect("JSON");
    for index in 0..SENT {
        let said = history
            .matches(&format!(
                "\"role\":\"user\",\"content\":[{{\"type\":\"text\",\"text\":\"m-{index}\""
            ))
            .count();
        assert_eq!(said, 1, "m-{index} was said {said} times: {history}");
    }
    println!("{CUTS} cuts, {count} events, {SENT} messages");
}

/// Hands every socket but the second on to the Gateway; the second is heard out and closed without a word,
/// which looks like something that is no Gateway.
async fn stumbling(listener: tokio::net::TcpListener, to: u16, cut: Arc<Notify>) {
    let mut sockets = tokio::task::JoinSet::new();
    for count in 1.. {
        let (mut near, _) = listener.accept().await.expect("a client");
        if count == 2 {
            near.read_u8().await.expect("the beginning of an upgrade request");
            near.shutdown().await.expect("closed in order");
            // What is left unread must not turn the end into a reset.
            tokio::io::copy(&mut near, &mut tokio::io::sink()).await.ok();
            continue;
        }
        let cut = Arc::clone(&cut);
        sockets.spawn(async move {
            let mut far = tokio::net::TcpStream::connect(("127.0.0.1", to)).await.expect("far end");
            tokio::select! {
                () = cut.notified() => {}
                _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_was_up_outlives_a_socket_closed_without_a_word() {
    let gateway = TestGateway::start().await;
    let (tasks, cut) = (Tasks::new(), Arc::new(Notify::new()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let dial = TcpDial::loopback(listener.local_addr().expect("its number").port());
    drop(tasks.spawn("stumbling", stumbling(listener, gateway.port(), Arc::clone(&cut))));
    let machine = Machine::new();
    let saved = machine.saved(&dial);
    let endpoint = Endpoint::new(dial, token(&gateway)).saved(saved);
    let backoff = Backoff::new(Duration::from_millis(2), Duration::from_millis(20));
    let link = Reconnecting::with_backoff(endpoint, machine.options.clone(), backoff);
    let first = link.client().await.expect("up");
    cut.notify_one();
    first.closed().await;
    healthy(&link.client().await.expect("up again")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_is_told_as_something_to_read_anew() {
    let mut gateway = TestGateway::start().await;
    let machine = Machine::new();
    let endpoint = Endpoint::new(UnixDial::new(gateway.door()), Plan::door());
    let link = Reconnecting::start(endpoint, machine.options.clone());
    let mut events = link.events();
    let client = link.client().await.expect("up");
    gateway.stop().await;
    client.closed().await;
    gateway.resume().await;
    let told = loop {
        match events.next().await.expect("the link comes back") {
            Delivery::Resync { reason, reload } => break (reason, reload),
            Delivery::Event(_) | Delivery::Gap { .. } | Delivery::Overflow { .. } => {}
        }
    };
    assert_eq!(told.0, Some(openclaw_protocol::resume::ResyncReason::UnknownBoot));
    assert!(told.1.iter().any(|method| method == "chat.history"), "{told:?}");
    assert!(matches!(&*link.state().borrow(), LinkState::Up(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_be_done_twice_is_said_to_be_uncertain() {
    let gateway = TestGateway::start().await;
    let proxy = FaultProxy::start(gateway.port()).await;
    let machine = Machine::new();
    let link = Arc::new(reconnecting(&proxy, &gateway, &machine));
    link.client().await.expect("up");
    let tasks = Tasks::new();
    let asking = Arc::clone(&link);
    proxy.freeze();
    let health = tasks.spawn("ask", async move {
        asking.call::<Health>(&HealthParams::default(), PATIENT).await
    });
    proxy.holds(20).await;
    proxy.cut();
    proxy.thaw();
    let health = health.await.expect("asked").expect("what only reads is asked again");
    assert!(health.ok);

    link.client().await.expect("up");
    let asking = Arc::clone(&link);
    let params = from_json(&json!({"deviceId": "d".repeat(64)}));
    proxy.freeze();
    let asked =
        tasks.spawn("ask", async move { asking.call::<DevicePairRemove>(&params, PATIENT).await });
    proxy.holds(100).await;
    proxy.cut();
    proxy.thaw();
    let error = asked.await.expect("asked").expect_err("cut");
    assert!(matches!(error, ClientError::Uncertain { .. }), "{error:?}");
    assert!(error.hint().contains("openclaw devices list"), "{}", error.hint());
}
