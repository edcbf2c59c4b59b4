//! The `read` tool: a text file of the workspace.

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

/// Most lines of one result.
const MAX_LINES: usize = 2000;
/// Most bytes of one result.
const MAX_BYTES: usize = 50_000;

/// The tool.
#[derive(Debug)]
pub struct ReadTool(Workspaces);

impl ReadTool {
    /// A tool that reads in the workspaces of these settings.
    #[must_use]
    pub fn new(settings: watch::Receiver<Arc<AgentSettings>>) -> Self {
        Self(Workspaces(settings))
    }
}

#[derive(Deserialize)]
struct Arguments {
    #[serde(alias = "file_path")]
    path: String,
    /// The first line, from 1.
    #[serde(default)]
    offset: Option<usize>,
    #[serde(default)]
    limit: Option<usize>,
}

impl Tool for ReadTool {
    fn name(&self) -> &str {
        "read"
    }

    fn description(&self) -> &str {
        "Reads a text file of the workspace, or of a skill. Long files come in parts: `offset` is the first line, from 1, \
         and `limit` the number of lines."
    }

    fn schema(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "path": {"type": "string", "description": "within the workspace, or as the list of skills has it"},
                "offset": {"type": "integer", "minimum": 1},
                "limit": {"type": "integer", "minimum": 1, "maximum": MAX_LINES},
            },
            "required": ["path"],
        })
    }

    fn may_overlap(&self) -> bool {
        true
    }

    fn run<'a>(&'a self, arguments: Value, context: &'a ToolContext) -> BoxFuture<'a, ToolOutcome> {
        Box::pin(async move {
            let Arguments { path, offset, limit } = match serde_json::from_value(arguments) {
                Ok(arguments) => arguments,
                Err(error) => {
                    return ToolOutcome::error(format!("the arguments do not fit: {error}"));
                }
            };
            let workspace = self.0.to_read(&context.agent_id, &path);
            let read = blocking(move || {
                let text = workspace?.place(&path, false)?.read_text()?;
                Ok(part(&text, offset.unwrap_or(1), limit.unwrap_or(MAX_LINES)))
            });
            match read.await {
                Ok(text) => ToolOutcome::ok(text),
                Err(reason) => ToolOutcome::error(reason),
            }
        })
    }
}

/// Some lines of a text, and how to get the rest.
fn part(text: &str, first: usize, limit: usize) -> String {
    let first = first.max(1);
    let total = text.lines().count();
    if first > total && total > 0 {
        return format!("[the file has {total} lines]");
    }
    let mut shown = String::new();
    let mut count = 0;
    for line in text.split_inclusive('\n').skip(first - 1).take(limit.min(MAX_LINES)) {
        if shown.len() + line.len() > MAX_BYTES {
            if count == 0 {
                let cut = line.char_indices().take_while(|(at, _)| *at < MAX_BYTES).last();
                let end = cut.map_or(0, |(at, c)| at + c.len_utf8());
                shown.push_str(line.get(..end).unwrap_or_default());
                let left = line.len().saturating_sub(end);
                shown.push_str(&format!("\n[{left} bytes of this line left out]\n"));
                count = 1;
            }
            break;
        }
        shown.push_str(line);
        count += 1;
    }
    let last = first - 1 + count;
    if last < total {
        if !shown.ends_with('\n') {
            shown.push('\n');
        }
        let next = last + 1;
        shown.push_str(&format!("[lines {first} to {last} of {total}; go on with offset {next}]"));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_say_what_is_missing() {
        let text = "a\nb\nc\nd\n";
        for (first, limit, shown) in [
            (1, 9, "a\nb\nc\nd\n"),
            (1, 2, "a\nb\n[lines 1 to 2 of 4; go on with offset 3]"),
            (3, 2, "c\nd\n"),
            (0, 1, "a\n[lines 1 to 1 of 4; go on with offset 2]"),
            (9, 1, "[the file has 4 lines]"),
        ] {
            assert_eq!(part(text, first, limit), shown);
        }
        assert_eq!(part("", 1, 9), "");
        let long = part(&"é".repeat(100_000), 1, 9);
        assert!(
            long.contains("[150000 bytes of this line left out]"),
            "{}",
            &long[long.len() - 80..]
        );
    }
}
