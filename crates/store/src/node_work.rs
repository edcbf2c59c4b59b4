//! What waits for a node that sleeps: requests of operators, and commands that it cannot run right now.
//!
//! ```text
//! put ──> waits ──> take (by the node) ──> remembered until its time is over, so that a repeat of the
//!            └────── its time is over         command is not put here again ──> gone
//! ```
//! Bounded: one request of each name, and [`MAX_COMMANDS`] commands of a node. All of it goes when the
//! device stops being a node.

use openclaw_protocol::ids::DeviceId;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use crate::{
    engine::{Durability, Engine},
    error::StoreError,
    row::{count, words},
};

/// Commands that wait for one node; one more is refused.
pub const MAX_COMMANDS: usize = 64;
/// Longest params of a command that waits, in bytes.
pub const MAX_PARAMS: usize = 64 * 1024;

words! {
    /// What kind of work it is.
    pub enum WorkKind {
        /// Something an operator wants to know.
        Request = "request",
        /// A command.
        Command = "command",
    }
}

/// What is put in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWork {
    /// The node.
    pub node: DeviceId,
    /// What kind it is.
    pub kind: WorkKind,
    /// What is asked for, or the command.
    pub name: String,
    /// A repeat has the same.
    pub key: String,
    /// JSON text of a command's params.
    pub params: Option<String>,
    /// Whether it comes before what is not.
    pub urgent: bool,
    /// For how long it may wait, in milliseconds.
    pub lives_ms: u64,
}

/// Work that waits, or that the node took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// Names it.
    pub work_id: String,
    /// What is asked for, or the command.
    pub name: String,
    /// JSON text of a command's params.
    pub params: Option<String>,
    /// Whether it comes before what is not.
    pub urgent: bool,
    /// When it was put here, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// Until when it waits.
    pub expires_at_ms: u64,
    /// When the node took it.
    pub taken_at_ms: Option<u64>,
}

/// What waits for a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Counts changes.
    pub revision: u64,
    /// What waits, in the order in which it is to be done.
    pub work: Vec<Work>,
}

/// What became of new work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// It waits, from now on or already.
    Waits {
        /// The work.
        work: Work,
        /// Counts changes.
        revision: u64,
    },
    /// [`MAX_COMMANDS`] wait.
    Full,
    /// No such device.
    NoNode,
}

/// What a node took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What of it is the node's own.
    pub ids: Vec<String>,
    /// How many commands wait on.
    pub left: usize,
}

/// Operations on what waits for nodes.
#[derive(Clone, Copy)]
pub struct NodeWork<'a> {
    engine: &'a Engine,
}

impl<'a> NodeWork<'a> {
    pub(crate) const fn new(engine: &'a Engine) -> Self {
        Self { engine }
    }

    /// Puts work in the queue. A request of a name that waits already, and a command that was put there
    /// with this key, stay as they are, but what is asked for more urgently or for longer is.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn put(self, new: NewWork, now_ms: u64) -> Result<Put, StoreError> {
        self.engine.write(Durability::Power, move |conn| put(conn, &new, now_ms)).await
    }

    /// The command that was put in the queue with this key, whether it waits or was taken.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn find(self, like: NewWork, now_ms: u64) -> Result<Option<Work>, StoreError> {
        self.engine.read(move |conn| same(conn, &like, now_ms)).await
    }

    /// What waits for a node, urgent things first, then in the order in which they came.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn waiting(
        self,
        node: &DeviceId,
        kind: WorkKind,
        now_ms: u64,
    ) -> Result<Waiting, StoreError> {
        let node = node.clone();
        self.engine.read(move |conn| waiting(conn, &node, kind, now_ms)).await
    }

    /// Notes that a node has these; what is another's stays untouched.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn take(
        self,
        node: &DeviceId,
        ids: Vec<String>,
        now_ms: u64,
    ) -> Result<Taken, StoreError> {
        let node = node.clone();
        self.engine.write(Durability::Power, move |conn| take(conn, &node, ids, now_ms)).await
    }
}

/// Forgets what waits for a device that is no node any more.
pub(crate) fn forget_of(conn: &Connection, node: &DeviceId) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM node_work WHERE node_id = ?1")?.execute([node.as_str()])?;
    Ok(())
}

fn work(row: &Row<'_>) -> rusqlite::Result<Work> {
    Ok(Work {
        work_id: row.get("work_id")?,
        name: row.get("name")?,
        params: row.get("params")?,
        urgent: row.get("urgent")?,
        created_at_ms: row.get("created_at_ms")?,
        expires_at_ms: row.get("expires_at_ms")?,
        taken_at_ms: row.get("taken_at_ms")?,
    })
}

fn revision(conn: &Connection, node: &DeviceId) -> Result<Option<u64>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT work_revision FROM devices WHERE device_id = ?1")?
        .query_row([node.as_str()], |row| row.get(0))
        .optional()?)
}

/// Counts a change; `None` if there is no such device.
fn changed(conn: &Connection, node: &DeviceId) -> Result<Option<u64>, StoreError> {
    Ok(conn
        .prepare_cached(
            "UPDATE devices SET work_revision = work_revision + 1 WHERE device_id = ?1
             RETURNING work_revision",
        )?
        .query_row([node.as_str()], |row| row.get(0))
        .optional()?)
}

