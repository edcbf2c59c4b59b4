//! `openclaw security audit` on real machines: exit codes, `--fix`, and what the Gateway says at its start.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;
use serde_json::Value;

use crate::machine::{Machine, shown};

const AUDIT: [&str; 3] = ["security", "audit", "--json"];

fn audit(machine: &Machine, flags: &[&str]) -> (i32, Value) {
    let args: Vec<&str> = AUDIT.iter().chain(flags).copied().collect();
    let output = machine.run(&args);
    let report = serde_json::from_slice(&output.stdout);
    (output.status.code().unwrap(), report.unwrap_or_else(|_| panic!("{}", shown(&output))))
}

/// What of this machine's own files was found; other programs run on it too.
fn ids(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().unwrap().iter();
    let ids = findings.map(|finding| finding["checkId"].as_str().unwrap());
    let of_the_host = ["docker.", "ssh.", "tailscale.", "summary.", "secrets.in_argv"];
    ids.filter(|id| !of_the_host.iter().any(|start| id.starts_with(start))).collect()
}

fn private(machine: &Machine) {
    set_permissions(machine.state(), Permissions::from_mode(0o700)).unwrap();
    let file = machine.state().join("openclaw.json");
    set_permissions(file, Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_fresh_machine_has_nothing_to_report_before_and_after_the_first_start() {
    let machine = Machine::new();
    let (_, report) = audit(&machine, &[]);
    assert_eq!(ids(&report), [""; 0]);
    let gateway = machine.gateway(&["--port", "0"]);
    let (_, report) = audit(&machine, &[]);
    assert_eq!(ids(&report), [""; 0], "{report:#}");
    let status = machine.json(&["status"]);
    assert_eq!(status["securityAudit"]["collected"], true);
    assert!(machine.text(&["status"]).contains("openclaw security audit"));
    gateway.end(Signal::TERM);
}

#[test]
fn something_critical_ends_with_one_and_a_warning_with_zero() {
    let machine = Machine::new();
    machine.configure("{ hooks: { path: '/' } }");
    private(&machine);
    let (code, report) = audit(&machine, &[]);
    assert_eq!((code, ids(&report)), (1, vec!["hooks.path_root"]));
    let output = machine.run(&["--profile", "none", "security", "audit", "--auth", "none"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text.starts_with("CRITICAL\n  Every program of this machine may use"), "{text}");
    assert!(text.contains("Do: openclaw --profile none config set gateway.auth.mode token"));
    assert!(
        text.lines().all(|line| line.chars().count() <= 80) && !text.contains('\x1b'),
        "{text}"
    );
    assert!(text.trim_end().lines().last().unwrap().contains(" critical, "), "{text}");
}

#[test]
fn fixing_is_told_done_and_needed_once() {
    let machine = Machine::new();
    machine.configure("{ discovery: { mdns: { mode: 'full' } } }");
    set_permissions(machine.state(), Permissions::from_mode(0o755)).unwrap();
    let output = machine.run(&["security", "audit", "--fix"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let state = machine.state();
    for step in [
        "  openclaw config unset discovery.mdns.mode\n".to_owned(),
        format!("  chmod go-rwx {}\n", state.display()),
        format!("  chmod go-rwx {}/openclaw.json\n", state.display()),
    ] {
        assert!(text.contains(&step), "{text}");
    }
    let (_, report) = audit(&machine, &["--fix"]);
    assert_eq!(ids(&report), [""; 0]);
    assert_eq!(report["fix"].as_array().unwrap().len(), 0);
}

#[test]
fn the_gateway_says_at_its_start_what_is_critical() {
    let machine = Machine::new();
    machine.configure("{ hooks: { path: '/' }, discovery: { mdns: { mode: 'full' } } }");
    private(&machine);
    let mut gateway = machine.gateway(&["--port", "0"]);
    let told = gateway.complains_of("security audit");
    assert!(told.contains("security: Hooks take every path of the port"), "{told}");
    assert!(!told.contains("local network"), "a warning is for whoever asks: {told}");
    let log = std::fs::read_to_string(machine.state().join("logs/gateway.log")).unwrap();
    assert!(log.contains("hooks.path_root"), "{log}");
    gateway.end(Signal::TERM);
}

#[test]
fn a_stranger_is_refused_by_the_running_gateway() {
    let machine = Machine::new();
    let (_, report) = audit(&machine, &["--deep"]);
    assert_eq!(report["deep"]["gateway"]["ok"], false, "{report:#}");
    let gateway = machine.gateway(&["--port", "0"]);
    let (_, report) = audit(&machine, &["--deep"]);
    assert_eq!(ids(&report), [""; 0], "{report:#}");
    assert_eq!(report["deep"]["gateway"]["url"], gateway.url());
    let probes = report["deep"]["probes"].as_array().unwrap();
    assert_eq!(probes.len(), 5, "{report:#}");
    assert!(probes.iter().all(|probe| probe["ok"] == true), "{report:#}");
    assert_eq!(machine.json(&["devices", "list"])["pending"].as_array().unwrap().len(), 0);
    gateway.end(Signal::TERM);

    // A page of any origin is served once the configuration says so, and the probe sees it.
    machine.configure("{ gateway: { controlUi: { allowedOrigins: ['*'] } } }");
    private(&machine);
    let gateway = machine.gateway(&["--port", "0"]);
    let (code, report) = audit(&machine, &["--deep"]);
    let mut found = ids(&report);
    found.sort_unstable();
    assert_eq!(code, 1);
    let expected =
        ["gateway.control_ui.allowed_origins_wildcard", "gateway.probe.foreign_origin_served"];
    assert_eq!(found, expected, "{report:#}");
    gateway.end(Signal::TERM);
}

#[test]
fn a_secret_on_a_command_line_is_found_while_the_program_runs() {
    let machine = Machine::new();
    let token = "tok-0123456789-abcdefghijklmnop";
    let gateway = machine.gateway(&["--port", "0", "--token", token]);
    let (code, report) = audit(&machine, &["--token", token]);
    let findings = report["findings"].as_array().unwrap();
    let mine = findings.iter().find(|finding| {
        let detail = finding["detail"].as_str().unwrap();
        finding["checkId"] == "secrets.in_argv" && detail.contains(&gateway.pid().to_string())
    });
    assert!(mine.is_some() && code == 1, "{report:#}");
    assert!(!report.to_string().contains(token));
    gateway.end(Signal::TERM);
}

#[test]
fn a_certificate_that_ran_out_and_a_key_that_others_read_are_found() {
    let machine = Machine::new();
    let tls = "tls: { certPath: 'cert.pem', keyPath: 'key.pem' }";
    machine.configure(&format!("{{ gateway: {{ {tls} }} }}"));
    private(&machine);
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    std::fs::write(machine.state().join("cert.pem"), certificate.pem()).unwrap();
    std::fs::write(machine.state().join("key.pem"), key.serialize_pem()).unwrap();
    set_permissions(machine.state().join("key.pem"), Permissions::from_mode(0o644)).unwrap();
    let (code, report) = audit(&machine, &[]);
    let expected = ["gateway.tls.certificate_expiring", "gateway.tls.key_perms_readable"];
    assert_eq!((code, ids(&report)), (1, expected.to_vec()), "{report:#}");
    assert!(report.to_string().contains("cert.pem ran out "), "{report:#}");
}
