//! The suite `ui`: the browser interfaces over a link of 1.6 Mbit/s and 150 ms there and back, in a real
//! browser that has nothing kept: until the shell can be used, until history is shown, how many bytes, and
//! the longest task while a session of five thousand messages is read from end to end.
//!
//! Ours and the original's are served by the same Gateway from the same state, the other one as
//! `gateway.controlUi.root` does it. What a browser sees is found by `ui/bench/visit.mjs`.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use openclaw_protocol::ids::{AgentId, SessionKey};
use openclaw_store::{
    Store, StoreOptions,
    transcripts::{MessageRole, NewMessage},
};
use openclaw_testkit::FaultProxy;
use serde_json::{Value, json};

use crate::{
    gateway::{Running, Subject, pause},
    start::{Options, progress},
    stats::Samples,
};

/// 1.6 Mbit/s.
const RATE: u32 = 200_000;
/// One way.
const DELAY: Duration = Duration::from_millis(75);
const MESSAGES: u64 = 5_000;
const AT_ONCE: u64 = 500;
const START_LIMIT: Duration = Duration::from_secs(60);
/// Reading five thousand messages takes minutes where it is slow; it is done so often at most.
const SCROLLS: u32 = 3;

/// What was measured of one interface.
#[derive(Default)]
struct Figures {
    shell_ms: Samples,
    critical_kb: Samples,
    history_ms: Samples,
    lazy_kb: Samples,
    paging_ms: Samples,
    walking_ms: Samples,
    /// Processor time of the longest task of both.
    work_ms: Samples,
    /// The first message that could be reached.
    first: u64,
    /// Pages that were looked at.
    pages: u64,
}

type Pick = fn(&Figures) -> &Samples;

const ROWS: &[(&str, Pick, f64)] = &[
    ("shell usable, ms", |f| &f.shell_ms, 1_000.0),
    ("bytes until then, KB", |f| &f.critical_kb, 70.0),
    ("history shown, ms", |f| &f.history_ms, 2_000.0),
    ("bytes with all pages, KB", |f| &f.lazy_kb, 200.0),
    ("longest task, paging back, ms", |f| &f.paging_ms, 50.0),
    ("longest task, scrolling, ms", |f| &f.walking_ms, 50.0),
    ("  processor time of either, ms", |f| &f.work_ms, 50.0),
];

/// Measures and prints.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let node = options.node.as_deref().context("--node is missing")?;
    let script = options.script.as_deref().context("--script is missing")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("failed to start a runtime")?;
    let subject = Subject::ours(&options.openclaw)?;
    progress("this Gateway's interface")?;
    configure(&subject, None)?;
    // The first start makes the state folder.
    up(&subject)?.stop()?;
    runtime.block_on(fill(&subject))?;
    let browser = Browser { runtime: &runtime, subject: &subject, node, script };
    let ours = browser.measure(options.runs)?;
    let original = match &options.original {
        Some(original) => {
            progress("the original's interface")?;
            let root = original.entry.parent().context("no folder")?.join("dist/control-ui");
            configure(&subject, Some(&root))?;
            Some(browser.measure(options.runs.min(5))?)
        }
        None => None,
    };
    let text = table(&ours, original.as_ref());
    std::io::stdout().lock().write_all(text.as_bytes()).context("failed to print")
}

/// The assistant that needs no provider, and perhaps another interface.
fn configure(subject: &Subject, root: Option<&Path>) -> anyhow::Result<()> {
    let config =
        root.map_or_else(|| json!({}), |root| json!({"gateway": {"controlUi": {"root": root}}}));
    fs::write(subject.home().join("openclaw.json"), config.to_string())
        .context("failed to write a configuration")
}

fn up(subject: &Subject) -> anyhow::Result<Running> {
    let mut running = subject.start()?;
    let deadline = Instant::now() + START_LIMIT;
    while std::net::TcpStream::connect(("127.0.0.1", subject.port)).is_err() {
        if running.ended() || Instant::now() > deadline {
            bail!("the Gateway did not start: {}", subject.printed());
        }
        pause(Duration::from_millis(10));
    }
    Ok(running)
}

/// A conversation as long as people have them after months.
async fn fill(subject: &Subject) -> anyhow::Result<()> {
    let path = subject.home().join("state/gateway.db");
    let store = Store::open(&path, &StoreOptions::default()).context("failed to open the store")?;
    let key = SessionKey::new("agent:main:main".to_owned());
    let begin = 1_700_000_000_000;
    let opened =
        store.sessions().get_or_create(&key, &AgentId::new("main".to_owned()), begin).await;
    let session = opened.context("failed to make a session")?.entry.session_id;
    for from in (0..MESSAGES).step_by(usize::try_from(AT_ONCE)?) {
        let messages = (from..from + AT_ONCE).map(|number| message(number, begin)).collect();
        store.transcripts().append(&session, messages).await.context("failed to fill a session")?;
    }
    Ok(())
}

