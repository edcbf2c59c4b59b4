//! `system.notify`: a notification on the desktop of the node.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use openclaw_exec::run::{Limits, Spec, find_program, run};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Machine;
use crate::command::{Call, CommandError, NodeCommand};

/// The program of desktops that follow the freedesktop specification.
const PROGRAM: &str = "notify-send";
/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest title and body, in bytes.
const MAX_TEXT: usize = 4096;

/// Shows a notification.
pub(super) struct Notify(pub(super) Arc<Machine>);

#[derive(Deserialize)]
struct Params {
    #[serde(default)]
    title: String,
    #[serde(default)]
    body: String,
    priority: Option<String>,
}

impl Notify {
    async fn show(&self, call: Call) -> Result<Value, CommandError> {
        let Params { title, body, priority } = call.params()?;
        if title.trim().is_empty() && body.trim().is_empty() {
            return Err(CommandError::invalid("title and body are empty"));
        }
        if title.len() > MAX_TEXT || body.len() > MAX_TEXT {
            let text = format!("title and body have at most {MAX_TEXT} bytes each");
            return Err(CommandError::invalid(text));
        }
        let program = find_program(PROGRAM, &self.0.home, self.0.search()).ok_or_else(|| {
            CommandError::unavailable(format!(
                "this machine has no {PROGRAM}, so it cannot show notifications"
            ))
        })?;
        let urgency = match priority.as_deref() {
            Some("timeSensitive" | "high" | "critical") => "critical",
            Some("passive" | "low") => "low",
            _ => "normal",
        };
        let title = if title.trim().is_empty() { "OpenClaw".to_owned() } else { title };
        let argv = [
            program.display().to_string(),
            format!("--urgency={urgency}"),
            "--app-name=OpenClaw".to_owned(),
            "--".to_owned(),
            title,
            body,
        ];
        let spec = Spec {
            argv: argv.to_vec(),
            cwd: self.0.home.clone(),
            environment: self.0.environment.clone(),
            deadline: Some(PATIENCE),
        };
        let finished = run(&spec, Limits::total(4096), &call.cancel).await;
        let finished = finished.map_err(|error| CommandError::unavailable(error.to_string()))?;
        if finished.ended.success() {
            return Ok(json!({"ok": true}));
        }
        let said = finished.stderr.text();
        let said = said.trim();
        let why = if said.is_empty() { "it gave no reason" } else { said };
        Err(CommandError::unavailable(format!("{PROGRAM} failed: {why}")))
    }
}

impl NodeCommand for Notify {
    fn name(&self) -> &'static str {
        "system.notify"
    }

    fn run(&self, call: Call) -> BoxFuture<'_, Result<Value, CommandError>> {
        self.show(call).boxed()
    }
}
