//! Requests with an idempotency key: what ran, what came out, and what must not run again.
//!
//! ```text
//! begin ──> Fresh ──> (the caller runs it) ──> finish ──> Done | Withheld
//!                                        └──> release ──> (as if it never was)
//!            a restart while it runs ──> Interrupted
//! ```
//! The key is (principal, method, idempotency key) and is kept for 24 hours. The same key with
//! other parameters is a conflict.

use openclaw_protocol::limits::LEDGER_TTL_MS;
use rusqlite::{Connection, OptionalExtension as _, named_params};
use serde_json::Value;

use crate::{
    ParamsDigest,
    engine::{Durability, Engine},
    error::StoreError,
    row::{Json, RowExt as _, words},
};

/// Which request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LedgerKey {
    /// Who asks: the device id where there is one.
    pub principal: String,
    /// The method's name.
    pub method: String,
    /// The idempotency key.
    pub key: String,
}

impl LedgerKey {
    /// Names a request.
    pub fn new(
        principal: impl Into<String>,
        method: impl Into<String>,
        key: impl Into<String>,
    ) -> Self {
        Self { principal: principal.into(), method: method.into(), key: key.into() }
    }
}

/// What is known of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Begin {
    /// Nothing: the caller runs it now and finishes or releases it.
    Fresh,
    /// It runs.
    Running,
    /// It ran; this came out.
    Done(Value),
    /// It ran; what came out held a secret and is not kept.
    Withheld,
    /// The key was used with other parameters.
    Conflict,
    /// It was running when the Gateway stopped, and is not run again.
    Interrupted,
}

/// What is kept of a result.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// All of it: a repeat gets the same.
    Keep(Value),
    /// Nothing, because it holds a secret.
    Withhold,
}

words! {
    /// Where a request stands.
    pub enum LedgerState {
        /// Begun, not finished.
        Running = "running",
        /// Finished with a result that is kept.
        Done = "done",
        /// Finished with a result that is not kept.
        Withheld = "withheld",
        /// Cut off by a restart.
        Interrupted = "interrupted",
    }
}

/// Operations on the ledger.
#[derive(Clone, Copy)]
pub struct Ledger<'a> {
    engine: &'a Engine,
}

impl<'a> Ledger<'a> {
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

    /// Says what is known of a request, and marks it as running if that is nothing.
    ///
    /// # Errors
    /// [`StoreError`] as described there; the request must then not be run.
    pub async fn begin(
        self,
        key: &LedgerKey,
        digest: &ParamsDigest,
        now_ms: u64,
    ) -> Result<Begin, StoreError> {
        let (key, digest) = (key.clone(), digest.clone());
        self.change(move |conn| begin(conn, &key, &digest, now_ms)).await
    }

    /// Keeps the result of a request that ran. `false`: it was not running.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn finish(
        self,
        key: &LedgerKey,
        outcome: Outcome,
        now_ms: u64,
    ) -> Result<bool, StoreError> {
        let key = key.clone();
        self.change(move |conn| finish(conn, &key, outcome, now_ms)).await
    }

    /// Forgets a request that had no effect, refused for want of room, say, so that a repeat runs.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn release(self, key: &LedgerKey) -> Result<(), StoreError> {
        let key = key.clone();
        self.change(move |conn| {
            conn.prepare_cached(
                "DELETE FROM ledger WHERE principal = ?1 AND method = ?2 AND key = ?3
                     AND state = 'running'",
            )?
            .execute((key.principal, key.method, key.key))?;
            Ok(())
        })
        .await
    }

    /// Marks everything that was running as interrupted; to be called once, at start.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn interrupt_all_running(self, now_ms: u64) -> Result<usize, StoreError> {
        self.change(move |conn| {
            let count = conn.execute(
                "UPDATE ledger SET state = 'interrupted', ended_at_ms = ?1
                 WHERE state = 'running'",
                [now_ms],
            )?;
            Ok(count)
        })
        .await
    }

    /// Forgets what is older than
    /// [`LEDGER_TTL_MS`] and does not run.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn sweep(self, now_ms: u64) -> Result<usize, StoreError> {
        self.change(move |conn| {
            let count = conn
                .prepare_cached(
                    "DELETE FROM ledger WHERE begun_at_ms <= ?1 AND state <> 'running'",
                )?
                .execute([now_ms.saturating_sub(LEDGER_TTL_MS)])?;
            Ok(count)
        })
        .await
    }
}

