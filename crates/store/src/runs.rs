//! Agent runs, which are the inbox as well: a message that was accepted has a run, and a run that
//! has not ended is taken up again after a restart.
//!
//! ```text
//! accept ──> accepted ──> start ──> running ──> finish ──> done | error | aborted | interrupted
//! ```
//! * The run id is the caller's idempotency key. Accepting, the session, and the user's message are
//!   one transaction, so a message is neither lost nor taken twice.
//! * An end is final: a second one is told what the first was.

mod rows;

use std::collections::HashMap;

use openclaw_protocol::ids::{AgentId, RunId, SessionId, SessionKey};
use rusqlite::Connection;
use serde_json::Value;

use crate::{
    ParamsDigest,
    engine::{Durability, Engine},
    error::StoreError,
    outbox::NewDelivery,
    row::words,
    sessions::SessionRecord,
    transcripts::{MessageRow, NewMessage},
};

words! {
    /// Where a run stands.
    pub enum RunState {
        /// Taken, and waiting for its turn.
        Accepted = "accepted",
        /// In progress.
        Running = "running",
        /// Ended well.
        Done = "done",
        /// Ended with an error.
        Error = "error",
        /// Ended by a person or a time limit.
        Aborted = "aborted",
        /// Cut off by a restart and not taken up again.
        Interrupted = "interrupted",
    }
}

impl RunState {
    /// Whether the run has ended.
    #[must_use]
    pub const fn is_end(self) -> bool {
        !matches!(self, Self::Accepted | Self::Running)
    }
}

/// A run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    /// Its id.
    pub run_id: RunId,
    /// The session it answers in.
    pub session_key: SessionKey,
    /// The transcript that session was at.
    pub session_id: SessionId,
    /// The agent that answers.
    pub agent_id: AgentId,
    /// Who asked: the device id where there is one.
    pub principal: String,
    /// What was asked, for comparing.
    pub digest: ParamsDigest,
    /// Where it stands.
    pub state: RunState,
    /// What was said to the agent.
    pub message: String,
    /// How it is to be answered, as the agent wrote it.
    pub options: Value,
    /// When it was taken.
    pub accepted_at_ms: u64,
    /// When it began.
    pub started_at_ms: Option<u64>,
    /// When it ended.
    pub ended_at_ms: Option<u64>,
    /// What came out, as the agent wrote it.
    pub outcome: Option<Value>,
}

/// A run to be accepted.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// Its id, the caller's idempotency key.
    pub run_id: RunId,
    /// The session it answers in; made if it is not there.
    pub session_key: SessionKey,
    /// The transcript the caller saw.
    pub expected_session_id: Option<SessionId>,
    /// Whether the session gets a new transcript first, unless a run of it is not over yet.
    pub starts_anew: bool,
    /// The agent that answers.
    pub agent_id: AgentId,
    /// Who asks: the device id where there is one.
    pub principal: String,
    /// What is asked, for comparing.
    pub digest: ParamsDigest,
    /// What is said to the agent.
    pub message: String,
    /// How it is to be answered, as the agent writes it.
    pub options: Value,
}

/// What became of a run to be accepted.
#[derive(Clone, Debug, PartialEq)]
pub enum Accepted {
    /// It was taken.
    New(Box<Taken>),
    /// The same was taken before; this is how it stands.
    Duplicate(Box<RunRow>),
    /// The id was used by somebody else, or for something else.
    Conflict,
}

/// A run that was taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// The run.
    pub run: RunRow,
    /// The user's message, if it was appended at once.
    pub message: Option<MessageRow>,
    /// Whether the session is new.
    pub session_created: bool,
    /// The transcript that was archived for it, if the session started anew.
    pub previous: Option<SessionId>,
}

/// What became of a run to be started or ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// It was; these messages were appended.
    Taken(Vec<MessageRow>),
    /// It had ended before, like this; nothing was changed.
    Ended(Box<RunRow>),
}

/// How a run ends.
#[derive(Clone, Debug)]
pub struct RunEnd {
    /// One of the ends.
    pub state: RunState,
    /// What came out, as the agent writes it.
    pub outcome: Option<Value>,
    /// Messages to be appended.
    pub messages: Vec<NewMessage>,
    /// What it leaves on its session.
    pub session: SessionRecord,
    /// What is to be sent to a person because of it, in the same breath.
    pub deliver: Option<NewDelivery>,
}

impl RunEnd {
    /// An end with nothing to be appended.
    #[must_use]
    pub fn new(state: RunState, outcome: Option<Value>) -> Self {
        Self {
            state,
            outcome,
            messages: Vec::new(),
            session: SessionRecord::default(),
            deliver: None,
        }
    }
}

/// Operations on runs.
#[derive(Clone, Copy)]
pub struct Runs<'a> {
    engine: &'a Engine,
}

impl<'a> Runs<'a> {
    pub(crate) const fn new(engine: &'a Engine) -> Self {
        Self { engine }
    }

    async fn change<T, F>(self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.engine.write(Durability::Process, work).await
    }

    /// Takes a run: compares it with what is known, opens its session, notes the run, and appends
    /// the user's message if it is given now rather than at [`start`](Self::start).
    ///
    /// # Errors
    /// A conflict for a session that changed.
    pub async fn accept(
        self,
        run: NewRun,
        message: Option<NewMessage>,
        now_ms: u64,
    ) -> Result<Accepted, StoreError> {
        self.change(move |conn| rows::accept(conn, run, message, now_ms)).await
    }

    /// Notes that a run is in progress, and appends the messages it begins with. Starting one that
    /// is in progress already only appends.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown run.
    pub async fn start(
        self,
        run_id: &RunId,
        messages: Vec<NewMessage>,
        now_ms: u64,
    ) -> Result<Step, StoreError> {
        let id = run_id.clone();
        self.change(move |conn| rows::start(conn, &id, messages, now_ms)).await
    }

    /// Ends a run, appends its last messages, and notes on the session what it used. If the
    /// transcript was deleted meanwhile, the messages are let go.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown run.
    pub async fn finish(
        self,
        run_id: &RunId,
        end: RunEnd,
        now_ms: u64,
    ) -> Result<Step, StoreError> {
        let id = run_id.clone();
        let durability =
            if end.deliver.is_some() { Durability::Power } else { Durability::Process };
        self.engine.write(durability, move |conn| rows::finish(conn, &id, end, now_ms)).await
    }

    /// A run.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn get(self, run_id: &RunId) -> Result<Option<RunRow>, StoreError> {
        let id = run_id.clone();
        self.engine.read(move |conn| rows::find(conn, &id)).await
    }

    /// The runs that have not ended, in the order they were accepted.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn unfinished(self) -> Result<Vec<RunRow>, StoreError> {
        self.engine.read(rows::unfinished).await
    }

    /// The last run of each of these sessions that had one.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn latest(
        self,
        keys: &[SessionKey],
    ) -> Result<HashMap<SessionKey, RunRow>, StoreError> {
        let keys = keys.to_vec();
        self.engine.read(move |conn| rows::latest(conn, keys)).await
    }

    /// Forgets runs that ended before a point in time; their ids can then be used again.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn prune(self, ended_before_ms: u64) -> Result<usize, StoreError> {
        self.change(move |conn| {
            let count = conn
                .prepare_cached("DELETE FROM runs WHERE ended_at_ms < ?1")?
                .execute([ended_before_ms])?;
            Ok(count)
        })
        .await
    }
}

#[cfg(test)]
mod tests;
