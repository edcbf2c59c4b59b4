//! `cargo xtask interop`: the original's programs against our Gateway, and our node host against the
//! original's Gateway, all of them real.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use clap::Args as ClapArgs;
use serde_json::{Value, json};

use crate::{peer, shell};

/// Longest that one step may take; the original needs many seconds to start.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often a step that waits looks again.
const PAUSE: Duration = Duration::from_millis(500);
const TOKEN: &str = "throw-away-token-of-the-interop-run";

/// Arguments of `cargo xtask interop`.
#[derive(ClapArgs)]
pub(crate) struct Args {
    /// Where the original is, or will be, installed (needs the network).
    #[arg(long, default_value_os_t = peer::default_folder())]
    peer: PathBuf,
}

/// Plays both directions.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let node = peer::install(&args.peer)?;
    shell::run(shell::cargo().args(["build", "--quiet", "--package", "openclaw-cli"]))?;
    let programs = Programs {
        ours: shell::workspace()?.target_directory.join("debug/openclaw").into(),
        node,
        entry: args.peer.join("node_modules/openclaw/openclaw.mjs"),
    };
    shell::heading("the original's node host and command line, our Gateway")?;
    theirs_against_ours(&programs)?;
    shell::heading("our node host and command line, the original's Gateway")?;
    ours_against_theirs(&programs)?;
    shell::say("both directions work")
}

fn theirs_against_ours(programs: &Programs) -> anyhow::Result<()> {
    let (server, laptop) = (Home::new("gateway")?, Home::new("node")?);
    let port = spare_port()?;
    server.configure(port)?;
    let number = port.to_string();
    let _gateway = server.start(&mut programs.ours(&server, &["gateway", "run"]))?;
    let ours = |words: &[&str]| read(&mut programs.ours(&server, words));
    wait_for("our Gateway", || ours(&["health", "--json"]))?;
    let mut host = programs.theirs(
        &laptop,
        &["node", "run", "--host", "127.0.0.1", "--port", &number, "--display-name", "peer"],
    );
    let _node = laptop.start(host.env("OPENCLAW_GATEWAY_TOKEN", TOKEN))?;
    let state = wait_for("the original's node host", || {
        let listed: Value = serde_json::from_str(&ours(&["nodes", "list", "--json"])?)?;
        let node = listed.pointer("/nodes/0").context("no node is there yet")?;
        ensure!(node["connected"] == true, "it is not connected: {node}");
        Ok(node["displayName"].to_string())
    })?;
    hop("their node host pairs and is online as", &state)?;
    let found = ours(&[
        "nodes",
        "invoke",
        "--node",
        "peer",
        "--command",
        "system.which",
        "--params",
        r#"{"bins":["uname"]}"#,
    ])?;
    ensure!(found.contains("uname"), "system.which says {found}");
    hop("system.which on it", &found)?;
    let said = ours(&["nodes", "run", "--node", "peer", "--", "uname", "-s"])?;
    ensure!(said.trim() == "Linux", "uname says {said}");
    hop("`openclaw nodes run --node peer -- uname -s` through our Gateway", &said)?;

    let url = format!("ws://127.0.0.1:{port}");
    let theirs = |words: &[&str]| {
        let mut command = programs.theirs(&laptop, words);
        command.env("OPENCLAW_GATEWAY_URL", &url).env("OPENCLAW_GATEWAY_TOKEN", TOKEN);
        command.env("OPENCLAW_GATEWAY_PORT", &number);
        read(&mut command)
    };
    for (words, wanted) in [
        (&["gateway", "call", "health"][..], "\"ok\": true"),
        (&["nodes", "list"], "peer"),
        (&["devices", "list"], "peer"),
        (&["channels", "status"], "Gateway reachable"),
        (&["agent", "--agent", "main", "--message", "hello"], "offline assistant"),
        (&["approvals", "get", "--gateway"], "exec-approvals.json"),
        (&["gateway", "probe"], &number),
    ] {
        let said = theirs(words)?;
        ensure!(said.contains(wanted), "`{}` says {said}", words.join(" "));
        hop(&format!("their `openclaw {}`", words.join(" ")), "works")?;
    }
    Ok(())
}

