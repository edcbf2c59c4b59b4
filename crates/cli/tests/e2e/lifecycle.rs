//! Starting, stopping, finding, and not finding a Gateway.

use std::net::TcpListener;
use std::time::Duration;

use rustix::process::Signal;

use crate::machine::{Machine, shown};

#[test]
fn the_start_says_where_and_how() {
    let machine = Machine::new().with_env("USER", "me");
    let gateway = machine.gateway(&["--port", "0"]);
    let port = gateway.port;
    for part in [
        format!("ws://127.0.0.1:{port}"),
        format!("ssh -N -L {port}:127.0.0.1:{port} me@"),
        "offline/assistant".to_owned(),
        "gateway.log".to_owned(),
        machine.state().display().to_string(),
    ] {
        assert!(gateway.said.contains(&part), "{part}: {}", gateway.said);
    }
    assert!(!gateway.said.contains(&machine.token()), "the token is no line of the start");
}

#[test]
fn ctrl_c_and_sigterm_end_it_cleanly_and_soon() {
    let machine = Machine::new();
    for signal in [Signal::INT, Signal::TERM] {
        let gateway = machine.gateway(&["--port", "0"]);
        machine.text(&["health"]);
        let ended = gateway.end(signal);
        assert_eq!(ended.code, Some(0));
        assert!(ended.took < Duration::from_secs(2), "{:?}", ended.took);
        assert_eq!(machine.code(&["health"]), 3);
    }
}

#[test]
fn a_second_gateway_is_refused_by_name() {
    let machine = Machine::new();
    let gateway = machine.gateway(&["--port", "0"]);
    let output = machine.run(&["gateway", "run", "--port", "0"]);
    assert_eq!(output.status.code(), Some(78), "{}", shown(&output));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains(&format!("port {}", gateway.port)), "{told}");
    assert!(told.contains("hint:"), "{told}");

    let replacement = machine.gateway(&["--port", "0", "--force"]);
    assert_ne!(replacement.port, gateway.port);
    machine.text(&["health"]);
}

#[test]
fn a_port_in_use_is_reported_with_its_holder() {
    let machine = Machine::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let output = machine.run(&["gateway", "--port", &port]);
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains(&format!("port {port} is in use")), "{told}");
    assert!(told.contains(&format!("pid {}", std::process::id())), "{told}");
}

#[test]
fn settings_that_are_not_served_end_with_78() {
    let machine = Machine::new();
    for args in [
        &["gateway", "--port", "0", "--bind", "custom"][..],
        &["gateway", "--port", "0", "--auth", "password"],
        &["gateway", "--port", "0", "--token", "undefined"],
    ] {
        let output = machine.run(args);
        assert_eq!(output.status.code(), Some(78), "{args:?}: {}", shown(&output));
        assert!(String::from_utf8_lossy(&output.stderr).contains("hint:"), "{args:?}");
    }
    machine.configure("{ gateway: { mode: 'remote', remote: { url: 'ws://127.0.0.1:1' } } }");
    assert_eq!(machine.code(&["gateway", "--port", "0"]), 78);
    drop(machine.gateway(&["--port", "0", "--allow-unconfigured"]));
    machine.configure("{ gateway: { port: 'x' } }");
    assert_eq!(machine.code(&["gateway", "--port", "0"]), 78);
}

#[test]
fn a_killed_gateway_leaves_nothing_that_misleads() {
    let machine = Machine::new();
    let gateway = machine.gateway(&["--port", "0"]);
    let ended = gateway.end(Signal::KILL);
    assert_eq!(ended.code, None);
    assert_eq!(machine.code(&["health"]), 3);
    assert_eq!(machine.code(&["gateway", "status"]), 3);
    let again = machine.gateway(&["--port", "0"]);
    machine.text(&["health"]);
    drop(again);
}

#[test]
fn profiles_are_gateways_side_by_side() {
    let machine = Machine::new();
    let one = machine.gateway(&["--port", "0"]);
    let two = machine.gateway(&["--port", "0", "--profile", "ops"]);
    assert_ne!(one.port, two.port);
    let door = |args: &[&str]| machine.json(args)["gateway"]["door"].as_str().unwrap().to_owned();
    assert!(door(&["gateway", "status"]).contains("/.openclaw/"));
    assert!(door(&["--profile", "ops", "gateway", "status"]).contains("/.openclaw-ops/"));
}
