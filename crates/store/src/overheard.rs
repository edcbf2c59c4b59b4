//! What was said in groups, not to us, since we said something there last: context for the next answer.

use rusqlite::{Connection, named_params};

use crate::{
    engine::{Durability, Engine},
    error::StoreError,
};

/// What is older is forgotten, in milliseconds: a week.
const KEPT_MS: u64 = 7 * 86_400_000;

/// A group, or a topic of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The channel.
    pub channel: String,
    /// Its account.
    pub account: String,
    /// The group.
    pub chat: String,
    /// The topic.
    pub thread: Option<String>,
}

/// Something that was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// A name for people.
    pub author: String,
    /// What.
    pub text: String,
}

/// How much of one place is kept, the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Messages.
    pub messages: usize,
    /// Characters of all of them.
    pub characters: usize,
}

/// Operations on what was said.
#[derive(Clone, Copy)]
pub struct Overheard<'a> {
    engine: &'a Engine,
}

impl<'a> Overheard<'a> {
    pub(crate) const fn new(engine: &'a Engine) -> Self {
        Self { engine }
    }

    /// Notes what was said, once for each key.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn note(
        self,
        place: Place,
        key: String,
        heard: Heard,
        limits: Limits,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        self.engine
            .write(Durability::Process, move |conn| {
                conn.prepare_cached(
                    "INSERT INTO channel_overheard
                         (channel, account, chat, thread, key, author, text, said_at_ms)
                     VALUES (:channel, :account, :chat, :thread, :key, :author, :text, :now)
                     ON CONFLICT (channel, account, key) DO NOTHING",
                )?
                .execute(named_params! {
                    ":channel": place.channel, ":account": place.account, ":chat": place.chat,
                    ":thread": thread(&place), ":key": key, ":author": heard.author,
                    ":text": heard.text, ":now": now_ms,
                })?;
                shorten(conn, &place, limits)?;
                conn.prepare_cached("DELETE FROM channel_overheard WHERE said_at_ms < ?1")?
                    .execute([now_ms.saturating_sub(KEPT_MS)])?;
                Ok(())
            })
            .await
    }

    /// What was said in a place, oldest first, and the number up to which it goes.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn of(self, place: Place) -> Result<(Vec<Heard>, u64), StoreError> {
        self.engine
            .read(move |conn| {
                let mut select = conn.prepare_cached(
                    "SELECT id, author, text FROM channel_overheard
                     WHERE channel = :channel AND account = :account AND chat = :chat
                         AND thread = :thread
                     ORDER BY id",
                )?;
                let mut rows = select.query(named_params! {
                    ":channel": place.channel, ":account": place.account, ":chat": place.chat,
                    ":thread": thread(&place),
                })?;
                let (mut all, mut last) = (Vec::new(), 0);
                while let Some(row) = rows.next()? {
                    last = row.get("id")?;
                    all.push(Heard { author: row.get("author")?, text: row.get("text")? });
                }
                Ok((all, last))
            })
            .await
    }

    /// Forgets what was said in a place, up to this number: it was shown.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn forget(self, place: Place, last: u64) -> Result<(), StoreError> {
        self.engine
            .write(Durability::Process, move |conn| {
                conn.prepare_cached(
                    "DELETE FROM channel_overheard
                     WHERE channel = :channel AND account = :account AND chat = :chat
                         AND thread = :thread AND id <= :last",
                )?
                .execute(named_params! {
                    ":channel": place.channel, ":account": place.account, ":chat": place.chat,
                    ":thread": thread(&place), ":last": last,
                })?;
                Ok(())
            })
            .await
    }
}

fn thread(place: &Place) -> &str {
    place.thread.as_deref().unwrap_or_default()
}

fn shorten(conn: &Connection, place: &Place, limits: Limits) -> Result<(), StoreError> {
    conn.prepare_cached(
        "DELETE FROM channel_overheard WHERE id IN (
             SELECT id FROM (
                 SELECT id, row_number() OVER newest AS number, sum(length(text)) OVER newest AS sum
                 FROM channel_overheard
                 WHERE channel = :channel AND account = :account AND chat = :chat
                     AND thread = :thread
                 WINDOW newest AS (ORDER BY id DESC))
             WHERE number > :messages OR sum > :characters)",
    )?
    .execute(named_params! {
        ":channel": place.channel, ":account": place.account, ":chat": place.chat,
        ":thread": thread(place), ":messages": limits.messages, ":characters": limits.characters,
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    fn place(thread: Option<&str>) -> Place {
        Place {
            channel: "telegram".into(),
            account: "default".into(),
            chat: "-100".into(),
            thread: thread.map(str::to_owned),
        }
    }

    #[tokio::test]
    async fn the_newest_is_kept_by_place_until_it_was_shown() {
        let store = Store::in_memory().expect("a store");
        let limits = Limits { messages: 3, characters: 10 };
        let note = async |thread, key: &str, text: &str, now| {
            let heard = Heard { author: "Ada".into(), text: text.into() };
            let place = place(thread);
            store.overheard().note(place, key.into(), heard, limits, now).await.expect("noted");
        };
        let said = async |thread| {
            let (all, last) = store.overheard().of(place(thread)).await.expect("read");
            (all.into_iter().map(|heard| heard.text).collect::<Vec<_>>(), last)
        };
        for (key, text) in [("1", "a"), ("1", "again"), ("2", "b"), ("3", "c"), ("4", "d")] {
            note(None, key, text, 1).await;
        }
        note(Some("7"), "5", "elsewhere", 1).await;
        assert_eq!(said(None).await.0, ["b", "c", "d"]);
        note(None, "6", "12345678", 1).await;
        let (texts, last) = said(None).await;
        assert_eq!(texts, ["c", "d", "12345678"]);
        note(None, "7", "12345678", 1).await;
        assert_eq!(said(None).await.0, ["12345678"], "no more characters than that");
        note(None, "8", "x", 2).await;
        store.overheard().forget(place(None), last).await.expect("forgotten");
        assert_eq!(said(None).await.0, ["12345678", "x"], "what came since stays");
        assert_eq!(said(Some("7")).await.0, ["elsewhere"]);
        note(Some("8"), "9", "y", 2 + KEPT_MS).await;
        assert_eq!(said(Some("7")).await.0, Vec::<String>::new());
        assert_eq!(said(None).await.0, ["x"]);
    }
}
