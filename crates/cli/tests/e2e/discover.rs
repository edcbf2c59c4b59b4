//! Finding Gateways: what is said on the network and in a zone, and that it is believed by nobody.

use std::process::Command;
use std::time::Instant;

use openclaw_testkit::dns::DnsServer;
use openclaw_testkit::network::Wire;
use serde_json::Value;

use crate::machine::{Machine, PATIENCE, shown};

const ZONE: &str = "openclaw.internal";

/// Asks a zone.
fn look(machine: &Machine, server: &DnsServer) -> Value {
    let dns = server.address().to_string();
    let words =
        ["gateway", "discover", "--json", "--timeout", "2s", "--domain", ZONE, "--dns", &dns];
    // On a busy machine an answer may come after the time; then it is asked again.
    let until = Instant::now() + PATIENCE;
    loop {
        let output = machine.run(&words);
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", shown(&output)));
        if report["count"] != 0 || Instant::now() > until {
            return report;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_printed_for_a_zone_is_found_in_it() {
    let machine = Machine::new().with_env("OPENCLAW_MDNS_HOSTNAME", "box");
    machine.configure("{ discovery: { wideArea: { domain: 'openclaw.internal' } } }");
    let words = ["gateway", "discover", "--print-zone", "--address", "192.0.2.7"];
    let server = DnsServer::start(ZONE, &machine.text(&words)).await;
    let report = look(&machine, &server);
    assert_eq!(report["domains"], serde_json::json!(["local", ZONE]));
    assert_eq!(report["timeoutMs"], 2000);
    let beacons = report["beacons"].as_array().unwrap();
    let found = beacons.iter().find(|beacon| beacon["domain"] == ZONE);
    let beacon = found.unwrap_or_else(|| panic!("{report:#}"));
    for (key, value) in [
        ("instanceName", "box"),
        ("displayName", "box"),
        ("host", "192.0.2.7"),
        ("lanHost", "box.local"),
        ("wsUrl", "ws://192.0.2.7:18789"),
    ] {
        assert_eq!(beacon[key], value, "{beacon}");
    }
    assert_eq!((&beacon["port"], &beacon["gatewayPort"]), (&18789.into(), &18789.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_zone_neither_steers_the_terminal_nor_replaces_what_is_known() {
    let server = Machine::new();
    let gateway = server.gateway(&["--port", "0"]);
    let laptop = Machine::new();
    let url = format!("ws://127.0.0.1:{}", gateway.port);
    laptop.text(&["remote", "add", &url, "--name", "box", "--token", server.token().trim()]);
    let kept = |laptop: &Machine| {
        let folder = laptop.state().join("clients");
        let mut files: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
        files.sort();
        files
            .into_iter()
            .map(|file| (file.clone(), std::fs::read(&file).unwrap()))
            .collect::<Vec<_>>()
    };
    let before = kept(&laptop);

    let long = "x".repeat(240);
    let rogue = format!(
        "_openclaw-gw._tcp.{ZONE}. 60 IN PTR box._openclaw-gw._tcp.{ZONE}.\n\
         _openclaw-gw._tcp.{ZONE}. 60 IN PTR nowhere._openclaw-gw._tcp.{ZONE}.\n\
         box._openclaw-gw._tcp.{ZONE}. 60 IN SRV 0 0 {} rogue.{ZONE}.\n\
         box._openclaw-gw._tcp.{ZONE}. 60 IN TXT \"displayName=box\u{1b}[2J\" \"gatewayTls=1\" \
         \"gatewayTlsSha256={}\" \"sshPort=-oProxyCommand=x\" \"lanHost=127.0.0.1 rm\" \"cliPath={long}\"\n\
         rogue.{ZONE}. 60 IN A 192.0.2.66\n",
        gateway.port,
        "ab".repeat(32),
    );
    let zone = DnsServer::start(ZONE, &rogue).await;
    let report = look(&laptop, &zone);
    let beacons = report["beacons"].as_array().unwrap();
    let found = beacons.iter().find(|beacon| beacon["domain"] == ZONE);
    let beacon = found.unwrap_or_else(|| panic!("{report:#}"));
    assert_eq!(beacon["displayName"], "box[2J");
    assert_eq!(beacon["gatewayTlsSha256"], "ab".repeat(32), "it is shown as what was said");
    assert!(beacon.get("sshPort").is_none() && beacon.get("lanHost").is_none(), "{beacon}");

    let dns = zone.address().to_string();
    let output = laptop.run(&["gateway", "discover", "--domain", ZONE, "--dns", &dns]);
    assert!(!output.stdout.contains(&0x1b) && !output.stderr.contains(&0x1b), "{}", shown(&output));
    assert_eq!(kept(&laptop), before, "what was learned at the first contact stays");
    laptop.text(&["health", "--gateway", "box"]);
}

#[test]
fn a_gateway_that_others_reach_is_heard_on_the_wire() {
    let wire = Wire::lay().unwrap();
    let server =
        Machine::new().behind(wire.far().prefix()).with_env("OPENCLAW_MDNS_HOSTNAME", "box");
    server.configure("{ gateway: { bind: 'lan' } }");
    let gateway = server.gateway(&["--port", "0"]);
    let laptop = Machine::new().behind(wire.near().prefix());
    let words = ["gateway", "discover"];
    let heard = |wanted: &dyn Fn(&Value) -> bool| {
        let until = Instant::now() + PATIENCE;
        loop {
            let report = laptop.json(&words);
            if wanted(&report) {
                return report;
            }
            assert!(Instant::now() < until, "{report:#}");
        }
    };
    let report = heard(&|report| report["count"] == 1);
    let beacon = &report["beacons"][0];
    let url = format!("wss://{}:{}", wire.far().address(), gateway.port);
    assert_eq!(beacon["wsUrl"], url.as_str(), "{beacon}");
    assert_eq!(beacon["lanHost"], "box.local");
    assert_eq!(beacon["gatewayDirectReachable"], true);
    let print = server.json(&["gateway", "tls", "fingerprint"]);
    assert_eq!(beacon["gatewayTlsSha256"], print["certificate"]["fingerprint"]);
    assert!(beacon.get("sshPort").is_none() && beacon.get("cliPath").is_none(), "{beacon}");
    let next = format!("openclaw remote add {url}");
    let until = Instant::now() + PATIENCE;
    // An answer that was sent to everybody a moment ago is not sent again.
    while !shown(&laptop.run(&words)).contains(&next) {
        assert!(Instant::now() < until, "{next} is not named");
    }

    let status = server.json(&["gateway", "status"]);
    assert_eq!(status["gateway"]["mdns"]["state"], "advertising", "{status}");
    // Another certificate is announced as soon as it is shown.
    let (key, cert) = (server.state().join("tls/key.pem"), server.state().join("tls/cert.pem"));
    let next = server.home().join("next.pem");
    let mut make = Command::new("openssl");
    make.args(["req", "-x509", "-days", "9", "-subj", "/CN=box", "-key"]).arg(&key);
    let made = make.arg("-out").arg(&next).output().unwrap();
    assert!(made.status.success(), "{}", shown(&made));
    std::fs::rename(&next, &cert).unwrap();
    let before = beacon["gatewayTlsSha256"].clone();
    let report = heard(&|report| report["beacons"][0]["gatewayTlsSha256"] != before);
    let print = server.json(&["gateway", "tls", "fingerprint"]);
    let announced = &report["beacons"][0]["gatewayTlsSha256"];
    assert_eq!(*announced, print["certificate"]["fingerprint"]);
    // Without a restart: first in full, then nothing at all.
    server.text(&["config", "set", "discovery.mdns.mode", "full"]);
    let report = heard(&|report| report["beacons"][0].get("sshPort").is_some());
    assert!(report["beacons"][0]["cliPath"].is_string(), "{report}");
    server.text(&["config", "set", "discovery.mdns.mode", "off"]);
    heard(&|report| report["count"] == 0);
    server.text(&["health"]);
    let status = server.json(&["gateway", "status"]);
    assert_eq!(status["gateway"]["mdns"]["state"], "off", "{status}");
}

#[test]
fn a_gateway_on_loopback_says_nothing_and_one_that_cannot_say_it_runs_on() {
    let wire = Wire::lay().unwrap();
    let quiet = Machine::new().behind(wire.far().prefix());
    let _gateway = quiet.gateway(&["--port", "0"]);
    let laptop = Machine::new().behind(wire.near().prefix());
    let report = laptop.json(&["gateway", "discover", "--timeout", "2s"]);
    assert_eq!(report["count"], 0, "{report}");

    // No multicast leaves this machine: its wire is down.
    let deaf = Machine::new().behind(wire.near().prefix());
    deaf.configure("{ discovery: { mdns: { mode: 'full' } } }");
    let down = ["link", "set", "wire", "down"];
    assert!(wire.near().command("/usr/sbin/ip").args(down).status().unwrap().success());
    let _other = deaf.gateway(&["--port", "0"]);
    deaf.text(&["health"]);
    let report = deaf.json(&["gateway", "discover", "--timeout", "500ms"]);
    assert_eq!(report["count"], 0, "{report}");
    deaf.text(&["health"]);
    let status = deaf.json(&["gateway", "status"]);
    assert_ne!(status["gateway"]["mdns"]["state"], "advertising", "{status}");
}
