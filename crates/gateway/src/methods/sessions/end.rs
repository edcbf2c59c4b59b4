//! What ends something in a session: a run, its transcript, the session itself.

use openclaw_agent::AbortReason;
use openclaw_protocol::{
    RpcError,
    ids::{RunId, SessionId, SessionKey},
    methods::sessions::{
        AbortStatus, SessionsAbortParams, SessionsAbortResult, SessionsCompactParams,
        SessionsCompactResult, SessionsDeleteParams, SessionsDeleteResult, SessionsResetParams,
        SessionsResetResult,
    },
    text::Text,
};
use openclaw_store::{
    StoreError,
    sessions::{Delete, SessionEntry},
};

use crate::{
    router::{Cx, Failure},
    shape::{
        failure::{self, session_changed},
        models::Catalog,
        session,
        target::Target,
    },
};

/// Starts a session anew. The agent tells those who watch.
///
/// # Errors
/// When a run does not stop, or the session is not as the caller saw it last.
pub(super) async fn reset(
    cx: &Cx,
    params: SessionsResetParams,
) -> Result<SessionsResetResult, Failure> {
    let target = Target::writable(&cx.state, &params.key, params.agent_id.as_deref())?;
    let expected = params.expected_session_id.map(|id| SessionId::new(id.into_string()));
    let was = cx.state.agent.reset_session(&target.key, expected).await;
    let entry = was.map_err(|error| failure::agent(&cx.state, &error))?.entry;
    let applied = Catalog::of(&cx.state).of_session(&entry);
    Ok(SessionsResetResult {
        ok: true,
        key: target.key,
        resolved: Some(applied.resolved(entry.settings.thinking_level.clone())),
        entry: session::entry(&entry, None),
    })
}

/// Makes the beginning of a conversation into a summary. The agent tells those who watch.
///
/// # Errors
/// While a run goes on, and when no summary could be made.
pub(super) async fn compact(
    cx: &Cx,
    params: SessionsCompactParams,
) -> Result<SessionsCompactResult, Failure> {
    let target = Target::writable(&cx.state, &params.key, params.agent_id.as_deref())?;
    let done = cx.state.agent.compact_session(&target.key, None).await;
    let done = done.map_err(|error| failure::agent(&cx.state, &error))?;
    let kept = done.map(|done| u64::try_from(done.kept).unwrap_or(u64::MAX));
    Ok(SessionsCompactResult {
        ok: true,
        key: target.key,
        compacted: kept.is_some(),
        kept,
        reason: kept.is_none().then(|| "nothing to compact".to_owned()),
    })
}

/// Forgets a session. With its transcript nothing of it is left; without, the transcript is archived
/// and named in the answer.
///
/// # Errors
/// For a main session, when a run does not stop, or the session is not as the caller saw it last.
pub(super) async fn delete(
    cx: &Cx,
    params: SessionsDeleteParams,
) -> Result<SessionsDeleteResult, Failure> {
    let target = Target::named(&cx.state, &params.key, params.agent_id.as_deref())?;
    let failed = |error: StoreError| failure::store(&cx.state, &error);
    let entry = cx.state.store.sessions().get(&target.key).await.map_err(failed)?;
    check_delete(entry.as_ref(), &params)?;
    let with_transcript = params.delete_transcript.unwrap_or(true);
    let delete = Delete {
        with_transcript,
        expected_session_id: params.expected_session_id.map(Text::into_string).map(SessionId::new),
    };
    let deleted = cx.state.agent.delete_session(&target.key, delete).await;
    let deleted = deleted.map_err(|error| failure::agent(&cx.state, &error))?;
    let archived = match &deleted {
        Some(deleted) if !with_transcript => {
            deleted.transcripts.iter().map(ToString::to_string).collect()
        }
        _ => Vec::new(),
    };
    Ok(SessionsDeleteResult { ok: true, key: target.key, deleted: deleted.is_some(), archived })
}

fn check_delete(
    entry: Option<&SessionEntry>,
    params: &SessionsDeleteParams,
) -> Result<(), RpcError> {
    let Some(entry) = entry else { return Ok(()) };
    if params.archived_only == Some(true) && !entry.flags.archived {
        let text = format!("Session {} is not archived.", entry.key);
        return Err(RpcError::invalid(text));
    }
    let revision = params.expected_lifecycle_revision.as_deref();
    let same_life = revision.is_none_or(|revision| revision == entry.session_id.as_str());
    let updated = params.expected_session_updated_at.map(|at| at.get());
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are exact in a double")]
    let same_time = updated.is_none_or(|at| at == entry.updated_at_ms as f64);
    if same_life && same_time { Ok(()) } else { Err(session_changed()) }
}

/// Stops the run of a session, or one that is named; with `clearQueued` also what waits.
///
/// # Errors
/// When neither is named, or the run is another session's.
pub(super) async fn abort(
    cx: &Cx,
    params: SessionsAbortParams,
) -> Result<SessionsAbortResult, Failure> {
    let run = params.run_id.map(|id| RunId::new(id.into_string()));
    let key = match (params.key.as_deref(), &run) {
        (Some(key), _) => Some(Target::named(&cx.state, key, params.agent_id.as_deref())?.key),
        (None, Some(run)) => session_of(cx, run).await?,
        (None, None) => {
            return Err(RpcError::invalid("Either key or runId is required").into());
        }
    };
    let Some(key) = key else { return Ok(none_active()) };
    let active = cx.state.agent.activity(&key).active.map(|active| active.run_id);
    let clears = params.clear_queued == Some(true);
    let one = match (&run, &active) {
        (Some(run), _) => Some(run),
        (None, Some(active)) if !clears => Some(active),
        (None, None) if !clears => return Ok(none_active()),
        (None, _) => None,
    };
    let stopped = cx.state.agent.abort(&key, one, AbortReason::Rpc).await;
    let stopped = stopped.map_err(|error| failure::agent(&cx.state, &error))?;
    let Some(first) = stopped.into_iter().next() else { return Ok(none_active()) };
    Ok(SessionsAbortResult {
        ok: true,
        aborted_run_id: Some(run.or(active).unwrap_or(first)),
        status: AbortStatus::Aborted,
    })
}

fn none_active() -> SessionsAbortResult {
    SessionsAbortResult { ok: true, aborted_run_id: None, status: AbortStatus::NoActiveRun }
}

async fn session_of(cx: &Cx, run: &RunId) -> Result<Option<SessionKey>, Failure> {
    let found = cx.state.store.runs().get(run).await;
    let found = found.map_err(|error| failure::store(&cx.state, &error))?;
    Ok(found.map(|run| run.session_key))
}
