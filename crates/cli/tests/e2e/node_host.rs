//! The node host as a process of its own, against a real Gateway.

use std::process::{Child, Stdio};

use openclaw_testkit::FakeServiceManager;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::machine::{Gateway, Machine, PATIENCE, read_until, send, shown};

/// A node host that runs; it ends with this value.
pub(crate) struct Host {
    child: Child,
}

impl Host {
    /// Starts one, with the token of the Gateway, and waits until it is connected.
    pub(crate) fn start(on: &Machine, gateway: &Gateway, token: &str, args: &[&str]) -> Self {
        let mut host = Self::begin(on, gateway, token, args);
        host.says("connected to");
        host
    }

    /// Starts one.
    pub(crate) fn begin(on: &Machine, gateway: &Gateway, token: &str, args: &[&str]) -> Self {
        let url = gateway.url();
        let words = ["node", "run", "--display-name", "laptop", "--url", &url, "--token", token];
        let words: Vec<&str> = words.into_iter().chain(args.iter().copied()).collect();
        let mut command = on.command(&words);
        command.env("PATH", "/usr/bin:/bin").stdout(Stdio::null()).stderr(Stdio::piped());
        Self { child: command.spawn().unwrap() }
    }

    /// Reads what it says until a text comes.
    pub(crate) fn says(&mut self, wanted: &str) -> String {
        read_until(self.child.stderr.as_mut().unwrap(), wanted)
    }

