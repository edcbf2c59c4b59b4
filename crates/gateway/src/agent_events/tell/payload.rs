//! The parts of payloads that all events of a run share.

use openclaw_agent::AgentEvent;
use openclaw_protocol::{
    events::{
        chat::{AgentPayload, ChatPayload},
        sessions::SessionsChangedPayload,
    },
    ids::RunId,
    transcript::{MessageRole, TranscriptMessage},
};

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
