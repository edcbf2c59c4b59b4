//! Named Gateways, through a real `sshd` on loopback.

use openclaw_testkit::sshd::Sshd;

use crate::machine::{Machine, shown};
use crate::ssh::{install, laptop};

#[test]
fn a_name_is_all_that_is_needed_afterwards() {
    let sshd = Sshd::start().unwrap();
    let (server, laptop) = (Machine::new(), laptop(&sshd));
    install(&sshd, &server);
    let gateway = server.gateway(&["--port", "0"]);
    let target = sshd.target();

    let added = laptop.json(&["remote", "add", &target, "--name", "server"]);
    assert_eq!(added["health"]["ok"], true, "{added}");
    let door = &added["gateway"]["via"]["door"];
    assert_eq!(door["path"], server.state().join("gateway.sock").to_str().unwrap());
    assert_eq!(door["port"], gateway.port);

    laptop.text(&["health", "--gateway", "server"]);
    // Nothing is in use yet, and nothing runs on the laptop.
    assert_eq!(laptop.code(&["health"]), 3);
    laptop.text(&["gateway", "use", "server"]);
    laptop.text(&["health"]);
    laptop.text(&["agent", "--message", "hello"]);
    let status = laptop.json(&["status"]);
    assert_eq!(status["gateway"]["urlSource"], "gateway use", "{status}");
    assert_eq!(status["gateway"]["name"], "server");
    let probe = laptop.json(&["gateway", "probe", "--gateway", "server", "--timeout", "20s"]);
    assert_eq!((&probe["ok"], &probe["urlSource"]), (&true.into(), &"--gateway".into()));

    // Adding again is safe; the same name for another machine is not.
    laptop.text(&["remote", "add", &target, "--name", "server"]);
    let output = laptop.run(&["remote", "add", "me@elsewhere", "--name", "server"]);
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
    let list = laptop.json(&["remote", "list"]);
    assert_eq!(list["gateways"].as_array().unwrap().len(), 1);
    assert_eq!(list["current"], "server");
    assert!(laptop.json(&["remote", "show", "server"])["gatewayId"].is_string());

    laptop.text(&["remote", "remove", "server"]);
    assert_eq!(laptop.code(&["health"]), 3);
    assert_eq!(laptop.code(&["health", "--gateway", "server"]), 2);
    assert!(server.json(&["devices", "list"])["paired"].as_array().unwrap().is_empty());
}

#[test]
fn environment_beats_the_name_in_use_and_the_flag_beats_both() {
    let sshd = Sshd::start().unwrap();
    let (server, laptop) = (Machine::new(), laptop(&sshd));
    install(&sshd, &server);
    let _gateway = server.gateway(&["--port", "0"]);
    laptop.text(&["remote", "add", &sshd.target(), "--name", "server", "--use"]);
    let laptop = laptop.with_env("OPENCLAW_GATEWAY_URL", "ws://127.0.0.1:1");
    assert_eq!(laptop.code(&["health"]), 3);
    laptop.text(&["health", "--gateway", "server"]);
    let both = laptop.run(&["health", "--gateway", "server", "--ssh", "me@server"]);
    assert_eq!(both.status.code(), Some(2));
}

#[test]
fn by_its_port_a_gateway_needs_the_token_once() {
    let sshd = Sshd::start().unwrap();
    let (server, laptop) = (Machine::new(), laptop(&sshd));
    let gateway = server.gateway(&["--port", "0"]);
    let (port, token) = (gateway.port.to_string(), server.token());
    let target = sshd.target();
    let add = ["remote", "add", &target, "--name", "box", "--remote-port", &port];
    let output = laptop.run(&add);
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
    assert!(laptop.json(&["remote", "list"])["gateways"].as_array().unwrap().is_empty());

    let add: Vec<&str> = add.into_iter().chain(["--token", &token]).collect();
    laptop.text(&add);
    // From now on this machine is paired: its own key is enough, and the token is nowhere.
    laptop.text(&["health", "--gateway", "box"]);
    assert_eq!(server.json(&["devices", "list"])["paired"].as_array().unwrap().len(), 1);
    for folder in ["gateways", "clients"] {
        for entry in std::fs::read_dir(laptop.state().join(folder)).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            assert!(!text.contains(&token), "{folder}: {text}");
        }
    }

    laptop.text(&["remote", "add", &gateway.url(), "--name", "by-url", "--token", &token]);
    laptop.text(&["health", "--gateway", "by-url"]);
}

#[test]
fn what_does_not_work_gets_no_name() {
    let sshd = Sshd::start().unwrap();
    let (server, laptop) = (Machine::new(), laptop(&sshd));
    install(&sshd, &server);
    let output = laptop.run(&["remote", "add", &sshd.target(), "--name", "server"]);
    assert_eq!(output.status.code(), Some(11), "{}", shown(&output));
    assert!(shown(&output).contains("no Gateway runs on"), "{}", shown(&output));
    assert!(laptop.json(&["remote", "list"])["gateways"].as_array().unwrap().is_empty());
}
