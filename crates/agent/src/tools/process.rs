//! The `process` tool: commands that `exec` left running.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    exec::finished,
    processes::{Process, Processes},
};
use crate::tool::{Tool, ToolContext, ToolOutcome};

/// Longest a poll waits, in milliseconds.
const MAX_POLL_MS: u64 = 120_000;
/// Lines of a log when nobody says.
const LOG_LINES: usize = 200;

/// The tool.
#[derive(Debug)]
pub struct ProcessTool(Processes);

impl ProcessTool {
    /// A tool for these commands.
    #[must_use]
    pub fn new(processes: Processes) -> Self {
        Self(processes)
    }
}

#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "lowercase")]
enum Arguments {
    List,
    Poll {
        #[serde(rename = "sessionId")]
        id: String,
        /// In milliseconds.
        #[serde(default)]
        timeout: Option<u64>,
    },
    Log {
        #[serde(rename = "sessionId")]
        id: String,
        /// Lines to leave out at the beginning.
        #[serde(default)]
        offset: Option<usize>,
        #[serde(default)]
        limit: Option<usize>,
    },
    Kill {
        #[serde(rename = "sessionId")]
        id: String,
    },
    Remove {
        #[serde(rename = "sessionId")]
        id: String,
    },
}

impl Tool for ProcessTool {
    fn name(&self) -> &str {
        "process"
    }

    fn description(&self) -> &str {
        "Looks after commands that exec left running: `list` them, `poll` for new output and the end, read the \
         `log`, `kill` one, `remove` one from the list."
    }

    fn schema(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "action": {"type": "string", "enum": ["list", "poll", "log", "kill", "remove"]},
                "sessionId": {"type": "string"},
                "timeout": {"type": "integer", "minimum": 0, "maximum": MAX_POLL_MS,
                    "description": "milliseconds that poll waits for the end"},
                "offset": {"type": "integer", "minimum": 0, "description": "first line of the log"},
                "limit": {"type": "integer", "minimum": 1, "description": "lines of the log"},
            },
            "required": ["action"],
        })
    }

    fn time_limit(&self) -> Option<Duration> {
        Some(Duration::from_millis(MAX_POLL_MS + 10_000))
    }

    fn run<'a>(&'a self, arguments: Value, context: &'a ToolContext) -> BoxFuture<'a, ToolOutcome> {
        Box::pin(async move {
            let outcome = match serde_json::from_value(arguments) {
                Ok(arguments) => self.act(arguments, context).await,
                Err(error) => Err(format!("the arguments do not fit: {error}")),
            };
            outcome.unwrap_or_else(ToolOutcome::error)
        })
    }
}

impl ProcessTool {
    async fn act(&self, given: Arguments, context: &ToolContext) -> Result<ToolOutcome, String> {
        let own = self.0.of(&context.agent_id, &context.session_key);
        let find = |id: &str| {
            let found = own.iter().find(|process| process.id == id).cloned();
            found.ok_or_else(|| {
                format!("no command of this session is called {id:?}; list shows them")
            })
        };
        Ok(match given {
            Arguments::List => list(&own),
            Arguments::Poll { id, timeout } => {
                let process = find(&id)?;
                let wait = Duration::from_millis(timeout.unwrap_or(0).min(MAX_POLL_MS));
                let ended = tokio::time::timeout(wait, process.wait()).await.ok();
                polled(&process, ended)
            }
            Arguments::Log { id, offset, limit } => {
                let text = find(&id)?.log().text();
                ToolOutcome::ok(lines(&text, offset, limit.unwrap_or(LOG_LINES)))
            }
            Arguments::Kill { id } => {
                let process = find(&id)?;
                process.stop();
                let ended = process.wait().await;
                let mut outcome = finished(&process, ended);
                outcome.is_error = false;
                outcome
            }
            Arguments::Remove { id } => {
                let process = find(&id)?;
                process.stop();
                process.wait().await.ok();
                self.0.forget(&process.id);
                ToolOutcome::ok(format!("{id} is gone"))
            }
        })
    }
}

fn list(own: &[Arc<Process>]) -> ToolOutcome {
    let lines: Vec<String> = own
        .iter()
        .map(|process| {
            let state = match process.ended() {
                None => "running".to_owned(),
                Some(Ok(ended)) => {
                    ended.code.map_or("killed".to_owned(), |code| format!("exit {code}"))
                }
                Some(Err(error)) => error,
            };
            let seconds = process.began.elapsed().as_secs();
            format!("{} {state} {seconds}s {}", process.id, process.command)
        })
        .collect();
    ToolOutcome::ok(if lines.is_empty() { "no commands".to_owned() } else { lines.join("\n") })
}

fn polled(
    process: &Process,
    ended: Option<Result<openclaw_exec::run::Ended, String>>,
) -> ToolOutcome {
    let fresh = process.fresh().text();
    match ended {
        Some(ended) => {
            let whole = finished(process, ended);
            let note = whole.text.rsplit_once("\n(").map(|(_, note)| format!("\n({note}"));
            ToolOutcome { text: format!("{fresh}{}\n[ended]", note.unwrap_or_default()), ..whole }
        }
        None => ToolOutcome::ok(format!("{fresh}\n[still running]"))
            .with_details(json!({"status": "running", "sessionId": process.id})),
    }
}

/// Some lines of a log: from `offset`, or the last ones.
fn lines(text: &str, offset: Option<usize>, limit: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    let first = offset.unwrap_or_else(|| all.len().saturating_sub(limit)).min(all.len());
    let shown: Vec<&str> = all.iter().skip(first).take(limit).copied().collect();
    let last = first + shown.len();
    format!("{}\n[lines {} to {last} of {}]", shown.join("\n"), first + 1, all.len())
}
