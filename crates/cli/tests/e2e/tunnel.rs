//! Held tunnels, through a real `sshd` on loopback.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use openclaw_testkit::sshd::Sshd;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::machine::{Gateway, Machine, PATIENCE, read_until, send, shown};
use crate::model::{Provider, Turn};
use crate::ssh::{install, laptop};

/// A laptop that holds a tunnel to `server`; it is let go at the end.
struct Held {
    laptop: Machine,
    server: Machine,
    sshd: Sshd,
}

impl Held {
    fn up() -> (Self, Gateway) {
        Self::with("{}")
    }

    /// With this configuration of the server.
    fn with(configuration: &str) -> (Self, Gateway) {
        let sshd = Sshd::start().unwrap();
        let (server, laptop) = (Machine::new(), laptop(&sshd));
        server.configure(configuration);
        install(&sshd, &server);
        let gateway = server.gateway(&["--port", "0"]);
        laptop.text(&["remote", "add", &sshd.target(), "--name", "server", "--use"]);
        let held = Self { laptop, server, sshd };
        held.laptop.text(&["remote", "up"]);
        (held, gateway)
    }

    fn report(&self) -> Value {
        let output = self.laptop.run(&["remote", "status", "--json"]);
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn tunnel(&self) -> Value {
        self.report()["supervisor"]["tunnels"][0].clone()
    }

    /// Waits for a state, and says how long that took.
    fn becomes(&self, state: &str, within: Duration) -> Duration {
        let started = Instant::now();
        loop {
            let tunnel = self.tunnel();
            if tunnel["state"] == state {
                return started.elapsed();
            }
            assert!(started.elapsed() < within, "not {state}: {tunnel}\n{}", self.sshd.log());
        }
    }

    /// Takes the laptop's way out of its `ssh`, kills the one that runs, and waits until that shows.
    fn lose(&self) {
        let (ssh, hidden) = self.ways();
        std::fs::rename(&ssh, &hidden).unwrap();
        Sshd::script(&self.laptop.home().join("bin"), "ssh", "exit 255").unwrap();
        signal(pid(&self.tunnel()["sshPid"]), Signal::KILL);
        self.becomes("degraded", Duration::from_secs(5));
    }

    /// Waits until the server has the whole answer.
    fn answered(&self) {
        let started = Instant::now();
        while !self.server.text(&["sessions", "show", "main"]).contains("four.") {
            assert!(started.elapsed() < PATIENCE, "the answer is not complete");
        }
    }

    /// Gives it back.
    fn find(&self) {
        let (ssh, hidden) = self.ways();
        std::fs::rename(&hidden, &ssh).unwrap();
        self.laptop.text(&["remote", "up"]);
    }

    fn ways(&self) -> (PathBuf, PathBuf) {
        let bin = self.laptop.home().join("bin");
        (bin.join("ssh"), bin.join("hidden"))
    }

    /// The `ssh` processes of the laptop.
    fn ssh(&self) -> Vec<i32> {
        processes(&self.sshd.config().display().to_string())
    }

    fn no_ssh_is_left(&self) {
        let started = Instant::now();
        while !self.ssh().is_empty() {
            assert!(started.elapsed() < Duration::from_secs(3), "left behind: {:?}", self.ssh());
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.laptop.run(&["remote", "down"]);
    }
}

fn pid(value: &Value) -> i32 {
    i32::try_from(value.as_i64().unwrap()).unwrap()
}

pub(crate) fn signal(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

/// Living processes that name a text in their arguments.
pub(crate) fn processes(text: &str) -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let found = entries.filter_map(|entry| {
        let pid = entry.file_name().into_string().ok()?.parse::<i32>().ok()?;
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        String::from_utf8_lossy(&line).contains(text).then_some(pid)
    });
    found.collect()
}

/// The children of a process, and theirs.
fn descendants(of: i32) -> Vec<i32> {
    let path = format!("/proc/{of}/task/{of}/children");
    let children = std::fs::read_to_string(Path::new(&path)).unwrap_or_default();
    let children: Vec<i32> = children.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    let further = children.clone().into_iter().flat_map(descendants);
    children.into_iter().chain(further).collect()
}

/// Whether the Gateway answers HTTP at a port of this machine.
fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    let request =
        format!("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 ")
}

fn port(tunnel: &Value) -> u16 {
    u16::try_from(tunnel["localPort"].as_u64().unwrap()).unwrap()
}

#[test]
fn a_held_tunnel_is_used_and_survives_its_ssh() {
    let (held, _gateway) = Held::up();
    let tunnel = held.tunnel();
    assert_eq!(tunnel["state"], "connected", "{tunnel}");
    let port = port(&tunnel);
    assert!(answers(port));
    let status = held.laptop.text(&["status"]);
    assert!(status.contains("connected"), "{status}");

    // Commands go through it: no other ssh is needed.
    let (ssh, hidden) = (held.laptop.home().join("bin/ssh"), held.laptop.home().join("bin/hidden"));
    std::fs::rename(&ssh, &hidden).unwrap();
    Sshd::script(&held.laptop.home().join("bin"), "ssh", "exit 255").unwrap();
    held.laptop.text(&["health"]);
    held.laptop.text(&["agent", "--message", "hello"]);
    std::fs::rename(&hidden, &ssh).unwrap();

    assert_eq!(held.ssh().len(), 1, "one ssh, without a wrapper around it");
    signal(pid(&tunnel["sshPid"]), Signal::KILL);
    let killed = Instant::now();
    // A connection may have been taken by the dying ssh; the next one waits for its successor.
    while !answers(port) {
        assert!(killed.elapsed() < Duration::from_secs(2), "{}", held.tunnel());
    }
    let took = killed.elapsed();
    assert!(took < Duration::from_secs(2), "usable again after {took:?}");
    held.laptop.text(&["health"]);
    let again = held.tunnel();
    assert_eq!((&again["localPort"], &again["losses"]), (&tunnel["localPort"], &1.into()));
    assert_ne!(again["sshPid"], tunnel["sshPid"]);

    held.laptop.text(&["remote", "up"]);
    held.laptop.text(&["remote", "down"]);
    held.no_ssh_is_left();
    assert!(!answers(port));
    assert_eq!(held.laptop.code(&["remote", "status"]), 3);
    // Without the tunnel the name still works.
    held.laptop.text(&["health"]);
}

#[test]
fn killing_the_process_that_holds_it_leaves_no_ssh_and_the_next_one_recovers() {
    let (held, _gateway) = Held::up();
    let before = held.report();
    let second = held.laptop.run(&["remote", "run", "server"]);
    assert_eq!(second.status.code(), Some(78), "{}", shown(&second));

    signal(pid(&before["supervisor"]["pid"]), Signal::KILL);
    held.no_ssh_is_left();
    assert_eq!(held.laptop.code(&["remote", "status"]), 3);
    held.laptop.text(&["health"]);
    held.laptop.text(&["remote", "up"]);
    assert_eq!(held.tunnel()["localPort"], before["supervisor"]["tunnels"][0]["localPort"]);
    held.laptop.text(&["health"]);
}

#[test]
fn a_link_that_carries_nothing_is_given_up_within_15_s() {
    let (held, _gateway) = Held::up();
    let folder = held.sshd.config().parent().unwrap().to_owned();
    let server = processes(&folder.join("sshd_config").display().to_string());
    let sessions: Vec<i32> = server.into_iter().flat_map(descendants).collect();
    assert!(!sessions.is_empty());
    for session in &sessions {
        signal(*session, Signal::STOP);
    }
    let started = Instant::now();
    let first = held.tunnel()["sshPid"].clone();
    while held.tunnel()["sshPid"] == first {
        assert!(started.elapsed() < Duration::from_secs(15), "{}", held.tunnel());
    }
    held.becomes("connected", Duration::from_secs(5));
    held.laptop.text(&["health"]);
    for session in sessions {
        // Some ended with the connection.
        kill_process(Pid::from_raw(session).unwrap(), Signal::KILL).ok();
    }
}

#[test]
fn a_gateway_that_is_down_is_told_apart_and_waited_for() {
    let (held, gateway) = Held::up();
    let ssh = held.tunnel()["sshPid"].clone();
    gateway.end(Signal::TERM);
    held.becomes("degraded", Duration::from_secs(5));
    let tunnel = held.tunnel();
    let reason = tunnel["reason"].as_str().unwrap();
    assert!(reason.contains("no Gateway answers on"), "{tunnel}");
    assert!(tunnel["hint"].as_str().unwrap().contains("gateway status"));
    let status = held.laptop.run(&["status"]);
    assert_eq!(status.status.code(), Some(11), "{}", shown(&status));
    assert!(shown(&status).contains("degraded"), "{}", shown(&status));

    let _gateway = held.server.gateway(&["--port", "0"]);
    held.becomes("connected", Duration::from_secs(10));
    assert_eq!(held.tunnel()["sshPid"], ssh, "the same ssh all the time");
}

#[test]
fn an_answer_goes_on_where_it_was_when_the_tunnel_is_killed() {
    let provider = Provider::start(&[Turn::Halves("One, two, ", "three, four.")]);
    let (held, _gateway) = Held::with(&provider.configuration());
    let mut command = held.laptop.command(&["agent", "--message", "count"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut said = read_until(&mut stdout, "two");
    held.lose();
    // The second half is said while nobody can hear it.
    provider.go_on();
    held.answered();
    held.find();
    stdout.read_to_string(&mut said).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{said} {}", shown(&output));
    assert_eq!(said.trim(), "One, two, three, four.", "{}", shown(&output));
}

#[test]
fn a_session_is_followed_over_a_killed_tunnel_with_nothing_missing_and_nothing_doubled() {
    let (held, _gateway) = Held::up();
    let mut command = held.laptop.command(&["sessions", "show", "main", "--follow"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let say = |text: &str| held.server.text(&["agent", "--message", text]);
    say("word-1.");
    let mut said = read_until(&mut stdout, "word-1.");
    held.lose();
    say("word-2.");
    say("word-3.");
    held.find();
    said += &read_until(&mut stdout, "word-3.");
    say("word-4.");
    said += &read_until(&mut stdout, "word-4.");
    // The assistant says them too, within its sentences.
    let words: Vec<&str> =
        said.lines().map(str::trim).filter(|line| line.starts_with("word-")).collect();
    assert_eq!(words, ["word-1.", "word-2.", "word-3.", "word-4."], "{said}");
    send(&child, Signal::INT);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn an_answer_goes_on_when_the_login_that_carries_it_is_killed() {
    let provider = Provider::start(&[Turn::Halves("One, two, ", "three, four.")]);
    let sshd = Sshd::start().unwrap();
    let (server, laptop) = (Machine::new(), laptop(&sshd));
    server.configure(&provider.configuration());
    install(&sshd, &server);
    let _gateway = server.gateway(&["--port", "0"]);
    let mut command = laptop.command(&["agent", "--message", "count", "--ssh", &sshd.target()]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut said = read_until(&mut stdout, "two");
    for process in processes(&sshd.config().display().to_string()) {
        signal(process, Signal::KILL);
    }
    provider.go_on();
    stdout.read_to_string(&mut said).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{said} {}", shown(&output));
    assert_eq!(said.trim(), "One, two, three, four.", "{}", shown(&output));
}

#[test]
fn what_ssh_says_is_said_with_the_next_command() {
    let (held, _gateway) = Held::up();
    held.laptop.text(&["remote", "down"]);
    held.sshd.forget_host_key().unwrap();
    let output = held.laptop.run(&["remote", "up"]);
    assert_eq!(output.status.code(), Some(11), "{}", shown(&output));
    let text = shown(&output);
    assert!(text.contains("host key") && text.contains("hint:"), "{text}");
    assert_eq!(held.laptop.code(&["remote", "status"]), 11);
}
