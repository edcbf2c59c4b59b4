//! A laptop and a server in networks of their own, and a wire between them that is cut under load.
//!
//! `cargo xtask soak` cuts a hundred times; as a test it is done less often.

use std::sync::Arc;
use std::time::{Duration, Instant};

use openclaw_base::{Backoff, CancellationToken, Tasks};
use openclaw_client::{
    CallOptions, Client, ClientOptions, Delivery, Endpoint, Plan, Reconnecting, UnixDial,
};
use openclaw_protocol::methods::chat::{ChatHistory, ChatSend};
use openclaw_protocol::methods::sessions::SessionsSubscribe;
use openclaw_protocol::methods::system::{Health, HealthParams};
use openclaw_protocol::params;
use openclaw_remote::{HeldDial, Via};
use openclaw_testkit::network::Wire;
use openclaw_testkit::sshd::{Sshd, SshdOptions};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::machine::{Gateway, Machine};
use crate::ssh::{install, laptop};
use crate::tunnel::{processes, signal};

/// How often the wire is cut, unless the variable says otherwise.
const CUTS: usize = 12;
const CUTS_VARIABLE: &str = "OPENCLAW_SOAK_CUTS";
const SESSION: &str = "agent:main:load";
const PATIENT: CallOptions = CallOptions::within(Duration::from_secs(60));
/// Between two events: what comes while a dead link is not noticed yet fits into a client's queue.
const PACE: Duration = Duration::from_millis(20);
/// Between two messages.
const SAY_EVERY: Duration = Duration::from_millis(200);
/// A dead link has to be noticed by then, and the next one is there soon after.
const NOTICED: Duration = Duration::from_secs(15);
const RESTORED: Duration = Duration::from_secs(10);

/// What happens to the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// SIGKILL to `ssh`.
    Kill,
    /// The interface goes down and comes back before anybody gave up.
    Blink,
    /// Every packet is answered by a reset, for as long as the link lives.
    Reset,
    /// The interface stays down until the link is given up.
    Down,
    /// Every packet is swallowed until the link is given up.
    Swallow,
}

impl Cut {
    /// The quick ones more often: ten in twelve.
    const fn number(index: usize) -> Self {
        match index % 12 {
            5 => Self::Down,
            11 => Self::Swallow,
            quick => match quick % 3 {
                0 => Self::Kill,
                1 => Self::Blink,
                _ => Self::Reset,
            },
        }
    }
}

/// A laptop that holds a tunnel over the wire.
struct Wired {
    wire: Wire,
    laptop: Machine,
    server: Machine,
    sshd: Sshd,
    _gateway: Gateway,
}

impl Wired {
    fn up() -> Self {
        let wire = Wire::lay().unwrap();
        let (near, far) = (wire.near().prefix(), wire.far().prefix());
        let address = wire.far().address();
        let options = SshdOptions { address, prefix: far.clone(), ..SshdOptions::default() };
        let sshd = Sshd::start_with(&options).unwrap();
        let (server, laptop) = (Machine::new().behind(far), laptop(&sshd).behind(near));
        install(&sshd, &server);
        let gateway = server.gateway(&["--port", "0"]);
        laptop.text(&["remote", "add", &sshd.target(), "--name", "server", "--use"]);
        laptop.text(&["remote", "up"]);
        Self { wire, laptop, server, sshd, _gateway: gateway }
    }

