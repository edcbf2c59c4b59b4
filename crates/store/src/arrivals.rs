//! What came in from channels and is not handled yet: on disk before the service is told that it was read,
//! in the same transaction that notes how far was read.
//!
//! What was handled leaves its key behind for a day, so that what a service brings twice is known.

use rusqlite::{Connection, Row, named_params};

use crate::{
    channels::{self, Offset},
    engine::{Durability, Engine},
    error::StoreError,
};

/// How long keys of what was handled are kept, in milliseconds: as long as Telegram tries again.
const KEPT_MS: u64 = 86_400_000;
/// Most of them that are.
const KEPT: u64 = 20_000;

/// The account something came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// The channel.
    pub channel: String,
    /// Its account.
    pub account: String,
    /// Whose keys they are, such as the id of a bot: another one counts anew.
    pub scope: String,
}

/// Something that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Names it for ever within its scope.
    pub key: String,
    /// What shares a lane is handled in order.
    pub lane: String,
    /// As the service sent it.
    pub body: String,
}

/// What became of something that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// All of it is here; so much of it is new.
    New(usize),
    /// Too much waits already: nothing was kept.
    Full,
}

/// Operations on what came in.
#[derive(Clone, Copy)]
pub struct Arrivals<'a> {
    engine: &'a Engine,
}

impl<'a> Arrivals<'a> {
    pub(crate) const fn new(engine: &'a Engine) -> Self {
        Self { engine }
    }

    /// Keeps what came in, and how far was read; what is known already is passed over. If `most` wait,
    /// nothing happens.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn keep(
        self,
        reader: Reader,
        arrivals: Vec<Arrival>,
        position: Option<i64>,
        most: usize,
        now_ms: u64,
    ) -> Result<Kept, StoreError> {
        self.engine
            .write(Durability::Power, move |conn| {
                if !arrivals.is_empty() && waiting(conn, &reader)? >= most {
                    return Ok(Kept::Full);
                }
                let new = insert(conn, &reader, &arrivals, now_ms)?;
                if let Some(position) = position {
                    let Reader { channel, account, scope } = reader;
                    let offset = Offset { scope, position };
                    channels::put_offset(conn, &channel, &account, &offset, now_ms)?;
                }
                forget(conn, now_ms)?;
                Ok(Kept::New(new))
            })
            .await
    }

    /// Lets go what came in for other scopes of the account; gives how much waits.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn open(self, reader: Reader) -> Result<usize, StoreError> {
        self.engine
            .write(Durability::Process, move |conn| {
                conn.prepare_cached(
                    "DELETE FROM channel_arrivals
                     WHERE channel = ?1 AND account = ?2 AND scope <> ?3",
                )?
                .execute([&reader.channel, &reader.account, &reader.scope])?;
                waiting(conn, &reader)
            })
            .await
    }

    /// The first one of each lane that waits, oldest first, with its number: of 64 lanes at most.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn heads(self, reader: Reader) -> Result<Vec<(u64, Arrival)>, StoreError> {
        self.engine
            .read(move |conn| {
                let mut select = conn.prepare_cached(
                    "SELECT * FROM channel_arrivals WHERE id IN (
                         SELECT min(id) FROM channel_arrivals
                         WHERE channel = ?1 AND account = ?2 AND handled_at_ms IS NULL
                         GROUP BY lane)
                     ORDER BY id LIMIT 64",
                )?;
                let rows = select.query_map([&reader.channel, &reader.account], arrival)?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// One was handled.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn handled(self, id: u64, now_ms: u64) -> Result<(), StoreError> {
        // Handled once more after a power cut is as never handled: whoever handles knows its key.
        self.engine
            .write(Durability::Process, move |conn| {
                conn.prepare_cached(
                    "UPDATE channel_arrivals SET handled_at_ms = ?2, body = '' WHERE id = ?1",
                )?
                .execute([id, now_ms])?;
                Ok(())
            })
            .await
    }
}

fn insert(
    conn: &Connection,
    reader: &Reader,
    arrivals: &[Arrival],
    now_ms: u64,
) -> Result<usize, StoreError> {
    let mut insert = conn.prepare_cached(
        "INSERT INTO channel_arrivals (channel, account, scope, key, lane, body, arrived_at_ms)
         VALUES (:channel, :account, :scope, :key, :lane, :body, :now)
         ON CONFLICT (channel, account, scope, key) DO NOTHING",
    )?;
    let mut new = 0;
    for Arrival { key, lane, body } in arrivals {
        new += insert.execute(named_params! {
            ":channel": reader.channel, ":account": reader.account, ":scope": reader.scope,
            ":key": key, ":lane": lane, ":body": body, ":now": now_ms,
        })?;
    }
    Ok(new)
}

