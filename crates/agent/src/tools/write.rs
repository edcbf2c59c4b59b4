//! The `write` tool: a whole file of the workspace.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::workspace::{Workspaces, blocking};
use crate::{
    settings::AgentSettings,
    tool::{Tool, ToolContext, ToolOutcome},
};

/// The tool.
#[derive(Debug)]
pub struct WriteTool(Workspaces);

impl WriteTool {
    /// A tool that writes in the workspaces of these settings.
    #[must_use]
    pub fn new(settings: watch::Receiver<Arc<AgentSettings>>) -> Self {
        Self(Workspaces(settings))
    }
}

#[derive(Deserialize)]
struct Arguments {
    #[serde(alias = "file_path")]
    path: String,
    content: String,
}

impl Tool for WriteTool {
    fn name(&self) -> &str {
        "write"
    }

    fn description(&self) -> &str {
        "Writes a file of the workspace, replacing it as a whole; folders that are missing are made."
    }

    fn schema(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "path": {"type": "string", "description": "within the workspace"},
                "content": {"type": "string"},
            },
            "required": ["path", "content"],
        })
    }

    fn run<'a>(&'a self, arguments: Value, context: &'a ToolContext) -> BoxFuture<'a, ToolOutcome> {
        Box::pin(async move {
            let Arguments { path, content } = match serde_json::from_value(arguments) {
                Ok(arguments) => arguments,
                Err(error) => {
                    return ToolOutcome::error(format!("the arguments do not fit: {error}"));
                }
            };
            let workspace = self.0.of(&context.agent_id);
            let written = blocking(move || {
                let place = workspace?.place(&path, true)?;
                place.write(content.as_bytes())?;
                Ok(format!("Wrote {} bytes to {}", content.len(), place.shown))
            });
            match written.await {
                Ok(text) => ToolOutcome::ok(text),
                Err(reason) => ToolOutcome::error(reason),
            }
        })
    }
}
