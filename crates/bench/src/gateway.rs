//! Starting and stopping what is measured: our Gateway, or the original's.

use std::{
    fs,
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::json;
use tempfile::TempDir;

const STOP_LIMIT: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Which program, with a state folder that stays the same for all its runs.
pub(crate) struct Subject {
    kind: Kind,
    home: TempDir,
    /// The port its Gateway listens on.
    pub(crate) port: u16,
}

enum Kind {
    Ours { binary: PathBuf },
    Original { node: PathBuf, entry: PathBuf, token: String },
}

/// A running Gateway. Stopped when dropped.
pub(crate) struct Running {
    child: Child,
    /// Just before exec.
    pub(crate) started: Instant,
}

impl Subject {
    /// Our binary with an empty state folder.
    pub(crate) fn ours(binary: &Path) -> anyhow::Result<Self> {
        let kind = Kind::Ours { binary: binary.to_owned() };
        Ok(Self { kind, home: home()?, port: spare_port()? })
    }

    /// The original with a configuration that differs from its defaults in port and token only.
    pub(crate) fn original(node: &Path, entry: &Path) -> anyhow::Result<Self> {
        let token = "throw-away-token-of-the-bench".to_owned();
        let (home, port) = (home()?, spare_port()?);
        let config = json!({
            "gateway": {
                "mode": "local", "port": port, "bind": "loopback",
                "auth": { "mode": "token", "token": token },
            },
        });
        fs::write(home.path().join("openclaw.json"), config.to_string())
            .context("failed to write the original's configuration")?;
        let kind = Kind::Original { node: node.to_owned(), entry: entry.to_owned(), token };
        Ok(Self { kind, home, port })
    }

    /// Starts the Gateway in a process group of its own.
    pub(crate) fn start(&self) -> anyhow::Result<Running> {
        let log = fs::File::create(self.home.path().join("gateway.out"))
            .context("failed to create a log")?;
        let port = self.port.to_string();
        let mut command = self.command(&["gateway", "run", "--port", &port]);
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("failed to share a log")?)
            .stderr(log)
            .process_group(0);
        let started = Instant::now();
        let child = command.spawn().context("failed to start a Gateway")?;
        Ok(Running { child, started })
    }

    /// A command line of the same program, with the same state.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut line = self.line();
        line.extend(words.iter().map(|word| (*word).to_owned()));
        let mut command = Command::new(line.first().cloned().unwrap_or_default());
        command.args(line.iter().skip(1));
        self.set_environment(&mut command);
        command
    }

    /// The same command line, run by `rusage`.
    pub(crate) fn measured(&self, bench: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(bench);
        command.arg("rusage").args(self.line()).args(words);
        self.set_environment(&mut command);
        command
    }

    fn line(&self) -> Vec<String> {
        match &self.kind {
            Kind::Ours { binary } => vec![binary.display().to_string()],
            Kind::Original { node, entry, .. } => {
                vec![node.display().to_string(), entry.display().to_string()]
            }
        }
    }

    /// The folder that is its home.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// The same environment as words of a shell.
    pub(crate) fn variables(&self) -> String {
        let home = self.home.path().display();
        format!(
            "HOME={home} OPENCLAW_HOME={home} OPENCLAW_STATE_DIR={home}/state \
             OPENCLAW_CONFIG_PATH={home}/openclaw.json"
        )
    }

    fn set_environment(&self, command: &mut Command) {
        let home = self.home.path();
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", home)
            .env("OPENCLAW_HOME", home)
            .env("OPENCLAW_STATE_DIR", home.join("state"))
            .env("OPENCLAW_CONFIG_PATH", home.join("openclaw.json"))
            .env("NO_COLOR", "1")
            .current_dir(home);
        if matches!(self.kind, Kind::Original { .. }) {
            command.env("OPENCLAW_DISABLE_BONJOUR", "1");
        }
    }

    /// The shared token; ours exists once the Gateway has run.
    pub(crate) fn token(&self) -> anyhow::Result<String> {
        match &self.kind {
            Kind::Original { token, .. } => Ok(token.clone()),
            Kind::Ours { .. } => {
                let path = self.home.path().join("state/gateway-token");
                let token = fs::read_to_string(&path)
                    .with_context(|| format!("failed to read {}", path.display()))?;
                Ok(token.trim().to_owned())
            }
        }
    }

    /// What the Gateway printed, for the message of a failure.
    pub(crate) fn printed(&self) -> String {
        fs::read_to_string(self.home.path().join("gateway.out")).unwrap_or_default()
    }
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended by itself.
    pub(crate) fn ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Asks it to stop and waits until it has.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        self.signal(Signal::TERM);
        let deadline = Instant::now() + STOP_LIMIT;
        while !self.ended() {
            if Instant::now() > deadline {
                bail!("the Gateway did not stop in {STOP_LIMIT:?}");
            }
            pause(LOOK_EVERY);
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // A group that is already gone is what we want.
            kill_process_group(pid, signal).unwrap_or(());
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        // Reaps the child; it cannot fail in a way that matters after the kill.
        drop(self.child.wait());
    }
}

/// Waits; measuring needs time that passes.
pub(crate) fn pause(time: Duration) {
    let (_never, receiver) = std::sync::mpsc::channel::<()>();
    // Nobody sends, so this ends by the clock.
    receiver.recv_timeout(time).unwrap_or(());
}

fn home() -> anyhow::Result<TempDir> {
    tempfile::Builder::new().prefix("openclaw-bench-").tempdir().context("failed to make a folder")
}

fn spare_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("failed to find a spare port")?;
    Ok(listener.local_addr().context("a listener has no address")?.port())
}
