//! The audit trail, and the failed attempts that lock an address.
//!
//! Bounded: the newest [`MAX_ROWS`] entries of the last [`MAX_AGE_MS`]. What repeats within a minute is
//! one entry with a count, so a flood of refusals does not push out what matters.

use rusqlite::{Connection, Row, named_params};

use crate::{
    engine::{Durability, Engine},
    error::StoreError,
    row::{RowExt as _, words},
};

/// Entries that are kept.
pub const MAX_ROWS: u32 = 10_000;
/// How old an entry gets, in milliseconds: 90 days.
pub const MAX_AGE_MS: u64 = 90 * 86_400_000;
/// Within this time the same is the same entry, in milliseconds.
const SAME_MS: u64 = 60_000;
/// Each so manieth entry clears away what is too old.
const SWEEP_EVERY: i64 = 128;
/// Attempts that are remembered.
const MAX_ATTEMPTS: u32 = 4096;
/// Longest text of one field, in characters.
const MAX_TEXT: usize = 200;

words! {
    /// What an entry is about.
    pub enum TrailKind {
        /// Somebody connected.
        Connect = "connect",
        /// Somebody was refused.
        Refusal = "refusal",
        /// An address has to wait.
        Lockout = "lockout",
        /// A device asked, was let in, turned away, or removed.
        Pairing = "pairing",
        /// The shared secret was replaced.
        Secret = "secret",
        /// Somebody decided on a command, or the list did.
        Approval = "approval",
        /// The configuration was changed.
        Config = "config",
        /// The Gateway started or stopped.
        Gateway = "gateway",
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrailEvent {
    /// What it is about.
    pub kind: TrailKind,
    /// What came of it: `admitted`, an error code, `approved`, …
    pub outcome: String,
    /// Who: a device, `owner`, a program.
    pub who: String,
    /// From where: an address, or the owner's door.
    pub origin: String,
    /// The rest.
    pub detail: String,
}

/// An entry as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrailEntry {
    /// Grows with every entry.
    pub id: u64,
    /// When it happened first, in milliseconds since 1970.
    pub at_ms: u64,
    /// When it happened last.
    pub last_ms: u64,
    /// How often.
    pub count: u64,
    /// What happened.
    pub event: TrailEvent,
}

/// Failed attempts of one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// The kind of credential.
    pub kind: String,
    /// The address.
    pub address: String,
    /// When the window began, in milliseconds since 1970.
    pub first_ms: u64,
    /// Failures within it.
    pub failures: u32,
    /// Until when the address is locked; 0 if it is not.
    pub locked_until_ms: u64,
}

/// Operations on the trail.
#[derive(Clone, Copy)]
pub struct Trail<'a> {
    engine: &'a Engine,
}

impl<'a> Trail<'a> {
    pub(crate) const fn new(engine: &'a Engine) -> Self {
        Self { engine }
    }

    /// Adds an entry, or counts the one that says the same.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn record(self, event: TrailEvent, now_ms: u64) -> Result<(), StoreError> {
        self.engine.write(Durability::Process, move |conn| record(conn, &event, now_ms)).await
    }

    /// The newest entries, newest first: `limit` at most, older than `before` if that is given.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn list(
        self,
        kind: Option<TrailKind>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<TrailEntry>, StoreError> {
        self.engine.read(move |conn| list(conn, kind, before, limit)).await
    }

    /// Keeps the failed attempts of an address; none are forgotten instead.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn keep_attempts(self, attempts: Attempts) -> Result<(), StoreError> {
        self.engine.write(Durability::Process, move |conn| keep(conn, &attempts)).await
    }

    /// All failed attempts that are kept.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn attempts(self) -> Result<Vec<Attempts>, StoreError> {
        self.engine
            .read(|conn| {
                let mut statement = conn.prepare_cached("SELECT * FROM attempts")?;
                let rows = statement.query_map([], |row| {
                    Ok(Attempts {
                        kind: row.get("kind")?,
                        address: row.get("address")?,
                        first_ms: row.get("first_ms")?,
                        failures: row.get("failures")?,
                        locked_until_ms: row.get("locked_until_ms")?,
                    })
                })?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }
}

fn record(conn: &Connection, event: &TrailEvent, now_ms: u64) -> Result<(), StoreError> {
    let cut = |text: &str| text.chars().take(MAX_TEXT).collect::<String>();
    let (outcome, who) = (cut(&event.outcome), cut(&event.who));
    let (origin, detail) = (cut(&event.origin), cut(&event.detail));
    let counted = conn
        .prepare_cached(
            "UPDATE trail SET count = count + 1, last_ms = :now WHERE id = (
                 SELECT max(id) FROM trail
                 WHERE last_ms >= :since AND kind = :kind AND outcome = :outcome AND who = :who
                     AND origin = :origin AND detail = :detail)",
        )?
        .execute(named_params! {
            ":now": now_ms, ":since": now_ms.saturating_sub(SAME_MS), ":kind": event.kind.as_str(),
            ":outcome": outcome, ":who": who, ":origin": origin, ":detail": detail,
        })?;
    if counted > 0 {
        return Ok(());
    }
    conn.prepare_cached(
        "INSERT INTO trail (at_ms, last_ms, kind, outcome, who, origin, detail)
             VALUES (:now, :now, :kind, :outcome, :who, :origin, :detail)",
    )?
    .execute(named_params! {
        ":now": now_ms, ":kind": event.kind.as_str(), ":outcome": outcome, ":who": who,
        ":origin": origin, ":detail": detail,
    })?;
    if conn.last_insert_rowid() % SWEEP_EVERY == 0 {
        conn.prepare_cached(
            "DELETE FROM trail WHERE last_ms < :oldest OR id <= (SELECT max(id) FROM trail) - :most",
        )?
        .execute(named_params! {
            ":oldest": now_ms.saturating_sub(MAX_AGE_MS), ":most": MAX_ROWS,
        })?;
    }
    Ok(())
}

