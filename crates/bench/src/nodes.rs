//! The suite `nodes`: many simulated nodes at one Gateway, and the memory of one real node host.

use std::{
    io::Write as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use serde_json::{Value, json};

use crate::{
    fleet::COMMAND,
    gateway::{Subject, pause},
    memory::tree_rss,
    start::{Helper, Options, Original, first_answer, mib, progress},
    stats::Samples,
    wire::Wire,
};

/// Simulated nodes.
const NODES: u32 = 5_000;
/// Calls that are measured, for each run.
const CALLS: u32 = 100;
/// Calls that are sent to a node that does not read.
const STUCK_CALLS: u32 = 200;
/// How long a node host rests before its memory is looked at.
const REST: Duration = Duration::from_secs(10);
const SETTLE: Duration = Duration::from_secs(3);
const ONLINE_LIMIT: Duration = Duration::from_secs(120);
/// Descriptors that a Gateway with so many nodes needs.
const DESCRIPTORS: u64 = 2 * NODES as u64;

/// Measures and prints.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let descriptors = raise_descriptors()?;
    let bench = std::env::current_exe().context("failed to find this program")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start a runtime")?;
    progress("a Gateway with simulated nodes")?;
    let subject = Subject::ours(&options.openclaw)?;
    let mut gateway = subject.start()?;
    first_answer(&runtime, &subject, &mut gateway)?;
    let token = subject.token()?;
    pause(SETTLE);
    let before = tree_rss(gateway.pid())?;
    let port = subject.port.to_string();
    let started = Instant::now();
    let fleet =
        |count: u32| Helper::start(&bench, &["fleet", &port, &count.to_string()], Some(&token));
    let (_fleet, said) =
        fleet(NODES).with_context(|| format!("the Gateway printed: {}", subject.printed()))?;
    let took = started.elapsed();
    let names = names(&said)?;
    pause(SETTLE);
    let grown = tree_rss(gateway.pid())?.saturating_sub(before);
    let calls = CALLS * options.runs;
    progress("calls")?;
    let free = runtime.block_on(measure(subject.port, &token, &names, calls))?;
    progress("calls beside a node that does not read")?;
    let (stuck, said) = fleet(1)?;
    let stuck_name = self::names(&said)?.remove(0);
    stop(stuck.pid())?;
    let beside = runtime.block_on(async {
        let mut wire = Wire::operator(subject.port, &token).await?;
        for number in 0..STUCK_CALLS {
            wire.ask("node.invoke", &invoke(&stuck_name, &format!("stuck-{number}"))).await?;
        }
        measure(subject.port, &token, &names, calls).await
    })?;
    resume(stuck.pid())?;
    drop(stuck);
    gateway.stop()?;
    progress("node hosts at rest")?;
    let ours = host(&runtime, &subject, &|| ours_as_node(&subject, &options.openclaw))?;
    let theirs = match &options.original {
        Some(original) => Some(host(&runtime, &subject, &|| original_as_node(&subject, original))?),
        None => None,
    };
    #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
    let per_node = grown as f64 / 1024.0 / f64::from(NODES);
    let mut out = std::io::stdout().lock();
    let mut row = |name: &str, value: String, aim: &str| {
        writeln!(out, "{}", format!("{name:<52}{value:>16}   {aim}").trim_end())
            .context("failed to print")
    };
    row("", "this Gateway".to_owned(), "aim")?;
    row("simulated nodes", NODES.to_string(), "5000")?;
    row("descriptors a process may have (raised)", descriptors.to_string(), "")?;
    row("pairing and connecting all of them, s", format!("{:.1}", took.as_secs_f64()), "")?;
    row("memory per node, KiB", format!("{per_node:.1}"), "20")?;
    row("call on any of them, ms, median", format!("{:.2}", free.median()), "2")?;
    row("call on any of them, ms, p99", format!("{:.2}", free.percentile(99)), "")?;
    row(
        "the same beside a stalled node, ms, median",
        format!("{:.2}", beside.median()),
        "as above",
    )?;
    row("the same beside a stalled node, ms, p99", format!("{:.2}", beside.percentile(99)), "")?;
    row("node host at rest, MiB", format!("{ours:.1}"), "15")?;
    if let Some(theirs) = theirs {
        row("the original's node host at rest, MiB", format!("{theirs:.1}"), "")?;
    }
    row("calls measured, twice", calls.to_string(), "")
}