/// Drops what is too old, and of what was taken all but the newest.
fn clear(conn: &Connection, node: &DeviceId, now_ms: u64) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM node_work WHERE node_id = ?1 AND expires_at_ms <= ?2")?
        .execute((node.as_str(), now_ms))?;
    conn.prepare_cached(
        "DELETE FROM node_work WHERE seq IN (
             SELECT seq FROM node_work WHERE node_id = ?1 AND taken_at_ms IS NOT NULL
             ORDER BY seq DESC LIMIT -1 OFFSET ?2)",
    )?
    .execute((node.as_str(), count(MAX_COMMANDS)))?;
    Ok(())
}

/// The work that this is a repeat of. Of requests only what waits counts: one that was answered may be
/// asked again.
fn same(conn: &Connection, new: &NewWork, now_ms: u64) -> Result<Option<Work>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT * FROM node_work
             WHERE node_id = :node AND kind = :kind AND name = :name AND key = :key
                 AND params IS :params AND expires_at_ms > :now
                 AND (kind = 'command' OR taken_at_ms IS NULL)",
        )?
        .query_row(
            named_params! {
                ":node": new.node.as_str(), ":kind": new.kind.as_str(), ":name": new.name,
                ":key": new.key, ":params": new.params, ":now": now_ms,
            },
            work,
        )
        .optional()?)
}

fn put(conn: &Connection, new: &NewWork, now_ms: u64) -> Result<Put, StoreError> {
    clear(conn, &new.node, now_ms)?;
    let Some(revision) = revision(conn, &new.node)? else { return Ok(Put::NoNode) };
    let expires = now_ms.saturating_add(new.lives_ms);
    if let Some(known) = same(conn, new, now_ms)? {
        let (urgent, until) = (known.urgent || new.urgent, known.expires_at_ms.max(expires));
        if known.taken_at_ms.is_some() || (known.urgent, known.expires_at_ms) == (urgent, until) {
            return Ok(Put::Waits { work: known, revision });
        }
        conn.prepare_cached(
            "UPDATE node_work SET urgent = ?2, expires_at_ms = ?3 WHERE work_id = ?1",
        )?
        .execute((&known.work_id, urgent, until))?;
        let work = Work { urgent, expires_at_ms: until, ..known };
        return Ok(match changed(conn, &new.node)? {
            Some(revision) => Put::Waits { work, revision },
            None => Put::NoNode,
        });
    }
    if waiting_count(conn, &new.node, new.kind, now_ms)? >= MAX_COMMANDS {
        return Ok(Put::Full);
    }
    let work_id = uuid::Uuid::now_v7().to_string();
    conn.prepare_cached(
        "INSERT INTO node_work
             (work_id, node_id, kind, name, key, params, urgent, created_at_ms, expires_at_ms)
         VALUES (:id, :node, :kind, :name, :key, :params, :urgent, :now, :expires)",
    )?
    .execute(named_params! {
        ":id": work_id, ":node": new.node.as_str(), ":kind": new.kind.as_str(), ":name": new.name,
        ":key": new.key, ":params": new.params, ":urgent": new.urgent, ":now": now_ms,
        ":expires": expires,
    })?;
    let work = Work {
        work_id,
        name: new.name.clone(),
        params: new.params.clone(),
        urgent: new.urgent,
        created_at_ms: now_ms,
        expires_at_ms: expires,
        taken_at_ms: None,
    };
    Ok(match changed(conn, &new.node)? {
        Some(revision) => Put::Waits { work, revision },
        None => Put::NoNode,
    })
}

fn waiting_count(
    conn: &Connection,
    node: &DeviceId,
    kind: WorkKind,
    now_ms: u64,
) -> Result<usize, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT count(*) FROM node_work WHERE node_id = ?1 AND kind = ?2
                 AND expires_at_ms > ?3 AND taken_at_ms IS NULL",
        )?
        .query_row((node.as_str(), kind.as_str(), now_ms), |row| row.get(0))?)
}

fn waiting(
    conn: &Connection,
    node: &DeviceId,
    kind: WorkKind,
    now_ms: u64,
) -> Result<Waiting, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT * FROM node_work WHERE node_id = ?1 AND kind = ?2
             AND expires_at_ms > ?3 AND taken_at_ms IS NULL
         ORDER BY urgent DESC, seq",
    )?;
    let rows = statement.query_map((node.as_str(), kind.as_str(), now_ms), work)?;
    let work = rows.collect::<Result<_, _>>()?;
    Ok(Waiting { revision: revision(conn, node)?.unwrap_or_default(), work })
}

fn take(
    conn: &Connection,
    node: &DeviceId,
    mut ids: Vec<String>,
    now_ms: u64,
) -> Result<Taken, StoreError> {
    ids.sort();
    ids.dedup();
    let mut own = Vec::new();
    let mut news = 0;
    for id in ids {
        news += conn
            .prepare_cached(
                "UPDATE node_work SET taken_at_ms = ?3
                 WHERE work_id = ?1 AND node_id = ?2 AND taken_at_ms IS NULL",
            )?
            .execute((&id, node.as_str(), now_ms))?;
        let is_own: bool = conn
            .prepare_cached("SELECT count(*) FROM node_work WHERE work_id = ?1 AND node_id = ?2")?
            .query_row((&id, node.as_str()), |row| row.get(0))?;
        if is_own {
            own.push(id);
        }
    }
    if news > 0 {
        changed(conn, node)?;
    }
    clear(conn, node, now_ms)?;
    Ok(Taken { ids: own, left: waiting_count(conn, node, WorkKind::Command, now_ms)? })
}

#[cfg(test)]
mod tests;
