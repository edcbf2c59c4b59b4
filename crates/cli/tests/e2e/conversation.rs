//! Talking: the offline assistant, a model that is played by the test, interruptions and lost links.

use std::io::Read;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::machine::{Machine, read_until, send, shown};
use crate::model::{Provider, Turn};

#[test]
fn the_offline_assistant_answers_honestly_and_runs_commands() {
    let machine = Machine::new();
    let _gateway = machine.gateway(&["--port", "0"]);
    let answer = machine.text(&["agent", "--message", "hello"]);
    assert!(answer.contains("openclaw models auth set"), "{answer}");
    let answer = machine.json(&["agent", "--message", "hello", "--session-key", "work"]);
    assert_eq!(answer["status"], "ok");
    assert!(answer["result"]["payloads"][0]["text"].as_str().unwrap().len() > 20);
    machine.text(&["agent", "-m", "/status"]);

    let listed = machine.json(&["sessions", "list"]);
    let keys: Vec<&str> = listed["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["key"].as_str().unwrap())
        .collect();
    assert!(keys.contains(&"agent:main:main") && keys.contains(&"agent:main:work"), "{keys:?}");
    let told = machine.text(&["sessions", "show", "work"]);
    assert!(told.contains("user") && told.contains("hello"), "{told}");
    machine.text(&["sessions", "delete", "work"]);
    assert_eq!(machine.code(&["sessions", "delete", "work"]), 1);
}

#[test]
fn what_answers_cost_is_kept_and_summed_up_by_day() {
    let provider = Provider::start(&[Turn::Counted("Dear."), Turn::Say("Free.")]);
    let machine = Machine::new();
    let cost = "models: [{ cost: { input: 2.5, output: 10, cacheRead: 0.25 }, id:";
    machine.configure(&provider.configuration().replace("models: [{ id:", cost));
    let _gateway = machine.gateway(&["--port", "0"]);
    assert!(machine.text(&["gateway", "usage-cost"]).contains("No tokens were used in 30 days"));
    machine.text(&["agent", "-m", "hello"]);
    machine.text(&["agent", "-m", "hello", "--session-key", "work"]);
    // What was spent stays spent.
    machine.text(&["sessions", "reset", "main"]);

    let told = machine.json(&["gateway", "usage-cost", "--days", "2"]);
    let totals = &told["totals"];
    let counted = ["input", "output", "cacheRead", "cacheWrite", "totalTokens"];
    let tokens = counted.map(|name| totals[name].as_u64().unwrap());
    assert_eq!(tokens, [600, 200, 400, 0, 1200], "{told}");
    let close = |name: &str, wanted: f64| (totals[name].as_f64().unwrap() - wanted).abs() < 1e-12;
    assert!(close("inputCost", 0.0015) && close("cacheReadCost", 0.0001), "{told}");
    assert!(close("outputCost", 0.002) && close("totalCost", 0.0036), "{told}");
    assert_eq!((&told["days"], &totals["missingCostEntries"]), (&json!(2), &json!(0)));
    assert_eq!(told["daily"].as_array().unwrap().len(), 1);
    assert_eq!(told["daily"][0]["totalTokens"], 1200);
    assert!(machine.text(&["gateway", "usage-cost"]).contains("$0.0036"));
    for wrong in [r#"{"startDate":"2026-13-01"}"#, r#"{"startDate":"2020-01-01"}"#, r#"{"days":0}"#]
    {
        assert_eq!(
            machine.code(&["gateway", "call", "usage.cost", "--params", wrong]),
            1,
            "{wrong}"
        );
    }
}

#[test]
fn a_message_may_come_from_standard_input() {
    let machine = Machine::new();
    let _gateway = machine.gateway(&["--port", "0"]);
    let mut command = machine.command(&["agent", "-m", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"from a pipe").unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
    assert!(machine.text(&["sessions", "show"]).contains("from a pipe"));
}

#[test]
fn an_answer_is_printed_as_it_grows_and_ctrl_c_stops_the_run_there() {
    let provider = Provider::start(&[Turn::Hang("Let me think")]);
    let machine = Machine::new();
    machine.configure(&provider.configuration());
    let _gateway = machine.gateway(&["--port", "0"]);
    let mut command = machine.command(&["agent", "--message", "hello"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    read_until(&mut stdout, "Let me think");
    send(&child, Signal::INT);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    assert!(shown(&output).contains("the run was stopped"), "{}", shown(&output));
    // Stopped is stopped: the provider's stream is cut too.
    provider.wait_for_hang_up();
}

#[test]
fn a_run_outlives_a_killed_gateway_and_the_answer_arrives() {
    let provider = Provider::start(&[Turn::Hang("Hel"), Turn::Say("Hello again")]);
    let machine = Machine::new();
    machine.configure(&provider.configuration());
    let gateway = machine.gateway(&["--port", "0"]);
    let port = gateway.port.to_string();
    let mut command = machine.command(&["agent", "--message", "hello"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let first = read_until(&mut stdout, "Hel");
    assert_eq!(gateway.end(Signal::KILL).code, None);
    let _again = machine.gateway(&["--port", &port]);
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{first}{rest} {}", shown(&output));
    assert!(format!("{first}{rest}").contains("Hello again"), "{first}{rest}");
    assert!(shown(&output).contains("dialling again"), "{}", shown(&output));
}

#[test]
fn a_provider_that_cannot_be_reached_is_a_failure_with_words() {
    let machine = Machine::new();
    machine.configure(
        "{ agents: { defaults: { model: 'dead/model' } }, models: { providers: { dead: { \
         baseUrl: 'http://127.0.0.1:9/v1', apiKey: 'k', api: 'openai-completions', \
         models: [{ id: 'model', name: 'Dead' }] } } } }",
    );
    let _gateway = machine.gateway(&["--port", "0"]);
    let output = machine.run(&["agent", "--message", "hello", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    let envelope: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(envelope["ok"], false);
    assert!(!envelope["error"]["message"].as_str().unwrap().is_empty());
}

#[test]
fn logs_and_sessions_are_followed_over_a_restart() {
    let machine = Machine::new();
    let gateway = machine.gateway(&["--port", "0"]);
    let port = gateway.port.to_string();
    let follow = |args: &[&str]| {
        let mut command = machine.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    };
    let mut logs = follow(&["logs", "--follow", "--json"]);
    let mut session = follow(&["sessions", "show", "main", "--follow"]);
    let (mut log_lines, mut said) = (logs.stdout.take().unwrap(), session.stdout.take().unwrap());
    read_until(&mut log_lines, "gateway listens");
    machine.text(&["agent", "--message", "number one"]);
    read_until(&mut said, "number one");
    assert_eq!(gateway.end(Signal::TERM).code, Some(0));

    let _again = machine.gateway(&["--port", &port]);
    read_until(&mut log_lines, "gateway listens");
    machine.text(&["agent", "--message", "number two"]);
    read_until(&mut said, "number two");
    for child in [&mut logs, &mut session] {
        send(child, Signal::INT);
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}