    /// Asks it to end, and gives its exit code.
    pub(crate) fn end(mut self) -> Option<i32> {
        send(&self.child, Signal::TERM);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Gone already if the test ended it.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Calls a command on the node.
fn invoke(machine: &Machine, command: &str, params: &Value) -> std::process::Output {
    let params = params.to_string();
    machine.run(&["nodes", "invoke", "--node", "laptop", "--command", command, "--params", &params])
}

fn result(machine: &Machine, command: &str, params: &Value) -> Value {
    let output = invoke(machine, command, params);
    assert!(output.status.success(), "{command}: {}", shown(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_node_host_offers_this_machine_and_nothing_that_was_not_opened() {
    let (server, laptop) = (Machine::new(), Machine::new());
    let gateway = server.gateway(&["--port", "0"]);
    let open = laptop.home().join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::write(laptop.home().join("secret"), "s").unwrap();
    std::os::unix::fs::symlink("../secret", open.join("link")).unwrap();
    let root = open.to_str().unwrap();
    let host = Host::start(&laptop, &gateway, &server.token(), &["--root", root]);

    let node = &server.json(&["nodes", "list"])["nodes"][0];
    assert_eq!((&node["displayName"], &node["connected"]), (&json!("laptop"), &json!(true)));
    let which = result(&server, "system.which", &json!({"bins": ["sh", "no-such", "/bin/ls"]}));
    assert_eq!(which, json!({"bins": {"sh": "/usr/bin/sh"}}));
    let stats = result(&server, "host.stats", &json!({}));
    assert!(stats["cpuCount"].as_u64() > Some(0) && stats["disks"][0]["path"] == "/", "{stats}");

    let text = json!({"path": "a.txt", "content": "hello"});
    assert_eq!(result(&server, "file.write", &text)["size"], 5);
    assert_eq!(std::fs::read_to_string(open.join("a.txt")).unwrap(), "hello");
    let part = json!({"path": format!("{root}/a.txt"), "offset": 1, "maxBytes": 3});
    let read = result(&server, "file.read", &part);
    assert_eq!((&read["content"], &read["truncated"]), (&json!("ell"), &json!(true)));
    let names = result(&server, "file.list", &json!({"path": root}));
    assert_eq!(names["entries"][1], json!({"name": "link", "kind": "link", "size": null}));

    let secret = laptop.home().join("secret");
    for path in ["link", "../secret", secret.to_str().unwrap(), "/etc/passwd"] {
        for (command, more) in [("file.read", json!(null)), ("file.write", json!("x"))] {
            let output = invoke(&server, command, &json!({"path": path, "content": more}));
            assert!(!output.status.success(), "{command} {path}: {}", shown(&output));
        }
    }
    assert_eq!(std::fs::read_to_string(secret).unwrap(), "s");
    let shown_as_text = shown(&invoke(&server, "system.notify", &json!({"title": "hi"})));
    assert!(shown_as_text.contains("notify-send"), "{shown_as_text}");
    assert_eq!(host.end(), Some(0));
}

/// Everything may run on this machine.
fn allow_everything(machine: &Machine) {
    std::fs::create_dir_all(machine.state()).unwrap();
    let file = json!({"version": 1, "defaults": {"security": "full", "ask": "off"}, "agents": {}});
    std::fs::write(machine.state().join("exec-approvals.json"), file.to_string()).unwrap();
}

fn run<'a>(args: &[&'a str]) -> Vec<&'a str> {
    ["nodes", "run", "--node", "laptop"].into_iter().chain(args.iter().copied()).collect()
}

#[test]
fn a_command_on_a_node_is_like_one_here() {
    let (server, laptop) = (Machine::new(), Machine::new());
    let gateway = server.gateway(&["--port", "0"]);
    let host = Host::start(&laptop, &gateway, &server.token(), &[]);

    // A fresh install asks, and what a person says decides.
    for (word, code) in [("approve", 0), ("deny", 255)] {
        let mut command = server.command(&run(&["--", "uname", "-s"]));
        let mut asking = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let told = read_until(asking.stderr.as_mut().unwrap(), "approvals approve ");
        assert!(told.contains("waits for a person's word: uname -s"), "{told}");
        let waiting = server.json(&["approvals", "list"]);
        assert_eq!(waiting[0]["request"]["command"], "uname -s", "{waiting}");
        server.text(&["approvals", word, &waiting[0]["id"].as_str().unwrap()[..8]]);
        let output = asking.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", shown(&output));
        assert_eq!(output.stdout == b"Linux\n", code == 0, "{}", shown(&output));
    }
    // Who leaves takes the question along.
    let mut command = server.command(&run(&["--", "uname", "-s"]));
    let mut asking = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    read_until(asking.stderr.as_mut().unwrap(), "approvals approve ");
    send(&asking, Signal::INT);
    assert_eq!(asking.wait().unwrap().code(), Some(130));
    while server.json(&["approvals", "list"]) != json!([]) {}
    let uname = std::fs::canonicalize("/usr/bin/uname").unwrap();
    server.text(&["approvals", "allow", "--node", "laptop", uname.to_str().unwrap()]);
    let here = std::process::Command::new("uname").arg("-a").output().unwrap();
    assert_eq!(server.run(&run(&["--", "uname", "-a"])).stdout, here.stdout);
    allow_everything(&laptop);
    let script = r"printf 'a\377'; echo oops >&2; pwd; exit 7";
    let output = server.run(&run(&["--", "sh", "-c", script]));
    assert_eq!(output.status.code(), Some(7), "{}", shown(&output));
    let home = laptop.home().to_str().unwrap();
    assert_eq!(output.stdout, [b"a\xff", home.as_bytes(), b"\n"].concat());
    assert_eq!(output.stderr, b"oops\n");
    let piped = server.run(&run(&["--shell", "--env", "A=b", "--", "echo $A | tr b c"]));
    assert_eq!(piped.stdout, b"c\n", "{}", shown(&piped));
    let killed = server.run(&run(&["--", "sh", "-c", "kill -9 $$"]));
    assert_eq!(killed.status.code(), Some(128 + 9), "{}", shown(&killed));
    let late = server.run(&run(&["--deadline", "200ms", "--", "sleep", "60"]));
    assert!(shown(&late).contains("took too long"), "{}", shown(&late));
    let json = server.run(&run(&["--json", "--", "echo", "hi"]));
    assert_eq!(serde_json::from_slice::<Value>(&json.stdout).unwrap()["stdout"], "hi\n");
    let much = server.run(&run(&["--", "sh", "-c", "seq 1 200000"]));
    let all: String = (1..=200_000).map(|n| format!("{n}\n")).collect();
    assert!(much.stdout == all.as_bytes(), "{} bytes of {}", much.stdout.len(), all.len());
    assert_eq!(host.end(), Some(0));
}

#[test]
fn the_end_of_the_caller_is_the_end_of_the_command() {
    let (server, laptop) = (Machine::new(), Machine::new());
    let gateway = server.gateway(&["--port", "0"]);
    allow_everything(&laptop);
    let host = Host::start(&laptop, &gateway, &server.token(), &[]);
    for (signal, code) in [(Signal::INT, Some(130)), (Signal::KILL, None)] {
        let mut command = server.command(&run(&["--", "sh", "-c", "echo $$; exec sleep 600"]));
        let mut caller = command.stdout(Stdio::piped()).spawn().unwrap();
        // It is printed while the command runs, so it was passed on as it came.
        let pid = read_until(caller.stdout.as_mut().unwrap(), "\n");
        let process = std::path::PathBuf::from(format!("/proc/{}", pid.trim()));
        assert!(process.exists());
        send(&caller, signal);
        assert_eq!(caller.wait().unwrap().code(), code);
        let deadline = std::time::Instant::now() + PATIENCE;
        while process.exists() {
            assert!(std::time::Instant::now() < deadline, "{signal:?} left it running");
            std::thread::yield_now();
        }
    }
    drop(host);
}

#[test]
fn a_node_is_back_by_itself_after_its_gateway_was_killed() {
    let (server, laptop) = (Machine::new(), Machine::new());
    let gateway = server.gateway(&["--port", "0"]);
    let port = gateway.port.to_string();
    let mut host = Host::start(&laptop, &gateway, &server.token(), &[]);
    gateway.end(Signal::KILL);
    let gateway = server.gateway(&["--port", &port]);
    host.says("connected to");
    let which = result(&server, "system.which", &json!({"bins": ["sh"]}));
    assert_eq!(which["bins"]["sh"], "/usr/bin/sh");
    drop(gateway);
}

#[test]
fn a_machine_becomes_a_node_for_good() {
    let manager = FakeServiceManager::new().unwrap();
    let server = Machine::new();
    let laptop = Machine::new().with_env("PATH", manager.path()).with_env("USER", "me");
    let gateway = server.gateway(&["--port", "0"]);
    assert_eq!(laptop.code(&["node", "status"]), 3);
    let (url, token, home) = (gateway.url(), server.token(), laptop.home().to_str().unwrap());
    let words =
        ["connect", &url, "--token", &token, "--name", "server", "--root", home, "--service"];
    let report = laptop.json(&words);
    assert_eq!(report["result"], "installed", "{report}");
    let unit = laptop.home().join(".config/systemd/user/openclaw-node.service");
    let text = std::fs::read_to_string(&unit).unwrap();
    assert!(text.contains("node run --gateway server") && !text.contains(&token), "{text}");
    let deadline = std::time::Instant::now() + PATIENCE;
    let node = loop {
        let node = server.json(&["nodes", "list"])["nodes"][0].clone();
        if node["connected"] == true {
            break node;
        }
        assert!(std::time::Instant::now() < deadline, "{node}");
    };
    assert!(node["commands"].to_string().contains("file.read"), "{node}");
    assert_eq!(laptop.json(&["node", "status"])["activity"], "running");
    let devices = server.json(&["devices", "list"])["paired"].to_string();
    assert_eq!(
        devices.matches("\"role\":\"node\"").count(),
        2,
        "a node and no operator: {devices}"
    );
    assert_eq!(laptop.json(&["node", "stop"])["result"], "stopped");
    assert_eq!(laptop.json(&["node", "uninstall"])["result"], "uninstalled");
    assert!(!unit.exists());
    assert_eq!(laptop.code(&["node", "install", "--gateway", "nobody"]), 2);
}

#[test]
fn a_node_that_nobody_let_in_waits_for_approval_and_one_without_a_secret_is_told() {
    let (server, laptop) = (Machine::new(), Machine::new());
    let gateway = server.gateway(&["--port", "0"]);
    let mut refused = Host::begin(&laptop, &gateway, "not-the-token-of-this-gateway", &[]);
    refused.says("token");
    let started = std::time::Instant::now();
    assert_eq!(refused.child.wait().unwrap().code(), Some(6));
    assert!(started.elapsed() < PATIENCE);

    // Over the door a node is nobody's owner: it is paired like any other.
    let mut command = server.command(&["node", "run"]);
    let mut local = Host { child: command.stderr(Stdio::piped()).spawn().unwrap() };
    local.says("waits for approval");
    let pending = &server.json(&["devices", "list"])["pending"][0];
    assert_eq!(pending["role"], "node", "{pending}");
    assert!(pending["commands"].to_string().contains("host.stats"), "{pending}");
    server.text(&["devices", "approve", pending["requestId"].as_str().unwrap()]);
    local.says("connected to");
    assert_eq!(local.end(), Some(0));
}

#[test]
fn a_code_makes_a_machine_ask_and_one_decision_makes_it_a_node() {
    let (server, laptop, thief) = (Machine::new(), Machine::new(), Machine::new());
    let gateway = server.gateway(&["--port", "0"]);
    // Nobody else reaches loopback, so the code has to name another way in.
    let output = server.run(&["devices", "join-code"]);
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
    assert!(shown(&output).contains("--ssh-login"), "{}", shown(&output));
    let by_ssh = server.json(&["devices", "join-code", "--ssh-login", "me@server"]);
    assert_eq!(by_ssh["ssh"], "me@server");
    let url = gateway.url();
    let picture = server.text(&["qr", "--public-url", &url]);
    assert!(picture.contains('█') && picture.contains("openclaw connect "), "{picture}");
    assert!(picture.lines().take(3).all(|line| line.chars().count() <= 80), "{picture}");

    let made = server.json(&["devices", "join-code", "--public-url", &url]);
    let code = made["setupCode"].as_str().unwrap();
    let join = |on: &Machine, name: &str| {
        let mut command = on.command(&["connect", code, "--name", "home", "--display-name", name]);
        command.env("PATH", "/usr/bin:/bin").stdout(Stdio::null()).stderr(Stdio::piped());
        Host { child: command.spawn().unwrap() }
    };
    let mut host = join(&laptop, "laptop");
    host.says("waits for approval");
    // The code is this machine's now.
    let output = thief.run(&["connect", code, "--name", "home"]);
    assert_eq!(output.status.code(), Some(6), "{}", shown(&output));
    let asking = server.json(&["devices", "list"]);
    let request = &asking["pending"][0];
    assert_eq!((&request["role"], &request["displayName"]), (&json!("node"), &json!("laptop")));
    assert_eq!(asking["pending"].as_array().map(Vec::len), Some(1), "{asking}");
    let listed = server.text(&["devices", "list"]);
    assert!(listed.contains(request["deviceId"].as_str().unwrap()), "{listed}");
    assert!(listed.contains("system.run") && listed.contains("127.0.0.1"), "{listed}");
    let id = request["requestId"].as_str().unwrap();
    server.text(&["devices", "approve", id]);
    host.says("connected to");
    assert_eq!(
        result(&server, "system.which", &json!({"bins": ["sh"]}))["bins"]["sh"],
        "/usr/bin/sh"
    );
    // The machine is a node and nothing else: as an operator it would have to ask a person.
    assert_eq!(laptop.code(&["health", "--gateway", "home"]), 7);
    assert_eq!(host.end(), Some(0));
    // From now on its key is enough.
    let mut again = laptop.command(&["node", "run", "--gateway", "home"]);
    again.env("PATH", "/usr/bin:/bin").stdout(Stdio::null()).stderr(Stdio::piped());
    let mut again = Host { child: again.spawn().unwrap() };
    again.says("connected to");
    assert_eq!(again.end(), Some(0));
}
