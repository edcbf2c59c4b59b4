//! Every command, with and without `--json`, over the owner's door.

use serde_json::Value;

use crate::machine::{Machine, shown};

#[test]
fn every_command_works_in_both_faces() {
    let (machine, laptop) = (Machine::new(), Machine::new());
    let gateway = machine.gateway(&["--port", "0"]);
    machine.text(&["agent", "--message", "hello"]);
    laptop.text(&["health", "--url", &gateway.url(), "--token", &machine.token()]);
    let commands: &[&[&str]] = &[
        &["health"],
        &["health", "--probe"],
        &["status"],
        &["status", "--deep"],
        &["agent", "--message", "/status"],
        &["sessions", "list"],
        &["sessions", "show"],
        &["sessions", "show", "main", "--limit", "1"],
        &["sessions", "reset", "main"],
        &["logs"],
        &["logs", "--limit", "3"],
        &["models", "list"],
        &["models", "list", "--all"],
        &["devices", "list"],
        &["config", "get"],
        &["config", "validate"],
        &["config", "file"],
        &["gateway", "health"],
        &["gateway", "status"],
        &["gateway", "probe"],
        &["gateway", "agent", "-m", "hello"],
        &["gateway", "call", "health"],
        &["gateway", "call", "agents.list", "--params", "{}"],
        &["gateway", "auth-token"],
    ];
    for command in commands {
        let plain = machine.run(command);
        assert_eq!(plain.status.code(), Some(0), "{command:?}: {}", shown(&plain));
        assert!(!plain.stdout.is_empty(), "{command:?}: {}", shown(&plain));
        assert!(!plain.stdout.contains(&0x1b), "{command:?} printed an escape sequence");

        let args: Vec<&str> = command.iter().copied().chain(["--json"]).collect();
        let output = machine.run(&args);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", shown(&output));
        assert!(output.stderr.is_empty(), "{args:?}: {}", shown(&output));
        let values = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
        let values: Result<Vec<Value>, _> = values.collect();
        assert!(!values.unwrap().is_empty(), "{args:?}");
    }
}

#[test]
fn what_people_see() {
    let machine = Machine::new();
    let gateway = machine.gateway(&["--port", "0"]);
    let status = machine.text(&["status", "--deep"]);
    for part in ["gateway.sock (local)", "reachable", "offline/assistant", "Health", "OK"] {
        assert!(status.contains(part), "{part}: {status}");
    }
    let status = machine.text(&["gateway", "status"]);
    let held = format!("port {}", gateway.port);
    for part in ["Held by", &held, "Door", "Answers", "yes"] {
        assert!(status.contains(part), "{part}: {status}");
    }
    let probe = machine.json(&["gateway", "probe"]);
    assert_eq!(probe["ok"], true);
    assert_eq!(probe["capability"], "admin_capable");
    for step in probe["steps"].as_array().unwrap() {
        // The owner's door needs no name, no login and no TLS.
        let unused = ["dns", "ssh", "tls"].contains(&step["step"].as_str().unwrap());
        assert_eq!(step["state"], if unused { "unused" } else { "ok" }, "{step}");
        let timed = !unused && step["step"] != "scope";
        assert_eq!(step["ms"].as_f64().is_some_and(|ms| ms >= 0.0), timed, "{step}");
    }
    let status = machine.json(&["status"]);
    assert_eq!(status["gateway"]["proven"], true);
    assert_eq!(status["gateway"]["urlSource"], "local");
}

#[test]
fn the_ladder_breaks_where_it_breaks() {
    let machine = Machine::new();
    let gateway = machine.gateway(&["--port", "0"]);
    let laptop = Machine::new();
    let broken = |args: &[&str]| {
        let args: Vec<&str> =
            ["gateway", "probe", "--json"].into_iter().chain(args.iter().copied()).collect();
        let output = laptop.run(&args);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let steps = report["steps"].as_array().unwrap();
        let failed = steps.iter().find(|step| step["state"] == "failed");
        let failed = failed.map_or("none", |step| step["step"].as_str().unwrap()).to_owned();
        (failed, output.status.code().unwrap())
    };
    let url = gateway.url();
    let tls = url.replace("ws://", "wss://");
    let token = machine.token();
    for (args, step, code) in [
        (&["--url", "ws://no-such-name.invalid:1", "--token", "t"][..], "dns", 4),
        (&["--url", "ws://127.0.0.1:9", "--token", "t"], "tcp", 3),
        (&["--url", &tls, "--token", "t"], "tls", 9),
        (&["--url", &url, "--token", "this-is-not-the-token"], "auth", 6),
        (&["--ssh", "no-such-host.invalid", "--token", "t"], "ssh", 11),
        (&["--url", &url, "--token", &token], "none", 0),
    ] {
        assert_eq!(broken(args), (step.to_owned(), code), "{args:?}");
    }
}

#[test]
fn what_a_gateway_refuses_is_1_with_its_code() {
    let machine = Machine::new();
    let _gateway = machine.gateway(&["--port", "0"]);
    let output = machine.run(&["gateway", "call", "no.such.method", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let envelope: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(envelope["error"]["type"], "gateway_request_error");
    assert_eq!(envelope["error"]["code"], "INVALID_REQUEST");
    assert_eq!(
        machine.code(&["gateway", "call", "sessions.list", "--params", r#"{"limit":0}"#]),
        1
    );
    assert_eq!(machine.code(&["sessions", "delete", "main"]), 1);
    assert_eq!(machine.code(&["devices", "approve", "--latest"]), 1);
    assert_eq!(machine.code(&["devices", "remove", "abc"]), 1);
}

#[test]
fn an_interim_answer_is_final_unless_more_is_expected() {
    let machine = Machine::new();
    let _gateway = machine.gateway(&["--port", "0"]);
    let params = |key: &str| format!(r#"{{"message":"hello","idempotencyKey":"{key}"}}"#);
    let first = machine.json(&["gateway", "call", "agent", "--params", &params("k-1")]);
    assert_eq!(first["status"], "accepted");
    let last =
        machine.json(&["gateway", "call", "agent", "--params", &params("k-2"), "--expect-final"]);
    assert_eq!(last["status"], "ok");
    assert_eq!(last["runId"], "k-2");
}