fn names(said: &str) -> anyhow::Result<Vec<String>> {
    let names = said.strip_prefix("ready ").context("the nodes did not connect")?;
    Ok(names.split(' ').map(str::to_owned).collect())
}

fn invoke(node: &str, key: &str) -> Value {
    json!({ "nodeId": node, "command": COMMAND, "params": { "bins": ["sh"] }, "idempotencyKey": key })
}

/// Milliseconds of calls, one after the other, on nodes from all over the fleet.
async fn measure(port: u16, token: &str, names: &[String], calls: u32) -> anyhow::Result<Samples> {
    let mut wire = Wire::operator(port, token).await?;
    let mut samples = Samples::default();
    // A step that shares no divisor with any round number of nodes visits them all.
    for (number, node) in (0..calls).zip(names.iter().cycle().step_by(997)) {
        let started = Instant::now();
        // The time makes the key new in every series.
        let params = invoke(node, &format!("call-{number}-{started:?}"));
        wire.call("node.invoke", &params).await?;
        samples.push(started.elapsed().as_secs_f64() * 1e3);
    }
    Ok(samples)
}

/// Memory of a node host that is connected and has nothing to do, in MiB.
fn host(
    runtime: &tokio::runtime::Runtime,
    subject: &Subject,
    make: &dyn Fn() -> anyhow::Result<Command>,
) -> anyhow::Result<f64> {
    let mut gateway = subject.start()?;
    first_answer(runtime, subject, &mut gateway)?;
    let token = subject.token()?;
    let mut command = make()?;
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let node = Ending(child.context("failed to start a node host")?);
    let deadline = Instant::now() + ONLINE_LIMIT;
    runtime.block_on(async {
        let mut wire = Wire::operator(subject.port, &token).await?;
        loop {
            let answer = wire.call("node.list", &json!({})).await?;
            let nodes = answer.pointer("/payload/nodes").and_then(Value::as_array);
            if nodes.is_some_and(|nodes| nodes.iter().any(|node| node["connected"] == true)) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "the node host is not online: {answer}");
            pause(Duration::from_millis(50));
        }
    })?;
    pause(REST);
    let rest = mib(tree_rss(node.0.id())?);
    drop(node);
    gateway.stop()?;
    Ok(rest)
}

fn ours_as_node(subject: &Subject, openclaw: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(openclaw);
    let url = format!("ws://127.0.0.1:{}", subject.port);
    command.args(["node", "run", "--url", &url, "--token", &subject.token()?]);
    Ok(at_home(command, &subject.home().join("node-host")))
}

fn original_as_node(subject: &Subject, original: &Original) -> anyhow::Result<Command> {
    let mut command = Command::new(&original.node);
    let port = subject.port.to_string();
    command.arg(&original.entry).args(["node", "run", "--host", "127.0.0.1", "--port", &port]);
    let mut command = at_home(command, &subject.home().join("peer-node-host"));
    command.env("OPENCLAW_GATEWAY_TOKEN", subject.token()?);
    Ok(command)
}

fn at_home(mut command: Command, home: &Path) -> Command {
    // A folder that cannot be made fails the program with its own words.
    std::fs::create_dir_all(home).unwrap_or(());
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", home);
    command
}

/// Ends with this value.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        signal(self.0.id(), Signal::TERM).unwrap_or(());
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline && matches!(self.0.try_wait(), Ok(None)) {
            pause(Duration::from_millis(20));
        }
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn stop(pid: u32) -> anyhow::Result<()> {
    signal(pid, Signal::STOP)
}

fn resume(pid: u32) -> anyhow::Result<()> {
    signal(pid, Signal::CONT)
}

fn signal(pid: u32, signal: Signal) -> anyhow::Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).context("no such process")?;
    kill_process(pid, signal).context("failed to signal a process")
}

/// Lets this process and what it starts have enough descriptors, and says how many.
fn raise_descriptors() -> anyhow::Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < DESCRIPTORS) {
        if limit.maximum.is_some_and(|maximum| maximum < DESCRIPTORS) {
            bail!("{DESCRIPTORS} descriptors are needed, and {:?} are allowed", limit.maximum);
        }
        let raised = Rlimit { current: Some(DESCRIPTORS), maximum: limit.maximum };
        setrlimit(Resource::Nofile, raised).context("failed to raise the limit")?;
    }
    Ok(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX))
}
