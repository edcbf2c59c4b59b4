//! The suite `remote`: what `ssh` costs us beyond `ssh` itself, with no delay and with an injected one.
//!
//! A real `sshd` on loopback stands behind a proxy that delays. Everything is measured in turn, so that
//! the bare login and ours see the same machine.

use std::{
    ffi::OsString,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Command, Output},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use openclaw_testkit::{FaultProxy, sshd::Sshd};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{
    gateway::{Running, Subject, pause},
    start::{Original, progress},
    stats::Samples,
};

mod report;

pub(crate) use self::report::Weather;

/// How long a link has been dead when it has to be noticed, and some more.
const NOTICE_LIMIT: Duration = Duration::from_secs(30);
const UP_LIMIT: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Injected each way in the second half.
const DELAY: Duration = Duration::from_millis(50);
/// How often a byte goes there and back.
const ECHOES: u32 = 50;
/// A frozen link takes ten seconds to notice, so it is frozen less often.
const FREEZES: u32 = 3;

/// Two machines, the line between them, and the proxy that stands in it.
struct Scene {
    server: Subject,
    laptop: Subject,
    _gateway: Running,
    sshd: Sshd,
    line: FaultProxy,
    path: OsString,
}

/// Measures and prints.
pub(crate) fn run(openclaw: &Path, runs: u32, original: Option<&Original>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("failed to start a runtime")?;
    let scene = Scene::set(&runtime, openclaw)?;
    let mut weathers = Vec::new();
    for delay in [Duration::ZERO, DELAY] {
        scene.line.delay(delay);
        let mut weather = Weather::new(delay);
        progress(&format!("{} ms each way", delay.as_millis()))?;
        scene.measure(runs, &mut weather)?;
        weathers.push(weather);
    }
    scene.line.delay(Duration::ZERO);
    progress("a link that carries nothing")?;
    let noticed = scene.freeze()?;
    scene.openclaw(&scene.laptop, &["remote", "down"])?;
    let theirs = match original {
        Some(original) => Some(scene.original(original, runs.min(5))?),
        None => None,
    };
    report::print(&weathers, &noticed, theirs.as_ref())
}

impl Scene {
    fn set(runtime: &tokio::runtime::Runtime, openclaw: &Path) -> anyhow::Result<Self> {
        let sshd = Sshd::start().context("failed to start sshd")?;
        let line = runtime.block_on(FaultProxy::start(sshd.port()));
        sshd.known_at(line.port()).context("failed to note the host key")?;
        let (server, laptop) = (Subject::ours(openclaw)?, Subject::ours(openclaw)?);
        // Both ends of the login: the program there with the server's state, and `ssh` here with the
        // throwaway configuration. The bare login goes through the same script.
        let there = format!("{} exec {} \"$@\"", server.variables(), openclaw.display());
        Sshd::script(&sshd.bin(), "openclaw", &there).context("failed to write a script")?;
        let bin = laptop.home().join("bin");
        let here = format!("exec /usr/bin/ssh -F {} \"$@\"", sshd.config().display());
        Sshd::script(&bin, "ssh", &here).context("failed to write a script")?;
        let mut path = bin.into_os_string();
        path.push(":/usr/bin:/bin");
        let gateway = server.start()?;
        let scene = Self { server, laptop, _gateway: gateway, sshd, line, path };
        scene.wait_for(&scene.server, &["health"], UP_LIMIT)?;
        let target = scene.target();
        scene.openclaw(&scene.laptop, &["remote", "add", &target, "--name", "server"])?;
        Ok(scene)
    }

    fn target(&self) -> String {
        format!("127.0.0.1:{}", self.line.port())
    }

    fn command(&self, subject: &Subject, words: &[&str]) -> Command {
        let mut command = subject.command(words);
        command.env("PATH", &self.path).stdin(std::process::Stdio::null());
        command
    }

    /// Runs one of our commands, which must succeed, and says how long it took.
    fn openclaw(&self, subject: &Subject, words: &[&str]) -> anyhow::Result<(Duration, Output)> {
        timed(&mut self.command(subject, words))
    }

