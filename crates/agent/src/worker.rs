//! The worker of one session: takes what is next, gives it its turn, and leaves when nothing is left.

use std::sync::Arc;

use openclaw_protocol::ids::SessionKey;
use openclaw_store::runs::{RunEnd, RunState};

use crate::{
    inner::Inner,
    lanes::Job,
    live::LiveRun,
    outcome::stored_state,
    queue::Batch,
    run::{FinalState, RunError, RunOutcome},
    turn,
};

pub(crate) async fn work(inner: &Arc<Inner>, key: &SessionKey) {
    let stopping = inner.tasks.token();
    while !stopping.is_cancelled() {
        let queue = inner.settings().queue.clone();
        match inner.lanes.next(key, &queue) {
            Job::Leave => return,
            Job::Wait(at, changed) => {
                tokio::select! {
                    () = stopping.cancelled() => return,
                    () = changed.notified() => {}
                    () = tokio::time::sleep_until(at) => {}
                }
            }
            Job::Run(batch) => answer(inner, batch).await,
        }
    }
}

/// Gives a batch its turn, within the number of runs that may go on at once.
async fn answer(inner: &Arc<Inner>, batch: Batch<Arc<LiveRun>>) {
    let leader = Arc::clone(&batch.leader);
    let size = inner.settings().max_concurrent;
    let permit = tokio::select! {
        biased;
        () = leader.cancel.cancelled() => None,
        permit = inner.gate.enter(size) => permit.ok(),
    };
    let followers = batch.followers.clone();
    let Some(permit) = permit else {
        if let Some(reason) = leader.abort_reason() {
            for run in std::iter::once(&leader).chain(&followers) {
                inner.finish_unstarted(run, reason).await;
            }
        }
        return;
    };
    let key = leader.session_key.clone();
    let turn = {
        let inner = Arc::clone(inner);
        inner.tasks.clone().spawn("agent-turn", async move { turn::take(&inner, batch).await })
    };
    let ended = turn.await;
    // With those that joined it on its way.
    let mut followers = inner.lanes.active(&key);
    followers.retain(|run| run.run_id != leader.run_id);
    match ended {
        Ok(Some(outcome)) => finish_followers(inner, &followers, &outcome).await,
        // The Gateway is stopping; what is unfinished is taken up after the restart.
        Ok(None) => {}
        Err(error) if error.is_cancelled() => {}
        Err(error) => {
            tracing::error!(run_id = %leader.run_id, %error, "turn ended by a panic");
            for run in std::iter::once(&leader).chain(&followers) {
                let mut outcome = inner.outcome(run, FinalState::Error, "error");
                outcome.error = Some(RunError::plain("internal", "an internal error"));
                inner.finish(run, outcome, RunEnd::new(RunState::Error, None)).await;
            }
        }
    }
    drop(permit);
}

/// Ends the runs that were answered together with another, in the way that one ended.
async fn finish_followers(inner: &Arc<Inner>, followers: &[Arc<LiveRun>], outcome: &RunOutcome) {
    for run in followers {
        let own = RunOutcome {
            run_id: run.run_id.clone(),
            accepted_at_ms: run.accepted_at_ms,
            started_at_ms: run.started_at_ms(),
            merged_into: Some(outcome.run_id.clone()),
            // The tokens are the leader's; nobody should count them twice.
            usage: crate::model::Usage::default(),
            ..outcome.clone()
        };
        let end = RunEnd::new(stored_state(outcome.state), None);
        inner.finish(run, own, end).await;
    }
}
