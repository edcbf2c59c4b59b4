//! What is to be sent to people. A delivery is here before it is sent and stays until it was, or is
//! given up; those of one chat are sent in the order in which they were put here.
//!
//! ```text
//! add ──> waiting ──> begin ──> sending ──> part … ──> sent
//!            ^───────── retry / recover ───────┴─────> failed ──> again ──> waiting
//! ```
//! Whether something that was being sent when the process ended has arrived, nobody knows. It is sent
//! again, and `uncertain` counts how often a person may have got it twice.

use openclaw_protocol::ids::RunId;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};
use serde::{Deserialize, Serialize};

use crate::{
    engine::{Durability, Engine},
    error::StoreError,
    row::{Json, RowExt as _, count, words},
};

/// How long a delivery that ended is remembered, in milliseconds: a week.
const KEPT_MS: u64 = 7 * 86_400_000;

/// Where an answer goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// The channel.
    pub channel: String,
    /// Its account.
    pub account: String,
    /// The chat.
    pub chat: String,
    /// The thread or topic in it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub thread: Option<String>,
    /// The message that is answered, if that is to be shown.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reply_to: Option<String>,
    /// Somebody asked for it to be shown, whatever the account does otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub reply_asked: bool,
}

impl Route {
    /// Whether two lead to the same place, whatever they reply to.
    #[must_use]
    pub fn is_same_place(&self, other: &Self) -> bool {
        self.place() == other.place()
    }

    fn place(&self) -> (&str, &str, &str, Option<&str>) {
        (&self.channel, &self.account, &self.chat, self.thread.as_deref())
    }
}

words! {
    /// Where a delivery stands.
    pub enum DeliveryState {
        /// Its turn comes.
        Waiting = "waiting",
        /// It is being sent.
        Sending = "sending",
        /// All of it was sent.
        Sent = "sent",
        /// It was given up.
        Failed = "failed",
    }
}

words! {
    /// How a file is shown.
    pub enum ShownAs {
        /// A picture as a picture, a film as a film.
        Itself = "itself",
        /// As a file, whatever it is.
        Document = "document",
        /// As a voice message, where it is sound.
        Voice = "voice",
    }
}

/// A file to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct OutFile {
    /// Its name.
    pub name: String,
    /// Its type, such as `image/png`.
    pub mime: String,
    /// How it is shown.
    pub shown_as: ShownAs,
    /// All of it.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for OutFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}, {} bytes)", self.name, self.mime, self.bytes.len())
    }
}

/// Something to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    /// Names it for ever: a second one with this key is none.
    pub key: String,
    /// The run whose answer it is.
    pub run_id: Option<RunId>,
    /// Where it goes.
    pub route: Route,
    /// What is said, in Markdown.
    pub text: String,
    /// The files that go with it. Those of one that is in the outbox are asked for one by one.
    pub files: Vec<OutFile>,
}

impl NewDelivery {
    /// A text that no run made.
    pub fn new(key: impl Into<String>, route: Route, text: impl Into<String>) -> Self {
        Self { key: key.into(), run_id: None, route, text: text.into(), files: Vec::new() }
    }
}

/// Something that is to be sent, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Grows with every delivery.
    pub id: u64,
    /// What it is.
    pub new: NewDelivery,
    /// Where it stands.
    pub state: DeliveryState,
    /// How many files go with it.
    pub files: u32,
    /// How many of its parts were sent.
    pub parts_sent: u32,
    /// What the channel calls those.
    pub message_ids: Vec<String>,
    /// How often sending was tried.
    pub attempts: u32,
    /// How often it was sent again without knowing whether it had arrived.
    pub uncertain: u32,
    /// What went wrong last.
    pub error: Option<String>,
    /// When it was put here, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// When it is tried next.
    pub next_at_ms: u64,
    /// When it was sent or given up.
    pub ended_at_ms: Option<u64>,
}

/// Which deliveries are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// All that are remembered.
    All,
    /// Those that wait, failed, or may have arrived twice.
    Troubled,
}

/// Operations on the outbox.
#[derive(Clone, Copy)]
pub struct Outbox<'a> {
    engine: &'a Engine,
}

impl<'a> Outbox<'a> {
    pub(crate) const fn new(engine: &'a Engine) -> Self {
        Self { engine }
    }

