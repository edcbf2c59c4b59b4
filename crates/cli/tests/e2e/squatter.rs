//! Somebody else on the port where the Gateway is expected: what our command line tells them.

use openclaw_testkit::WireClient;
use openclaw_testkit::squatter::Squatter;
use serde_json::Value;

use crate::machine::{Machine, shown};

/// A laptop that reaches the Gateway through a port on loopback, as through a tunnel made by hand.
fn by_port(port: u16, token: &str) -> Machine {
    let laptop = Machine::new();
    laptop.configure(&format!(
        "{{ gateway: {{ mode: 'remote', remote: {{ url: 'ws://127.0.0.1:{port}', token: '{token}' }} }} }}"
    ));
    laptop
}

/// The secrets that nobody may hear: the shared token, and the key that the device keeps.
fn secrets(laptop: &Machine, token: &str) -> Vec<String> {
    let device = std::fs::read_to_string(laptop.state().join("identity/device.json")).unwrap();
    let device: Value = serde_json::from_str(&device).unwrap();
    let kept = device.as_object().unwrap().iter();
    let private = kept.filter(|(name, _)| name.to_ascii_lowercase().contains("private"));
    let mut secrets: Vec<String> =
        private.map(|(_, key)| key.as_str().unwrap().to_owned()).collect();
    assert!(!secrets.is_empty(), "the device has a key: {:?}", device.as_object().unwrap().keys());
    secrets.push(token.to_owned());
    secrets
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_hears_no_secret_and_nothing_it_heard_works_again() {
    let server = Machine::new();
    let gateway = server.gateway(&["--port", "0"]);
    let token = server.token();
    let relay = Squatter::start(Some(gateway.port)).await;
    let laptop = by_port(relay.port(), &token);
    // The first contact proves the token, later ones the device; neither is said.
    laptop.text(&["health"]);
    laptop.text(&["agent", "--message", "hello"]);
    let heard = relay.heard();
    assert!(heard.iter().any(|said| said.contains("hello-ok")), "it carried everything: {heard:?}");
    for secret in secrets(&laptop, &token) {
        assert!(!heard.iter().any(|said| said.contains(secret.trim())), "{heard:?}");
    }
    assert!(!heard.iter().any(|said| said.contains("deviceToken")), "{heard:?}");

    let connects: Vec<&String> =
        heard.iter().filter(|said| said.contains("\"method\":\"connect\"")).collect();
    assert!(connects.len() >= 2, "{heard:?}");
    for connect in connects {
        let mut thief = WireClient::connect(gateway.port).await;
        thief.send_text(connect).await;
        let answer = thief.next().await;
        assert!(!answer.as_ref().is_ok_and(|answer| answer["ok"] == true), "{connect}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_the_port_of_a_known_gateway_is_told_nothing() {
    let server = Machine::new();
    let gateway = server.gateway(&["--port", "0"]);
    let token = server.token();
    let relay = Squatter::start(Some(gateway.port)).await;
    let laptop = by_port(relay.port(), &token);
    laptop.text(&["health"]);

    relay.turn(None);
    for command in [&["health"][..], &["agent", "--message", "hello"], &["sessions", "list"]] {
        let output = laptop.run(command);
        assert_eq!(output.status.code(), Some(9), "{}", shown(&output));
    }
    let heard = relay.heard();
    assert!(!heard.is_empty(), "it was dialled");
    assert!(heard.iter().all(|said| said.starts_with("/?oc_nonce=")), "{heard:?}");
    for secret in secrets(&laptop, &token) {
        assert!(!heard.iter().any(|said| said.contains(secret.trim())), "{heard:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_gateway_on_the_port_is_told_nothing_either() {
    let (server, other) = (Machine::new(), Machine::new());
    let gateway = server.gateway(&["--port", "0"]);
    let theirs = other.gateway(&["--port", "0"]);
    let token = server.token();
    let relay = Squatter::start(Some(gateway.port)).await;
    let laptop = by_port(relay.port(), &token);
    laptop.text(&["health"]);

    relay.turn(Some(theirs.port));
    let output = laptop.run(&["health"]);
    assert_eq!(output.status.code(), Some(9), "{}", shown(&output));
    let heard = relay.heard();
    assert!(heard.iter().any(|said| said.contains("connect.challenge")), "{heard:?}");
    assert!(!heard.iter().any(|said| said.contains("\"method\"")), "{heard:?}");
}
