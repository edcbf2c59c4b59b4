//! What a client is told when agent or store refuse.

use openclaw_agent::AgentError;
use openclaw_protocol::{DetailCode, RpcError};
use openclaw_store::{Conflict, StoreError};
use serde_json::Value;

use crate::{router::Failure, state::State};

/// When to try again after a session was busy or a queue full, in milliseconds.
const RETRY_AFTER_MS: u64 = 1_000;

/// The agent's refusal in the documented words.
#[must_use]
pub fn agent(state: &State, error: &AgentError) -> Failure {
    match error {
        AgentError::Store(error) => store(state, error),
        AgentError::StillActive(_) | AgentError::QueueFull { .. } | AgentError::Stopping => {
            RpcError::unavailable(error.to_string()).retry_after(RETRY_AFTER_MS).into()
        }
        AgentError::Compaction(_) => RpcError::unavailable(error.to_string()).into(),
        AgentError::UnknownAgent(_) => coded(error, DetailCode::UnknownAgentId),
        AgentError::Conflict(_) => coded(error, DetailCode::IdempotencyConflict),
        AgentError::EmptyMessage
        | AgentError::NullByte
        | AgentError::AgentMismatch { .. }
        | AgentError::UnknownSession(_)
        | AgentError::RunMismatch
        | AgentError::SendBlocked
        | AgentError::MainSession(_)
        | AgentError::Model(_) => RpcError::invalid(error.to_string()).into(),
    }
}

fn coded(error: &AgentError, code: DetailCode) -> Failure {
    RpcError::invalid(error.to_string()).with_code(code).into()
}

/// The store's refusal. What does not fit the state is the caller's fault, the rest is ours.
#[must_use]
pub fn store(state: &State, error: &StoreError) -> Failure {
    match error {
        StoreError::Conflict(Conflict::LabelInUse { label }) => {
            RpcError::invalid(format!("label already in use: {label}")).into()
        }
        StoreError::Conflict(Conflict::SessionChanged { .. }) => session_changed().into(),
        StoreError::NotFound(what @ ("session" | "transcript" | "run")) => {
            RpcError::invalid(format!("{what} not found")).into()
        }
        _ => state.storage_error(error).into(),
    }
}

/// The session is not as the caller saw it last.
#[must_use]
pub fn session_changed() -> RpcError {
    RpcError::invalid("the session changed; read it again")
        .with_code(DetailCode::SessionChanged)
        .with_details([("reason", Value::from("session-changed"))])
}
