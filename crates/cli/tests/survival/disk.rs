//! A full disk is an error on the requests that write, and nothing else.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use openclaw_testkit::WireClient;
use serde_json::json;

use crate::machine::{Machine, OPENCLAW};

const TOKEN: &str = "a-token-of-more-than-24-characters";

/// Starts a Gateway whose state folder is a tiny disk of its own, in its own mount namespace.
fn on_tiny_disk(machine: &Machine) -> (std::process::Child, u16) {
    std::fs::create_dir_all(machine.state()).unwrap();
    let is_root = rustix::process::getuid().is_root();
    let script = "mount -t tmpfs -o size=1m,mode=0700 tiny \"$1\" && exec \"$2\" gateway --port 0";
    let mut child = Command::new("unshare")
        .args(if is_root { &["--mount"][..] } else { &["--map-root-user", "--mount"] })
        .args(["sh", "-c", script, "sh"])
        .arg(machine.state())
        .arg(OPENCLAW)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", machine.home())
        .env("OPENCLAW_GATEWAY_TOKEN", TOKEN)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    while !said.contains("From afar") {
        assert_ne!(lines.read_line(&mut said).unwrap(), 0, "no Gateway: {said}");
    }
    let address = said.split("ws://127.0.0.1:").nth(1).unwrap();
    (child, address.lines().next().unwrap().parse().unwrap())
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_serves_the_rest() {
    let machine = Machine::new();
    let (mut gateway, port) = on_tiny_disk(&machine);
    let mut client = WireClient::connect(port).await;
    client.enter(TOKEN).await;
    let long = "x".repeat(60_000);
    let mut refused = None;
    for number in 0..100 {
        let key = format!("n{number}");
        let params = json!({"sessionKey": key, "message": long, "idempotencyKey": key});
        let answer = client.call("chat.send", params).await;
        if answer["ok"] == false {
            refused = Some(answer["error"].clone());
            break;
        }
    }
    let error = refused.expect("one megabyte is full at some point");
    assert_eq!(error["code"], "UNAVAILABLE", "{error}");
    assert_eq!(error["details"]["code"], "STORAGE_UNAVAILABLE", "{error}");
    assert_eq!(error["retryable"], true, "{error}");
    assert!(error["message"].as_str().is_some_and(|text| text.contains("disk full")), "{error}");
    client.ok("health", json!({"probe": true})).await;
    let sessions = client.ok("sessions.list", json!({})).await;
    assert!(sessions["count"].as_u64().is_some_and(|count| count > 0), "{sessions}");
    client.ok("chat.history", json!({"sessionKey": "n0"})).await;
    let mut another = WireClient::connect(port).await;
    another.enter(TOKEN).await;
    gateway.kill().unwrap();
    gateway.wait().unwrap();
}
