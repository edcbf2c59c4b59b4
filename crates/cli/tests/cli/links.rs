//! Gateways that are not there, and things that are no Gateway.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::sandbox::{Sandbox, code, free_port, json};

/// Every command that talks to a Gateway.
const COMMANDS: &[&[&str]] = &[
    &["health"],
    &["status"],
    &["status", "--deep"],
    &["agent", "--message", "hello"],
    &["gateway", "health"],
    &["gateway", "status"],
    &["gateway", "probe"],
    &["gateway", "call", "health"],
    &["gateway", "agent", "-m", "hello"],
    &["sessions", "list"],
    &["sessions", "show"],
    &["sessions", "reset", "main"],
    &["sessions", "delete", "work"],
    &["logs"],
    &["models", "list"],
    &["devices", "list"],
    &["devices", "approve", "--latest"],
    &["devices", "reject", "a"],
    &["devices", "remove", "a"],
    &["devices", "rename", "a", "b"],
    &["devices", "rotate", "a"],
    &["devices", "revoke", "a"],
];

#[test]
fn nothing_listening_is_3_and_known_at_once() {
    let sandbox = Sandbox::new();
    let port = free_port().to_string();
    for words in COMMANDS {
        for face in [&[][..], &["--json"][..]] {
            let args: Vec<&str> = words.iter().chain(face).copied().collect();
            let mut command = sandbox.command(&args);
            command.env("OPENCLAW_GATEWAY_PORT", &port);
            let started = Instant::now();
            let output = command.output().unwrap();
            let took = started.elapsed();
            assert_eq!(code(&output), 3, "{args:?}: {}", sandbox.show(&output));
            // The promise is 100 ms; a build without optimisation on a busy machine gets more.
            assert!(took < Duration::from_secs(2), "{args:?} took {took:?}");
            if face.is_empty() {
                let told = String::from_utf8(output.stderr).unwrap();
                assert!(told.contains("hint: start it: openclaw gateway run"), "{args:?}: {told}");
            } else {
                assert_eq!(json(&output)["ok"], false, "{args:?}");
                assert_eq!(json(&output)["error"]["kind"], "nothing-listening", "{args:?}");
            }
        }
    }
}

#[test]
fn the_words_of_failures() {
    let sandbox = Sandbox::new();
    let port = free_port().to_string();
    let shown = |args: &[&str]| {
        let mut command = sandbox.command(args);
        let output = command.env("OPENCLAW_GATEWAY_PORT", &port).output().unwrap();
        sandbox.show(&output).replace(&port, "[PORT]")
    };
    insta::assert_snapshot!("gateway_status_down", shown(&["gateway", "status"]));
    insta::assert_snapshot!("gateway_probe_down", shown(&["gateway", "probe"]));
    insta::assert_snapshot!("status_down", shown(&["status"]));
    insta::assert_snapshot!("status_down_json", shown(&["status", "--json"]));
    insta::assert_snapshot!(
        "url_without_secret",
        sandbox.shown(&["health", "--url", "ws://127.0.0.1:18789"])
    );
    insta::assert_snapshot!(
        "url_of_another_machine",
        sandbox.shown(&["health", "--url", "ws://203.0.113.5:18789", "--token", "t"])
    );
    insta::assert_snapshot!(
        "url_with_tls",
        sandbox.shown(&["health", "--url", "wss://127.0.0.1:9", "--token", "t"])
    );
}

#[test]
fn a_url_needs_an_explicit_secret_before_any_traffic() {
    let sandbox = Sandbox::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let mut command = sandbox.command(&["health", "--json", "--url", &url]);
    command.env("OPENCLAW_GATEWAY_TOKEN", "from-the-environment");
    let output = command.output().unwrap();
    assert_eq!(code(&output), 2);
    assert_eq!(json(&output)["error"]["type"], "gateway_credentials_required");
    assert_eq!(json(&output)["gateway"]["urlSource"], "--url");
    assert!(listener.accept().is_err(), "nobody may have connected");
}

