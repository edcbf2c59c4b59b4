//! Waiting for a run to end.

use std::{sync::Arc, time::Duration};

use openclaw_protocol::ids::RunId;
use tokio::time::Instant;

use crate::{error::AgentError, inner::Inner, outcome::stored_outcome, run::RunOutcome};

/// Waits for a run to end, also for one that is not known yet. `None`: it did not within the time.
pub(crate) async fn wait(
    inner: &Inner,
    run_id: &RunId,
    timeout: Duration,
) -> Result<Option<Arc<RunOutcome>>, AgentError> {
    let deadline = Instant::now() + timeout;
    let mut changes = inner.lanes.changes();
    loop {
        changes.borrow_and_update();
        if let Some(run) = inner.lanes.run(run_id) {
            let mut outcome = run.outcome();
            let ended = outcome.wait_for(Option::is_some);
            return Ok(match tokio::time::timeout_at(deadline, ended).await {
                Ok(Ok(outcome)) => outcome.clone(),
                Ok(Err(_)) | Err(_) => None,
            });
        }
        if let Some(row) = inner.store.runs().get(run_id).await?
            && let Some(outcome) = stored_outcome(&row)
        {
            return Ok(Some(Arc::new(outcome)));
        }
        match tokio::time::timeout_at(deadline, changes.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return Ok(None),
        }
    }
}
