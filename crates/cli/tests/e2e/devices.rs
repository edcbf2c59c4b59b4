//! Other machines: secrets, pairing, and what each refusal ends with.

use std::process::Stdio;

use rustix::process::Signal;

use crate::machine::{Machine, shown};

/// The Gateway's machine.
const TOKEN: &str = "tok-0123456789-0123456789-0123";

#[test]
fn a_url_works_with_the_right_secret_only() {
    let (server, laptop) = (Machine::new(), Machine::new());
    let gateway = server.gateway(&["--port", "0"]);
    let (url, token) = (gateway.url(), server.token());
    laptop.text(&["health", "--url", &url, "--token", &token]);
    laptop.text(&["status", "--url", &url, "--token", &token]);

    let stranger = Machine::new();
    assert_eq!(stranger.code(&["health", "--url", &url]), 2);
    let wrong = "x".repeat(token.len());
    let output = stranger.run(&["health", "--url", &url, "--token", &wrong]);
    assert_eq!(output.status.code(), Some(6), "{}", shown(&output));
    let told = shown(&output);
    assert!(told.contains("--token"), "{told}");
    assert!(!told.contains(&wrong) && !told.contains(&token), "{told}");
}

#[test]
fn secrets_come_from_the_place_the_target_allows() {
    let server = Machine::new().with_env("OPENCLAW_GATEWAY_TOKEN", TOKEN);
    let gateway = server.gateway(&["--port", "0"]);
    let url = gateway.url();
    let by_environment = Machine::new()
        .with_env("OPENCLAW_GATEWAY_URL", &url)
        .with_env("OPENCLAW_GATEWAY_TOKEN", TOKEN);
    by_environment.text(&["health"]);
    assert_eq!(by_environment.json(&["status"])["gateway"]["urlSource"], "OPENCLAW_GATEWAY_URL");

    let by_mode = Machine::new();
    by_mode.configure(&format!(
        "{{ gateway: {{ mode: 'remote', remote: {{ url: '{url}', token: '{TOKEN}' }} }} }}"
    ));
    by_mode.text(&["health"]);
    assert_eq!(by_mode.json(&["status"])["gateway"]["mode"], "remote");

    // The secrets of one place are never used for another.
    let mixed = Machine::new().with_env("OPENCLAW_GATEWAY_TOKEN", TOKEN);
    mixed.configure(&format!("{{ gateway: {{ mode: 'remote', remote: {{ url: '{url}' }} }} }}"));
    assert_eq!(mixed.code(&["health"]), 6);
}

#[test]
fn passwords_come_from_files_and_standard_input() {
    let server = Machine::new();
    let file = server.home().join("password");
    std::fs::write(&file, "pass-0123456789-0123456789-0123\n").unwrap();
    let file = file.to_str().unwrap();
    let gateway = server.gateway(&["--port", "0", "--auth", "password", "--password-file", file]);
    let url = gateway.url();
    Machine::new().text(&["health", "--url", &url, "--password-file", file]);

    let laptop = Machine::new();
    let mut command = laptop.command(&["health", "--url", &url, "--password-file", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, b"pass-0123456789-0123456789-0123\n").unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
}

#[test]
fn a_device_is_listed_renamed_rotated_revoked_and_removed() {
    let (server, laptop) = (Machine::new(), Machine::new());
    let gateway = server.gateway(&["--port", "0"]);
    let (url, token) = (gateway.url(), server.token());
    let reach = ["health", "--url", &url, "--token", &token];
    laptop.text(&reach);
    let listed = server.json(&["devices", "list"]);
    let device = listed["paired"][0]["deviceId"].as_str().unwrap().to_owned();
    let short = &device[..12];

    let told = server.text(&["devices", "rename", short, "Laptop"]);
    assert!(told.contains("Laptop"), "{told}");
    assert!(server.text(&["devices", "list"]).contains("Laptop"));
    let rotated = server.json(&["devices", "rotate", short]);
    assert_eq!(rotated["deviceId"], device.as_str());
    assert!(rotated.get("token").is_none());
    server.text(&["devices", "revoke", short]);
    server.text(&["devices", "remove", short]);
    let listed = server.json(&["devices", "list"]);
    assert!(listed["paired"].as_array().unwrap().is_empty(), "{listed}");
    assert_eq!(server.code(&["devices", "remove", short]), 1);
}

#[test]
fn a_device_with_few_scopes_works_within_them() {
    let (server, laptop) = (Machine::new(), Machine::new());
    let gateway = server.gateway(&["--port", "0", "--auth", "none"]);
    let url = gateway.url();
    let reach = |args: &[&str]| {
        let reach = ["--url", url.as_str(), "--token", "not-asked-for"];
        let args: Vec<&str> = args.iter().copied().chain(reach).collect();
        laptop.run(&args)
    };
    assert_eq!(reach(&["health"]).status.code(), Some(7));
    server.text(&["devices", "approve", "--latest"]);
    let device = server.json(&["devices", "list"])["paired"][0]["deviceId"].clone();
    let device = &device.as_str().unwrap()[..12];
    server.text(&["devices", "rotate", device, "--scope", "operator.read"]);

    let output = reach(&["health"]);
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    let output = reach(&["sessions", "reset", "main"]);
    assert_eq!(output.status.code(), Some(8), "{}", shown(&output));
    assert!(shown(&output).contains("operator.admin"), "{}", shown(&output));
    assert!(shown(&output).contains("openclaw devices list"), "{}", shown(&output));
}

#[test]
fn a_gateway_that_took_the_place_of_another_is_9() {
    let (server, laptop) = (Machine::new(), Machine::new());
    server.configure(&format!("{{ gateway: {{ auth: {{ token: '{TOKEN}' }} }} }}"));
    let gateway = server.gateway(&["--port", "0"]);
    let (url, port) = (gateway.url(), gateway.port.to_string());
    let reach = ["health", "--url", &url, "--token", TOKEN];
    laptop.text(&reach);
    assert_eq!(gateway.end(Signal::TERM).code, Some(0));

    let impostor = Machine::new();
    impostor.configure(&format!("{{ gateway: {{ auth: {{ token: '{TOKEN}' }} }} }}"));
    let _other = impostor.gateway(&["--port", &port]);
    let output = laptop.run(&reach);
    assert_eq!(output.status.code(), Some(9), "{}", shown(&output));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("hint:") && told.contains("rm "), "{told}");
}

