//! Codes that let another machine ask, by each way that they can name, and the link for a browser
//! through a tunnel.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use openclaw_identity::from_base64;
use openclaw_testkit::FakeServiceManager;
use openclaw_testkit::network::Wire;
use openclaw_testkit::sshd::Sshd;
use rustix::process::Signal;
use serde_json::Value;

use crate::machine::{Machine, PATIENCE, read_until, send, shown};
use crate::ssh::{install, laptop};

/// `openclaw connect` that runs; it ends with this value.
struct Asking(Child);

impl Asking {
    fn start(mut command: Command) -> Self {
        Self(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    fn says(&mut self, wanted: &str) -> String {
        read_until(self.0.stderr.as_mut().unwrap(), wanted)
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn code(server: &Machine, more: &[&str]) -> String {
    let words: Vec<&str> =
        ["devices", "join-code"].into_iter().chain(more.iter().copied()).collect();
    server.json(&words)["setupCode"].as_str().unwrap().to_owned()
}

/// Approves the only machine that asks.
fn approve(server: &Machine) {
    let asking = server.json(&["devices", "list"]);
    assert_eq!(asking["pending"].as_array().map(Vec::len), Some(1), "{asking}");
    server.text(&["devices", "approve", asking["pending"][0]["requestId"].as_str().unwrap()]);
}

/// Waits until the only node is connected.
fn connected(server: &Machine) -> Value {
    let started = Instant::now();
    loop {
        let node = server.json(&["nodes", "list"])["nodes"][0].clone();
        if node["connected"] == true {
            return node;
        }
        assert!(started.elapsed() < PATIENCE, "{node}");
    }
}

#[test]
fn a_code_may_carry_the_login_that_is_the_way_in() {
    let sshd = Sshd::start().unwrap();
    let (server, laptop) = (Machine::new(), laptop(&sshd));
    install(&sshd, &server);
    // Nobody else reaches this one's port.
    let _gateway = server.gateway(&["--port", "0"]);
    let code = code(&server, &["--ssh-login", &sshd.target()]);
    let mut host = Asking::start(laptop.command(&["connect", &code, "--name", "home"]));
    host.says("waits for approval");
    approve(&server);
    host.says("connected to");
    connected(&server);
    // The login is the owner's; the machine came in as a node all the same.
    let devices = server.json(&["devices", "list"])["paired"].to_string();
    assert!(!devices.contains("\"role\":\"operator\""), "{devices}");
    send(&host.0, Signal::TERM);
    assert_eq!(host.0.wait().unwrap().code(), Some(0));
    let known = laptop.json(&["remote", "show", "home"]).to_string();
    assert!(known.contains(&sshd.target()), "{known}");
}

#[test]
fn a_code_carries_what_a_stranger_has_to_know_about_tls_and_makes_a_node_for_good() {
    let wire = Wire::lay().unwrap();
    let manager = FakeServiceManager::new().unwrap();
    let server = Machine::new().behind(wire.far().prefix());
    server.configure("{ gateway: { bind: 'lan' } }");
    let gateway = server.gateway(&["--port", "0"]);
    let laptop = Machine::new().behind(wire.near().prefix());
    let laptop = laptop.with_env("PATH", manager.path()).with_env("USER", "me");
    // Another certificate than at the start, as after a renewal.
    let (key, cert) = (server.state().join("tls/key.pem"), server.state().join("tls/cert.pem"));
    let next = server.home().join("next.pem");
    let mut make = Command::new("openssl");
    make.args(["req", "-x509", "-days", "9", "-subj", "/CN=box", "-key"]).arg(&key);
    let output = make.arg("-out").arg(&next).output().unwrap();
    assert!(output.status.success(), "{}", shown(&output));
    std::fs::rename(&next, &cert).unwrap();
    let print =
        server.json(&["gateway", "tls", "fingerprint"])["certificate"]["fingerprint"].clone();
    // The Gateway knows its own address, so nothing has to be named.
    let started = Instant::now();
    let made = loop {
        let made = server.json(&["devices", "join-code"]);
        let text = from_base64(made["setupCode"].as_str().unwrap()).unwrap();
        let code: Value = serde_json::from_slice(&text).unwrap();
        if code["tlsFingerprint"] == print {
            break made;
        }
        assert!(started.elapsed() < PATIENCE, "the code names the old certificate: {code}");
    };
    let url = format!("wss://{}:{}", wire.far().address(), gateway.port);
    assert_eq!(made["gatewayUrl"], url.as_str(), "{made}");
    let code = made["setupCode"].as_str().unwrap();
    let words = ["connect", code, "--name", "home", "--service", "--json"];
    let mut host = Asking::start(laptop.command(&words));
    host.says("waits for approval");
    approve(&server);
    assert_eq!(host.0.wait().unwrap().code(), Some(0));
    connected(&server);
    let unit = laptop.home().join(".config/systemd/user/openclaw-node.service");
    let unit = std::fs::read_to_string(unit).unwrap();
    assert!(unit.contains("node run --gateway home") && !unit.contains(code), "{unit}");
    // The key is known from the first contact on: the certificate may change, another Gateway may not come.
    assert_eq!(laptop.json(&["node", "stop"])["result"], "stopped");
    assert_eq!(laptop.json(&["node", "uninstall"])["result"], "uninstalled");
}

#[test]
fn a_code_that_was_used_stays_used_over_a_kill() {
    let (server, laptop, thief) = (Machine::new(), Machine::new(), Machine::new());
    let gateway = server.gateway(&["--port", "0"]);
    let (url, port) = (gateway.url(), gateway.port.to_string());
    let code = code(&server, &["--public-url", &url]);
    let mut host = Asking::start(laptop.command(&["connect", &code, "--name", "home"]));
    host.says("waits for approval");
    gateway.end(Signal::KILL);
    let _gateway = server.gateway(&["--port", &port]);
    let output = thief.run(&["connect", &code, "--name", "home"]);
    assert_eq!(output.status.code(), Some(6), "{}", shown(&output));
    // Whoever used it is the one who still may.
    approve(&server);
    host.says("connected to");
    connected(&server);
}

#[test]
fn a_browser_gets_a_link_through_a_tunnel_that_is_held_for_it() {
    let sshd = Sshd::start().unwrap();
    let (server, laptop) = (Machine::new(), laptop(&sshd));
    install(&sshd, &server);
    let _gateway = server.gateway(&["--port", "0"]);
    laptop.text(&["remote", "add", &sshd.target(), "--name", "server", "--use"]);
    let made = laptop.run(&["dashboard", "--json"]);
    assert_eq!(made.status.code(), Some(0), "{}", shown(&made));
    assert!(shown(&made).contains("remote down server"), "{}", shown(&made));
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    let status = laptop.run(&["remote", "status", "--json"]);
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    let port = &status["supervisor"]["tunnels"][0]["localPort"];
    assert_eq!(made["url"], format!("http://127.0.0.1:{port}/"), "{status}");
    let mut page = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    page.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(page, "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    page.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 200") && text.contains("<!doctype html>"), "{text}");
    // The same tunnel serves the next one, without a word.
    let again = laptop.run(&["dashboard", "--json"]);
    assert!(!shown(&again).contains("remote down"), "{}", shown(&again));
    laptop.run(&["remote", "down"]);
}
