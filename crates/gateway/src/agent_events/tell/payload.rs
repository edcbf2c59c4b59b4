//! The parts of payloads that all events of a run share.

use openclaw_agent::{AgentEvent, AgentEventKind};
use openclaw_protocol::{
    events::{
        chat::{AgentPayload, AssistantData, ChatPayload, ToolData, ToolPhase},
        sessions::SessionsChangedPayload,
    },
    ids::RunId,
    transcript::{MessageRole, TranscriptMessage},
};
use serde_json::json;

pub(super) fn chat(event: &AgentEvent, run: &RunId, seq: u64) -> ChatPayload {
    ChatPayload {
        run_id: run.clone(),
        session_key: event.session_key.clone(),
        agent_id: Some(event.agent_id.clone()),
        seq,
        ..ChatPayload::default()
    }
}

pub(super) fn agent(event: &AgentEvent, run: &RunId, seq: u64) -> AgentPayload {
    AgentPayload {
        run_id: run.clone(),
        seq,
        ts: event.ts,
        session_key: Some(event.session_key.clone()),
        agent_id: Some(event.agent_id.clone()),
        session_id: Some(event.session_id.clone()),
        ..AgentPayload::default()
    }
}

/// What the assistant said.
pub(super) fn said(text: &str, ts: u64) -> TranscriptMessage {
    TranscriptMessage::text(MessageRole::Assistant, text, ts)
}

/// Adds why.
pub(super) fn because(
    payload: SessionsChangedPayload,
    reason: Option<&str>,
    phase: Option<&str>,
    run: Option<&RunId>,
) -> SessionsChangedPayload {
    SessionsChangedPayload {
        reason: reason.map(str::to_owned),
        phase: phase.map(str::to_owned),
        run_id: run.cloned(),
        ..payload
    }
}

/// What the assistant says, or thinks.
pub(super) fn assistant(whole: &str, delta: &str) -> AssistantData {
    AssistantData { text: whole.to_owned(), delta: delta.to_owned(), media_urls: None }
}

/// A tool call; what came out of it only if that is wanted.
pub(super) fn tool_data(kind: &AgentEventKind, with_output: bool) -> Option<ToolData> {
    match kind {
        AgentEventKind::ToolStart { call_id, name, arguments } => Some(ToolData {
            phase: ToolPhase::Start,
            name: Some(name.clone()),
            tool_call_id: call_id.clone(),
            args: Some(arguments.clone()),
            ..ToolData::default()
        }),
        AgentEventKind::ToolResult { call_id, name, text, details, is_error } => Some(ToolData {
            phase: ToolPhase::Result,
            name: Some(name.clone()),
            tool_call_id: call_id.clone(),
            result: with_output
                .then(|| json!({"content": [{"type": "text", "text": text}], "details": details})),
            is_error: Some(*is_error),
            ..ToolData::default()
        }),
        _ => None,
    }
}
