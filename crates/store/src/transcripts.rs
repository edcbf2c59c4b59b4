//! The messages of every session, in order.
//!
//! * A transcript belongs to one session key. A reset archives it and starts the next one.
//! * `seq` counts from 1 without a gap; `message_id` is unique in the whole file.
//! * A message with an idempotency key is appended to its transcript once; a repeat returns the
//!   row that is there.

pub(crate) mod rows;

use std::collections::HashMap;

use openclaw_protocol::ids::{AgentId, MessageId, RunId, SessionId, SessionKey};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    engine::{Durability, Engine},
    error::StoreError,
    row::words,
};

words! {
    /// Who speaks in a message.
    pub enum MessageRole {
        /// A person or whoever writes in their place.
        User = "user",
        /// The model, or the Gateway in its place.
        Assistant = "assistant",
        /// What a tool gave back.
        ToolResult = "toolResult",
        /// A note for the reader, such as a compaction.
        System = "system",
    }
}

/// A message as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageRow {
    /// Its transcript.
    pub session_id: SessionId,
    /// Its place there, from 1.
    pub seq: u64,
    /// Its own id.
    pub message_id: MessageId,
    /// Who speaks.
    pub role: MessageRole,
    /// Blocks: text, thinking, images, tool calls.
    pub content: Vec<Value>,
    /// Provider, model, usage, stop reason, tool call id, error flag, …
    pub meta: Map<String, Value>,
    /// The run it came from.
    pub run_id: Option<RunId>,
    /// What makes a repeat of it recognisable.
    pub idempotency_key: Option<String>,
    /// When it was said.
    pub created_at_ms: u64,
}

/// A message to be appended.
#[derive(Clone, Debug, PartialEq)]
pub struct NewMessage {
    /// Its own id.
    pub message_id: MessageId,
    /// Who speaks.
    pub role: MessageRole,
    /// Blocks: text, thinking, images, tool calls.
    pub content: Vec<Value>,
    /// Provider, model, usage, stop reason, tool call id, error flag, …
    pub meta: Map<String, Value>,
    /// The run it came from.
    pub run_id: Option<RunId>,
    /// What makes a repeat of it recognisable.
    pub idempotency_key: Option<String>,
    /// When it was said.
    pub created_at_ms: u64,
}

/// What the answers of one day took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DayUsage {
    /// The day, counted from 1970-01-01.
    pub day: i64,
    /// Tokens: read, written, from a cache, into a cache.
    pub tokens: [u64; 4],
    /// What each of these cost, in US dollars.
    pub cost: [f64; 4],
    /// Answers without a price.
    pub unpriced: u64,
}

impl NewMessage {
    /// A message with a fresh id.
    #[must_use]
    pub fn new(role: MessageRole, content: Vec<Value>, created_at_ms: u64) -> Self {
        Self {
            message_id: MessageId::new(Uuid::now_v7().to_string()),
            role,
            content,
            meta: Map::new(),
            run_id: None,
            idempotency_key: None,
            created_at_ms,
        }
    }

    /// A message of one text block.
    #[must_use]
    pub fn text(role: MessageRole, text: impl Into<String>, created_at_ms: u64) -> Self {
        let block = serde_json::json!({"type": "text", "text": text.into()});
        Self::new(role, vec![block], created_at_ms)
    }

    /// Says which run it came from.
    #[must_use]
    pub fn in_run(mut self, run_id: &RunId) -> Self {
        self.run_id = Some(run_id.clone());
        self
    }

    /// Adds particulars.
    #[must_use]
    pub fn with_meta(mut self, meta: Map<String, Value>) -> Self {
        self.meta = meta;
        self
    }

    /// Makes a repeat recognisable.
    #[must_use]
    pub fn once(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }
}

/// A transcript, without its messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    /// Its id.
    pub session_id: SessionId,
    /// The session it belongs or belonged to.
    pub session_key: SessionKey,
    /// That session's agent.
    pub agent_id: AgentId,
    /// The `seq` of its last message, 0 while it is empty.
    pub last_seq: u64,
    /// When it was started.
    pub created_at_ms: u64,
    /// When a reset or delete put it aside.
    pub archived_at_ms: Option<u64>,
    /// Which of them.
    pub archive_reason: Option<String>,
}

