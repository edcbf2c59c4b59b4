//! Sessions as rows. Each function runs inside the caller's transaction.

use openclaw_protocol::ids::{AgentId, SessionId, SessionKey};
use rusqlite::{Connection, OptionalExtension as _, Params, Row, named_params};
use serde_json::Map;
use uuid::Uuid;

use super::{
    Delete, Deleted, Opened, Reset, SessionEntry, SessionFlags, SessionPatch, SessionRecord,
    SessionSettings, TokenCounters, WasReset,
};
use crate::{
    error::{Conflict, StoreError},
    row::{Json, RowExt as _},
    transcripts::rows as transcripts,
};

pub(super) fn entry(row: &Row<'_>) -> rusqlite::Result<SessionEntry> {
    Ok(SessionEntry {
        key: row.id("session_key")?,
        agent_id: row.id("agent_id")?,
        session_id: row.id("session_id")?,
        label: row.get("label")?,
        display_name: row.get("display_name")?,
        spawned_by: row.maybe_id("spawned_by")?,
        created_at_ms: row.get("created_at_ms")?,
        updated_at_ms: row.get("updated_at_ms")?,
        last_interaction_at_ms: row.get("last_interaction_at_ms")?,
        settings: row.json("settings")?,
        extra: row.json("extra")?,
        model_provider: row.get("model_provider")?,
        model: row.get("model")?,
        tokens: TokenCounters {
            input: row.get("input_tokens")?,
            output: row.get("output_tokens")?,
            total: row.get("total_tokens")?,
            total_fresh: row.get("total_tokens_fresh")?,
            cache_read: row.get("cache_read_tokens")?,
            cache_write: row.get("cache_write_tokens")?,
            context: row.get("context_tokens")?,
        },
        flags: SessionFlags {
            system_sent: row.get("system_sent")?,
            aborted_last_run: row.get("aborted_last_run")?,
            archived: row.get("archived")?,
            pinned: row.get("pinned")?,
            unread: row.get("unread")?,
        },
    })
}

fn select<P: Params>(
    conn: &Connection,
    sql: &str,
    params: P,
) -> Result<Option<SessionEntry>, StoreError> {
    Ok(conn.prepare_cached(sql)?.query_row(params, entry).optional()?)
}

pub(super) fn find(
    conn: &Connection,
    key: &SessionKey,
) -> Result<Option<SessionEntry>, StoreError> {
    select(conn, "SELECT * FROM sessions WHERE session_key = ?1", [key.as_str()])
}

pub(super) fn find_by_session_id(
    conn: &Connection,
    id: &SessionId,
) -> Result<Option<SessionEntry>, StoreError> {
    select(conn, "SELECT * FROM sessions WHERE session_id = ?1", [id.as_str()])
}

pub(super) fn find_by_label(
    conn: &Connection,
    label: &str,
) -> Result<Option<SessionEntry>, StoreError> {
    select(conn, "SELECT * FROM sessions WHERE label = ?1", [label])
}

/// The session, made now if it is not there.
pub(crate) fn open(
    conn: &Connection,
    key: &SessionKey,
    agent: &AgentId,
    now_ms: u64,
) -> Result<Opened, StoreError> {
    if let Some(entry) = find(conn, key)? {
        return Ok(Opened { entry, created: false });
    }
    let entry = SessionEntry {
        key: key.clone(),
        agent_id: agent.clone(),
        session_id: new_transcript(conn, key, agent, now_ms)?,
        label: None,
        display_name: None,
        spawned_by: None,
        created_at_ms: now_ms,
        updated_at_ms: now_ms,
        last_interaction_at_ms: None,
        settings: SessionSettings::default(),
        extra: Map::new(),
        model_provider: None,
        model: None,
        tokens: TokenCounters::default(),
        flags: SessionFlags::default(),
    };
    save(conn, &entry)?;
    Ok(Opened { entry, created: true })
}

fn new_transcript(
    conn: &Connection,
    key: &SessionKey,
    agent: &AgentId,
    now_ms: u64,
) -> Result<SessionId, StoreError> {
    let id = SessionId::new(Uuid::now_v7().to_string());
    transcripts::create(conn, &id, key, agent, now_ms)?;
    Ok(id)
}

/// Refuses if the caller looked at another transcript than the session is at.
pub(crate) fn require_transcript(
    found: Option<&SessionEntry>,
    expected: Option<&SessionId>,
) -> Result<(), StoreError> {
    let Some(expected) = expected else { return Ok(()) };
    let entry = found.ok_or(StoreError::NotFound("session"))?;
    if entry.session_id == *expected {
        Ok(())
    } else {
        Err(Conflict::SessionChanged { current: entry.session_id.clone() }.into())
    }
}

pub(super) fn patch(
    conn: &Connection,
    key: &SessionKey,
    agent: &AgentId,
    patch: SessionPatch,
    now_ms: u64,
) -> Result<Opened, StoreError> {
    require_transcript(find(conn, key)?.as_ref(), patch.expected_session_id.as_ref())?;
    if let super::Change::Set(label) = &patch.label
        && find_by_label(conn, label)?.is_some_and(|other| other.key != *key)
    {
        return Err(Conflict::LabelInUse { label: label.clone() }.into());
    }
    let mut opened = open(conn, key, agent, now_ms)?;
    patch.apply(&mut opened.entry);
    touch(&mut opened.entry, now_ms);
    save(conn, &opened.entry)?;
    Ok(opened)
}

