//! Machines with a home folder each, and the Gateway on one of them.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// The program under test.
pub(crate) const OPENCLAW: &str = env!("CARGO_BIN_EXE_openclaw");
/// Longest that anything here may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A home folder, and an environment with nothing else in it.
pub(crate) struct Machine {
    home: TempDir,
    env: Vec<(String, String)>,
    prefix: Vec<OsString>,
}

impl Machine {
    /// A machine on which nothing was ever configured.
    pub(crate) fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap(), env: Vec::new(), prefix: Vec::new() }
    }

    /// Starts everything with these words before it, such as those of a namespace.
    pub(crate) fn behind(mut self, prefix: Vec<OsString>) -> Self {
        self.prefix = prefix;
        self
    }

    /// Sets a variable for everything that runs here.
    pub(crate) fn with_env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// The home folder.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// The state folder.
    pub(crate) fn state(&self) -> PathBuf {
        self.home().join(".openclaw")
    }

    /// Writes the configuration.
    pub(crate) fn configure(&self, text: &str) {
        std::fs::create_dir_all(self.state()).unwrap();
        std::fs::write(self.state().join("openclaw.json"), text).unwrap();
    }

    /// The program, not started yet.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut words = self.prefix.iter().map(OsString::as_os_str).chain([OsStr::new(OPENCLAW)]);
        let mut command = Command::new(words.next().unwrap());
        command
            .args(words)
            .args(args)
            .env_clear()
            .env("HOME", self.home())
            .current_dir(self.home());
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }

    /// Runs to the end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs, must succeed, and gives standard output.
    pub(crate) fn text(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", shown(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs with `--json`, must succeed, and gives the value.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        serde_json::from_str(&self.text(&args)).unwrap()
    }

    /// Runs, and gives the exit code.
    pub(crate) fn code(&self, args: &[&str]) -> i32 {
        self.run(args).status.code().unwrap()
    }

    /// Starts a Gateway and waits until it says that it listens.
    pub(crate) fn gateway(&self, args: &[&str]) -> Gateway {
        let args: Vec<&str> = ["gateway", "run"].into_iter().chain(args.iter().copied()).collect();
        let mut child =
            self.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("From afar") {
            if lines.read_line(&mut said).unwrap() == 0 {
                let mut told = String::new();
                child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
                panic!("no Gateway: {said}{told}");
            }
        }
        let address = said.split("ws://127.0.0.1:").nth(1).unwrap();
        let port = address.lines().next().unwrap().parse().unwrap();
        Gateway { child, port, said, stdout: lines }
    }

    /// The token of the Gateway that runs here.
    pub(crate) fn token(&self) -> String {
        let report = self.json(&["gateway", "auth-token"]);
        let file = report["source"].as_str().unwrap();
        std::fs::read_to_string(file).unwrap().trim().to_owned()
    }
}

/// A running Gateway; it ends with this value.
pub(crate) struct Gateway {
    child: Child,
    /// Its port.
    pub(crate) port: u16,
    /// What it said at the start.
    pub(crate) said: String,
    stdout: BufReader<ChildStdout>,
}

impl Gateway {
    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Reads what it says on standard error until a text comes.
    pub(crate) fn complains_of(&mut self, wanted: &str) -> String {
        read_until(self.child.stderr.as_mut().unwrap(), wanted)
    }

    /// Sends a signal and waits for the end.
    pub(crate) fn end(mut self, signal: Signal) -> Ended {
        send(&self.child, signal);
        let started = Instant::now();
        let status = self.child.wait().unwrap();
        let took = started.elapsed();
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        Ended { code: status.code(), took }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Gone already if the test ended it.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// How a Gateway ended.
pub(crate) struct Ended {
    /// Its exit code, none after SIGKILL.
    pub(crate) code: Option<i32>,
    /// How long it took.
    pub(crate) took: Duration,
}

/// Sends a signal to a child.
pub(crate) fn send(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Everything that came out.
pub(crate) fn shown(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{:?}\n{}\n{}", output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Reads a child's output until it holds a text.
pub(crate) fn read_until(reader: &mut impl Read, wanted: &str) -> String {
    let mut seen = Vec::new();
    let mut byte = [0];
    while !String::from_utf8_lossy(&seen).contains(wanted) {
        match reader.read(&mut byte).unwrap() {
            0 => panic!("{wanted:?} never came: {}", String::from_utf8_lossy(&seen)),
            _ => seen.extend(byte),
        }
    }
    String::from_utf8(seen).unwrap()
}
