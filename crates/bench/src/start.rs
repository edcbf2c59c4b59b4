//! The suite `start`: exec to first answer, memory at rest, one command, requests a second, memory per
//! idle client. Each thing is measured by itself, on a state folder that exists, one after the other.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use crate::{
    gateway::{Running, Subject, pause},
    memory::tree_rss,
    report::{self, Figures},
    wire::Wire,
};

const START_LIMIT: Duration = Duration::from_secs(180);
const REST_BEFORE_LOOKING: Duration = Duration::from_secs(10);
const SETTLE: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(2);
const IDLE_CLIENTS: u32 = 200;
const IN_FLIGHT: u32 = 32;
/// How many of our Gateways rest side by side while memory is looked at.
const REST_AT_ONCE: u32 = 10;

/// What to measure.
pub(crate) struct Options {
    pub(crate) openclaw: PathBuf,
    pub(crate) runs: u32,
    pub(crate) original: Option<Original>,
    /// The Node that runs scripts.
    pub(crate) node: Option<PathBuf>,
    /// What drives a browser.
    pub(crate) script: Option<PathBuf>,
}

/// Where the original is.
pub(crate) struct Original {
    pub(crate) node: PathBuf,
    pub(crate) entry: PathBuf,
}

/// How much is asked of a program; the original gets less, or it takes an hour.
#[derive(Clone, Copy)]
struct Effort {
    runs: u32,
    at_once: u32,
    requests: u32,
}

impl Options {
    /// Reads `--openclaw PATH --runs N [--node PATH --original PATH] [--script PATH]`.
    pub(crate) fn parse(words: &[String]) -> anyhow::Result<Self> {
        let (mut openclaw, mut node, mut entry, mut runs) = (None, None, None, 20);
        let mut script = None;
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let value = words.next().with_context(|| format!("{word} needs a value"))?;
            // What is measured runs in another folder.
            let path = || std::path::absolute(value).context("failed to find the current folder");
            match word.as_str() {
                "--openclaw" => openclaw = Some(path()?),
                "--node" => node = Some(path()?),
                "--script" => script = Some(path()?),
                "--original" => entry = Some(path()?),
                "--runs" => runs = value.parse().context("--runs is not a number")?,
                other => bail!("unknown argument `{other}`"),
            }
        }
        let original = node.clone().zip(entry).map(|(node, entry)| Original { node, entry });
        let openclaw = openclaw.context("--openclaw is missing")?;
        Ok(Self { openclaw, runs, original, node, script })
    }
}

/// Measures and prints.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let bench = std::env::current_exe().context("failed to find this program")?;
    let ours = Effort { runs: options.runs, at_once: REST_AT_ONCE, requests: 3_000 };
    progress("this Gateway")?;
    let ours = measure(&bench, ours, &|| Subject::ours(&options.openclaw))?;
    let original = match &options.original {
        Some(original) => {
            progress("the original")?;
            let effort = Effort { runs: options.runs.min(5), at_once: 1, requests: 300 };
            let make = || Subject::original(&original.node, &original.entry);
            Some(measure(&bench, effort, &make)?)
        }
        None => None,
    };
    report::print(&ours, original.as_ref())
}

type Make<'a> = &'a dyn Fn() -> anyhow::Result<Subject>;

fn measure(bench: &Path, effort: Effort, make: Make<'_>) -> anyhow::Result<Figures> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start a runtime")?;
    let mut figures = Figures::default();
    let subject = make()?;
    progress("  exec to first health")?;
    stop(&runtime, &subject, |_, _| Ok(()))?;
    for _ in 0..effort.runs {
        stop(&runtime, &subject, |took, _| {
            figures.start_ms.push(took.as_secs_f64() * 1e3);
            Ok(())
        })?;
    }
    progress("  memory at rest")?;
    rest(&runtime, effort, make, &mut figures)?;
    progress("  health --json")?;
    stop(&runtime, &subject, |_, _| commands(bench, &subject, effort, &mut figures))?;
    progress("  requests a second")?;
    stop(&runtime, &subject, |_, _| {
        runtime.block_on(rates(bench, &subject, effort, &mut figures))
    })?;
    progress("  memory per idle client")?;
    for _ in 0..effort.runs {
        stop(&runtime, &subject, |_, running| {
            figures.client_kib.push(per_client(bench, &subject, running)?);
            Ok(())
        })?;
    }
    Ok(figures)
}

/// Starts, waits for the first answer, does something, stops.
fn stop(
    runtime: &tokio::runtime::Runtime,
    subject: &Subject,
    act: impl FnOnce(Duration, &Running) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut running = subject.start()?;
    let took = first_answer(runtime, subject, &mut running)
        .with_context(|| format!("the Gateway printed: {}", subject.printed()))?;
    act(took, &running)?;
    running.stop()
}

