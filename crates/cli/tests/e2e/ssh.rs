//! `--ssh` through a real `sshd` on loopback.

use std::process::Stdio;

use openclaw_testkit::sshd::Sshd;
use rustix::process::Signal;

use crate::machine::{Machine, OPENCLAW, read_until, send, shown};

/// A machine whose `ssh` knows the server, and nothing of the person who runs the test.
pub(crate) fn laptop(sshd: &Sshd) -> Machine {
    let laptop = Machine::new();
    let bin = laptop.home().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let config = sshd.config();
    let text = format!("exec /usr/bin/ssh -F {} \"$@\"", config.display());
    Sshd::script(&bin, "ssh", &text).unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.display());
    laptop.with_env("PATH", path)
}

/// Puts the program on the server, with the Gateway's machine as its home.
pub(crate) fn install(sshd: &Sshd, server: &Machine) {
    let text = format!("HOME={} exec {OPENCLAW} \"$@\"", server.home().display());
    Sshd::script(&sshd.bin(), "openclaw", &text).unwrap();
}

#[test]
fn the_login_is_the_proof() {
    let sshd = Sshd::start().unwrap();
    let (server, laptop) = (Machine::new(), laptop(&sshd));
    install(&sshd, &server);
    let _gateway = server.gateway(&["--port", "0"]);
    let target = sshd.target();
    laptop.text(&["health", "--ssh", &target]);
    laptop.text(&["status", "--deep", "--ssh", &target]);
    laptop.text(&["agent", "--message", "hello", "--ssh", &target]);
    let probe = laptop.json(&["gateway", "probe", "--ssh", &target, "--timeout", "20s"]);
    assert_eq!(probe["ok"], true, "{probe}");
    assert_eq!(probe["urlSource"], "--ssh");
    assert!(server.json(&["devices", "list"])["paired"].as_array().unwrap().is_empty());
}

#[test]
fn no_gateway_there_is_told_apart_from_no_program_there() {
    let sshd = Sshd::start().unwrap();
    let (server, laptop) = (Machine::new(), laptop(&sshd));
    let target = sshd.target();
    // No program: the port is the only way, and that needs a secret flag.
    let output = laptop.run(&["health", "--ssh", &target]);
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
    assert!(shown(&output).contains("--token"), "{}", shown(&output));

    install(&sshd, &server);
    let output = laptop.run(&["health", "--ssh", &target]);
    assert_eq!(output.status.code(), Some(11), "{}", shown(&output));
    assert!(shown(&output).contains("no Gateway runs on"), "{}", shown(&output));
}

#[test]
fn without_the_program_there_the_port_is_forwarded() {
    let sshd = Sshd::start().unwrap();
    let (server, laptop) = (Machine::new(), laptop(&sshd));
    let gateway = server.gateway(&["--port", "0"]);
    let (port, token) = (gateway.port.to_string(), server.token());
    let target = sshd.target();
    let reach = ["--ssh", &target, "--remote-port", &port];
    let args: Vec<&str> = ["health"].into_iter().chain(reach).chain(["--token", &token]).collect();
    laptop.text(&args);
    let args: Vec<&str> = ["health"].into_iter().chain(reach).collect();
    assert_eq!(laptop.code(&args), 2);
}

#[test]
fn a_target_that_is_an_option_never_reaches_ssh() {
    let laptop = Machine::new();
    for target in ["-oProxyCommand=touch$IFS/tmp/x", "me@-x", "a b", ""] {
        let flag = format!("--ssh={target}");
        let code = laptop.code(&["health", &flag]);
        assert!(matches!(code, 2 | 11), "{target}: {code}");
    }
}

#[test]
fn an_unknown_host_key_is_11_without_a_terminal() {
    let sshd = Sshd::start().unwrap();
    sshd.forget_host_key().unwrap();
    let output = laptop(&sshd).run(&["health", "--ssh", &sshd.target()]);
    assert_eq!(output.status.code(), Some(11), "{}", shown(&output));
    assert!(shown(&output).contains("host key"), "{}", shown(&output));
}

#[test]
fn a_configured_login_is_used_by_every_command() {
    let sshd = Sshd::start().unwrap();
    let (server, laptop) = (Machine::new(), laptop(&sshd));
    let gateway = server.gateway(&["--port", "0"]);
    let (port, token, target) = (gateway.port, server.token(), sshd.target());
    let configure = |more: &str| {
        laptop.configure(&format!(
            "{{ gateway: {{ mode: 'remote', remote: {{ sshTarget: '{target}', {more} }} }} }}"
        ));
    };
    // Without our program there, the port needs a secret; `remotePort` says which port.
    configure(&format!("remotePort: {port}"));
    let output = laptop.run(&["health"]);
    assert_eq!(output.status.code(), Some(6), "{}", shown(&output));
    assert!(shown(&output).contains("gateway.remote.token"), "{}", shown(&output));
    configure(&format!("remotePort: {port}, token: '{token}'"));
    laptop.text(&["health"]);
    // The port of the URL counts where none is named.
    configure(&format!("url: 'ws://127.0.0.1:{port}', token: '{token}'"));
    laptop.text(&["health"]);
    // With it, the login is the proof.
    install(&sshd, &server);
    configure("");
    laptop.text(&["health"]);
    let status = laptop.json(&["status"]);
    assert_eq!(status["gateway"]["urlSource"], "gateway.remote.url", "{status}");
    // Only known hosts, unless the configuration of ssh is to decide.
    sshd.forget_host_key().unwrap();
    let text = std::fs::read_to_string(sshd.config()).unwrap();
    std::fs::write(sshd.config(), text.replace("Checking ask", "Checking accept-new")).unwrap();
    assert_eq!(laptop.code(&["health"]), 11, "strict is how it is");
    configure("sshHostKeyPolicy: 'openssh'");
    laptop.text(&["health"]);
    // A key that is not there is not replaced by another.
    configure("transport: 'direct', url: 'ws://127.0.0.1:1'");
    assert_ne!(laptop.code(&["health"]), 0, "the address, and no login");
}

#[test]
fn a_node_comes_through_a_login_that_may_do_nothing_else() {
    let sshd = Sshd::start().unwrap();
    let (server, laptop) = (Machine::new(), laptop(&sshd));
    // Whatever is asked for, the login runs this and nothing else.
    let home = server.home().display();
    let text = format!("HOME={home} exec {OPENCLAW} gateway dial-stdio --role node");
    Sshd::script(&sshd.bin(), "openclaw", &text).unwrap();
    let _gateway = server.gateway(&["--port", "0"]);
    let target = sshd.target();
    let output = laptop.run(&["health", "--ssh", &target]);
    assert!(!output.status.success(), "{}", shown(&output));
    assert!(shown(&output).contains("only nodes come through this door"), "{}", shown(&output));

    let mut command =
        laptop.command(&["node", "run", "--display-name", "laptop", "--ssh", &target]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut node = command.spawn().unwrap();
    let stderr = node.stderr.as_mut().unwrap();
    read_until(stderr, "openclaw devices approve");
    server.text(&["devices", "approve", "--latest"]);
    read_until(stderr, "connected to");
    let listed = server.json(&["nodes", "list"]);
    assert_eq!(listed["nodes"][0]["connected"], true, "{listed}");
    let trail = server.text(&["audit"]);
    assert!(trail.contains("the door for nodes"), "{trail}");
    send(&node, Signal::TERM);
    assert_eq!(node.wait().unwrap().code(), Some(0));
}
