//! Stopping runs, and giving a session a new transcript once it is quiet.

use std::{sync::Arc, time::Duration};

use openclaw_protocol::ids::{AgentId, RunId, SessionKey};
use openclaw_store::sessions::{Reset, WasReset};

use crate::{error::AgentError, inner::Inner, run::AbortReason};

/// How long a reset or delete waits for a run to stop.
const STOP_DEADLINE: Duration = Duration::from_secs(15);

/// Stops runs; see [`crate::Agent::abort`].
pub(crate) async fn abort(
    inner: &Arc<Inner>,
    key: &SessionKey,
    run_id: Option<&RunId>,
    reason: AbortReason,
) -> Result<Vec<RunId>, AgentError> {
    if let Some(run) = run_id.and_then(|id| inner.lanes.run(id))
        && run.session_key != *key
    {
        return Err(AgentError::RunMismatch);
    }
    let taken = inner.lanes.take(key, run_id);
    let mut stopped = Vec::new();
    for run in taken.active {
        run.abort(reason);
        stopped.push(run.run_id.clone());
    }
    for run in taken.queued {
        run.abort(reason);
        inner.finish_unstarted(&run, reason).await;
        stopped.push(run.run_id.clone());
    }
    Ok(stopped)
}

/// Stops everything in a session and waits until it has stopped.
pub(crate) async fn quiet(inner: &Arc<Inner>, key: &SessionKey) -> Result<(), AgentError> {
    let mut changes = inner.lanes.changes();
    abort(inner, key, None, AbortReason::Reset).await?;
    let idle = async {
        while !inner.lanes.is_idle(key) {
            if changes.changed().await.is_err() {
                break;
            }
        }
    };
    tokio::time::timeout(STOP_DEADLINE, idle)
        .await
        .map_err(|_| AgentError::StillActive(key.clone()))
}

/// Stops a session's runs and gives it a new transcript.
pub(crate) async fn reset(
    inner: &Arc<Inner>,
    key: &SessionKey,
    agent_id: &AgentId,
    reset: Reset,
    reason: &'static str,
) -> Result<WasReset, AgentError> {
    quiet(inner, key).await?;
    let was = inner.store.sessions().reset(key, agent_id, reset, inner.now_ms()).await?;
    inner.session_changed(key, &was.entry.session_id, agent_id, reason);
    Ok(was)
}
