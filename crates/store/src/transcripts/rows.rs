//! Transcripts and messages as rows.

use std::collections::HashMap;

use openclaw_protocol::ids::{AgentId, MessageId, SessionId, SessionKey};
use rusqlite::{Connection, OptionalExtension as _, Params, Row, named_params};

use super::{DayUsage, Edges, MessageRole, MessageRow, NewMessage, Transcript};
use crate::{
    error::StoreError,
    row::{self, Json, RowExt as _},
};

fn message(row: &Row<'_>) -> rusqlite::Result<MessageRow> {
    Ok(MessageRow {
        session_id: row.id("session_id")?,
        seq: row.get("seq")?,
        message_id: row.id("message_id")?,
        role: row.word("role")?,
        content: row.json("content")?,
        meta: row.json("meta")?,
        run_id: row.maybe_id("run_id")?,
        idempotency_key: row.get("idempotency_key")?,
        created_at_ms: row.get("created_at_ms")?,
    })
}

fn transcript(row: &Row<'_>) -> rusqlite::Result<Transcript> {
    Ok(Transcript {
        session_id: row.id("session_id")?,
        session_key: row.id("session_key")?,
        agent_id: row.id("agent_id")?,
        last_seq: row.get("last_seq")?,
        created_at_ms: row.get("created_at_ms")?,
        archived_at_ms: row.get("archived_at_ms")?,
        archive_reason: row.get("archive_reason")?,
    })
}

