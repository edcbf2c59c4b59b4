//! Runs as rows. Each function runs inside the caller's transaction.

use std::collections::HashMap;

use openclaw_protocol::ids::{RunId, SessionId, SessionKey};
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};
use serde_json::Value;

use super::{Accepted, NewRun, RunEnd, RunRow, RunState, Step, Taken};
use crate::{
    error::StoreError,
    outbox,
    row::{Json, RowExt as _},
    sessions::{Reset, rows as sessions},
    transcripts::{MessageRow, NewMessage, rows as transcripts},
};

fn run(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    Ok(RunRow {
        run_id: row.id("run_id")?,
        session_key: row.id("session_key")?,
        session_id: row.id("session_id")?,
        agent_id: row.id("agent_id")?,
        principal: row.get("principal")?,
        digest: row.id("params_digest")?,
        state: row.word("state")?,
        message: row.get("message")?,
        options: row.json("options")?,
        accepted_at_ms: row.get("accepted_at_ms")?,
        started_at_ms: row.get("started_at_ms")?,
        ended_at_ms: row.get("ended_at_ms")?,
        outcome: row.get::<_, Option<Json<Value>>>("outcome")?.map(|json| json.0),
    })
}

pub(super) fn find(conn: &Connection, id: &RunId) -> Result<Option<RunRow>, StoreError> {
    let mut select = conn.prepare_cached("SELECT * FROM runs WHERE run_id = ?1")?;
    Ok(select.query_row([id.as_str()], run).optional()?)
}

fn require(conn: &Connection, id: &RunId) -> Result<RunRow, StoreError> {
    find(conn, id)?.ok_or(StoreError::NotFound("run"))
}

pub(super) fn accept(
    conn: &Connection,
    mut new: NewRun,
    message: Option<NewMessage>,
    now_ms: u64,
) -> Result<Accepted, StoreError> {
    if let Some(known) = find(conn, &new.run_id)? {
        let same = known.principal == new.principal && known.digest == new.digest;
        return Ok(if same { Accepted::Duplicate(Box::new(known)) } else { Accepted::Conflict });
    }
    let previous = start_anew(conn, &mut new, now_ms)?;
    let session = sessions::open(conn, &new.session_key, &new.agent_id, now_ms)?;
    sessions::require_transcript(Some(&session.entry), new.expected_session_id.as_ref())?;
    let run = RunRow {
        run_id: new.run_id,
        session_key: new.session_key,
        session_id: session.entry.session_id,
        agent_id: new.agent_id,
        principal: new.principal,
        digest: new.digest,
        state: RunState::Accepted,
        message: new.message,
        options: new.options,
        accepted_at_ms: now_ms,
        started_at_ms: None,
        ended_at_ms: None,
        outcome: None,
    };
    insert(conn, &run)?;
    let message = append(conn, &run, message.into_iter().collect())?.pop();
    let taken = Taken { run, message, session_created: session.created, previous };
    Ok(Accepted::New(Box::new(taken)))
}

/// Gives a session that was outlived its new transcript, and says which one it had.
fn start_anew(
    conn: &Connection,
    new: &mut NewRun,
    now_ms: u64,
) -> Result<Option<SessionId>, StoreError> {
    if !new.starts_anew || is_busy(conn, &new.session_key)? {
        return Ok(None);
    }
    let reset = Reset { keep_model: true, expected_session_id: new.expected_session_id.take() };
    Ok(sessions::reset(conn, &new.session_key, &new.agent_id, &reset, now_ms)?.previous)
}

fn is_busy(conn: &Connection, key: &SessionKey) -> Result<bool, StoreError> {
    let mut select = conn.prepare_cached(
        "SELECT 1 FROM runs WHERE session_key = ?1 AND ended_at_ms IS NULL LIMIT 1",
    )?;
    Ok(select.exists([key.as_str()])?)
}

