//! `gateway.tailscale`: one route, kept and given up, and who its visitors are.

use std::time::Duration;

use openclaw_testkit::{FakeTailscale, GatewayOptions, TestGateway, WireClient, wire::request};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::device::Device;

const NAME: &str = "box.tail1.ts.net";
const PAGE: (&str, &str) = ("openclaw-control-ui", "webchat");
const PEER: &str = "100.101.102.103";

async fn gateway(fake: &FakeTailscale, config: &str) -> TestGateway {
    let variables =
        [("OPENCLAW_TAILSCALE_SOCKET".to_owned(), fake.socket().display().to_string())].into();
    TestGateway::with(GatewayOptions { config: Some(config.to_owned()), variables }).await
}

/// Waits for what a task of the Gateway does.
async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let mut look = tokio::time::interval(Duration::from_millis(10));
    let wait = async {
        while !done() {
            look.tick().await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(20), wait).await.is_ok(), "{what}");
}

fn target(fake: &FakeTailscale) -> Option<String> {
    let config = fake.config();
    let proxy = config["Web"][format!("{NAME}:443")]["Handlers"]["/"]["Proxy"].as_str();
    proxy.map(str::to_owned)
}

fn record(gateway: &TestGateway) -> Value {
    let bytes = std::fs::read(gateway.paths().tailscale_file()).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

async fn page(port: u16, device: &Device) -> Value {
    let mut upgrade = request(port, "/");
    let origin = HeaderValue::from_static("https://box.tail1.ts.net");
    upgrade.headers_mut().insert("origin", origin);
    let mut client = WireClient::try_request(port, upgrade).await.expect("upgrade");
    device.connect(&mut client).await
}

const SERVE: &str = "{ gateway: { tailscale: { mode: 'serve' } } }";

#[tokio::test]
async fn one_route_is_claimed_kept_and_given_up() {
    let fake = FakeTailscale::start(NAME).await;
    let mut gateway = gateway(&fake, SERVE).await;
    until("it is published", || target(&fake).is_some()).await;
    let first = target(&fake);
    until("it is written down", || record(&gateway)["published"] == true).await;
    gateway.stop().await;
    assert_eq!(fake.config(), json!({}), "nothing of ours stays");
    gateway.resume().await;
    until("it is published again", || target(&fake).is_some()).await;
    assert_eq!(
        target(&fake),
        first,
        "at the same port, so that an old route is never somebody else's"
    );
}

#[tokio::test]
async fn what_others_serve_is_never_touched_and_a_leftover_is_adopted() {
    let fake = FakeTailscale::start(NAME).await;
    let others = json!({
        "TCP": {"443": {"HTTPS": true}},
        "Web": {"box.tail1.ts.net:443": {"Handlers": {"/": {"Proxy": "http://127.0.0.1:3000"}}}},
    });
    fake.set_config(others.clone());
    let mut gateway = gateway(&fake, SERVE).await;
    until("it says why", || record(&gateway)["problem"].is_string()).await;
    assert_eq!((fake.config(), fake.writes()), (others, 0));
    fake.set_config(Value::Null);
    until("it is tried again", || target(&fake).is_some()).await;
    until("it is written down", || record(&gateway)["published"] == true).await;
    let left = fake.config();
    gateway.stop().await;
    // As after a crash: the route stands, and the record knows it.
    let routes = json!([{"name": NAME, "target": left["Web"]["box.tail1.ts.net:443"]["Handlers"]["/"]["Proxy"], "funnel": false}]);
    let text = json!({"routes": routes, "published": true}).to_string();
    std::fs::write(gateway.paths().tailscale_file(), text).expect("write");
    fake.set_config(left.clone());
    gateway.resume().await;
    until("it is adopted", || record(&gateway)["published"] == true).await;
    assert_eq!(fake.config(), left);
    gateway.stop().await;
    assert_eq!(fake.config(), json!({}));
}

#[tokio::test]
async fn a_daemon_that_is_not_there_or_refuses_costs_the_gateway_nothing() {
    let fake = FakeTailscale::start(NAME).await;
    fake.stop();
    let mut gateway = gateway(&fake, SERVE).await;
    gateway.operator().await;
    until("it says so", || record(&gateway)["problem"].is_string()).await;
    fake.denies(true);
    fake.listen().await;
    until("it says that it may not", || {
        record(&gateway)["hint"].as_str().is_some_and(|hint| hint.contains("--operator"))
    })
    .await;
    fake.denies(false);
    until("it is published in the end", || target(&fake).is_some()).await;
    gateway.stop().await;
    assert_eq!(fake.config(), json!({}));
}

#[tokio::test]
async fn a_person_of_the_tailnet_needs_no_token_in_a_browser_but_a_paired_device() {
    let fake = FakeTailscale::start(NAME).await;
    fake.knows(PEER, "me@example.org");
    let gateway = gateway(&fake, SERVE).await;
    until("it is published", || record(&gateway)["published"] == true).await;
    let front = fake.front(PEER, false).await;
    let device = Device { client: PAGE, ..Device::new("", &["operator.read"]) };
    let asked = page(front, &device).await;
    assert_eq!(asked["error"]["details"]["code"], "PAIRING_REQUIRED", "{asked}");
    let id = asked["error"]["details"]["requestId"].as_str().expect("an id");
    let mut owner = gateway.operator().await;
    let approved = owner.call("device.pair.approve", json!({"requestId": id})).await;
    assert_eq!(approved["ok"], true, "{approved}");
    let admitted = page(front, &device).await;
    assert_eq!(admitted["payload"]["auth"]["method"], "tailscale", "{admitted}");
    // The same device where nobody vouches for it, and as another program.
    let mut elsewhere = gateway.wire().await;
    let refused = Device { client: ("cli", "cli"), ..Device::new("", &["operator.read"]) };
    let refused = refused.connect(&mut elsewhere).await;
    assert_eq!(refused["error"]["details"]["code"], "AUTH_TOKEN_MISSING", "{refused}");
}

#[tokio::test]
async fn nobody_else_is_believed_on_that_listener_and_its_headers_nowhere_else() {
    let fake = FakeTailscale::start(NAME).await;
    fake.knows(PEER, "me@example.org");
    let gateway = gateway(&fake, SERVE).await;
    until("it is published", || record(&gateway)["published"] == true).await;
    let proxy = target(&fake).expect("a target");
    let port: u16 = proxy.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let forged = |port: u16, login: &'static str, from: &'static str| {
        let mut upgrade = request(port, "/");
        for (name, value) in [
            ("host", NAME),
            ("x-forwarded-host", NAME),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-for", from),
            ("tailscale-user-login", login),
        ] {
            upgrade.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        upgrade
    };
    let mut bare = request(port, "/");
    bare.headers_mut().insert("host", HeaderValue::from_static(NAME));
    assert_eq!(WireClient::try_request(port, bare).await.err(), Some(403), "no proxy asks");
    let main = gateway.port();
    let upgrade = forged(main, "me@example.org", PEER);
    assert_eq!(WireClient::try_request(main, upgrade).await.err(), Some(403), "the main port");
    // A login that the tailnet does not confirm is nobody's.
    let device = Device { client: PAGE, ..Device::new("", &["operator.read"]) };
    for (login, from) in [("boss@example.org", PEER), ("me@example.org", "100.99.98.97")] {
        let mut upgrade = forged(port, login, from);
        let origin = HeaderValue::from_static("https://box.tail1.ts.net");
        upgrade.headers_mut().insert("origin", origin);
        let mut client = WireClient::try_request(port, upgrade).await.expect("upgrade");
        let answer = device.connect(&mut client).await;
        assert_eq!(answer["error"]["details"]["code"], "AUTH_TOKEN_MISSING", "{answer}");
    }
    let mut rebound = forged(port, "me@example.org", PEER);
    rebound.headers_mut().insert("host", HeaderValue::from_static("evil.example"));
    assert_eq!(WireClient::try_request(port, rebound).await.err(), Some(403), "another name");
}

#[tokio::test]
async fn identity_can_be_turned_off_and_funnel_never_has_any() {
    let fake = FakeTailscale::start(NAME).await;
    fake.knows(PEER, "me@example.org");
    let off = "{ gateway: { auth: { allowTailscale: false }, tailscale: { mode: 'serve' } } }";
    let serving = gateway(&fake, off).await;
    until("it is published", || record(&serving)["published"] == true).await;
    let device = Device { client: PAGE, ..Device::new("", &["operator.read"]) };
    let answer = page(fake.front(PEER, false).await, &device).await;
    assert_eq!(answer["error"]["details"]["code"], "AUTH_TOKEN_MISSING", "{answer}");
    drop(serving);
    let funnel = "{ gateway: { auth: { mode: 'password', password: 'correct-horse-battery-staple', allowTailscale: true },
        tailscale: { mode: 'funnel' } } }";
    let public = FakeTailscale::start(NAME).await;
    public.knows(PEER, "me@example.org");
    let mut gateway = gateway(&public, funnel).await;
    until("it is published", || record(&gateway)["published"] == true).await;
    assert_eq!(public.config()["AllowFunnel"]["box.tail1.ts.net:443"], true);
    for from_outside in [true, false] {
        let answer = page(public.front(PEER, from_outside).await, &device).await;
        assert_eq!(answer["error"]["details"]["code"], "AUTH_PASSWORD_MISSING", "{answer}");
    }
    gateway.stop().await;
    assert_eq!(public.config(), json!({}));
}
