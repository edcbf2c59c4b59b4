//! The Gateway behind a real nginx and a real Caddy, as `gateway expose` writes and tests it.

use serde_json::Value;

use crate::machine::{Machine, shown};

const SETTINGS: &str =
    "{ gateway: { trustedProxies: ['127.0.0.1'], publicOrigin: 'https://gateway.example.org' } }";

/// What `--test` says, check by check.
fn tested(machine: &Machine, proxy: &str) -> (Value, bool) {
    let words = ["gateway", "expose", proxy, "--test", "--quiet", "200ms", "--json"];
    let output = machine.run(&words);
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", shown(&output)));
    (report, output.status.success())
}

#[test]
fn both_proxies_pass_every_check_with_the_words_that_are_printed() {
    let machine = Machine::new();
    machine.configure(SETTINGS);
    let _gateway = machine.gateway(&["--port", "0"]);
    for proxy in ["nginx", "caddy"] {
        let (report, done) = tested(&machine, proxy);
        let checks = report["checks"].as_array().unwrap();
        let names: Vec<_> = checks.iter().map(|check| check["check"].as_str().unwrap()).collect();
        let expected = [
            "http",
            "web-socket",
            "client-address",
            "host",
            "strangers",
            "foreign-host",
            "foreign-origin",
        ];
        assert_eq!(names, expected);
        assert!(checks.iter().all(|check| check["ok"] == true) && done, "{proxy}: {report:#}");
        let snippet = report["snippet"].as_str().unwrap();
        assert!(snippet.contains("gateway.example.org"), "{snippet}");
        let text = machine.text(&["gateway", "expose", proxy]);
        assert!(text.contains(snippet.trim_end()), "{text}");
    }
}

#[test]
fn a_proxy_that_the_gateway_does_not_know_is_told_apart() {
    let machine = Machine::new();
    let _gateway = machine.gateway(&["--port", "0"]);
    let (report, done) = tested(&machine, "nginx");
    assert!(!done, "{report:#}");
    let check = |name: &str| {
        let checks = report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["check"] == name).unwrap().clone()
    };
    assert_eq!(check("http")["ok"], false);
    assert!(check("http")["detail"].as_str().unwrap().contains("proxy_attribution_required"));
    assert_eq!(check("client-address")["ok"], true, "that one is the proxy's part alone");
    for setting in report["settings"].as_array().unwrap() {
        assert_eq!(setting["ok"], false, "{setting}");
        let command = setting["command"].as_str().unwrap();
        let words = command.strip_prefix("openclaw ").unwrap().replace('\'', "");
        machine.text(&words.split(' ').collect::<Vec<_>>());
    }
    let kept = machine.text(&["config", "get", "gateway"]);
    assert!(kept.contains("127.0.0.1") && kept.contains("https://gateway.example.org"), "{kept}");
}

#[test]
fn without_a_gateway_there_is_nothing_to_test() {
    let machine = Machine::new();
    let spare = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    machine.configure(&format!("{{ gateway: {{ port: {spare} }} }}"));
    let output = machine.run(&["gateway", "expose", "caddy", "--test"]);
    assert_eq!(output.status.code(), Some(3), "{}", shown(&output));
    assert!(shown(&output).contains("openclaw gateway run"), "{}", shown(&output));
}
