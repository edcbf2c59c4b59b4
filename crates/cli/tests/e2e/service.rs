//! The Gateway as a service, with stand-ins for the programs of the service manager.

use std::time::{Duration, Instant};

use openclaw_testkit::FakeServiceManager;
use openclaw_testkit::sshd::Sshd;
use rustix::process::Signal;
use serde_json::Value;

use crate::machine::{Machine, PATIENCE, shown};
use crate::ssh;

const UNIT: &str = ".config/systemd/user/openclaw-gateway.service";
const SOCKET: &str = ".config/systemd/user/openclaw-gateway.socket";

/// A machine with a service manager, and a port for its Gateway.
fn managed() -> (Machine, FakeServiceManager, String) {
    let manager = FakeServiceManager::new().unwrap();
    let machine = Machine::new().with_env("PATH", manager.path()).with_env("USER", "me");
    (machine, manager, free_port())
}

fn free_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

fn failed(machine: &Machine, args: &[&str], code: i32) -> Value {
    let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
    let output = machine.run(&args);
    assert_eq!(output.status.code(), Some(code), "{}", shown(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_service_is_installed_once_and_goes_without_a_trace() {
    let (machine, manager, port) = managed();
    let report = machine.json(&["gateway", "install", "--port", &port]);
    assert_eq!((&report["action"], &report["ok"]), (&"install".into(), &true.into()), "{report}");
    assert_eq!(report["result"], "installed");
    let service = &report["service"];
    assert_eq!((&service["loaded"], &service["loadedText"]), (&true.into(), &"enabled".into()));
    let unit = std::fs::read_to_string(machine.home().join(UNIT)).unwrap();
    assert!(unit.contains(&format!("gateway run --port {port}")), "{unit}");
    let secret = machine.token();
    let socket = std::fs::read_to_string(machine.home().join(SOCKET)).unwrap();
    assert!(!unit.contains(&secret) && !socket.contains(&secret));
    assert!(socket.contains(&format!("[::1]:{port}")), "{socket}");
    machine.text(&["health"]);

    let first = manager.pid("openclaw-gateway.service").unwrap();
    let again = machine.json(&["gateway", "install", "--port", &port]);
    assert_eq!(again["result"], "already-installed");
    assert_eq!(manager.pid("openclaw-gateway.service"), Some(first));
    let forced = machine.json(&["gateway", "install", "--port", &port, "--force"]);
    assert_eq!(forced["result"], "updated");
    assert_ne!(manager.pid("openclaw-gateway.service"), Some(first));

    assert_eq!(machine.json(&["gateway", "uninstall"])["result"], "uninstalled");
    assert_eq!(machine.code(&["health"]), 3);
    assert!(!machine.home().join(UNIT).exists() && !machine.home().join(SOCKET).exists());
    assert!(machine.state().join("gateway.db").exists(), "the state stays");
    assert_eq!(machine.json(&["gateway", "uninstall"])["result"], "not-installed");
}

#[test]
fn start_stop_and_restart_do_what_they_say() {
    let (machine, manager, port) = managed();
    let refused = failed(&machine, &["gateway", "start"], 1);
    assert_eq!(refused["code"], "SERVICE_NOT_INSTALLED", "{refused}");
    machine.json(&["gateway", "install", "--port", &port]);
    assert_eq!(machine.json(&["gateway", "start"])["result"], "already-running");
    let first = manager.pid("openclaw-gateway.service");
    assert_eq!(machine.json(&["gateway", "restart"])["result"], "restarted");
    assert_ne!(manager.pid("openclaw-gateway.service"), first);
    machine.text(&["health"]);
    assert!(manager.calls().contains("restart openclaw-gateway.service\n"), "the socket is held");
    assert_eq!(machine.json(&["gateway", "stop"])["result"], "stopped");
    assert_eq!(machine.code(&["health"]), 3);
    assert_eq!(machine.json(&["gateway", "stop"])["result"], "not-running");
    assert_eq!(machine.json(&["gateway", "start"])["result"], "started");
    machine.text(&["health"]);
    machine.json(&["gateway", "stop", "--disable"]);
    assert!(manager.calls().contains("disable openclaw-gateway.socket openclaw-gateway.service"));
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let (machine, manager, port) = managed();
    let file = machine.home().join(UNIT);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "[Service]\nExecStart=/usr/bin/true\n").unwrap();
    for args in [&["gateway", "install", "--port", &port, "--force"][..], &["gateway", "uninstall"]]
    {
        let refused = failed(&machine, args, 1);
        assert_eq!(refused["code"], "SERVICE_NOT_OURS", "{refused}");
        assert!(refused["hints"].to_string().contains("mv "), "{refused}");
    }
    let other = "# openclaw-service: /somewhere/else\n[Service]\nExecStart=/usr/bin/true\n";
    std::fs::write(&file, other).unwrap();
    let refused = failed(&machine, &["gateway", "install", "--port", &port], 1);
    assert_eq!(refused["code"], "SERVICE_OF_ANOTHER_STATE", "{refused}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), other);
    assert!(!manager.calls().contains("daemon-reload"));
}

#[test]
fn a_login_without_a_bus_is_told_what_to_do() {
    let (machine, manager, port) = managed();
    manager.without_bus(true).unwrap();
    let refused = failed(&machine, &["gateway", "install", "--port", &port], 1);
    assert_eq!(refused["code"], "SERVICE_NO_BUS", "{refused}");
    assert!(refused["hints"].to_string().contains("--system"), "{refused}");
    assert!(!machine.home().join(UNIT).exists());
    manager.without_bus(false).unwrap();
    manager.refuse_linger().unwrap();
    let report = machine.json(&["gateway", "install", "--port", &port]);
    assert!(report["hints"].to_string().contains("sudo loginctl enable-linger me"), "{report}");
}

#[test]
fn a_service_that_does_not_start_is_taken_back_and_explained() {
    let (machine, _manager, port) = managed();
    let listener = std::net::TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
    let refused = failed(&machine, &["gateway", "install", "--port", &port], 1);
    assert_eq!(refused["ok"], false);
    assert!(refused["warnings"].to_string().contains("is in use"), "{refused}");
    assert!(!machine.home().join(UNIT).exists() && !machine.home().join(SOCKET).exists());

    drop(listener);
    machine.json(&["gateway", "install", "--port", &port]);
    let before = std::fs::read_to_string(machine.home().join(UNIT)).unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let other = taken.local_addr().unwrap().port().to_string();
    failed(&machine, &["gateway", "install", "--port", &other], 1);
    assert_eq!(std::fs::read_to_string(machine.home().join(UNIT)).unwrap(), before);
    machine.text(&["health"]);
}

#[test]
fn a_gateway_in_the_foreground_is_not_run_over() {
    let (machine, _manager, port) = managed();
    let gateway = machine.gateway(&["--port", "0"]);
    let refused = failed(&machine, &["gateway", "install", "--port", &port], 78);
    assert_eq!(refused["code"], "SERVICE_FOREGROUND", "{refused}");
    let refused = failed(&machine, &["gateway", "stop"], 1);
    assert_eq!(refused["code"], "SERVICE_FOREGROUND", "{refused}");
    assert_eq!(machine.json(&["gateway", "stop", "--force"])["result"], "stopped");
    let ended = gateway.end(Signal::TERM);
    assert!(ended.took < Duration::from_secs(5));
}

#[test]
fn a_dry_run_prints_and_does_nothing() {
    let (machine, manager, port) = managed();
    let report = machine.json(&["gateway", "install", "--port", &port, "--dry-run"]);
    assert_eq!(report["result"], "dry-run");
    assert!(report["files"][0]["text"].as_str().unwrap().contains("Type=notify"));
    let text = machine.text(&["--profile", "ops", "gateway", "install", "--dry-run"]);
    assert!(text.contains("openclaw-gateway-ops.socket"), "{text}");
    let system = ["gateway", "install", "--system", "--run-as", "root", "--dry-run"];
    let text = machine.text(&system);
    assert!(text.contains("User=root") && text.contains("ProtectSystem=strict"), "{text}");
    assert_eq!(manager.calls(), "");
    assert!(!machine.home().join(".config").exists());
    let nobody = ["gateway", "install", "--system", "--run-as", "nobody"];
    assert_eq!(failed(&machine, &nobody, 2)["code"], "SERVICE_NO_HOME");
    let missing = ["gateway", "install", "--system", "--run-as", "no-such-user"];
    let refused = failed(&machine, &missing, 2);
    assert!(refused["hints"].to_string().contains("useradd --system"), "{refused}");
}

#[test]
fn tunnels_are_held_by_one_service_that_can_be_let_go() {
    let sshd = Sshd::start().unwrap();
    let manager = FakeServiceManager::new().unwrap();
    let server = Machine::new();
    let laptop = ssh::laptop(&sshd);
    let bin = laptop.home().join("bin").display().to_string();
    manager.give_path(&format!("{bin}:/usr/bin:/bin")).unwrap();
    let laptop = laptop.with_env("PATH", format!("{bin}:{}", manager.path()));
    ssh::install(&sshd, &server);
    let _gateway = server.gateway(&["--port", "0"]);
    laptop.text(&["remote", "add", &sshd.target(), "--name", "server", "--use"]);
    // What runs in the background makes room.
    laptop.text(&["remote", "up"]);
    let report = laptop.json(&["remote", "service", "install"]);
    assert_eq!(report["result"], "installed", "{report}");
    assert!(report["message"].as_str().unwrap().contains("server is connected"), "{report}");
    let pid = manager.pid("openclaw-tunnels.service");
    let tunnels = laptop.json(&["remote", "status"]);
    assert_eq!(tunnels["supervisor"]["pid"].as_u64(), pid.map(u64::from), "{tunnels}");
    laptop.text(&["health"]);
    assert_eq!(
        laptop.json(&["remote", "service", "install", "server"])["result"],
        "already-installed"
    );
    let unit = laptop.home().join(".config/systemd/user/openclaw-tunnels.service");
    assert!(std::fs::read_to_string(&unit).unwrap().contains("Restart=on-failure"));
    assert_eq!(laptop.json(&["remote", "service", "uninstall"])["result"], "uninstalled");
    let started = Instant::now();
    while laptop.code(&["remote", "status"]) == 0 {
        assert!(started.elapsed() < PATIENCE, "it holds on");
    }
    assert!(!unit.exists());
}

#[test]
fn no_secret_of_the_terminal_reaches_a_unit() {
    let (machine, _manager, port) = managed();
    let state = machine.home().join("elsewhere");
    let machine = machine
        .with_env("OPENCLAW_GATEWAY_TOKEN", "a-token-of-this-terminal-only")
        .with_env("OPENCLAW_STATE_DIR", state.display().to_string());
    let text = machine.text(&["gateway", "install", "--port", &port, "--dry-run"]);
    assert!(!text.contains("a-token-of-this"), "{text}");
    assert!(
        text.contains(&format!("Environment=OPENCLAW_STATE_DIR={}", state.display())),
        "{text}"
    );
    assert!(text.contains(&format!("# openclaw-service: {}\n", state.display())), "{text}");
}
