//! One call of a tool by hand: the agent's rules hold, the time limit too.

use openclaw_agent::{Standing, ToolContext, ToolOrigin};
use openclaw_protocol::{
    RpcError,
    ids::{AgentId, RunId, SessionId, SessionKey},
    methods::tools::{ToolSource, ToolsInvokeError, ToolsInvokeResult},
};
use serde_json::{Map, Value, json};

use crate::state::State;

/// What is asked.
#[derive(Debug)]
pub(crate) struct ToolCall<'a> {
    /// The tool.
    pub(crate) name: &'a str,
    /// Its arguments.
    pub(crate) arguments: Map<String, Value>,
    /// In which session.
    pub(crate) session_key: SessionKey,
    /// As which agent.
    pub(crate) agent_id: AgentId,
    /// Who asks.
    pub(crate) principal: &'a str,
    /// Whether an owner asks.
    pub(crate) owner: bool,
}

/// Runs it. A tool that the agent does not have is not there.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn invoke(
    state: &State,
    call: ToolCall<'_>,
) -> Result<ToolsInvokeResult, RpcError> {
    let ToolCall { name, agent_id, session_key, .. } = call;
    let settings = state.agent.settings();
    let standing = Standing { owner: call.owner, ..Standing::of(&agent_id) };
    let Some(tool) = state.agent.tool_of(&standing, name).await else {
        return Ok(failed(name, "not_found", format!("Tool not available: {name}")));
    };
    let stored = state.store.sessions().get(&session_key).await;
    let stored = stored.map_err(|error| state.storage_error(&error))?;
    let run = uuid::Uuid::now_v7().to_string();
    let context = ToolContext {
        run_id: RunId::new(run.as_str()),
        session_id: stored.map_or_else(|| SessionId::new(run.as_str()), |entry| entry.session_id),
        session_key,
        agent_id,
        call_id: run,
        principal: call.principal.to_owned(),
        route: None,
        cancel: state.tasks.token().child_token(),
    };
    let limit = tool.time_limit().unwrap_or(settings.tool_timeout);
    let outcome = tokio::select! {
        () = context.cancel.cancelled() => {
            return Ok(failed(name, "unavailable", "the Gateway is stopping".to_owned()));
        }
        outcome = tokio::time::timeout(limit, tool.run(Value::Object(call.arguments), &context)) => {
            outcome
        }
    };
    Ok(match outcome {
        Err(_) => failed(name, "timeout", format!("it took longer than {} s", limit.as_secs())),
        Ok(outcome) if outcome.is_error => failed(name, "tool_error", outcome.text),
        Ok(outcome) => ToolsInvokeResult {
            ok: true,
            tool_name: name.to_owned(),
            output: Some(json!({"text": outcome.text, "details": outcome.details})),
            source: Some(source_of(&tool.origin())),
            error: None,
        },
    })
}

/// What the wire says of where a tool comes from.
pub(crate) const fn source_of(origin: &ToolOrigin) -> ToolSource {
    match origin {
        ToolOrigin::Core => ToolSource::Core,
        ToolOrigin::Server { .. } => ToolSource::Mcp,
    }
}

fn failed(name: &str, code: &str, message: String) -> ToolsInvokeResult {
    ToolsInvokeResult {
        ok: false,
        tool_name: name.to_owned(),
        error: Some(ToolsInvokeError { code: code.to_owned(), message }),
        ..ToolsInvokeResult::default()
    }
}