struct Entry {
    id: i64,
    digest: ParamsDigest,
    state: LedgerState,
    outcome: Option<Value>,
    begun_at_ms: u64,
}

impl Entry {
    fn is_over_age(&self, now_ms: u64) -> bool {
        self.state != LedgerState::Running
            && self.begun_at_ms.saturating_add(LEDGER_TTL_MS) <= now_ms
    }
}

fn find(conn: &Connection, key: &LedgerKey) -> Result<Option<Entry>, StoreError> {
    let found = conn
        .prepare_cached("SELECT * FROM ledger WHERE principal = ?1 AND method = ?2 AND key = ?3")?
        .query_row((&key.principal, &key.method, &key.key), |row| {
            Ok(Entry {
                id: row.get("id")?,
                digest: row.id("params_digest")?,
                state: row.word("state")?,
                outcome: row.get::<_, Option<Json<Value>>>("outcome")?.map(|json| json.0),
                begun_at_ms: row.get("begun_at_ms")?,
            })
        })
        .optional()?;
    Ok(found)
}

fn begin(
    conn: &Connection,
    key: &LedgerKey,
    digest: &ParamsDigest,
    now_ms: u64,
) -> Result<Begin, StoreError> {
    if let Some(entry) = find(conn, key)? {
        if !entry.is_over_age(now_ms) {
            return answer(entry, digest);
        }
        conn.prepare_cached("DELETE FROM ledger WHERE id = ?1")?.execute([entry.id])?;
    }
    conn.prepare_cached(
        "INSERT INTO ledger (principal, method, key, params_digest, state, begun_at_ms)
         VALUES (:principal, :method, :key, :digest, 'running', :now)",
    )?
    .execute(named_params! {
        ":principal": key.principal, ":method": key.method, ":key": key.key,
        ":digest": digest.as_str(), ":now": now_ms,
    })?;
    Ok(Begin::Fresh)
}

fn answer(entry: Entry, digest: &ParamsDigest) -> Result<Begin, StoreError> {
    if entry.digest != *digest {
        return Ok(Begin::Conflict);
    }
    Ok(match entry.state {
        LedgerState::Running => Begin::Running,
        LedgerState::Withheld => Begin::Withheld,
        LedgerState::Interrupted => Begin::Interrupted,
        LedgerState::Done => Begin::Done(
            entry.outcome.ok_or_else(|| StoreError::corrupt("a finished request has no result"))?,
        ),
    })
}

fn finish(
    conn: &Connection,
    key: &LedgerKey,
    outcome: Outcome,
    now_ms: u64,
) -> Result<bool, StoreError> {
    let (state, outcome) = match outcome {
        Outcome::Keep(value) => (LedgerState::Done, Some(Json(value))),
        Outcome::Withhold => (LedgerState::Withheld, None),
    };
    let changed = conn
        .prepare_cached(
            "UPDATE ledger SET state = :state, outcome = :outcome, ended_at_ms = :now
             WHERE principal = :principal AND method = :method AND key = :key
                 AND state = 'running'",
        )?
        .execute(named_params! {
            ":principal": key.principal, ":method": key.method, ":key": key.key,
            ":state": state.as_str(), ":outcome": outcome, ":now": now_ms,
        })?;
    Ok(changed > 0)
}

#[cfg(test)]
mod tests;
