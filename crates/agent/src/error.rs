//! Why the agent cannot do what it was asked.

use openclaw_protocol::ids::{AgentId, RunId, SessionKey};
use openclaw_store::StoreError;
use thiserror::Error;

use crate::models::ModelsError;

/// Why a request to the agent failed. Failures of a model are no such error: they end the run, and stand
/// in its outcome.
#[derive(Debug, Error)]
pub enum AgentError {
    /// Neither text nor attachment.
    #[error("message or attachment required")]
    EmptyMessage,
    /// NUL in the text.
    #[error("message must not contain null bytes")]
    NullByte,
    /// No such agent is configured.
    #[error("unknown agent id \"{0}\"")]
    UnknownAgent(AgentId),
    /// The session belongs to another agent.
    #[error("agent \"{wanted}\" does not match session key agent \"{actual}\"")]
    AgentMismatch {
        /// The agent that was named.
        wanted: AgentId,
        /// The session's.
        actual: AgentId,
    },
    /// No session of this name.
    #[error("no session found: {0}")]
    UnknownSession(SessionKey),
    /// The run is one of another session.
    #[error("runId does not match sessionKey")]
    RunMismatch,
    /// The same run id came with another message.
    #[error("idempotency key {0} was used for another message")]
    Conflict(RunId),
    /// The session's policy says no.
    #[error("send blocked by session policy")]
    SendBlocked,
    /// Too many messages wait in this session.
    #[error("{queued} messages already wait in this session")]
    QueueFull {
        /// How many.
        queued: usize,
    },
    /// A run did not stop in time.
    #[error("Session {0} is still active; try again in a moment.")]
    StillActive(SessionKey),
    /// No summary could be made.
    #[error("no summary could be made: {0}")]
    Compaction(String),
    /// The main session cannot be deleted.
    #[error("Cannot delete the main session ({0}).")]
    MainSession(SessionKey),
    /// The Gateway is stopping.
    #[error("the Gateway is stopping")]
    Stopping,
    /// The wanted model cannot be asked.
    #[error(transparent)]
    Model(#[from] ModelsError),
    /// The store failed.
    #[error("failed to use the store")]
    Store(#[from] StoreError),
}
