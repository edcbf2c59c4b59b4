//! Sessions that change, for connections that watch them.

use crate::{
    ids::{AgentId, MessageId, RunId, SessionId, SessionKey},
    macros::record,
    methods::sessions::{SessionRow, SessionStatusKind},
    row::{Gate, Since, events},
    scope::Scope,
    transcript::TranscriptMessage,
};

record! {
    /// Payload of `sessions.changed`.
    SessionsChangedPayload {
        /// The session.
        session_key: SessionKey,
        /// Its agent.
        agent_id?: AgentId,
        /// When, in milliseconds since 1970.
        ts: u64,
        /// Why: `send`, `patch`, `reset`, `delete`, `create`, `agent.run.started`,
        /// `agent.input.settled`.
        reason?: String,
        /// Or: how far a run has come, `start`, `model`, or `end`.
        phase?: String,
        /// The run.
        run_id?: RunId,
        /// The session as it is now; absent when it is gone.
        session?: SessionRow,
        /// Its transcript.
        session_id?: SessionId,
        /// Last change, in milliseconds since 1970.
        updated_at?: u64,
        /// How the last run stands.
        status?: SessionStatusKind,
        /// Whether a run is busy now.
        has_active_run?: bool,
        /// Which.
        active_run_ids?: Vec<RunId>,
        /// Label.
        label?: String,
        /// Provider that applies.
        model_provider?: String,
        /// Model that applies.
        model?: String,
    }

    /// Payload of `session.message`.
    SessionMessagePayload {
        /// The session.
        session_key: SessionKey,
        /// Its agent.
        agent_id?: AgentId,
        /// The message as it is stored.
        message: TranscriptMessage,
        /// Its id.
        message_id: MessageId,
        /// Its place in the transcript.
        message_seq: u64,
        /// The run it belongs to.
        run_id?: RunId,
        /// Its transcript.
        session_id?: SessionId,
        /// The session as it is now.
        session?: SessionRow,
        /// Whether the owner wrote it.
        sender_is_owner?: bool,
    }
}

events! {
    /// A session was made, changed, or forgotten, or a run of it began or ended.
    SessionsChanged = "sessions.changed", Gate::SessionList(Scope::Read), SessionsChangedPayload
        { since: Since::V4 }
        [
            fn session_key(payload: &SessionsChangedPayload) -> Option<&SessionKey> {
                Some(&payload.session_key)
            }
        ];
    /// A message was stored.
    SessionMessage = "session.message", Gate::SessionMessages(Scope::Read), SessionMessagePayload
        { since: Since::V4 }
        [
            fn session_key(payload: &SessionMessagePayload) -> Option<&SessionKey> {
                Some(&payload.session_key)
            }
        ];
}