    fn tunnel(&self) -> Value {
        let output = self.laptop.run(&["remote", "status", "--json"]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        report["supervisor"].clone()
    }

    fn ssh(&self) -> i32 {
        let pid = self.tunnel()["tunnels"][0]["sshPid"].as_i64();
        pid.map_or(0, |pid| i32::try_from(pid).unwrap())
    }

    /// Waits until the link is another one than `before`, or none.
    fn gives_up(&self, before: i32) -> Duration {
        let started = Instant::now();
        while self.ssh() == before {
            assert!(started.elapsed() < NOTICED, "still there: {}", self.tunnel());
        }
        started.elapsed()
    }

    fn connected(&self) {
        let started = Instant::now();
        while self.tunnel()["tunnels"][0]["state"] != "connected" {
            assert!(started.elapsed() < RESTORED, "not back: {}", self.tunnel());
        }
    }

    /// Cuts, waits for the link to be given up if the cut is one that ends it, and mends.
    fn suffer(&self, cut: Cut) -> Option<Duration> {
        let before = self.ssh();
        let noticed = match cut {
            Cut::Kill => {
                signal(before, Signal::KILL);
                None
            }
            Cut::Blink => {
                self.wire.down().unwrap();
                self.wire.up().unwrap();
                None
            }
            Cut::Reset => {
                self.wire.reset().unwrap();
                let took = self.gives_up(before);
                self.wire.heal().unwrap();
                Some(took)
            }
            Cut::Down => {
                self.wire.down().unwrap();
                let took = self.gives_up(before);
                self.wire.up().unwrap();
                Some(took)
            }
            Cut::Swallow => {
                self.wire.swallow().unwrap();
                let took = self.gives_up(before);
                self.wire.heal().unwrap();
                Some(took)
            }
        };
        self.connected();
        noticed
    }
}

impl Drop for Wired {
    fn drop(&mut self) {
        self.laptop.run(&["remote", "down"]);
    }
}

#[expect(clippy::disallowed_methods, reason = "a test is told so by what starts it")]
fn how_often() -> usize {
    std::env::var(CUTS_VARIABLE).map_or(CUTS, |text| text.parse().unwrap())
}

fn from_json<T: serde::de::DeserializeOwned>(json: &Value) -> T {
    params::decode("test", Some(&serde_json::value::to_raw_value(json).unwrap())).unwrap()
}

async fn owner(server: &Machine, tasks: &Tasks) -> Client {
    let dial = UnixDial::new(server.state().join("gateway.sock"));
    let options = ClientOptions::cli(tasks.clone(), "1.0.0");
    Client::connect(&Endpoint::new(dial, Plan::door()), &options).await.unwrap()
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

/// Renames a session on the server until told to stop; how often.
async fn rename(owner: Client, stop: CancellationToken) -> u64 {
    let mut pace = tokio::time::interval(PACE);
    let mut count = 0;
    while !stop.is_cancelled() {
        let params = json!({"key": SESSION, "label": format!("n-{count}")});
        pace.tick().await;
        owner.call_raw("sessions.patch", &params, PATIENT).await.unwrap();
        count += 1;
    }
    count
}

/// Says something again and again over the wire, each with a key of its own; how often.
async fn talk(link: Arc<Reconnecting>, stop: CancellationToken) -> usize {
    let mut pace = tokio::time::interval(SAY_EVERY);
    let mut count = 0;
    while !stop.is_cancelled() {
        pace.tick().await;
        let params = json!({
            "sessionKey": "main", "message": format!("m-{count}."),
            "idempotencyKey": format!("key-{count}"),
        });
        link.call::<ChatSend>(&from_json(&params), PATIENT).await.unwrap();
        count += 1;
    }
    count
}

/// Reads what comes, and puts the labels in order of arrival.
async fn listen(
    mut events: openclaw_client::Events,
    last: tokio::sync::oneshot::Receiver<u64>,
) -> Vec<u64> {
    let mut labels = Vec::new();
    let mut last = std::pin::pin!(last);
    let mut count = None;
    while count.is_none_or(|count| labels.last().is_none_or(|label| label + 1 < count)) {
        tokio::select! {
            told = &mut last, if count.is_none() => count = Some(told.unwrap()),
            delivery = events.next() => labels.extend(label(&delivery.unwrap())),
        }
    }
    labels
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wire_that_is_cut_under_load_loses_nothing_doubles_nothing_and_leaves_nothing() {
    let cuts = how_often();
    let wired = Wired::up();
    let tasks = Tasks::new();
    let socket = wired.tunnel()["tunnels"][0]["socket"].as_str().unwrap().to_owned();
    let dial = HeldDial::new(socket.into(), "server", &Via::Door { path: None, port: None });
    let backoff = Backoff::new(Duration::from_millis(5), Duration::from_millis(200));
    let options = ClientOptions::cli(tasks.clone(), "1.0.0");
    let endpoint = Endpoint::new(dial, Plan::door());
    let link = Arc::new(Reconnecting::with_backoff(endpoint, options, backoff));
    let events = link.events();
    link.call::<SessionsSubscribe>(&from_json(&json!({})), PATIENT).await.unwrap();

    let stop = CancellationToken::new();
    let owner = owner(&wired.server, &tasks).await;
    let (told, last) = tokio::sync::oneshot::channel();
    let renaming = tasks.spawn("rename", rename(owner.clone(), stop.clone()));
    let listening = tasks.spawn("listen", listen(events, last));
    let talking = tasks.spawn("talk", talk(Arc::clone(&link), stop.clone()));
    let mut noticed = Vec::new();
    for index in 0..cuts {
        let cut = Cut::number(index);
        let took = tokio::task::block_in_place(|| wired.suffer(cut));
        noticed.extend(took.map(|took| (cut, took)));
        // It carries again before it is cut again.
        link.call::<Health>(&HealthParams::default(), PATIENT).await.unwrap();
    }
    stop.cancel();
    let said = talking.await.unwrap();
    let count = renaming.await.unwrap();
    told.send(count).unwrap();
    let labels = listening.await.unwrap();
    assert_eq!(labels, (0..count).collect::<Vec<_>>(), "everything once, in order");

    let params = from_json(&json!({"sessionKey": "main", "limit": 1000}));
    let history = owner.call::<ChatHistory>(&params, PATIENT).await.unwrap();
    let history = serde_json::to_string(&history).unwrap();
    assert!(said > cuts, "{said} messages are no load");
    for index in 0..said {
        let wanted =
            format!("\"role\":\"user\",\"content\":[{{\"type\":\"text\",\"text\":\"m-{index}.\"");
        assert_eq!(history.matches(&wanted).count(), 1, "m-{index}: {history}");
    }
    let worst = noticed.iter().map(|(_, took)| *took).max().unwrap_or_default();
    println!("{cuts} cuts, {count} events, {said} messages, slowest noticed after {worst:?}");

    let holder = i32::try_from(wired.tunnel()["pid"].as_i64().unwrap()).unwrap();
    signal(holder, Signal::KILL);
    let started = Instant::now();
    let config = wired.sshd.config().display().to_string();
    while !processes(&config).is_empty() {
        assert!(started.elapsed() < Duration::from_secs(3), "left: {:?}", processes(&config));
    }
}

#[test]
fn a_changed_network_is_noticed_before_an_answer_is_missed() {
    let wired = Wired::up();
    let before = wired.ssh();
    wired.wire.down().unwrap();
    // Without an eye on the network it takes as long as a beat and an answer do.
    let took = wired.gives_up(before);
    assert!(took < Duration::from_secs(6), "{took:?}");
    let mended = Instant::now();
    wired.wire.up().unwrap();
    wired.connected();
    assert!(mended.elapsed() < Duration::from_secs(6), "{:?}", mended.elapsed());
}