/// From exec to the first answered `health`.
pub(crate) fn first_answer(
    runtime: &tokio::runtime::Runtime,
    subject: &Subject,
    running: &mut Running,
) -> anyhow::Result<Duration> {
    let deadline = running.started + START_LIMIT;
    let token = loop {
        match subject.token() {
            Ok(token) => break token,
            Err(error) if running.ended() || Instant::now() > deadline => return Err(error),
            Err(_) => pause(LOOK_EVERY),
        }
    };
    runtime.block_on(async {
        let mut wire = Wire::connect_by(subject.port, &token, deadline).await?;
        wire.call("health", &json!({})).await
    })?;
    Ok(running.started.elapsed())
}

/// Memory of the whole process tree, ten seconds after the first answer.
fn rest(
    runtime: &tokio::runtime::Runtime,
    effort: Effort,
    make: Make<'_>,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let mut left = effort.runs;
    while left > 0 {
        let batch = left.min(effort.at_once);
        let mut resting = Vec::new();
        for _ in 0..batch {
            let subject = make()?;
            let mut running = subject.start()?;
            first_answer(runtime, &subject, &mut running)?;
            resting.push((subject, running));
        }
        pause(REST_BEFORE_LOOKING);
        for (_subject, running) in resting {
            figures.rest_mib.push(mib(tree_rss(running.pid())?));
            running.stop()?;
        }
        left -= batch;
    }
    Ok(())
}

/// Wall time and peak memory of `openclaw health --json`.
fn commands(
    bench: &Path,
    subject: &Subject,
    effort: Effort,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    for _ in 0..effort.runs {
        let mut command = subject.measured(bench, &["health", "--json"]);
        let output = command.output().context("failed to start a command")?;
        let printed = String::from_utf8_lossy(&output.stdout);
        let (took, peak) = printed.trim().split_once(' ').with_context(|| {
            format!("`health --json` failed: {}", String::from_utf8_lossy(&output.stderr))
        })?;
        figures.command_ms.push(took.parse::<f64>().context("no time")? / 1e3);
        figures.command_mib.push(mib(peak.parse().context("no memory")?));
    }
    Ok(())
}

/// Requests a second, in turn with the bare server, so that both see the same machine.
async fn rates(
    bench: &Path,
    subject: &Subject,
    effort: Effort,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let token = subject.token()?;
    let mut gateway = Wire::connect(subject.port, &token).await?;
    let answer = gateway.call("health", &json!({})).await?;
    figures.answer_bytes = answer.to_string().len();
    let (_echo, port) = Helper::start(bench, &["echo", &shown(&answer)], None)?;
    let mut bare = Wire::open(port.parse().context("the echo printed no port")?).await?;
    for wire in [&mut gateway, &mut bare] {
        wire.load(effort.requests / 3, IN_FLIGHT).await?;
    }
    for _ in 0..effort.runs {
        figures.rate_1.push(gateway.load(effort.requests, 1).await?);
        figures.bare_1.push(bare.load(effort.requests, 1).await?);
        figures.rate_32.push(gateway.load(effort.requests * 2, IN_FLIGHT).await?);
        figures.bare_32.push(bare.load(effort.requests * 2, IN_FLIGHT).await?);
    }
    Ok(())
}

fn shown(answer: &Value) -> String {
    answer.to_string()
}

/// How much the Gateway grows per idle client, in KiB.
fn per_client(bench: &Path, subject: &Subject, running: &Running) -> anyhow::Result<f64> {
    pause(SETTLE);
    let before = tree_rss(running.pid())?;
    let (port, count) = (subject.port.to_string(), IDLE_CLIENTS.to_string());
    let (_clients, said) =
        Helper::start(bench, &["clients", &port, &count], Some(&subject.token()?))?;
    if said != "ready" {
        bail!("the idle clients did not connect: {}", subject.printed());
    }
    pause(SETTLE);
    let after = tree_rss(running.pid())?;
    #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
    let grown = (after as f64 - before as f64) / 1024.0;
    Ok(grown / f64::from(IDLE_CLIENTS))
}

/// Another role of this binary. Ends when dropped, because its standard input ends.
pub(crate) struct Helper {
    child: Child,
    _output: BufReader<ChildStdout>,
}

impl Helper {
    /// Starts a role and returns the first line it prints.
    pub(crate) fn start(
        bench: &Path,
        words: &[&str],
        input: Option<&str>,
    ) -> anyhow::Result<(Self, String)> {
        let mut child = Command::new(bench)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("failed to start a helper")?;
        if let (Some(text), Some(stdin)) = (input, child.stdin.as_mut()) {
            writeln!(stdin, "{text}").context("failed to write to a helper")?;
        }
        let mut output = BufReader::new(child.stdout.take().context("a helper has no output")?);
        let mut line = String::new();
        output.read_line(&mut line).context("failed to read from a helper")?;
        Ok((Self { child, _output: output }, line.trim().to_owned()))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It ends by itself; how is of no interest.
        drop(self.child.wait());
    }
}

#[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
pub(crate) fn mib(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}

/// Says on standard error what is going on.
pub(crate) fn progress(what: &str) -> anyhow::Result<()> {
    writeln!(std::io::stderr(), "measuring {what}").context("failed to say so")
}
