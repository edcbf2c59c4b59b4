//! Sessions: which transcript each is at, its settings, counters and flags.
//!
//! * A session is made by its first use; patch, reset and a run make it if it is not there.
//! * A label names one session at most.
//! * A reset gives the session a new transcript and archives the old one.
//! * A caller that looked before it acts can say which transcript it saw; if the session is at
//!   another by then, nothing happens and the answer is [`Conflict::SessionChanged`].
//!
//! [`Conflict::SessionChanged`]: crate::Conflict::SessionChanged

mod entry;
mod list;
pub(crate) mod rows;

use openclaw_protocol::ids::{AgentId, SessionId, SessionKey};
use rusqlite::Connection;

pub use self::{
    entry::{
        Change, SessionEntry, SessionFlags, SessionPatch, SessionRecord, SessionSettings,
        SettingsPatch, TokenCounters,
    },
    list::{SessionPage, SessionQuery, SessionSort},
};
use crate::{
    engine::{Durability, Engine},
    error::StoreError,
};

/// A session, and whether the operation made it.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// The session as it is now.
    pub entry: SessionEntry,
    /// Whether it is new.
    pub created: bool,
}

/// How a session is reset.
#[derive(Clone, Debug, Default)]
pub struct Reset {
    /// Whether the chosen model stays chosen; `/new` in a conversation lets it go.
    pub keep_model: bool,
    /// The transcript the caller saw.
    pub expected_session_id: Option<SessionId>,
}

/// What a reset did.
#[derive(Clone, Debug, PartialEq)]
pub struct WasReset {
    /// The session as it is now.
    pub entry: SessionEntry,
    /// The transcript that was archived.
    pub previous: Option<SessionId>,
}

/// How a session is deleted.
#[derive(Clone, Debug, Default)]
pub struct Delete {
    /// Whether everything that was ever said in it goes as well; else it is archived.
    pub with_transcript: bool,
    /// The transcript the caller saw.
    pub expected_session_id: Option<SessionId>,
}

/// What a delete took away.
#[derive(Clone, Debug, PartialEq)]
pub struct Deleted {
    /// The session as it was.
    pub entry: SessionEntry,
    /// The transcripts that were deleted or archived with it.
    pub transcripts: Vec<SessionId>,
}

/// Operations on sessions.
#[derive(Clone, Copy)]
pub struct Sessions<'a> {
    engine: &'a Engine,
}

impl<'a> Sessions<'a> {
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

    /// A session.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn get(self, key: &SessionKey) -> Result<Option<SessionEntry>, StoreError> {
        let key = key.clone();
        self.engine.read(move |conn| rows::find(conn, &key)).await
    }

    /// A session, made now if it is not there.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn get_or_create(
        self,
        key: &SessionKey,
        agent_id: &AgentId,
        now_ms: u64,
    ) -> Result<Opened, StoreError> {
        if let Some(entry) = self.get(key).await? {
            return Ok(Opened { entry, created: false });
        }
        let (key, agent) = (key.clone(), agent_id.clone());
        self.change(move |conn| rows::open(conn, &key, &agent, now_ms)).await
    }

    /// The session that is at this transcript.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn find_by_session_id(
        self,
        session_id: &SessionId,
    ) -> Result<Option<SessionEntry>, StoreError> {
        let id = session_id.clone();
        self.engine.read(move |conn| rows::find_by_session_id(conn, &id)).await
    }

    /// The session with this label.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn find_by_label(self, label: &str) -> Result<Option<SessionEntry>, StoreError> {
        let label = label.to_owned();
        self.engine.read(move |conn| rows::find_by_label(conn, &label)).await
    }

    /// The sessions that match, a page of them.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn list(self, query: SessionQuery) -> Result<SessionPage, StoreError> {
        self.engine.read(move |conn| list::page(conn, &query)).await
    }

    /// Changes what the patch names; makes the session if it is not there.
    ///
    /// # Errors
    /// A conflict for a label in use or a session that changed.
    pub async fn patch(
        self,
        key: &SessionKey,
        agent_id: &AgentId,
        patch: SessionPatch,
        now_ms: u64,
    ) -> Result<Opened, StoreError> {
        let (key, agent) = (key.clone(), agent_id.clone());
        self.change(move |conn| rows::patch(conn, &key, &agent, patch, now_ms)).await
    }

    /// Starts a new transcript. Settings stay, counters and the model of the last run do not;
    /// makes the session if it is not there.
    ///
    /// # Errors
    /// A conflict for a session that changed.
    pub async fn reset(
        self,
        key: &SessionKey,
        agent_id: &AgentId,
        reset: Reset,
        now_ms: u64,
    ) -> Result<WasReset, StoreError> {
        let (key, agent) = (key.clone(), agent_id.clone());
        self.change(move |conn| rows::reset(conn, &key, &agent, &reset, now_ms)).await
    }

    /// Deletes a session and ends its runs. They stay known by id, so that none is taken twice, but
    /// with the transcript their words are deleted as well. `None`: no such session.
    ///
    /// # Errors
    /// A conflict for a session that changed.
    pub async fn delete(
        self,
        key: &SessionKey,
        delete: Delete,
        now_ms: u64,
    ) -> Result<Option<Deleted>, StoreError> {
        let key = key.clone();
        self.change(move |conn| rows::delete(conn, &key, &delete, now_ms)).await
    }

    /// Notes what a model call used, if the session is still at this transcript. `false`: it is
    /// not.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn record(
        self,
        session_id: &SessionId,
        record: SessionRecord,
        now_ms: u64,
    ) -> Result<bool, StoreError> {
        let id = session_id.clone();
        self.change(move |conn| rows::record(conn, &id, record, now_ms)).await
    }
}

#[cfg(test)]
mod tests;