    async fn change<T, F>(self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.engine.write(Durability::Power, work).await
    }

    /// Puts something here; gives its number, that of the first one where the key is known.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn add(self, new: NewDelivery, now_ms: u64) -> Result<u64, StoreError> {
        self.change(move |conn| insert(conn, new, now_ms)).await
    }

    /// The first one of each chat that is not at its end, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn heads(self) -> Result<Vec<Delivery>, StoreError> {
        self.engine
            .read(|conn| {
                let mut select = conn.prepare_cached(
                    "SELECT * FROM outbox WHERE id IN (
                         SELECT min(id) FROM outbox WHERE ended_at_ms IS NULL
                         GROUP BY channel, account, chat)
                     ORDER BY id",
                )?;
                let rows = select.query_map([], delivery)?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// One delivery.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn get(self, id: u64) -> Result<Option<Delivery>, StoreError> {
        self.engine
            .read(move |conn| {
                let mut select = conn.prepare_cached("SELECT * FROM outbox WHERE id = ?1")?;
                Ok(select.query_row([id], delivery).optional()?)
            })
            .await
    }

    /// A file of a delivery that was not sent yet.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn file(self, id: u64, ordinal: u32) -> Result<Option<OutFile>, StoreError> {
        self.engine
            .read(move |conn| {
                let mut select = conn.prepare_cached(
                    "SELECT * FROM outbox_files WHERE delivery = ?1 AND ordinal = ?2",
                )?;
                let file = |row: &Row<'_>| {
                    Ok(OutFile {
                        name: row.get("name")?,
                        mime: row.get("mime")?,
                        shown_as: row.word("shown_as")?,
                        bytes: row.get("bytes")?,
                    })
                };
                Ok(select.query_row((id, ordinal), file).optional()?)
            })
            .await
    }

    /// Those that are remembered, newest first.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn list(self, shown: Shown, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        let all = shown == Shown::All;
        self.engine
            .read(move |conn| {
                let mut select = conn.prepare_cached(
                    "SELECT * FROM outbox
                     WHERE ?1 OR state != 'sent' OR uncertain > 0 ORDER BY id DESC LIMIT ?2",
                )?;
                let rows = select.query_map((all, count(limit)), delivery)?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Notes that it is about to be sent, or the next part of it.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn begin(self, id: u64) -> Result<(), StoreError> {
        self.change(move |conn| {
            conn.prepare_cached(
                "UPDATE outbox SET state = 'sending', attempts = attempts + 1 WHERE id = ?1",
            )?
            .execute([id])?;
            Ok(())
        })
        .await
    }

    /// Notes that a part was sent, and whether it was the last.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn sent(
        self,
        id: u64,
        message_id: &str,
        last: bool,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let message_id = message_id.to_owned();
        self.change(move |conn| {
            conn.prepare_cached(
                "UPDATE outbox SET parts_sent = parts_sent + 1, error = NULL,
                     message_ids = json_insert(message_ids, '$[#]', :message),
                     state = CASE WHEN :last THEN 'sent' ELSE state END,
                     ended_at_ms = CASE WHEN :last THEN :now END
                 WHERE id = :id",
            )?
            .execute(named_params! {
                ":id": id, ":message": message_id, ":last": last, ":now": now_ms,
            })?;
            if last {
                conn.prepare_cached("DELETE FROM outbox_files WHERE delivery = ?1")?
                    .execute([id])?;
            }
            Ok(())
        })
        .await
    }

    /// Notes that it is to be tried again later, and whether it may have arrived all the same.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn retry(
        self,
        id: u64,
        error: &str,
        uncertain: bool,
        next_at_ms: u64,
    ) -> Result<(), StoreError> {
        let error = error.to_owned();
        self.change(move |conn| {
            conn.prepare_cached(
                "UPDATE outbox SET state = 'waiting', error = ?2, uncertain = uncertain + ?3,
                     next_at_ms = ?4 WHERE id = ?1",
            )?
            .execute((id, error, uncertain, next_at_ms))?;
            Ok(())
        })
        .await
    }

    /// Gives it up.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn fail(self, id: u64, error: &str, now_ms: u64) -> Result<(), StoreError> {
        let error = error.to_owned();
        self.change(move |conn| {
            conn.prepare_cached(
                "UPDATE outbox SET state = 'failed', error = ?2, ended_at_ms = ?3 WHERE id = ?1",
            )?
            .execute((id, error, now_ms))?;
            Ok(())
        })
        .await
    }

    /// Tries one again that was given up; whether there is such a one.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn again(self, id: u64, now_ms: u64) -> Result<bool, StoreError> {
        self.change(move |conn| {
            let changed = conn
                .prepare_cached(
                    "UPDATE outbox SET state = 'waiting', ended_at_ms = NULL, next_at_ms = ?2,
                         created_at_ms = ?2
                     WHERE id = ?1 AND state = 'failed'",
                )?
                .execute((id, now_ms))?;
            Ok(changed > 0)
        })
        .await
    }

    /// After a start: what was being sent waits again, and what ended long ago is forgotten. Gives
    /// how many may arrive twice. One that only edits a message cannot.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn recover(self, now_ms: u64) -> Result<usize, StoreError> {
        self.change(move |conn| {
            let oldest = now_ms.saturating_sub(KEPT_MS);
            conn.prepare_cached("DELETE FROM outbox WHERE ended_at_ms < ?1")?.execute([oldest])?;
            conn.prepare_cached(
                "DELETE FROM outbox_files WHERE delivery NOT IN (SELECT id FROM outbox)",
            )?
            .execute([])?;
            conn.prepare_cached("DELETE FROM drafts WHERE created_at_ms < ?1")?
                .execute([oldest])?;
            conn.prepare_cached(
                "UPDATE outbox SET state = 'waiting', next_at_ms = ?1
                 WHERE state = 'sending' AND parts_sent = 0
                     AND run_id IN (SELECT run_id FROM drafts)",
            )?
            .execute([now_ms])?;
            let uncertain = conn
                .prepare_cached(
                    "UPDATE outbox SET state = 'waiting', uncertain = uncertain + 1,
                         next_at_ms = ?1 WHERE state = 'sending'",
                )?
                .execute([now_ms])?;
            Ok(uncertain)
        })
        .await
    }

    /// Notes in which message the answer of a run grows.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn note_draft(
        self,
        run: &RunId,
        message_id: &str,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let (run, message_id) = (run.clone(), message_id.to_owned());
        self.engine
            .write(Durability::Process, move |conn| {
                conn.prepare_cached("INSERT OR REPLACE INTO drafts VALUES (?1, ?2, ?3)")?
                    .execute((run.as_str(), message_id, now_ms))?;
                Ok(())
            })
            .await
    }

    /// In which message the answer of a run grows.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn draft(self, run: &RunId) -> Result<Option<String>, StoreError> {
        let run = run.clone();
        self.engine
            .read(move |conn| {
                let mut select =
                    conn.prepare_cached("SELECT message_id FROM drafts WHERE run_id = ?1")?;
                Ok(select.query_row([run.as_str()], |row| row.get(0)).optional()?)
            })
            .await
    }
}

