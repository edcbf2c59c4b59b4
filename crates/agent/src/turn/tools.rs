//! Running the tools an answer calls.

use std::collections::HashSet;

use futures_util::future::join_all;
use openclaw_store::transcripts::{MessageRole, MessageRow, NewMessage};
use serde_json::Value;

use super::Turn;
use crate::{
    error::AgentError,
    events::AgentEventKind,
    model::{ModelMessage, Part},
    rows,
    tool::{ToolContext, ToolOutcome},
};

/// Characters of a result that a model is given.
const MAX_RESULT_CHARS: usize = 100_000;
/// Calls that run at once.
const MAX_AT_ONCE: usize = 8;
/// Said of a call that the end of the process cut.
const INTERRUPTED: &str = "The Gateway was restarted while this call was running. It was not run again, \
                           and whether it had an effect is not known.";
/// Said of a call whose run was stopped.
const STOPPED: &str = "The run was stopped before this call ended.";

/// A call as the model made it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    id: String,
    name: String,
    arguments: Value,
}

impl Call {
    /// The result as the next request carries it.
    fn result(&self, outcome: ToolOutcome) -> ModelMessage {
        ModelMessage::ToolResult {
            call_id: self.id.clone(),
            name: self.name.clone(),
            text: outcome.text,
            is_error: outcome.is_error,
        }
    }
}

/// The calls in an answer.
pub(super) fn calls(parts: &[Part]) -> Vec<Call> {
    parts
        .iter()
        .filter_map(|part| match part {
            Part::ToolCall { id, name, arguments } => {
                Some(Call { id: id.clone(), name: name.clone(), arguments: arguments.clone() })
            }
            Part::Text(_) | Part::Image { .. } | Part::Thinking { .. } => None,
        })
        .collect()
}

/// An answer without its calls.
pub(super) fn without_calls(parts: Vec<Part>) -> Vec<Part> {
    parts.into_iter().filter(|part| !matches!(part, Part::ToolCall { .. })).collect()
}

/// Results for calls at the end of a transcript that have none: the process ended before they did.
pub(super) fn missing_results(rows: &[MessageRow]) -> Vec<NewMessage> {
    let last = rows.iter().rposition(|row| row.role == MessageRole::Assistant);
    let Some((last, after)) = last.and_then(|at| rows.get(at..)).and_then(<[_]>::split_first)
    else {
        return Vec::new();
    };
    let answered: HashSet<&str> =
        after.iter().filter_map(|row| row.meta.get("toolCallId").and_then(Value::as_str)).collect();
    last.content
        .iter()
        .filter(|block| block.get("type").and_then(Value::as_str) == Some("toolCall"))
        .filter_map(|block| {
            let text = |name: &str| block.get(name).and_then(Value::as_str);
            let id = text("id").filter(|id| !answered.contains(id))?;
            Some(rows::tool_result(
                id,
                text("name").unwrap_or_default(),
                &ToolOutcome::error(INTERRUPTED),
            ))
        })
        .collect()
}

impl Turn<'_> {
    /// Runs calls in order; neighbours that change nothing run at once. The results are in the order of
    /// the calls, and when the run is stopped, those that are left are not run.
    ///
    /// What has run is in the transcript before the next runs.
    pub(super) async fn run_tools(&self, calls: &[Call]) -> Result<Vec<ModelMessage>, AgentError> {
        let mut results = Vec::with_capacity(calls.len());
        let neighbours =
            calls.chunk_by(|one, next| self.may_overlap(one) && self.may_overlap(next));
        for batch in neighbours.flat_map(|batch| batch.chunks(MAX_AT_ONCE)) {
            let outcomes = join_all(batch.iter().map(|call| self.run_unless_stopped(call))).await;
            let rows = batch.iter().zip(&outcomes);
            let rows = rows.map(|(call, outcome)| rows::tool_result(&call.id, &call.name, outcome));
            self.append(rows.collect()).await?;
            results.extend(batch.iter().zip(outcomes).map(|(call, outcome)| call.result(outcome)));
        }
        Ok(results)
    }

    fn may_overlap(&self, call: &Call) -> bool {
        self.tools.iter().any(|tool| tool.name() == call.name && tool.may_overlap())
    }

    async fn run_unless_stopped(&self, call: &Call) -> ToolOutcome {
        if self.run.cancel.is_cancelled() {
            return ToolOutcome::error(STOPPED);
        }
        self.run_tool(call).await
    }

    async fn run_tool(&self, call: &Call) -> ToolOutcome {
        self.run.emit(AgentEventKind::ToolStart {
            call_id: call.id.clone(),
            name: call.name.clone(),
            arguments: call.arguments.clone(),
        });
        let mut outcome = self.call_tool(call).await;
        outcome.text = shorten(outcome.text);
        self.run.emit(AgentEventKind::ToolResult {
            call_id: call.id.clone(),
            name: call.name.clone(),
            text: outcome.text.clone(),
            details: outcome.details.clone(),
            is_error: outcome.is_error,
        });
        outcome
    }

    async fn call_tool(&self, call: &Call) -> ToolOutcome {
        let Some(tool) = self.tools.iter().find(|tool| tool.name() == call.name) else {
            let names: Vec<&str> = self.tools.iter().map(|tool| tool.name()).collect();
            let names = names.join(", ");
            return ToolOutcome::error(format!(
                "There is no tool called {:?}. Tools: {names}.",
                call.name
            ));
        };
        let context = ToolContext {
            run_id: self.run.run_id.clone(),
            session_key: self.run.session_key.clone(),
            session_id: self.run.session_id.clone(),
            agent_id: self.run.agent_id.clone(),
            call_id: call.id.clone(),
            principal: self.run.principal.clone(),
            route: self.run.options.route.clone(),
            cancel: self.run.cancel.child_token(),
        };
        let limit = tool.time_limit().unwrap_or(self.settings.tool_timeout);
        tokio::select! {
            biased;
            () = self.run.cancel.cancelled() => ToolOutcome::error(STOPPED),
            ended = tokio::time::timeout(limit, tool.run(call.arguments.clone(), &context)) => {
                ended.unwrap_or_else(|_| {
                    let seconds = limit.as_secs();
                    ToolOutcome::error(format!("The call took longer than {seconds} s and was stopped."))
                })
            }
        }
    }
}

fn shorten(text: String) -> String {
    match text.char_indices().nth(MAX_RESULT_CHARS) {
        None => text,
        Some((at, _)) => {
            let left = text.get(at..).map_or(0, |rest| rest.chars().count());
            format!("{}\n[… {left} characters left out …]", text.get(..at).unwrap_or_default())
        }
    }
}