    fn wait_for(&self, subject: &Subject, words: &[&str], limit: Duration) -> anyhow::Result<()> {
        let started = Instant::now();
        while let Err(error) = self.openclaw(subject, words) {
            if started.elapsed() > limit {
                return Err(error);
            }
            pause(LOOK_EVERY);
        }
        Ok(())
    }

    fn bare_login(&self) -> anyhow::Result<Duration> {
        let mut command = Command::new(self.laptop.home().join("bin/ssh"));
        let port = self.line.port().to_string();
        command.args(["-o", "BatchMode=yes", "-p", &port, "127.0.0.1", "true"]);
        command.stdin(std::process::Stdio::null());
        Ok(timed(&mut command)?.0)
    }

    /// A byte through `ssh` and back, as a login that is held sees it: what a round trip really costs.
    fn round_trips(&self, samples: &mut Samples) -> anyhow::Result<()> {
        let mut command = Command::new(self.laptop.home().join("bin/ssh"));
        let port = self.line.port().to_string();
        command.args(["-o", "BatchMode=yes", "-p", &port, "127.0.0.1", "cat"]);
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut child = command.spawn().context("failed to start ssh")?;
        let mut near = child.stdin.take().context("no input")?;
        let mut far = child.stdout.take().context("no output")?;
        let mut byte = [b'x'];
        for index in 0..=ECHOES {
            let started = Instant::now();
            near.write_all(&byte).context("failed to write to ssh")?;
            far.read_exact(&mut byte).context("failed to read from ssh")?;
            // The first one waits for the login.
            if index > 0 {
                push(samples, started.elapsed());
            }
        }
        drop(near);
        child.wait().context("failed to wait for ssh")?;
        Ok(())
    }