pub(super) fn usage_by_day(
    conn: &Connection,
    from_ms: u64,
    until_ms: u64,
    offset_ms: i64,
) -> Result<Vec<DayUsage>, StoreError> {
    let mut statement = conn.prepare_cached(
        "WITH used AS (
             SELECT (created_at_ms + :offset) / 86400000 AS day, meta -> '$.usage' AS usage
             FROM messages
             WHERE role = 'assistant' AND created_at_ms >= :from AND created_at_ms < :until
         )
         SELECT day,
             total(usage ->> '$.input'), total(usage ->> '$.output'),
             total(usage ->> '$.cacheRead'), total(usage ->> '$.cacheWrite'),
             total(usage ->> '$.cost.input'), total(usage ->> '$.cost.output'),
             total(usage ->> '$.cost.cacheRead'), total(usage ->> '$.cost.cacheWrite'),
             count(*) FILTER (WHERE usage -> '$.cost' IS NULL) AS unpriced
         FROM used WHERE usage ->> '$.totalTokens' > 0
         GROUP BY day ORDER BY day",
    )?;
    let params = named_params! { ":from": from_ms, ":until": until_ms, ":offset": offset_ms };
    let rows = statement.query_map(params, |row| {
        let sums = |from: usize| -> rusqlite::Result<[f64; 4]> {
            Ok([row.get(from)?, row.get(from + 1)?, row.get(from + 2)?, row.get(from + 3)?])
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "sums of counts, exact up to 2^53"
        )]
        let tokens = sums(1)?.map(|sum| sum as u64);
        Ok(DayUsage { day: row.get(0)?, tokens, cost: sums(5)?, unpriced: row.get("unpriced")? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn select<P: Params>(
    conn: &Connection,
    sql: &str,
    params: P,
) -> Result<Vec<MessageRow>, StoreError> {
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map(params, message)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn select_one<P: Params>(
    conn: &Connection,
    sql: &str,
    params: P,
) -> Result<Option<MessageRow>, StoreError> {
    Ok(conn.prepare_cached(sql)?.query_row(params, message).optional()?)
}

pub(crate) fn create(
    conn: &Connection,
    id: &SessionId,
    key: &SessionKey,
    agent: &AgentId,
    now_ms: u64,
) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT INTO transcripts (session_id, session_key, agent_id, created_at_ms)
         VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute((id.as_str(), key.as_str(), agent.as_str(), now_ms))?;
    Ok(())
}

pub(crate) fn archive(
    conn: &Connection,
    id: &SessionId,
    reason: &str,
    now_ms: u64,
) -> Result<(), StoreError> {
    conn.prepare_cached(
        "UPDATE transcripts SET archived_at_ms = ?2, archive_reason = ?3 WHERE session_id = ?1",
    )?
    .execute((id.as_str(), now_ms, reason))?;
    Ok(())
}

pub(crate) fn exists(conn: &Connection, id: &SessionId) -> Result<bool, StoreError> {
    let mut select = conn.prepare_cached("SELECT 1 FROM transcripts WHERE session_id = ?1")?;
    Ok(select.exists([id.as_str()])?)
}

pub(crate) fn insert(
    conn: &Connection,
    id: &SessionId,
    messages: Vec<NewMessage>,
) -> Result<Vec<MessageRow>, StoreError> {
    messages.into_iter().map(|message| insert_one(conn, id, message)).collect()
}

fn insert_one(
    conn: &Connection,
    id: &SessionId,
    new: NewMessage,
) -> Result<MessageRow, StoreError> {
    if let Some(key) = &new.idempotency_key
        && let Some(there) = select_one(
            conn,
            "SELECT * FROM messages WHERE session_id = ?1 AND idempotency_key = ?2",
            (id.as_str(), key),
        )?
    {
        return Ok(there);
    }
    let seq = conn
        .prepare_cached(
            "UPDATE transcripts SET last_seq = last_seq + 1 WHERE session_id = ?1
             RETURNING last_seq",
        )?
        .query_row([id.as_str()], |row| row.get(0))
        .optional()?
        .ok_or(StoreError::NotFound("transcript"))?;
    conn.prepare_cached(
        "INSERT INTO messages (session_id, seq, message_id, role, content, meta, run_id,
             idempotency_key, created_at_ms)
         VALUES (:session, :seq, :id, :role, :content, :meta, :run, :once, :now)",
    )?
    .execute(named_params! {
        ":session": id.as_str(), ":seq": seq, ":id": new.message_id.as_str(),
        ":role": new.role.as_str(), ":content": Json(&new.content), ":meta": Json(&new.meta),
        ":run": new.run_id.as_ref().map(AsRef::as_ref), ":once": new.idempotency_key,
        ":now": new.created_at_ms,
    })?;
    Ok(MessageRow {
        session_id: id.clone(),
        seq,
        message_id: new.message_id,
        role: new.role,
        content: new.content,
        meta: new.meta,
        run_id: new.run_id,
        idempotency_key: new.idempotency_key,
        created_at_ms: new.created_at_ms,
    })
}

/// Notes on the session, if it is still at this transcript, that something was said.
pub(crate) fn bump_session(
    conn: &Connection,
    id: &SessionId,
    rows: &[MessageRow],
) -> Result<(), StoreError> {
    let latest = rows.iter().map(|row| row.created_at_ms).max();
    let by_person =
        rows.iter().filter(|row| row.role == MessageRole::User).map(|row| row.created_at_ms).max();
    let Some(latest) = latest else { return Ok(()) };
    conn.prepare_cached(
        "UPDATE sessions SET
             updated_at_ms = max(updated_at_ms, :latest),
             last_interaction_at_ms = coalesce(:person, last_interaction_at_ms)
         WHERE session_id = :session",
    )?
    .execute(named_params! { ":session": id.as_str(), ":latest": latest, ":person": by_person })?;
    Ok(())
}

pub(super) fn tail(
    conn: &Connection,
    id: &SessionId,
    limit: usize,
    before_seq: Option<u64>,
) -> Result<Vec<MessageRow>, StoreError> {
    let mut rows = select(
        conn,
        "SELECT * FROM messages WHERE session_id = ?1 AND (?2 IS NULL OR seq < ?2)
         ORDER BY seq DESC LIMIT ?3",
        (id.as_str(), before_seq, row::count(limit)),
    )?;
    rows.reverse();
    Ok(rows)
}

pub(super) fn since(
    conn: &Connection,
    id: &SessionId,
    after_seq: u64,
    limit: usize,
) -> Result<Vec<MessageRow>, StoreError> {
    select(
        conn,
        "SELECT * FROM messages WHERE session_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
        (id.as_str(), after_seq, row::count(limit)),
    )
}

pub(super) fn find(conn: &Connection, id: &MessageId) -> Result<Option<MessageRow>, StoreError> {
    select_one(conn, "SELECT * FROM messages WHERE message_id = ?1", [id.as_str()])
}

pub(super) fn last_of(
    conn: &Connection,
    keys: Vec<SessionKey>,
    limit: usize,
) -> Result<HashMap<SessionKey, Vec<MessageRow>>, StoreError> {
    let mut current =
        conn.prepare_cached("SELECT session_id FROM sessions WHERE session_key = ?1")?;
    let mut last = HashMap::with_capacity(keys.len());
    for key in keys {
        let id: Option<SessionId> =
            current.query_row([key.as_str()], |row| row.id("session_id")).optional()?;
        if let Some(id) = id {
            last.insert(key, tail(conn, &id, limit, None)?);
        }
    }
    Ok(last)
}

pub(super) fn edges(
    conn: &Connection,
    ids: Vec<SessionId>,
) -> Result<HashMap<SessionId, Edges>, StoreError> {
    ids.into_iter()
        .map(|id| {
            let first_user = select_one(
                conn,
                "SELECT * FROM messages WHERE session_id = ?1 AND role = 'user'
                 ORDER BY seq LIMIT 1",
                [id.as_str()],
            )?;
            let last = select_one(
                conn,
                "SELECT * FROM messages WHERE session_id = ?1 AND role IN ('user', 'assistant')
                 ORDER BY seq DESC LIMIT 1",
                [id.as_str()],
            )?;
            Ok((id, Edges { first_user, last }))
        })
        .collect()
}

pub(super) fn info(conn: &Connection, id: &SessionId) -> Result<Option<Transcript>, StoreError> {
    let mut select = conn.prepare_cached("SELECT * FROM transcripts WHERE session_id = ?1")?;
    Ok(select.query_row([id.as_str()], transcript).optional()?)
}

pub(super) fn of_session(
    conn: &Connection,
    key: &SessionKey,
) -> Result<Vec<Transcript>, StoreError> {
    let mut select = conn.prepare_cached(
        "SELECT * FROM transcripts WHERE session_key = ?1
         ORDER BY archived_at_ms IS NOT NULL, created_at_ms DESC, archived_at_ms DESC",
    )?;
    let rows = select.query_map([key.as_str()], transcript)?;
    Ok(rows.collect::<Result<_, _>>()?)
}