fn message(number: u64, begin: u64) -> NewMessage {
    let (role, text) = if number.is_multiple_of(2) {
        (
            MessageRole::User,
            format!("Question number {number} of many: what is in `file-{number}`?"),
        )
    } else {
        (
            MessageRole::Assistant,
            format!(
                "Answer **number {number} of many**: see `file-{number}.txt`.\n\n- one\n- two\n\n\
                 ```sh\necho {number} | grep -c \"$HOME\"\n```\n\nThis is the end of {number}."
            ),
        )
    };
    NewMessage::text(role, text, begin + number * 60_000)
}

/// Visits what a Gateway serves.
struct Browser<'a> {
    runtime: &'a tokio::runtime::Runtime,
    subject: &'a Subject,
    node: &'a Path,
    script: &'a Path,
}

impl Browser<'_> {
    fn measure(&self, runs: u32) -> anyhow::Result<Figures> {
        let running = up(self.subject)?;
        let mut figures = Figures::default();
        for run in 0..runs {
            progress(&format!("  opened, {} of {runs}", run + 1))?;
            let seen = self.visit("open")?;
            figures.shell_ms.push(number(&seen, "shell")?);
            figures.history_ms.push(number(&seen, "history")?);
            figures.critical_kb.push(number(&seen, "critical")? / 1e3);
        }
        progress("  every page")?;
        let seen = self.visit("lazy")?;
        figures.lazy_kb.push(number(&seen, "lazy")? / 1e3);
        figures.pages = seen.get("pages").and_then(Value::as_u64).unwrap_or_default();
        for run in 0..runs.min(SCROLLS) {
            progress(&format!("  scrolled, {} of {}", run + 1, runs.min(SCROLLS)))?;
            let seen = self.visit("scroll")?;
            figures.paging_ms.push(number(&seen, "paging")?);
            figures.walking_ms.push(number(&seen, "walking")?);
            figures.work_ms.push(number(&seen, "work")?);
            figures.first = seen.get("first").and_then(Value::as_u64).unwrap_or(MESSAGES);
        }
        running.stop()?;
        Ok(figures)
    }

    /// One visit over a link of its own.
    fn visit(&self, mode: &str) -> anyhow::Result<Value> {
        let link = self.runtime.block_on(FaultProxy::start(self.subject.port));
        link.shape(RATE, DELAY);
        let url = format!("http://127.0.0.1:{}/", link.port());
        // The answer before the last one: a list of sessions may show the last.
        let last = format!("end of {}.", MESSAGES - 3);
        let output = Command::new(self.node)
            .arg(self.script)
            .args([url.as_str(), &self.subject.token()?, &last, mode])
            .output()
            .context("failed to start node")?;
        if !output.status.success() {
            bail!("the visit failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        serde_json::from_slice(&output.stdout).context("the visit says something else")
    }
}

fn number(seen: &Value, name: &str) -> anyhow::Result<f64> {
    seen.get(name)
        .and_then(Value::as_f64)
        .with_context(|| format!("the visit does not say {name}: {seen}"))
}

fn table(ours: &Figures, original: Option<&Figures>) -> String {
    let mut text =
        format!("{:<32}{:>14}{:>14}{:>8}\n", "medians", "this Gateway", "the original", "aim");
    for (name, pick, aim) in ROWS {
        let value = pick(ours).median();
        let theirs =
            original.map_or_else(String::new, |figures| format!("{:.0}", pick(figures).median()));
        let verdict = if value <= *aim { "met" } else { "MISSED" };
        text += &format!("{name:<32}{value:>14.0}{theirs:>14}{aim:>8.0}  {verdict}\n");
    }
    let reached = |figures: &Figures| {
        format!("{} of {MESSAGES} messages and {} pages", MESSAGES - figures.first, figures.pages)
    };
    text += &format!("\nreached: {}", reached(ours));
    if let Some(original) = original {
        text += &format!("; by the original's interface {}", reached(original));
    }
    text += &format!(
        "\n{} visits{}, nothing kept; {:.1} Mbit/s each way and {} ms there and back for HTTP and the \
         WebSocket,\nwith TCP's handshake and slow start; 0 ms: no task of more than 50 ms;\na busy machine makes a task longer, not its processor time\n",
        ours.shell_ms.len(),
        original.map_or_else(String::new, |figures| format!(" and {}", figures.shell_ms.len())),
        f64::from(RATE) * 8.0 / 1e6,
        DELAY.as_millis() * 2,
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_was_met_and_what_was_not() {
        let mut ours = Figures::default();
        ours.shell_ms.push(900.0);
        ours.walking_ms.push(51.0);
        let mut original = Figures::default();
        original.shell_ms.push(9_000.0);
        let text = table(&ours, Some(&original));
        let row = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
        assert!(row("shell").contains("9000") && row("shell").ends_with("1000  met"), "{text}");
        assert!(row("longest task, scrolling").ends_with("50  MISSED"), "{text}");
    }
}