pub(crate) fn reset(
    conn: &Connection,
    key: &SessionKey,
    agent: &AgentId,
    reset: &Reset,
    now_ms: u64,
) -> Result<WasReset, StoreError> {
    require_transcript(find(conn, key)?.as_ref(), reset.expected_session_id.as_ref())?;
    let Opened { mut entry, created } = open(conn, key, agent, now_ms)?;
    if created {
        return Ok(WasReset { entry, previous: None });
    }
    let next = new_transcript(conn, key, &entry.agent_id, now_ms)?;
    let previous = std::mem::replace(&mut entry.session_id, next);
    entry.tokens = TokenCounters { context: entry.tokens.context, ..TokenCounters::default() };
    entry.flags.system_sent = false;
    entry.flags.aborted_last_run = false;
    entry.flags.unread = false;
    if !reset.keep_model {
        entry.settings.provider_override = None;
        entry.settings.model_override = None;
        entry.model_provider = None;
        entry.model = None;
        entry.tokens.context = None;
    }
    touch(&mut entry, now_ms);
    save(conn, &entry)?;
    transcripts::archive(conn, &previous, "reset", now_ms)?;
    Ok(WasReset { entry, previous: Some(previous) })
}

pub(super) fn delete(
    conn: &Connection,
    key: &SessionKey,
    delete: &Delete,
    now_ms: u64,
) -> Result<Option<Deleted>, StoreError> {
    let Some(entry) = find(conn, key)? else { return Ok(None) };
    require_transcript(Some(&entry), delete.expected_session_id.as_ref())?;
    conn.prepare_cached("DELETE FROM sessions WHERE session_key = ?1")?.execute([key.as_str()])?;
    end_runs(conn, key, now_ms)?;
    let transcripts = if delete.with_transcript {
        forget_words(conn, key)?
    } else {
        transcripts::archive(conn, &entry.session_id, "deleted", now_ms)?;
        vec![entry.session_id.clone()]
    };
    Ok(Some(Deleted { entry, transcripts }))
}

/// A run that was not answered yet must not bring the session back.
fn end_runs(conn: &Connection, key: &SessionKey, now_ms: u64) -> Result<(), StoreError> {
    conn.prepare_cached(
        "UPDATE runs SET state = 'aborted', ended_at_ms = ?2
         WHERE session_key = ?1 AND ended_at_ms IS NULL",
    )?
    .execute((key.as_str(), now_ms))?;
    Ok(())
}

/// Deletes everything that was said in a session; its runs stay, without their words.
fn forget_words(conn: &Connection, key: &SessionKey) -> Result<Vec<SessionId>, StoreError> {
    conn.prepare_cached(
        "UPDATE runs SET message = '', options = 'null', outcome = NULL WHERE session_key = ?1",
    )?
    .execute([key.as_str()])?;
    let mut delete =
        conn.prepare_cached("DELETE FROM transcripts WHERE session_key = ?1 RETURNING session_id")?;
    let ids = delete.query_map([key.as_str()], |row| row.id("session_id"))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// Notes what a run left, if the session is still at the run's transcript.
pub(crate) fn record(
    conn: &Connection,
    id: &SessionId,
    record: SessionRecord,
    now_ms: u64,
) -> Result<bool, StoreError> {
    let Some(mut entry) = find_by_session_id(conn, id)? else { return Ok(false) };
    record.apply(&mut entry);
    touch(&mut entry, now_ms);
    save(conn, &entry)?;
    Ok(true)
}

fn touch(entry: &mut SessionEntry, now_ms: u64) {
    entry.updated_at_ms = entry.updated_at_ms.max(now_ms);
}

fn save(conn: &Connection, entry: &SessionEntry) -> Result<(), StoreError> {
    let (tokens, flags) = (&entry.tokens, &entry.flags);
    // An upsert rather than a replacement, which would count as a delete.
    conn.prepare_cached(include_str!("save.sql"))?.execute(named_params! {
        ":key": entry.key.as_str(), ":agent": entry.agent_id.as_str(),
        ":session": entry.session_id.as_str(), ":label": entry.label,
        ":name": entry.display_name,
        ":spawned_by": entry.spawned_by.as_ref().map(SessionKey::as_str),
        ":created": entry.created_at_ms, ":updated": entry.updated_at_ms,
        ":interaction": entry.last_interaction_at_ms,
        ":settings": Json(&entry.settings), ":extra": Json(&entry.extra),
        ":provider": entry.model_provider, ":model": entry.model,
        ":input": tokens.input, ":output": tokens.output, ":total": tokens.total,
        ":fresh": tokens.total_fresh, ":cache_read": tokens.cache_read,
        ":cache_write": tokens.cache_write, ":context": tokens.context,
        ":system_sent": flags.system_sent, ":aborted": flags.aborted_last_run,
        ":archived": flags.archived, ":pinned": flags.pinned, ":unread": flags.unread,
    })?;
    Ok(())
}
