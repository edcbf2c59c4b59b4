//! Several Gateways on one machine, each with a profile of its own.

use std::net::TcpListener;
use std::process::Command;
use std::time::Instant;

use openclaw_testkit::FakeServiceManager;
use serde_json::Value;

use crate::machine::{Machine, PATIENCE, shown};
use crate::supervised::SOCKET_ACTIVATE;

fn named<'v>(report: &'v Value, name: &str) -> &'v Value {
    let profiles = report["profiles"].as_array().unwrap();
    profiles.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name}: {report}"))
}

#[test]
fn each_is_listed_and_reached_by_its_name() {
    let machine = Machine::new();
    let one = machine.gateway(&["--port", "0"]);
    let rescue = machine.gateway(&["--port", "0", "--profile", "rescue"]);
    std::fs::create_dir(machine.home().join(".openclaw-idle")).unwrap();
    let idle = machine.home().join(".openclaw-idle/openclaw.json");
    std::fs::write(idle, "{ gateway: { port: 23456 } }").unwrap();
    std::fs::create_dir(machine.home().join(".openclaw-empty")).unwrap();

    let report = machine.json(&["gateway", "status"]);
    assert_eq!(report["profiles"].as_array().unwrap().len(), 3, "{report}");
    for (name, port) in [("default", one.port), ("rescue", rescue.port)] {
        let entry = named(&report, name);
        assert_eq!((&entry["state"], &entry["port"]), (&"running".into(), &port.into()), "{entry}");
        assert!(entry["pid"].is_u64() && entry["version"].is_string(), "{entry}");
    }
    let idle = named(&report, "idle");
    assert_eq!((&idle["state"], &idle["port"]), (&"stopped".into(), &23456.into()));
    assert_eq!(named(&report, "default")["selected"], true);
    // The keys of the original.
    for pointer in [
        "/cli/version",
        "/logFile",
        "/service/label",
        "/service/loaded",
        "/service/loadedText",
        "/service/notLoadedText",
        "/service/runtime/status",
        "/service/configAudit/ok",
        "/gateway/bindMode",
        "/gateway/port",
        "/gateway/portSource",
        "/port/port",
        "/port/status",
        "/port/listeners/0/pid",
        "/rpc/ok",
        "/rpc/url",
        "/extraServices",
    ] {
        assert!(report.pointer(pointer).is_some(), "{pointer}: {report}");
    }

    let from_rescue = machine.json(&["--profile", "rescue", "gateway", "status"]);
    assert_eq!(from_rescue["gateway"]["port"], rescue.port);
    assert_eq!(named(&from_rescue, "rescue")["selected"], true);
    machine.text(&["--profile", "rescue", "health"]);
    let text = machine.text(&["gateway", "status"]);
    assert!(text.contains("default *") && text.contains("rescue"), "{text}");
    drop(rescue);
    assert_eq!(machine.code(&["--profile", "rescue", "health"]), 3);
    machine.text(&["health"]);
}

#[test]
fn a_port_of_another_profile_is_explained() {
    let machine = Machine::new();
    let one = machine.gateway(&["--port", "0", "--profile", "rescue"]);
    let port = one.port.to_string();
    let output = machine.run(&["gateway", "run", "--port", &port]);
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("the Gateway of the profile `rescue`"), "{told}");
    assert!(told.contains("config set gateway.port"), "{told}");
}

#[test]
fn a_look_without_asking_is_no_failure() {
    let machine = Machine::new();
    let report = machine.json(&["gateway", "status", "--no-probe"]);
    assert_eq!(report["rpc"], Value::Null);
    assert_eq!(report["service"]["loaded"], false);
    assert_eq!(report["service"]["runtime"]["status"], "stopped");
}

#[test]
fn services_of_profiles_stand_beside_each_other_and_beside_strangers() {
    let manager = FakeServiceManager::new().unwrap();
    let machine = Machine::new().with_env("PATH", manager.path());
    let ports: Vec<String> = (0..2)
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port())
        .map(|port| port.to_string())
        .collect();
    machine.json(&["gateway", "install", "--port", &ports[0]]);
    machine.json(&["--profile", "ops", "gateway", "install", "--port", &ports[1]]);
    let units = machine.home().join(".config/systemd/user");
    std::fs::write(units.join("openclaw-gateway-other.service"), "[Service]\n").unwrap();

    let report = machine.json(&["--profile", "ops", "gateway", "status"]);
    assert_eq!(report["service"]["name"], "openclaw-gateway-ops.service");
    assert_eq!(report["service"]["runtime"]["status"], "running", "{report}");
    assert_eq!(report["service"]["configAudit"]["ok"], true, "{report}");
    assert_eq!(named(&report, "default")["service"], "openclaw-gateway.service");
    assert_eq!(report["extraServices"][0]["label"], "openclaw-gateway-other.service");

    machine.json(&["gateway", "stop"]);
    let report = machine.json(&["--profile", "ops", "gateway", "status"]);
    let stopped = named(&report, "default");
    assert_eq!(
        (&stopped["state"], &stopped["port"]),
        (&"stopped".into(), &Value::from(ports[0].parse::<u16>().unwrap()))
    );
    let status = machine.run(&["gateway", "status"]);
    assert!(shown(&status).contains("start it: openclaw gateway start"), "{}", shown(&status));

    // The manager holds the port of a service that does not run. A program of its name is one here.
    let manager = machine.home().join("systemd");
    std::fs::copy(SOCKET_ACTIVATE, &manager).unwrap();
    let address = format!("127.0.0.1:{}", ports[0]);
    let mut holding = Command::new(manager).args(["-l", &address, "true"]).spawn().unwrap();
    let started = Instant::now();
    // Binding it, to see, would take it from the program that is about to.
    let port: u16 = ports[0].parse().unwrap();
    let listening = format!("0100007F:{port:04X} 00000000:0000 0A");
    while !std::fs::read_to_string("/proc/net/tcp").unwrap().contains(&listening) {
        assert!(started.elapsed() < PATIENCE, "the port is not held");
    }
    let refused = shown(&machine.run(&["gateway", "run", "--port", &ports[0]]));
    holding.kill().unwrap();
    holding.wait().unwrap();
    assert!(refused.contains("held by the service manager"), "{refused}");
    machine.json(&["--profile", "ops", "gateway", "uninstall"]);
}
