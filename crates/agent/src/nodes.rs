//! The `nodes` tool: what machines there are, and one command on one of them.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use openclaw_store::outbox::Route;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    fence::fenced,
    tool::{Tool, ToolContext, ToolOutcome},
};

/// Most characters of a result that a model is shown.
const MAX_RESULT_CHARS: usize = 30_000;

/// Whoever knows the nodes and reaches them.
pub trait NodeReach: Send + Sync {
    /// What is known of each node, as `node.list` shows it.
    ///
    /// # Errors
    /// Why the list cannot be read, in words for a model.
    fn list(&self) -> BoxFuture<'_, Result<Value, String>>;

    /// Calls a command and gives its result.
    ///
    /// # Errors
    /// What went wrong, in words for a model.
    fn invoke(&self, call: NodeCall) -> BoxFuture<'_, Result<Value, String>>;
}

/// One command on one node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeCall {
    /// The node: its id, its name, or the beginning of its id.
    pub node: String,
    /// The command.
    pub command: String,
    /// What it is given.
    pub params: Value,
    /// How long to wait, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// Handed to the node, which tells a repeat by it.
    pub key: String,
    /// The agent that asks.
    pub agent_id: String,
    /// The session on whose behalf.
    pub session_key: String,
    /// The run.
    pub run_id: String,
    /// The chat that is answered, if one is.
    pub route: Option<Route>,
}

/// What a call may take at most, the wait for a person's word before it included.
const LIMIT: Duration = Duration::from_secs(600 + 130);

/// The tool.
pub struct NodesTool {
    reach: Arc<dyn NodeReach>,
}

impl NodesTool {
    /// A tool that reaches nodes this way.
    #[must_use]
    pub fn new(reach: Arc<dyn NodeReach>) -> Self {
        Self { reach }
    }
}

#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
enum Arguments {
    Status,
    Invoke {
        node: String,
        #[serde(rename = "invokeCommand")]
        command: String,
        #[serde(default, rename = "invokeParams")]
        params: Option<Value>,
        #[serde(default, rename = "timeoutMs")]
        timeout_ms: Option<u64>,
    },
}

impl Tool for NodesTool {
    fn name(&self) -> &str {
        "nodes"
    }

    fn description(&self) -> &str {
        "Machines that are paired with this Gateway. `status` lists them with the commands that may be \
         called; `invoke` calls one, such as system.which {\"bins\":[\"git\"]} or \
         system.run {\"command\":[\"df\",\"-h\"]}. A node may refuse a command."
    }

    fn schema(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "action": {"type": "string", "enum": ["status", "invoke"]},
                "node": {"type": "string", "description": "name or id, for invoke"},
                "invokeCommand": {"type": "string", "description": "which command, for invoke"},
                "invokeParams": {"type": "object", "description": "what the command is given"},
                "timeoutMs": {"type": "integer", "minimum": 1, "maximum": 600_000},
            },
            "required": ["action"],
        })
    }

    fn time_limit(&self) -> Option<Duration> {
        Some(LIMIT)
    }

    fn run<'a>(&'a self, arguments: Value, context: &'a ToolContext) -> BoxFuture<'a, ToolOutcome> {
        Box::pin(async move {
            let mut what = "list of nodes";
            let outcome = match serde_json::from_value(arguments) {
                Ok(Arguments::Status) => self.reach.list().await,
                Ok(Arguments::Invoke { node, command, params, timeout_ms }) => {
                    what = "answer of a node";
                    let params = params.unwrap_or_else(|| json!({}));
                    let key = format!("{}:{}", context.run_id, context.call_id);
                    let (agent_id, session_key) =
                        (context.agent_id.to_string(), context.session_key.to_string());
                    let call = NodeCall {
                        node,
                        command,
                        params,
                        timeout_ms,
                        key,
                        agent_id,
                        session_key,
                        run_id: context.run_id.to_string(),
                        route: context.route.clone(),
                    };
                    self.reach.invoke(call).await
                }
                Err(error) => Err(format!("the arguments do not fit: {error}")),
            };
            match outcome {
                // Names and commands are a node's own words as well.
                Ok(value) => ToolOutcome::ok(fenced(what, &shortened(&value.to_string()))),
                Err(reason) => ToolOutcome::error(reason),
            }
        })
    }
}

/// The beginning and the end, with the number of characters that were left out between them.
fn shortened(text: &str) -> String {
    let count = text.chars().count();
    if count <= MAX_RESULT_CHARS {
        return text.to_owned();
    }
    let head: String = text.chars().take(MAX_RESULT_CHARS * 3 / 4).collect();
    let tail: String = text.chars().skip(count - MAX_RESULT_CHARS / 4).collect();
    let left_out = count - MAX_RESULT_CHARS;
    format!("{head}\n[{left_out} characters left out]\n{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_result_says_what_is_missing() {
        let text = shortened(&"é".repeat(MAX_RESULT_CHARS + 7));
        assert!(text.contains("[7 characters left out]"), "{}", text.len());
        assert_eq!(text.chars().filter(|c| *c == 'é').count(), MAX_RESULT_CHARS);
        assert_eq!(shortened("short"), "short");
    }
}