#[test]
fn precedence_is_flag_environment_mode_local() {
    let sandbox = Sandbox::new();
    let source = |args: &[&str], env: Option<&str>| {
        let mut command = sandbox.command(args);
        if let Some(url) = env {
            command.env("OPENCLAW_GATEWAY_URL", url);
        }
        let output = command.output().unwrap();
        json(&output)["gateway"]["urlSource"].as_str().unwrap().to_owned()
    };
    let dead = format!("ws://127.0.0.1:{}", free_port());
    assert_eq!(source(&["health", "--json"], None), "local");
    sandbox.write(
        ".openclaw/openclaw.json",
        &format!("{{ gateway: {{ mode: 'remote', remote: {{ url: '{dead}' }} }} }}"),
    );
    assert_eq!(source(&["health", "--json"], None), "gateway.remote.url");
    assert_eq!(source(&["health", "--json"], Some(&dead)), "OPENCLAW_GATEWAY_URL");
    let flag = ["health", "--json", "--url", &dead, "--token", "t"];
    assert_eq!(source(&flag, Some(&dead)), "--url");
}

#[test]
fn a_broken_configuration_is_78_with_every_problem() {
    let sandbox = Sandbox::new();
    sandbox.write(".openclaw/openclaw.json", "{ gateway: { port: 'x', bnd: 'loopback' } }");
    let output = sandbox.run(&["health"]);
    assert_eq!(code(&output), 78);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("gateway.port") && told.contains("bnd"), "{told}");
    let output = sandbox.run(&["health", "--json"]);
    assert_eq!(code(&output), 78);
    assert!(json(&output)["error"]["details"].as_array().unwrap().len() >= 2);
}

#[test]
fn remote_mode_without_an_address_is_a_configuration_error() {
    let sandbox = Sandbox::new();
    sandbox.write(".openclaw/openclaw.json", "{ gateway: { mode: 'remote' } }");
    assert_eq!(code(&sandbox.run(&["health"])), 78);
}

#[test]
fn what_is_no_gateway_is_5() {
    let sandbox = Sandbox::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").unwrap();
    });
    let mut command = sandbox.command(&["health", "--json"]);
    let output = command.env("OPENCLAW_GATEWAY_PORT", port).output().unwrap();
    assert_eq!(code(&output), 5, "{}", sandbox.show(&output));
    server.join().unwrap();
}

#[test]
fn silence_is_4_after_the_timeout() {
    let sandbox = Sandbox::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let mut command = sandbox.command(&["health", "--json", "--timeout", "150ms"]);
    let output = command.env("OPENCLAW_GATEWAY_PORT", port).output().unwrap();
    assert_eq!(code(&output), 4);
    assert_eq!(json(&output)["error"]["kind"], "timeout");
}

#[test]
fn dial_stdio_without_a_gateway_says_so_on_standard_error_alone() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!("dial_stdio_down", sandbox.shown(&["gateway", "dial-stdio"]));
}

#[test]
fn dial_stdio_bridges_and_ends_with_either_side() {
    let sandbox = Sandbox::new();
    let state = sandbox.home().join(".openclaw");
    std::fs::create_dir_all(&state).unwrap();
    let door = std::os::unix::net::UnixListener::bind(state.join("gateway.sock")).unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = door.accept().unwrap();
        let mut asked = String::new();
        stream.read_to_string(&mut asked).unwrap();
        // The input has ended; what is said now must still arrive.
        stream.write_all(format!("heard {asked}").as_bytes()).unwrap();
        drop(stream);
        let (stream, _) = door.accept().unwrap();
        drop(stream);
    });
    let mut command = sandbox.command(&["gateway", "dial-stdio"]);
    let output = command.write_stdin("a\nbinary\0b").output().unwrap();
    assert_eq!((code(&output), output.stdout.as_slice()), (0, &b"heard a\nbinary\0b"[..]));
    assert!(output.stderr.is_empty());

    // The Gateway hangs up while the input is still open.
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_openclaw"))
        .args(["gateway", "dial-stdio"])
        .env_clear()
        .env("HOME", sandbox.home())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    server.join().unwrap();
}