fn list(
    conn: &Connection,
    kind: Option<TrailKind>,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<TrailEntry>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT * FROM trail WHERE (:kind IS NULL OR kind = :kind) AND (:before IS NULL OR id < :before)
             ORDER BY id DESC LIMIT :limit",
    )?;
    let params = named_params! {
        ":kind": kind.map(TrailKind::as_str), ":before": before, ":limit": limit,
    };
    let rows = statement.query_map(params, entry)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<TrailEntry> {
    Ok(TrailEntry {
        id: row.get("id")?,
        at_ms: row.get("at_ms")?,
        last_ms: row.get("last_ms")?,
        count: row.get("count")?,
        event: TrailEvent {
            kind: row.word("kind")?,
            outcome: row.get("outcome")?,
            who: row.get("who")?,
            origin: row.get("origin")?,
            detail: row.get("detail")?,
        },
    })
}

fn keep(conn: &Connection, attempts: &Attempts) -> Result<(), StoreError> {
    if attempts.failures == 0 {
        conn.prepare_cached("DELETE FROM attempts WHERE kind = ?1 AND address = ?2")?
            .execute([&attempts.kind, &attempts.address])?;
        return Ok(());
    }
    conn.prepare_cached(
        "INSERT INTO attempts (kind, address, first_ms, failures, locked_until_ms)
             VALUES (:kind, :address, :first, :failures, :until)
             ON CONFLICT (kind, address) DO UPDATE SET first_ms = :first, failures = :failures,
                 locked_until_ms = :until",
    )?
    .execute(named_params! {
        ":kind": attempts.kind, ":address": attempts.address, ":first": attempts.first_ms,
        ":failures": attempts.failures, ":until": attempts.locked_until_ms,
    })?;
    conn.prepare_cached(
        "DELETE FROM attempts WHERE (kind, address) IN (
             SELECT kind, address FROM attempts ORDER BY first_ms DESC LIMIT -1 OFFSET ?1)",
    )?
    .execute([MAX_ATTEMPTS])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    fn refusal(who: &str) -> TrailEvent {
        TrailEvent {
            kind: TrailKind::Refusal,
            outcome: "AUTH_TOKEN_MISMATCH".to_owned(),
            who: who.to_owned(),
            origin: "192.0.2.1".to_owned(),
            detail: String::new(),
        }
    }

    #[tokio::test]
    async fn what_repeats_is_counted_and_what_is_too_much_goes() {
        let store = Store::in_memory().expect("a store");
        for second in 0..50 {
            store.trail().record(refusal("cli"), 1_000 * second).await.expect("recorded");
        }
        let all = store.trail().list(None, None, 10).await.expect("a list");
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].count, all[0].at_ms, all[0].last_ms), (50, 0, 49_000));
        store.trail().record(refusal("cli"), 49_000 + SAME_MS + 1).await.expect("recorded");
        assert_eq!(store.trail().list(None, None, 10).await.expect("a list").len(), 2);

        for number in 0..(MAX_ROWS + 300) {
            let event = refusal(&format!("program {number}"));
            store.trail().record(event, 1_000_000).await.expect("recorded");
        }
        let all = store.trail().list(None, None, MAX_ROWS * 2).await.expect("a list");
        let most = usize::try_from(MAX_ROWS + 128).expect("a number");
        assert!(all.len() <= most, "{}", all.len());
        assert_eq!(all[0].event.who, format!("program {}", MAX_ROWS + 299), "newest first");
        let older = store.trail().list(None, Some(all[0].id), 1).await.expect("a list");
        assert_eq!(older[0].id + 1, all[0].id);
        let none = store.trail().list(Some(TrailKind::Pairing), None, 10).await.expect("a list");
        assert_eq!(none, []);
    }

    #[tokio::test]
    async fn attempts_are_kept_and_forgotten() {
        let store = Store::in_memory().expect("a store");
        let mut attempts = Attempts {
            kind: "shared-secret".to_owned(),
            address: "192.0.2.1".to_owned(),
            first_ms: 1,
            failures: 3,
            locked_until_ms: 0,
        };
        store.trail().keep_attempts(attempts.clone()).await.expect("kept");
        attempts.failures = 10;
        attempts.locked_until_ms = 99;
        store.trail().keep_attempts(attempts.clone()).await.expect("kept");
        assert_eq!(store.trail().attempts().await.expect("all"), [attempts.clone()]);
        attempts.failures = 0;
        store.trail().keep_attempts(attempts).await.expect("forgotten");
        assert_eq!(store.trail().attempts().await.expect("all"), []);
    }
}
