//! The `edit` tool: one piece of a file of the workspace.

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
pub struct EditTool(Workspaces);

impl EditTool {
    /// A tool that edits in the workspaces of these settings.
    #[must_use]
    pub fn new(settings: watch::Receiver<Arc<AgentSettings>>) -> Self {
        Self(Workspaces(settings))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Arguments {
    #[serde(alias = "file_path")]
    path: String,
    #[serde(alias = "old_string")]
    old_text: String,
    #[serde(alias = "new_string")]
    new_text: String,
}

impl Tool for EditTool {
    fn name(&self) -> &str {
        "edit"
    }

    fn description(&self) -> &str {
        "Replaces a piece of a text file of the workspace. `oldText` must be there exactly once, white space \
         included."
    }

    fn schema(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "path": {"type": "string", "description": "within the workspace"},
                "oldText": {"type": "string"},
                "newText": {"type": "string"},
            },
            "required": ["path", "oldText", "newText"],
        })
    }

    fn run<'a>(&'a self, arguments: Value, context: &'a ToolContext) -> BoxFuture<'a, ToolOutcome> {
        Box::pin(async move {
            let Arguments { path, old_text, new_text } = match serde_json::from_value(arguments) {
                Ok(arguments) => arguments,
                Err(error) => {
                    return ToolOutcome::error(format!("the arguments do not fit: {error}"));
                }
            };
            let workspace = self.0.of(&context.agent_id);
            let edited = blocking(move || {
                let place = workspace?.place(&path, false)?;
                let text = replaced(&place.read_text()?, &old_text, &new_text)?;
                place.write(text.as_bytes())?;
                Ok(format!("Edited {}", place.shown))
            });
            match edited.await {
                Ok(text) => ToolOutcome::ok(text),
                Err(reason) => ToolOutcome::error(reason),
            }
        })
    }
}

fn replaced(text: &str, old: &str, new: &str) -> Result<String, String> {
    if old.is_empty() {
        return Err("oldText is empty; use `write` for a new file".to_owned());
    }
    match text.matches(old).count() {
        0 => Err("oldText is not in the file; read it again, white space counts".to_owned()),
        1 => Ok(text.replacen(old, new, 1)),
        several => Err(format!("oldText is there {several} times; give more of what is around it")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_replaced_if_it_is_there_once() {
        assert_eq!(replaced("a b c", "b", "x").as_deref(), Ok("a x c"));
        assert!(replaced("a b b", "b", "x").is_err_and(|why| why.contains("2 times")));
        assert!(replaced("a", "b", "x").is_err());
        assert!(replaced("a", "", "x").is_err());
    }
}
