//! `POST /tools/invoke`: one call of a tool, by the rules of an agent and of `gateway.tools`.

use std::sync::Arc;

use axum::{extract::Request, http::StatusCode, response::Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    PRINCIPAL, asked, body,
    reply::{Fault, answer},
};
use crate::{
    settings::Settings,
    state::State,
    tool_call::{ToolCall, invoke},
};

/// Where it is.
pub(super) const PATH: &str = "/tools/invoke";
/// Longest body, in bytes.
const MAX_BODY: usize = 2 * 1024 * 1024;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct InvokeRequest {
    tool: Option<String>,
    name: Option<String>,
    action: Option<String>,
    args: Option<Map<String, Value>>,
    session_key: Option<String>,
}

pub(super) async fn serve(
    state: &Arc<State>,
    settings: &Settings,
    request: Request,
) -> Result<Response, Fault> {
    let (parts, body) = request.into_parts();
    let asked: InvokeRequest = body::read(state, &parts.headers, body, MAX_BODY).await?;
    let name = asked.name.or(asked.tool).unwrap_or_default();
    let name = name.trim();
    if name.is_empty() {
        let message = "tools.invoke requires name";
        return Ok(failed(StatusCode::BAD_REQUEST, "invalid_request", message));
    }
    let rules = &settings.endpoints;
    let listed = |list: &[String]| list.iter().any(|entry| openclaw_agent::means(entry, name));
    if !listed(&rules.tools) || listed(&rules.denied_tools) {
        return Ok(not_there(name));
    }
    let (session_key, agent_id) =
        asked::session(state, asked.session_key.as_deref(), &parts.headers)?;
    let mut arguments = asked.args.unwrap_or_default();
    if let Some(action) = asked.action {
        arguments.entry("action").or_insert(Value::from(action));
    }
    let call =
        ToolCall { name, arguments, session_key, agent_id, principal: PRINCIPAL, owner: true };
    let done = invoke(state, call).await?;
    let Some(error) = done.error else {
        return Ok(answer(StatusCode::OK, &json!({"ok": true, "result": done.output})));
    };
    Ok(match error.code.as_str() {
        "not_found" => not_there(name),
        "tool_error" => failed(StatusCode::BAD_REQUEST, "tool_error", &error.message),
        _ => failed(StatusCode::INTERNAL_SERVER_ERROR, "tool_error", &error.message),
    })
}

fn not_there(name: &str) -> Response {
    failed(StatusCode::NOT_FOUND, "not_found", &format!("Tool not available: {name}"))
}

fn failed(status: StatusCode, kind: &str, message: &str) -> Response {
    answer(status, &json!({"ok": false, "error": {"type": kind, "message": message}}))
}
