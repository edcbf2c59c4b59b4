//! The suite `turns`: what a Gateway adds to a turn, and how late the words of many answers at once are.
//!
//! * message in to provider request out, and first provider byte to first delta out, one turn after the
//!   other, each in a session of its own;
//! * many answers at once, each a piece every 20 ms: every delta says how old the oldest piece in it is.
//!
//! The provider, the client and the Gateway run on this machine; the state folder stands where `TMPDIR`
//! says, so a folder in memory takes the disk's flush out of the figures.

use std::{
    collections::HashMap,
    fs,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    gateway::Subject,
    provider::{self, Asked, Manner},
    start::progress,
    stats::Samples,
    wire::Wire,
};

/// Answers at once.
const AT_ONCE: u32 = 200;
/// Pieces of each.
const PIECES: u32 = 150;
const EVERY: Duration = Duration::from_millis(20);
/// How long the provider thinks before a single answer.
const THINKS: Duration = Duration::from_millis(5);
const START_LIMIT: Duration = Duration::from_secs(60);
/// Reports of the provider that may wait; it never has more to say than there are answers.
const QUEUE: usize = 1024;
/// Turns that warm up first.
const WARM: u32 = 5;

/// Measures and prints.
pub(crate) fn run(openclaw: &Path, runs: u32) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("failed to start a runtime")?;
    let mut text = String::new();
    progress("one turn after the other")?;
    let (request, delta) = runtime.block_on(overhead(openclaw, runs))?;
    for (name, samples) in [
        ("message in to provider request out, ms", &request),
        ("first provider byte to first delta out, ms", &delta),
    ] {
        text += &format!(
            "{name:<44} median {:>7.2}   p95 {:>7.2}   aim 2 (median)\n",
            samples.median(),
            samples.percentile(95),
        );
    }
    progress("many answers at once")?;
    let (late, events) = runtime.block_on(many(openclaw))?;
    text += &format!(
        "{:<44} median {:>7.1}   p99 {:>7.1}   aim 200 (p99)\n",
        "age of the oldest word in a delta, ms",
        late.median(),
        late.percentile(99),
    );
    text += &format!(
        "\n{runs} turns one by one; {AT_ONCE} answers at once of {PIECES} pieces every {} ms, {events} \
         deltas\nlimits raised: agents.defaults.maxConcurrent {AT_ONCE}; the state folder is in {}; \
         {} processors\n",
        EVERY.as_millis(),
        std::env::temp_dir().display(),
        std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
    );
    std::io::stdout().lock().write_all(text.as_bytes()).context("failed to print")
}

/// A Gateway whose model is the stand-in on `port`.
fn subject(openclaw: &Path, port: u16) -> anyhow::Result<Subject> {
    let subject = Subject::ours(openclaw)?;
    let config = json!({
        "agents": {"defaults": {"model": {"primary": "fake/m"}, "maxConcurrent": AT_ONCE}},
        "models": {"providers": {"fake": {
            "baseUrl": format!("http://127.0.0.1:{port}/v1"), "apiKey": "k", "api": "openai-completions",
            "models": [{"id": "m", "name": "M"}],
        }}},
    });
    fs::write(subject.home().join("openclaw.json"), config.to_string())
        .context("failed to write a configuration")?;
    Ok(subject)
}

async fn client(subject: &Subject) -> anyhow::Result<Wire> {
    let deadline = Instant::now() + START_LIMIT;
    let token = loop {
        match subject.token() {
            Ok(token) => break token,
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(2)).await,
        }
    };
    loop {
        match Wire::operator(subject.port, &token).await {
            Ok(wire) => return Ok(wire),
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(2)).await,
        }
    }
}

fn message(number: u32) -> Value {
    json!({
        "sessionKey": format!("bench-{number}"),
        "message": "hello",
        "idempotencyKey": format!("bench-{number}"),
    })
}

/// The run and the new text of a `chat` event that carries a delta.
fn delta(frame: &Value) -> Option<(&str, &str)> {
    let payload = frame.get("payload")?;
    if frame.get("event")? != "chat" || payload.get("state")? != "delta" {
        return None;
    }
    Some((payload.get("runId")?.as_str()?, payload.get("deltaText")?.as_str()?))
}

fn is_end(frame: &Value) -> bool {
    let payload = frame.get("payload");
    let state = payload.and_then(|payload| payload.get("state")).and_then(Value::as_str);
    frame.get("event").is_some_and(|name| name == "chat")
        && state.is_some_and(|state| ["final", "error", "aborted"].contains(&state))
}

async fn overhead(openclaw: &Path, runs: u32) -> anyhow::Result<(Samples, Samples)> {
    let (listener, port) = provider::bind().await?;
    let (sender, mut asked) = mpsc::channel::<Asked>(QUEUE);
    let manner = Manner { thinks: THINKS, pieces: 1, every: EVERY };
    let mut serving = JoinSet::new();
    serving.spawn(provider::serve(listener, manner, Instant::now(), sender));
    let subject = subject(openclaw, port)?;
    let running = subject.start()?;
    let mut wire = client(&subject).await?;
    let (mut request, mut first) = (Samples::default(), Samples::default());
    for number in 0..runs + WARM {
        let sent = Instant::now();
        wire.ask("chat.send", &message(number)).await?;
        wire.read_until(|frame| delta(frame).is_some()).await?;
        let heard = Instant::now();
        wire.read_until(is_end).await?;
        let asked = asked.recv().await.context("the provider was not asked")?;
        if number >= WARM {
            request.push((asked.at - sent).as_secs_f64() * 1e3);
            first.push((heard - asked.spoke).as_secs_f64() * 1e3);
        }
    }
    running.stop()?;
    serving.abort_all();
    Ok((request, first))
}

async fn many(openclaw: &Path) -> anyhow::Result<(Samples, usize)> {
    let (listener, port) = provider::bind().await?;
    let (sender, asked) = mpsc::channel(QUEUE);
    let epoch = Instant::now();
    let manner = Manner { thinks: THINKS, pieces: PIECES, every: EVERY };
    let mut serving = JoinSet::new();
    serving.spawn(provider::serve(listener, manner, epoch, sender));
    let subject = subject(openclaw, port)?;
    let running = subject.start()?;
    let mut wire = client(&subject).await?;
    for number in 0..AT_ONCE {
        wire.ask("chat.send", &message(number)).await?;
    }
    let mut late = Samples::default();
    let mut ended: HashMap<String, String> = HashMap::new();
    while ended.len() < AT_ONCE as usize {
        let frame = wire.read_until(|frame| delta(frame).is_some() || is_end(frame)).await?;
        let now = epoch.elapsed().as_micros();
        if let Some((_, text)) = delta(&frame) {
            let oldest = text.split(' ').find_map(|word| word.parse::<u128>().ok());
            if let Some(oldest) = oldest {
                let micros = u32::try_from(now.saturating_sub(oldest)).unwrap_or(u32::MAX);
                late.push(f64::from(micros) / 1e3);
            }
        } else {
            let word = |name: &str| {
                let value = frame.get("payload").and_then(|payload| payload.get(name));
                value.and_then(Value::as_str).unwrap_or_default().to_owned()
            };
            ended.insert(word("runId"), word("state"));
        }
    }
    let failed = ended.values().filter(|state| *state != "final").count();
    anyhow::ensure!(failed == 0, "{failed} of {AT_ONCE} answers failed: {}", subject.printed());
    running.stop()?;
    serving.abort_all();
    drop(asked);
    let events = late.len();
    Ok((late, events))
}