pub(super) fn start(
    conn: &Connection,
    id: &RunId,
    messages: Vec<NewMessage>,
    now_ms: u64,
) -> Result<Step, StoreError> {
    let run = require(conn, id)?;
    if run.state.is_end() {
        return Ok(Step::Ended(Box::new(run)));
    }
    conn.prepare_cached(
        "UPDATE runs SET state = 'running', started_at_ms = coalesce(started_at_ms, ?2)
         WHERE run_id = ?1",
    )?
    .execute((id.as_str(), now_ms))?;
    Ok(Step::Taken(append(conn, &run, messages)?))
}

pub(super) fn finish(
    conn: &Connection,
    id: &RunId,
    end: RunEnd,
    now_ms: u64,
) -> Result<Step, StoreError> {
    if !end.state.is_end() {
        return Err(StoreError::Internal { source: cause("a run can only end in an end state") });
    }
    let run = require(conn, id)?;
    if run.state.is_end() {
        return Ok(Step::Ended(Box::new(run)));
    }
    conn.prepare_cached(
        "UPDATE runs SET state = :state, outcome = :outcome, ended_at_ms = :now
         WHERE run_id = :run",
    )?
    .execute(named_params! {
        ":run": id.as_str(), ":state": end.state.as_str(),
        ":outcome": end.outcome.map(Json), ":now": now_ms,
    })?;
    let messages = append(conn, &run, end.messages)?;
    sessions::record(conn, &run.session_id, end.session, now_ms)?;
    if let Some(delivery) = end.deliver {
        outbox::insert(conn, delivery, now_ms)?;
    }
    Ok(Step::Taken(messages))
}

/// Appends a run's messages, unless its transcript was deleted.
fn append(
    conn: &Connection,
    run: &RunRow,
    messages: Vec<NewMessage>,
) -> Result<Vec<MessageRow>, StoreError> {
    let id: &SessionId = &run.session_id;
    if messages.is_empty() || !transcripts::exists(conn, id)? {
        return Ok(Vec::new());
    }
    let messages = messages.into_iter().map(|message| message.in_run(&run.run_id)).collect();
    let rows = transcripts::insert(conn, id, messages)?;
    transcripts::bump_session(conn, id, &rows)?;
    Ok(rows)
}

fn insert(conn: &Connection, run: &RunRow) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT INTO runs (run_id, session_key, session_id, agent_id, principal, params_digest,
             state, message, options, accepted_at_ms)
         VALUES (:run, :key, :session, :agent, :principal, :digest, :state, :message, :options,
             :now)",
    )?
    .execute(named_params! {
        ":run": run.run_id.as_str(), ":key": run.session_key.as_str(),
        ":session": run.session_id.as_str(), ":agent": run.agent_id.as_str(),
        ":principal": run.principal, ":digest": run.digest.as_str(),
        ":state": run.state.as_str(), ":message": run.message, ":options": Json(&run.options),
        ":now": run.accepted_at_ms,
    })?;
    Ok(())
}

pub(super) fn unfinished(conn: &Connection) -> Result<Vec<RunRow>, StoreError> {
    let mut select = conn.prepare_cached(
        "SELECT * FROM runs WHERE ended_at_ms IS NULL ORDER BY accepted_at_ms, rowid",
    )?;
    let rows = select.query_map([], run)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn latest(
    conn: &Connection,
    keys: Vec<SessionKey>,
) -> Result<HashMap<SessionKey, RunRow>, StoreError> {
    let mut select = conn.prepare_cached(
        "SELECT * FROM runs WHERE session_key = ?1
         ORDER BY accepted_at_ms DESC, rowid DESC LIMIT 1",
    )?;
    let mut latest = HashMap::new();
    for key in keys {
        if let Some(row) = select.query_row([key.as_str()], run).optional()? {
            latest.insert(key, row);
        }
    }
    Ok(latest)
}

fn cause(text: &'static str) -> crate::Cause {
    let error: Box<dyn std::error::Error + Send + Sync> = text.into();
    error.into()
}