pub(crate) fn insert(conn: &Connection, new: NewDelivery, now_ms: u64) -> Result<u64, StoreError> {
    let NewDelivery { key, run_id, route, text, files } = new;
    let known: Option<u64> = conn
        .prepare_cached("SELECT id FROM outbox WHERE key = ?1")?
        .query_row([&key], |row| row.get(0))
        .optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    conn.prepare_cached(
        "INSERT INTO outbox (key, run_id, channel, account, chat, thread, reply_to, reply_asked, text,
             files, state, created_at_ms, next_at_ms)
         VALUES (:key, :run, :channel, :account, :chat, :thread, :reply, :asked, :text,
             :files, 'waiting', :now, :now)",
    )?
    .execute(named_params! {
        ":key": key, ":run": run_id.as_ref().map(RunId::as_str), ":channel": route.channel,
        ":account": route.account, ":chat": route.chat, ":thread": route.thread,
        ":reply": route.reply_to, ":asked": route.reply_asked, ":text": text, ":files": count(files.len()), ":now": now_ms,
    })?;
    let id = conn.last_insert_rowid();
    for (ordinal, file) in files.into_iter().enumerate() {
        conn.prepare_cached("INSERT INTO outbox_files VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?.execute(
            (id, count(ordinal), file.name, file.mime, file.shown_as.as_str(), file.bytes),
        )?;
    }
    Ok(u64::try_from(id).unwrap_or_default())
}

fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    let route = Route {
        channel: row.get("channel")?,
        account: row.get("account")?,
        chat: row.get("chat")?,
        thread: row.get("thread")?,
        reply_to: row.get("reply_to")?,
        reply_asked: row.get("reply_asked")?,
    };
    let new = NewDelivery {
        key: row.get("key")?,
        run_id: row.maybe_id("run_id")?,
        route,
        text: row.get("text")?,
        files: Vec::new(),
    };
    Ok(Delivery {
        id: row.get("id")?,
        new,
        state: row.word("state")?,
        files: row.get("files")?,
        parts_sent: row.get("parts_sent")?,
        message_ids: row.get::<_, Json<Vec<String>>>("message_ids")?.0,
        attempts: row.get("attempts")?,
        uncertain: row.get("uncertain")?,
        error: row.get("error")?,
        created_at_ms: row.get("created_at_ms")?,
        next_at_ms: row.get("next_at_ms")?,
        ended_at_ms: row.get("ended_at_ms")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    fn to(chat: &str, key: &str) -> NewDelivery {
        let route = Route {
            channel: "telegram".into(),
            account: "default".into(),
            chat: chat.into(),
            thread: None,
            reply_to: None,
            reply_asked: false,
        };
        NewDelivery::new(key, route, "hello")
    }

    #[tokio::test]
    async fn a_chat_has_one_head_until_it_is_at_its_end() {
        let store = Store::in_memory().expect("a store");
        let first = store.outbox().add(to("1", "a"), 5).await.expect("added");
        assert_eq!(store.outbox().add(to("1", "a"), 6).await.expect("known"), first);
        let second = store.outbox().add(to("1", "b"), 5).await.expect("added");
        let other = store.outbox().add(to("2", "c"), 5).await.expect("added");
        let heads = async || {
            let heads = store.outbox().heads().await.expect("heads");
            heads.into_iter().map(|head| head.id).collect::<Vec<_>>()
        };
        assert_eq!(heads().await, [first, other]);
        store.outbox().begin(first).await.expect("begun");
        store.outbox().sent(first, "m1", false, 7).await.expect("a part");
        store.outbox().retry(first, "cut", true, 90).await.expect("later");
        assert_eq!(heads().await, [first, other], "the next one has to wait");
        store.outbox().begin(first).await.expect("begun");
        store.outbox().sent(first, "m2", true, 8).await.expect("all");
        assert_eq!(heads().await, [second, other]);
        let done = store.outbox().get(first).await.expect("read").expect("known");
        assert_eq!((done.state, done.uncertain, done.attempts), (DeliveryState::Sent, 1, 2));
        assert_eq!(done.message_ids, ["m1", "m2"]);

        store.outbox().fail(second, "chat not found", 9).await.expect("given up");
        assert_eq!(heads().await, [other]);
        let troubled = store.outbox().list(Shown::Troubled, 10).await.expect("a list");
        assert_eq!(troubled.iter().map(|row| row.id).collect::<Vec<_>>(), [other, second, first]);
        assert!(store.outbox().again(second, 10).await.expect("again"));
        assert!(!store.outbox().again(first, 10).await.expect("it was sent"));
        assert_eq!(heads().await, [second, other]);
    }

    #[tokio::test]
    async fn what_was_being_sent_at_the_end_may_arrive_twice() {
        let store = Store::in_memory().expect("a store");
        let sure = NewDelivery { run_id: Some("r".into()), ..to("1", "a") };
        let sure = store.outbox().add(sure, 5).await.expect("added");
        store.outbox().note_draft(&"r".into(), "m1", 5).await.expect("noted");
        let unsure = store.outbox().add(to("2", "b"), 5).await.expect("added");
        for id in [sure, unsure] {
            store.outbox().begin(id).await.expect("begun");
        }
        assert_eq!(store.outbox().recover(6).await.expect("recovered"), 1);
        let uncertain = async |id| store.outbox().get(id).await.expect("read").expect("known");
        assert_eq!(uncertain(sure).await.uncertain, 0, "editing twice is editing once");
        assert_eq!(uncertain(unsure).await.uncertain, 1);
        assert_eq!(store.outbox().draft(&"r".into()).await.expect("read").as_deref(), Some("m1"));
    }
}
