//! A run from the outside: what starts it, what becomes of it.

use std::time::Duration;

use openclaw_protocol::ids::{AgentId, RunId, SessionId, SessionKey};
use openclaw_store::outbox::Route;
use serde::{Deserialize, Serialize};

use crate::{
    model::{ErrorKind, ModelError, ModelRef, ThinkingLevel, Usage},
    queue::QueueMode,
};

/// A message for an agent. `run_id` makes it idempotent: the same id never runs twice.
#[derive(Clone, Debug, PartialEq)]
pub struct StartRun {
    /// Chosen by the caller; for client requests it is the idempotency key.
    pub run_id: RunId,
    /// Canonical key of the session; it is made if it does not exist.
    pub session_key: SessionKey,
    /// The transcript the caller saw; if the session is at another, nothing happens.
    pub expected_session_id: Option<SessionId>,
    /// The agent; the session's own when absent.
    pub agent_id: Option<AgentId>,
    /// What the person says.
    pub message: String,
    /// Pictures.
    pub attachments: Vec<Attachment>,
    /// How much to think, for this run only.
    pub thinking: Option<ThinkingLevel>,
    /// Time limit of the run; zero means none, absent the configured one.
    pub timeout: Option<Duration>,
    /// Who asks: stored with the run, and named to tools.
    pub principal: String,
    /// Whether the caller knows that an owner asks. People in chats are known by the settings instead.
    pub owner: bool,
    /// What to do when the session is busy, for this message only.
    pub queue_mode: Option<QueueMode>,
    /// Added to the standing instructions, for this run only.
    pub extra_system_prompt: Option<String>,
    /// The model, for this run only.
    pub model: Option<String>,
    /// Take the text as a message even if it looks like a command.
    pub plain: bool,
    /// Where the answer is sent besides being told; it is in the outbox as soon as the run is over.
    pub route: Option<Route>,
}

impl StartRun {
    /// A plain message from somebody, everything else as configured.
    pub fn new(
        run_id: impl Into<RunId>,
        session_key: SessionKey,
        message: impl Into<String>,
        principal: impl Into<String>,
    ) -> Self {
        Self {
            run_id: run_id.into(),
            session_key,
            expected_session_id: None,
            agent_id: None,
            message: message.into(),
            attachments: Vec::new(),
            thinking: None,
            timeout: None,
            principal: principal.into(),
            owner: false,
            queue_mode: None,
            extra_system_prompt: None,
            model: None,
            plain: false,
            route: None,
        }
    }
}

/// A picture as the domain holds it: checked, decoded from whatever the wire carried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    /// Such as `image/png`.
    pub mime_type: String,
    /// The bytes in standard base64.
    pub data: String,
    /// Its name, if it came with one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file_name: Option<String>,
}

/// What became of a wish to start a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Start {
    /// The run and its message are on disk and will be answered, even after a crash.
    Accepted {
        /// The run.
        run_id: RunId,
        /// The session.
        session_key: SessionKey,
        /// Its transcript.
        session_id: SessionId,
        /// Row number of the message in the transcript. A message that waits gets its row when it has
        /// its turn; until then it is kept with the run.
        message_seq: Option<u64>,
        /// When, in milliseconds since 1970.
        accepted_at_ms: u64,
        /// Whether another run of the session goes first.
        queued: bool,
    },
    /// The run with this id is waiting or running already.
    InFlight {
        /// The run.
        run_id: RunId,
        /// When it was accepted, in milliseconds since 1970.
        accepted_at_ms: u64,
    },
    /// The run with this id is over.
    Done(Box<RunOutcome>),
    /// The message was a word to stop, so runs were stopped and none was started.
    Stopped {
        /// Whether any was running or waiting.
        aborted: bool,
        /// Those that were.
        run_ids: Vec<RunId>,
    },
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FinalState {
    /// With an answer, perhaps an empty one.
    Done,
    /// With a failure.
    Error,
    /// Because somebody or a time limit stopped it.
    Aborted,
    /// Because the Gateway stopped, and it could not be continued.
    Interrupted,
}

impl FinalState {
    /// The name in stored outcomes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Error => "error",
            Self::Aborted => "aborted",
            Self::Interrupted => "interrupted",
        }
    }
}

/// Everything there is to say about a run that is over. Stored with the run, so that a repeat of the
/// request gets the same words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunOutcome {
    /// The run.
    pub run_id: RunId,
    /// Its session.
    pub session_key: SessionKey,
    /// Its transcript.
    pub session_id: SessionId,
    /// How it ended.
    pub state: FinalState,
    /// The answer; what there was of it when the run was stopped or failed. Absent when the model chose
    /// to be silent or another run answered for this one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<String>,
    /// Why: a model's reason (`stop`, `length`, `refusal`), `rpc`, `stop`, `timeout`,
    /// `interrupt`, `reset`, `queue_overflow`, `error`, or `command`.
    pub stop_reason: String,
    /// Tokens used.
    #[serde(default)]
    pub usage: Usage,
    /// The model that answered last.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub model: Option<ModelRef>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<RunError>,
    /// When the message was accepted, in milliseconds since 1970.
    pub accepted_at_ms: u64,
    /// When the run had its turn.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub started_at_ms: Option<u64>,
    /// When it was over.
    pub ended_at_ms: u64,
    /// The run that answered this message together with its own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub merged_into: Option<RunId>,
}

/// What went wrong with a run, in words for a person and a kind for a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunError {
    /// One sentence, or a few where several models were tried.
    pub message: String,
    /// The kind named in chat events.
    pub kind: ErrorKind,
    /// One word for why, such as `rate_limit`.
    pub reason: String,
    /// When the provider wants to be asked again, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_after_ms: Option<u64>,
    /// The provider's HTTP status.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub http_status: Option<u16>,
}

impl RunError {
    /// A failure that is not a model's.
    pub(crate) fn plain(reason: &str, message: &str) -> Self {
        Self {
            message: message.to_owned(),
            kind: ErrorKind::Unknown,
            reason: reason.to_owned(),
            retry_after_ms: None,
            http_status: None,
        }
    }

    /// A model's failure, told in other words than its own where several were tried.
    pub(crate) fn of(error: &ModelError, message: String) -> Self {
        Self {
            message,
            kind: error.error_kind(),
            reason: error.reason().to_owned(),
            retry_after_ms: error
                .retry_after()
                .map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
            http_status: error.http_status(),
        }
    }
}

/// A run that has its turn now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveRun {
    /// The run.
    pub run_id: RunId,
    /// When it began, in milliseconds since 1970.
    pub started_at_ms: u64,
    /// The answer so far.
    pub text: String,
}

/// What a session is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionActivity {
    /// The run that has its turn.
    pub active: Option<ActiveRun>,
    /// Runs that wait, in order.
    pub queued: Vec<RunId>,
}

/// Why runs are stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbortReason {
    /// A client asked for it.
    Rpc,
    /// The person said so in the conversation.
    StopCommand,
    /// The time limit.
    Timeout,
    /// A newer message takes its place.
    Interrupt,
    /// The session is reset or deleted.
    Reset,
    /// The session's queue is full.
    QueueOverflow,
}

impl AbortReason {
    /// The stop reason in events and outcomes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rpc => "rpc",
            Self::StopCommand => "stop",
            Self::Timeout => "timeout",
            Self::Interrupt => "interrupt",
            Self::Reset => "reset",
            Self::QueueOverflow => "queue_overflow",
        }
    }
}