fn waiting(conn: &Connection, reader: &Reader) -> Result<usize, StoreError> {
    let mut count = conn.prepare_cached(
        "SELECT count(*) FROM channel_arrivals
         WHERE channel = ?1 AND account = ?2 AND handled_at_ms IS NULL",
    )?;
    Ok(count.query_row([&reader.channel, &reader.account], |row| row.get(0))?)
}

fn forget(conn: &Connection, now_ms: u64) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM channel_arrivals WHERE handled_at_ms < ?1")?
        .execute([now_ms.saturating_sub(KEPT_MS)])?;
    conn.prepare_cached(
        "DELETE FROM channel_arrivals WHERE handled_at_ms IS NOT NULL
         AND id <= (SELECT max(id) FROM channel_arrivals) - ?1",
    )?
    .execute([KEPT])?;
    Ok(())
}

fn arrival(row: &Row<'_>) -> rusqlite::Result<(u64, Arrival)> {
    let arrival = Arrival { key: row.get("key")?, lane: row.get("lane")?, body: row.get("body")? };
    Ok((row.get("id")?, arrival))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    fn reader(scope: &str) -> Reader {
        Reader { channel: "telegram".into(), account: "default".into(), scope: scope.into() }
    }

    fn came(key: &str, lane: &str) -> Arrival {
        Arrival { key: key.into(), lane: lane.into(), body: format!("says {key}") }
    }

    #[tokio::test]
    async fn what_came_is_kept_once_and_waits_in_order_per_lane() {
        let store = Store::in_memory().expect("a store");
        let keep = async |arrivals: Vec<Arrival>, position, now| {
            store.arrivals().keep(reader("7"), arrivals, position, 3, now).await.expect("kept")
        };
        let heads = async || {
            let heads = store.arrivals().heads(reader("7")).await.expect("heads");
            heads.into_iter().map(|(_, arrival)| arrival.key).collect::<Vec<_>>()
        };
        assert_eq!(keep(vec![came("1", "a"), came("2", "a")], Some(3), 10).await, Kept::New(2));
        assert_eq!(keep(vec![came("2", "a"), came("3", "b")], None, 10).await, Kept::New(1));
        assert_eq!(keep(vec![came("4", "b")], Some(5), 10).await, Kept::Full);
        let offset = store.channels().offset("telegram", "default").await.expect("read");
        assert_eq!(offset.expect("noted").position, 3, "nothing of it counts as read");
        assert_eq!(heads().await, ["1", "3"]);
        store.arrivals().handled(1, 20).await.expect("noted");
        assert_eq!(heads().await, ["2", "3"]);
        assert_eq!(keep(vec![came("1", "a")], None, 20).await, Kept::New(0), "known for a day");
        keep(Vec::new(), None, 21 + KEPT_MS).await;
        assert_eq!(keep(vec![came("1", "a")], None, 21 + KEPT_MS).await, Kept::New(1));
    }

    #[tokio::test]
    async fn another_bot_of_the_account_does_not_get_what_came_for_the_one_before() {
        let store = Store::in_memory().expect("a store");
        let keep = async |scope: &str| {
            let arrivals = vec![came("1", "a")];
            store.arrivals().keep(reader(scope), arrivals, None, 9, 1).await.expect("kept")
        };
        keep("7").await;
        assert_eq!(store.arrivals().open(reader("7")).await.expect("opened"), 1);
        assert_eq!(store.arrivals().open(reader("8")).await.expect("opened"), 0);
        assert_eq!(keep("8").await, Kept::New(1));
    }

    #[tokio::test]
    async fn offsets_belong_to_one_bot() {
        let store = Store::in_memory().expect("a store");
        let set = async |scope: &str, position| {
            let kept = store.arrivals().keep(reader(scope), Vec::new(), Some(position), 1, 1).await;
            assert_eq!(kept.expect("kept"), Kept::New(0));
        };
        set("7", 5).await;
        set("8", 1).await;
        let found = store.channels().offset("telegram", "default").await.expect("read");
        assert_eq!(found, Some(Offset { scope: "8".into(), position: 1 }));
        assert_eq!(store.channels().offset("telegram", "b").await.expect("read"), None);
    }
}
