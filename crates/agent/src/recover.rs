//! After a restart: runs that were accepted or going on are taken up again.
//!
//! A run that waited starts as if nothing had happened. One that was going on continues from its
//! transcript; a tool call that was cut gets a result saying so and is not run again. A run that has
//! been tried for too long is given up on, so that one that ends the process cannot do so for ever.

use std::{collections::HashMap, sync::Arc, time::Duration};

use openclaw_protocol::ids::{RunId, SessionKey};
use openclaw_store::runs::{RunEnd, RunState};

use crate::{
    commands,
    error::AgentError,
    inner::Inner,
    live::RunOptions,
    queue::QueueMode,
    run::{FinalState, RunError},
    slash, start,
};

/// A run is not taken up again when it was accepted longer ago than this.
const MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) async fn recover(inner: &Arc<Inner>) -> Result<Vec<RunId>, AgentError> {
    let rows = inner.store.runs().unfinished().await?;
    let settings = inner.settings();
    let mut together: HashMap<SessionKey, usize> = HashMap::new();
    for row in rows.iter().filter(|row| row.state == RunState::Running) {
        *together.entry(row.session_key.clone()).or_default() += 1;
    }
    let mut taken_up = Vec::new();
    for row in rows {
        let age = inner.now_ms().saturating_sub(row.accepted_at_ms);
        let options: RunOptions = serde_json::from_value(row.options.clone()).unwrap_or_default();
        let live = start::live(inner, &row, options);
        if u128::from(age) > MAX_AGE.as_millis() {
            inner.lanes.register(&live);
            let mut outcome = inner.outcome(&live, FinalState::Interrupted, "restart");
            outcome.error = Some(RunError::plain(
                "interrupted",
                "the Gateway stopped while this was running, too long ago to go on with it",
            ));
            inner.finish(&live, outcome, RunEnd::new(RunState::Interrupted, None)).await;
            continue;
        }
        taken_up.push(row.run_id.clone());
        if live.options.command {
            inner.lanes.register(&live);
            let (inner, triggers) = (Arc::clone(inner), settings.reset_triggers.clone());
            inner.tasks.clone().spawn("agent-command", async move {
                let command = commands::parse(&live.message, &triggers);
                let command = command.unwrap_or(commands::Command::Help);
                slash::answer(&inner, &live, command).await;
            });
            continue;
        }
        // Those that were answered together are again; what waited waits as it did.
        let mode = match (row.state, together.get(&row.session_key)) {
            (RunState::Running, Some(1)) => QueueMode::Followup,
            (RunState::Running, _) => QueueMode::Collect,
            _ => live.options.queue_mode.unwrap_or(settings.queue.mode),
        };
        // An interrupting message did its interrupting before the restart.
        let mode = if mode == QueueMode::Interrupt { QueueMode::Followup } else { mode };
        start::enter_lane(inner, &live, mode, true, &settings).await;
    }
    Ok(taken_up)
}