fn ours_against_theirs(programs: &Programs) -> anyhow::Result<()> {
    let (server, laptop, desk) = (Home::new("gateway")?, Home::new("node")?, Home::new("desk")?);
    let port = spare_port()?;
    server.configure(port)?;
    let url = format!("ws://127.0.0.1:{port}");
    let reach = ["--url", &url, "--token", TOKEN];
    let theirs = |words: &[&str]| read(&mut programs.theirs(&server, words));
    let ours = |words: &[&str]| read(&mut programs.ours(&desk, words));
    let number = port.to_string();
    let _gateway =
        server.start(&mut programs.theirs(&server, &["gateway", "run", "--port", &number]))?;
    wait_for("the original's Gateway", || ours(&[&["health"][..], &reach].concat()))?;
    hop("our `openclaw health` against their Gateway", "works")?;
    let words = [&["node", "run", "--display-name", "ours"][..], &reach].concat();
    let _node = laptop.start(&mut programs.ours(&laptop, &words))?;
    let request = wait_for("our node host at the original's Gateway", || {
        let pending: Value = serde_json::from_str(&theirs(&["nodes", "pending", "--json"])?)?;
        let request =
            pending.pointer("/0/requestId").or_else(|| pending.pointer("/pending/0/requestId"));
        Ok(request
            .and_then(Value::as_str)
            .with_context(|| format!("none waits: {pending}"))?
            .to_owned())
    })?;
    hop("our node host asks for its commands", &request)?;
    theirs(&["nodes", "approve", &request])?;
    let which = ["nodes", "invoke", "--node", "ours", "--command", "system.which", "--params"];
    let found =
        wait_for("the approval", || theirs(&[&which[..], &[r#"{"bins":["uname"]}"#]].concat()))?;
    ensure!(found.contains("/uname"), "system.which says {found}");
    hop("their `openclaw nodes invoke --command system.which` on it", "works")?;
    let run = [&["nodes", "run", "--node", "ours"][..], &reach, &["--", "uname", "-s"]].concat();
    let refused = ours(&run).err().context("a command ran that nobody allowed")?;
    let refused = refused.to_string();
    ensure!(refused.contains("approval required"), "the refusal says {refused}");
    hop("a command that nobody allowed", "is refused by the node")?;
    let program = fs::canonicalize("/usr/bin/uname").context("there is no uname")?;
    let program = program.display().to_string();
    theirs(&["approvals", "allowlist", "add", "--node", "ours", "--agent", "*", &program])?;
    hop("their `openclaw approvals allowlist add --node ours`", &program)?;
    let said = ours(&run)?;
    ensure!(said.trim() == "Linux", "uname says {said}");
    hop("`uname -s` on our node through their Gateway", &said)
}

/// What is started.
struct Programs {
    ours: PathBuf,
    node: PathBuf,
    entry: PathBuf,
}

impl Programs {
    fn ours(&self, home: &Home, words: &[&str]) -> Command {
        home.command(&self.ours, words)
    }

    fn theirs(&self, home: &Home, words: &[&str]) -> Command {
        let entry = self.entry.display().to_string();
        home.command(&self.node, &[&[entry.as_str()][..], words].concat())
    }
}

/// A machine that knows nothing.
struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new(name: &str) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix(&format!("interop-{name}-")).tempdir();
        Ok(Self { folder: folder.context("failed to make a home folder")? })
    }

    /// A Gateway on a port, with a token.
    fn configure(&self, port: u16) -> anyhow::Result<()> {
        let state = self.path().join(".openclaw");
        fs::create_dir_all(&state).context("failed to make a state folder")?;
        let configuration = json!({"gateway": {
            "mode": "local", "port": port, "bind": "loopback", "auth": {"mode": "token", "token": TOKEN},
        }});
        fs::write(state.join("openclaw.json"), configuration.to_string())
            .context("failed to write a configuration")
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, program: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(words)
            .env_clear()
            .env("HOME", self.path())
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("OPENCLAW_DISABLE_BONJOUR", "1")
            .env("NO_COLOR", "1")
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }

    fn start(&self, command: &mut Command) -> anyhow::Result<Running> {
        let log = File::create(self.path().join("log")).context("failed to make a log")?;
        let other = log.try_clone().context("failed to share a log")?;
        let child =
            command.stdout(log).stderr(other).spawn().context("failed to start a program")?;
        Ok(Running(child))
    }
}

/// A program that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Asked politely first: the original starts programs of its own, and ends them.
        let pid = self.0.id().to_string();
        drop(Command::new("kill").arg(pid).status());
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            pause();
        }
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn read(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().context("failed to start a program")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("{text}{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(text)
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let until = Instant::now() + PATIENCE;
    loop {
        match look() {
            Ok(seen) => return Ok(seen),
            Err(error) if Instant::now() >= until => {
                return Err(error.context(format!("{what} does not come")));
            }
            Err(_) => pause(),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "another program's state is looked at again and again"
)]
fn pause() {
    std::thread::sleep(PAUSE);
}

fn spare_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no port is free")?;
    Ok(listener.local_addr().context("a port without a number")?.port())
}

fn hop(what: &str, outcome: &str) -> anyhow::Result<()> {
    let outcome = outcome.split_whitespace().collect::<Vec<_>>().join(" ");
    shell::say(format_args!("ok  {what}: {outcome}"))
}