    /// The same through the held tunnel: a small answer over a connection that is open already.
    fn tunnel_round_trips(&self, samples: &mut Samples) -> anyhow::Result<()> {
        let port = self.tunnel()?.get("localPort").and_then(Value::as_u64).context("no port")?;
        let port = u16::try_from(port).context("no port")?;
        let mut stream = TcpStream::connect(("127.0.0.1", port)).context("failed to connect")?;
        stream.set_nodelay(true).context("failed to set TCP_NODELAY")?;
        let request = format!("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
        let mut answer = [0; 4096];
        for index in 0..=ECHOES {
            let started = Instant::now();
            stream.write_all(request.as_bytes()).context("failed to ask")?;
            let count = stream.read(&mut answer).context("failed to read")?;
            if !answer.get(..count).is_some_and(|answer| answer.starts_with(b"HTTP/1.1 200")) {
                bail!("no answer through the tunnel");
            }
            // The first one waits for the channel.
            if index > 0 {
                push(samples, started.elapsed());
            }
        }
        Ok(())
    }

    fn measure(&self, runs: u32, weather: &mut Weather) -> anyhow::Result<()> {
        let target = self.target();
        for _ in 0..runs {
            push(&mut weather.bare, self.bare_login()?);
            push(&mut weather.ssh, self.openclaw(&self.laptop, &["health", "--ssh", &target])?.0);
            push(&mut weather.local, self.openclaw(&self.server, &["health"])?.0);
            let words = ["gateway", "probe", "--ssh", &target, "--timeout", "20s"];
            push(&mut weather.probe, self.openclaw(&self.laptop, &words)?.0);
        }
        self.openclaw(&self.laptop, &["remote", "up"])?;
        self.connected()?;
        let through = ["health", "--gateway", "server"];
        self.round_trips(&mut weather.trips)?;
        self.tunnel_round_trips(&mut weather.held_trips)?;
        for _ in 0..runs {
            push(&mut weather.local, self.openclaw(&self.server, &["health"])?.0);
            push(&mut weather.held, self.openclaw(&self.laptop, &through)?.0);
        }
        for _ in 0..runs {
            push(&mut weather.bare, self.bare_login()?);
            let killed = Instant::now();
            self.kill_ssh()?;
            self.wait_for(&self.laptop, &through, UP_LIMIT)?;
            push(&mut weather.restored, killed.elapsed());
            self.connected()?;
        }
        self.openclaw(&self.laptop, &["remote", "down"])?;
        Ok(())
    }

    fn tunnel(&self) -> anyhow::Result<Value> {
        let mut command = self.command(&self.laptop, &["remote", "status", "--json"]);
        let output = command.output().context("failed to ask for the tunnel")?;
        let report: Value = serde_json::from_slice(&output.stdout).context("no report")?;
        Ok(report.pointer("/supervisor/tunnels/0").cloned().unwrap_or_default())
    }

    fn connected(&self) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            let tunnel = self.tunnel()?;
            if tunnel.get("state").is_some_and(|state| state == "connected") {
                return Ok(());
            }
            if started.elapsed() > UP_LIMIT {
                bail!("the tunnel does not come up: {tunnel}");
            }
            pause(LOOK_EVERY);
        }
    }

    fn ssh_pid(&self) -> anyhow::Result<Option<i32>> {
        let pid = self.tunnel()?.get("sshPid").and_then(Value::as_i64);
        pid.map(|pid| i32::try_from(pid).context("no process id")).transpose()
    }

    fn kill_ssh(&self) -> anyhow::Result<()> {
        let pid = self.ssh_pid()?.and_then(Pid::from_raw).context("the tunnel has no ssh")?;
        kill_process(pid, Signal::KILL).context("failed to kill ssh")
    }

    /// From the last byte that gets through to the end of the `ssh` that was given up.
    fn freeze(&self) -> anyhow::Result<Samples> {
        let mut noticed = Samples::default();
        self.openclaw(&self.laptop, &["remote", "up"])?;
        for _ in 0..FREEZES {
            self.connected()?;
            let before = self.ssh_pid()?;
            self.line.freeze();
            let frozen = Instant::now();
            // Something is asked all the time and never answered.
            let mut pending = self.command(&self.laptop, &["health", "--gateway", "server"]);
            let mut pending = pending
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .spawn()
                .context("failed to start a command")?;
            while self.ssh_pid()? == before {
                if frozen.elapsed() > NOTICE_LIMIT {
                    bail!("a link that carries nothing is not noticed: {}", self.sshd.log());
                }
                pause(LOOK_EVERY);
            }
            push(&mut noticed, frozen.elapsed());
            self.line.thaw();
            pending.wait().context("failed to wait for a command")?;
        }
        Ok(noticed)
    }

    /// What the original does over `ssh`: its probe, with no delay and with one.
    fn original(&self, original: &Original, runs: u32) -> anyhow::Result<Vec<(Duration, Samples)>> {
        progress("the original's probe over ssh")?;
        let theirs = Subject::original(&original.node, &original.entry)?;
        let gateway = theirs.start()?;
        self.wait_for(&theirs, &["gateway", "health"], Duration::from_secs(180))?;
        let target = self.target();
        let mut rows = Vec::new();
        for delay in [Duration::ZERO, DELAY] {
            self.line.delay(delay);
            let mut samples = Samples::default();
            for _ in 0..runs {
                let words = ["gateway", "probe", "--ssh", &target, "--timeout", "20000"];
                let token = theirs.token()?;
                let words: Vec<&str> =
                    words.into_iter().chain(["--token", token.as_str()]).collect();
                let started = Instant::now();
                // Its exit code is about localhost; the time is what is compared.
                self.command(&theirs, &words).output().context("failed to start the original")?;
                push(&mut samples, started.elapsed());
            }
            rows.push((delay, samples));
        }
        gateway.stop()?;
        Ok(rows)
    }
}

fn push(samples: &mut Samples, time: Duration) {
    samples.push(time.as_secs_f64() * 1e3);
}

fn timed(command: &mut Command) -> anyhow::Result<(Duration, Output)> {
    let started = Instant::now();
    let output = command.output().context("failed to start a command")?;
    let took = started.elapsed();
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} failed ({}): {said}", output.status);
    }
    Ok((took, output))
}
