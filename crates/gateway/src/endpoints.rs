//! What programs that know nothing of the Gateway's protocol can call over plain HTTP: the chat of other
//! vendors' APIs, and single tools. Each is off until the configuration turns it on.
//!
//! ```text
//! request -> on? -> POST? -> bearer (counted) -> body (bounded) -> order of a run -> answer, or a stream
//! ```
//! The bearer is the Gateway's shared secret, so whoever calls may do what the owner may. A caller that
//! goes away stops its run, unless it named the run by an `Idempotency-Key` and may come back for it.

mod asked;
mod bearer;
mod body;
mod chat;
mod page;
mod reply;
mod responses;
mod running;
mod tools;

use std::sync::Arc;

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use openclaw_protocol::ids::AgentId;
use serde_json::json;

use self::reply::{Fault, answer};
use crate::{peer::Link, state::State};

/// Who asks, as runs and tools are told.
const PRINCIPAL: &str = "http";

/// Answers a request to one of the endpoints.
pub(crate) async fn serve(state: &Arc<State>, link: &Link, request: Request) -> Response {
    match route(state, link, request).await {
        Ok(response) => response,
        Err(fault) => fault.into_response(),
    }
}

/// Answers a request for what the original's interface asks first; `None` for any other.
pub(crate) async fn for_page(state: &Arc<State>, link: &Link, asked: &Parts) -> Option<Response> {
    let settings = state.settings.load_full();
    if !page::is_asked(&settings.control_ui, &asked.method, &asked.uri) {
        return None;
    }
    let served = page::serve(state, &settings, link, &asked.method, &asked.headers).await;
    Some(served.unwrap_or_else(IntoResponse::into_response))
}

async fn route(state: &Arc<State>, link: &Link, request: Request) -> Result<Response, Fault> {
    let settings = state.settings.load_full();
    let on = &settings.endpoints;
    let path = request.uri().path().to_owned();
    let served = match path.as_str() {
        chat::PATH => on.chat_completions,
        responses::PATH => on.responses,
        tools::PATH => !on.tools.is_empty(),
        _ => on.chat_completions || on.responses,
    };
    if !served {
        return Err(Fault::off(&path));
    }
    let wanted = if path == MODELS { Method::GET } else { Method::POST };
    if request.method() != wanted {
        return Ok(not_allowed(&wanted));
    }
    bearer::check(state, &settings, link, request.headers()).await?;
    if state.is_draining() {
        return Err(Fault::stopping());
    }
    match path.as_str() {
        chat::PATH => chat::serve(state, request).await,
        responses::PATH => responses::serve(state, request).await,
        tools::PATH => tools::serve(state, &settings, request).await,
        _ => Ok(models(&settings.agents)),
    }
}

const MODELS: &str = "/v1/models";

/// Every agent is a model.
fn models(agents: &[AgentId]) -> Response {
    let names = ["openclaw".to_owned(), "openclaw/default".to_owned()];
    let own = agents.iter().map(|agent| format!("openclaw/{agent}"));
    let rows: Vec<_> = names
        .into_iter()
        .chain(own)
        .map(|id| {
            json!({"id": id, "object": "model", "created": 0, "owned_by": "openclaw", "permission": []})
        })
        .collect();
    answer(StatusCode::OK, &json!({"object": "list", "data": rows}))
}

fn not_allowed(wanted: &Method) -> Response {
    let allow = HeaderValue::from_str(wanted.as_str()).unwrap_or(HeaderValue::from_static("POST"));
    let status = StatusCode::METHOD_NOT_ALLOWED;
    (status, [(header::ALLOW, allow)], Body::from("Method Not Allowed")).into_response()
}