/// What a list of sessions shows of a transcript.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edges {
    /// The first message of a person, from which a title can be made.
    pub first_user: Option<MessageRow>,
    /// The last message of a person or the assistant.
    pub last: Option<MessageRow>,
}

/// Operations on transcripts.
#[derive(Clone, Copy)]
pub struct Transcripts<'a> {
    engine: &'a Engine,
}

impl<'a> Transcripts<'a> {
    pub(crate) const fn new(engine: &'a Engine) -> Self {
        Self { engine }
    }

    /// Appends messages in one transaction and moves their session to the top of the list.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such transcript.
    pub async fn append(
        self,
        session_id: &SessionId,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<MessageRow>, StoreError> {
        let id = session_id.clone();
        self.engine
            .write(Durability::Process, move |conn| {
                let rows = rows::insert(conn, &id, messages)?;
                rows::bump_session(conn, &id, &rows)?;
                Ok(rows)
            })
            .await
    }

    /// The last `limit` messages, of those before `before_seq` if it is given; oldest first.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn tail(
        self,
        session_id: &SessionId,
        limit: usize,
        before_seq: Option<u64>,
    ) -> Result<Vec<MessageRow>, StoreError> {
        let id = session_id.clone();
        self.engine.read(move |conn| rows::tail(conn, &id, limit, before_seq)).await
    }

    /// The first `limit` messages after `after_seq`, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn since(
        self,
        session_id: &SessionId,
        after_seq: u64,
        limit: usize,
    ) -> Result<Vec<MessageRow>, StoreError> {
        let id = session_id.clone();
        self.engine.read(move |conn| rows::since(conn, &id, after_seq, limit)).await
    }

    /// How many messages a transcript has; 0 if there is none.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn count(self, session_id: &SessionId) -> Result<u64, StoreError> {
        let id = session_id.clone();
        self.engine
            .read(move |conn| {
                let count = conn
                    .prepare_cached("SELECT count(*) FROM messages WHERE session_id = ?1")?
                    .query_row([id.as_str()], |row| row.get(0))?;
                Ok(count)
            })
            .await
    }

    /// One message.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn get(self, message_id: &MessageId) -> Result<Option<MessageRow>, StoreError> {
        let id = message_id.clone();
        self.engine.read(move |conn| rows::find(conn, &id)).await
    }

    /// The last `limit` messages of each of these sessions, oldest first. A session that does not
    /// exist has no entry, one that is empty an empty one.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn last_of(
        self,
        keys: &[SessionKey],
        limit: usize,
    ) -> Result<HashMap<SessionKey, Vec<MessageRow>>, StoreError> {
        let keys = keys.to_vec();
        self.engine.read(move |conn| rows::last_of(conn, keys, limit)).await
    }

    /// First and last words of these transcripts.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn edges(self, ids: &[SessionId]) -> Result<HashMap<SessionId, Edges>, StoreError> {
        let ids = ids.to_vec();
        self.engine.read(move |conn| rows::edges(conn, ids)).await
    }

    /// What answers took between two points in time, by day; a day begins `offset_ms` before that of UTC.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn usage_by_day(
        self,
        from_ms: u64,
        until_ms: u64,
        offset_ms: i64,
    ) -> Result<Vec<DayUsage>, StoreError> {
        self.engine.read(move |conn| rows::usage_by_day(conn, from_ms, until_ms, offset_ms)).await
    }

    /// A transcript, archived or not.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn info(self, session_id: &SessionId) -> Result<Option<Transcript>, StoreError> {
        let id = session_id.clone();
        self.engine.read(move |conn| rows::info(conn, &id)).await
    }

    /// Every transcript a session has had, the newest first.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn of_session(self, key: &SessionKey) -> Result<Vec<Transcript>, StoreError> {
        let key = key.clone();
        self.engine.read(move |conn| rows::of_session(conn, &key)).await
    }

    /// Deletes transcripts that were archived before a point in time.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn prune_archived(self, before_ms: u64) -> Result<usize, StoreError> {
        self.engine
            .write(Durability::Process, move |conn| {
                let count = conn
                    .prepare_cached("DELETE FROM transcripts WHERE archived_at_ms < ?1")?
                    .execute([before_ms])?;
                Ok(count)
            })
            .await
    }
}

#[cfg(test)]
mod tests;