#[test]
fn a_rotated_secret_overlaps_and_the_devices_it_paired_can_be_cut() {
    let (server, friend, lost) = (Machine::new(), Machine::new(), Machine::new());
    let gateway = server.gateway(&["--port", "0"]);
    let (url, old) = (gateway.url(), server.token());
    let with =
        |machine: &Machine, token: &str| machine.code(&["health", "--url", &url, "--token", token]);
    assert_eq!(with(&lost, &old), 0, "paired by the secret alone");

    let dry = server.json(&["gateway", "auth", "rotate", "--dry-run"]);
    assert_eq!(dry["devices"].as_array().unwrap().len(), 1, "{dry}");
    assert_eq!(server.token(), old);
    let done = server.json(&["gateway", "auth", "rotate", "--overlap", "1h"]);
    assert_eq!((&done["ok"], &done["running"]), (&true.into(), &true.into()), "{done}");
    let new = server.token();
    assert_ne!(new, old);
    let file = server.state().join("gateway-auth-previous.json");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    // The new one is taken up without a restart, and the old one is not refused meanwhile.
    let started = std::time::Instant::now();
    while with(&Machine::new(), &new) != 0 {
        assert!(started.elapsed() < crate::machine::PATIENCE, "the new one is not taken up");
    }
    assert_eq!(with(&friend, &old), 0, "the old one is accepted still");
    assert!(server.text(&["gateway", "auth", "status"]).contains("accepted until"));
    // A restart changes nothing about that.
    let port = gateway.port.to_string();
    gateway.end(Signal::KILL);
    let gateway = server.gateway(&["--port", &port]);
    assert_eq!(with(&Machine::new(), &old), 0, "the old one is accepted still");

    // The laptop is lost: nothing of what it knows gets it in again.
    let cut = server.json(&["gateway", "auth", "rotate", "--no-overlap", "--cut"]);
    assert!(cut["devices"].as_array().unwrap().len() >= 2, "{cut}");
    assert!(!file.exists());
    let started = std::time::Instant::now();
    while with(&Machine::new(), &old) != 6 {
        assert!(started.elapsed() < crate::machine::PATIENCE, "the old one is still accepted");
    }
    assert_eq!(with(&lost, &old), 6);
    assert!(server.json(&["devices", "list"])["paired"].as_array().unwrap().is_empty());
    server.text(&["health"]);
    drop(gateway);
}

#[test]
fn a_secret_that_stands_elsewhere_is_not_rotated_but_explained() {
    let machine = Machine::new();
    machine.configure("{ gateway: { auth: { token: '${MINE}' } } }");
    let machine = machine.with_env("MINE", "a-token-of-at-least-24-characters");
    let output = machine.run(&["gateway", "auth", "rotate"]);
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    assert!(shown(&output).contains("gateway.auth.token refers to"), "{}", shown(&output));
    // One that is spelled out is replaced where it stands, and comments stay.
    let machine = Machine::new();
    machine.configure(
        "{ gateway: { auth: { /* mine */ token: 'a-token-of-at-least-24-characters' } } }",
    );
    machine.text(&["gateway", "auth", "rotate"]);
    let text = std::fs::read_to_string(machine.state().join("openclaw.json")).unwrap();
    assert!(text.contains("/* mine */") && !text.contains("a-token-of-at-least"), "{text}");
    let env = Machine::new().with_env("OPENCLAW_GATEWAY_TOKEN", "another-token-of-24-characters");
    let output = env.run(&["gateway", "auth", "rotate"]);
    assert!(shown(&output).contains("OPENCLAW_GATEWAY_TOKEN"), "{}", shown(&output));
}

#[test]
fn a_link_for_a_browser_names_a_page_that_is_there_and_stands_in_no_log() {
    let (server, laptop) = (Machine::new(), Machine::new());
    server.configure("{ gateway: { controlUi: { basePath: '/gw' } } }");
    let gateway = server.gateway(&["--port", "0"]);
    let made = server.json(&["dashboard"]);
    let page = format!("http://127.0.0.1:{}/gw/", gateway.port);
    assert_eq!(made["url"], page.as_str());
    let link = made["browserUrl"].as_str().unwrap();
    let secret = link.strip_prefix(&format!("{page}#bootstrapToken=")).unwrap();
    assert_eq!(secret.len(), 43, "{link}");
    let shown = server.text(&["dashboard", "--no-open", "--page", "devices"]);
    assert!(shown.contains("&page=devices"), "{shown}");
    assert!(!server.text(&["logs"]).contains(secret));
    // At an address the page is beside it; by ssh there is none without a tunnel.
    let (url, token) = (gateway.url(), server.token());
    let there = laptop.json(&["dashboard", "--url", &url, "--token", &token]);
    assert_eq!(there["url"], page.as_str());
    let output = laptop.run(&["dashboard", "--ssh", "me@server"]);
    assert_eq!(output.status.code(), Some(3), "{}", crate::machine::shown(&output));
    assert!(crate::machine::shown(&output).contains("openclaw remote add me@server"));
}
