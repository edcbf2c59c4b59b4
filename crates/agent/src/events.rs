//! What a run tells the world while it lives.
//!
//! Events of one run are numbered from 1 without gaps and come in this order: `Accepted`; when the run
//! has its turn `Started`, `Model`, then `Thinking`, `Text`, `Tool*`, `Retry`, `Usage` and `Message` as
//! they happen; last, exactly once, `Finished`. A run taken up again after a restart begins a new count
//! with `Started`. A run that never got its turn goes from `Accepted` to
//! `Finished`. Text is told at most once per [`openclaw_protocol::limits::DELTA_INTERVAL_MS`] and may
//! lag; the whole text stands in `Finished`.

use std::{fmt, sync::Arc, time::Duration};

use openclaw_base::SharedClock;
use openclaw_protocol::ids::{AgentId, RunId, SessionId, SessionKey};
use openclaw_store::{outbox::Route, transcripts::MessageRow};
use serde_json::Value;

use crate::{
    model::{ModelRef, Usage},
    run::RunOutcome,
};

/// Where events go. Called from inside the turn loop: an implementation hands the event on and returns,
/// it never blocks.
pub trait AgentEvents: Send + Sync {
    /// Takes one event.
    fn emit(&self, event: AgentEvent);
}

/// Tells events, with the time of day.
#[derive(Clone)]
pub(crate) struct Voice {
    pub(crate) events: Arc<dyn AgentEvents>,
    pub(crate) clock: SharedClock,
}

impl fmt::Debug for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Voice").finish_non_exhaustive()
    }
}

/// One event of one run, or of a session (then without a run).
#[derive(Clone, Debug, PartialEq)]
pub struct AgentEvent {
    /// The run; for [`AgentEventKind::SessionChanged`] without one, `None`.
    pub run_id: Option<RunId>,
    /// Its session.
    pub session_key: SessionKey,
    /// The session's transcript.
    pub session_id: SessionId,
    /// The agent.
    pub agent_id: AgentId,
    /// Number of the event within its run, from 1; 0 without a run.
    pub seq: u64,
    /// When, in milliseconds since 1970.
    pub ts: u64,
    /// Where the run's answer is sent.
    pub route: Option<Route>,
    /// What happened.
    pub kind: AgentEventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum AgentEventKind {
    /// The run and the person's message are stored.
    Accepted {
        /// The message's row in the transcript. One that waits gets its row when it has its turn, and
        /// is then told as a [`AgentEventKind::Message`].
        message: Option<Arc<MessageRow>>,
        /// Whether it waits for another run of the session.
        queued: bool,
    },
    /// The run has its turn.
    Started {
        /// When, in milliseconds since 1970.
        started_at_ms: u64,
    },
    /// A model is about to be asked; told again when a fallback is.
    Model(ModelRef),
    /// The answer has grown.
    Text {
        /// The whole text of the current answer so far.
        cumulative: String,
        /// What is new since the last `Text`; the whole when `replace` is set.
        delta: String,
        /// Whether the text does not continue the last one, as after a retry.
        replace: bool,
    },
    /// The model's thinking has grown.
    Thinking {
        /// All of it so far.
        cumulative: String,
        /// What is new.
        delta: String,
    },
    /// A tool is about to run.
    ToolStart {
        /// The provider's id of the call.
        call_id: String,
        /// The tool.
        name: String,
        /// Its arguments.
        arguments: Value,
    },
    /// A tool has ended.
    ToolResult {
        /// The provider's id of the call.
        call_id: String,
        /// The tool.
        name: String,
        /// The result as the model reads it.
        text: String,
        /// The result as programs read it.
        details: Option<Value>,
        /// Whether it failed.
        is_error: bool,
    },
    /// Tokens used by the run so far.
    Usage(Usage),
    /// A row was added to the transcript.
    Message(Arc<MessageRow>),
    /// A model failed and will be asked again, or another one in its place.
    Retry {
        /// Number of the attempt that failed, from 1.
        attempt: u32,
        /// Attempts that are made in all with this model.
        max_attempts: u32,
        /// One word for why.
        reason: &'static str,
        /// A sentence for why.
        message: String,
        /// How long it is waited for.
        after: Duration,
        /// The model that is asked next.
        next: ModelRef,
    },
    /// The beginning of the conversation is being made into a summary.
    Compaction {
        /// Whether that is over.
        ended: bool,
        /// Whether there is a summary now.
        completed: bool,
        /// Whether the model is asked again with it.
        will_retry: bool,
    },
    /// The run is over and its outcome stored. Where another run answered for this one
    /// (`merged_into`), that one's events have told the text already.
    Finished(Arc<RunOutcome>),
    /// Something about the session changed that no event of a run says.
    SessionChanged {
        /// What: `new`, `reset`, `delete`, `patch`, `compact`.
        reason: &'static str,
    },
}

/// Throws events away.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEvents;

impl AgentEvents for NoEvents {
    fn emit(&self, _: AgentEvent) {}
}
