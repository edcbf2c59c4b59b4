//! How a run's end stands in the store.

use openclaw_store::{
    outbox::{NewDelivery, OutFile},
    runs::{RunRow, RunState},
};

use crate::{
    attach::ReplyTag,
    live::LiveRun,
    model::Usage,
    run::{FinalState, RunOutcome},
};

/// The store's word for an end.
pub(crate) const fn stored_state(state: FinalState) -> RunState {
    match state {
        FinalState::Done => RunState::Done,
        FinalState::Error => RunState::Error,
        FinalState::Aborted => RunState::Aborted,
        FinalState::Interrupted => RunState::Interrupted,
    }
}

/// What is sent to the person who asked, if the message came from where one can be sent: the answer,
/// what there was of it, or what went wrong.
pub(crate) fn delivery(
    run: &LiveRun,
    outcome: &RunOutcome,
    files: Vec<OutFile>,
    reply: Option<ReplyTag>,
) -> Option<NewDelivery> {
    let mut route = run.options.route.clone()?;
    route.reply_asked = reply.is_some();
    if let Some(ReplyTag::Message(id)) = reply {
        route.reply_to = Some(id);
    }
    if outcome.merged_into.is_some() {
        return None;
    }
    let said = outcome.text.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let failed = outcome.error.as_ref().map(|error| format!("⚠️ {}", error.message));
    let text = match (said, failed) {
        (Some(said), Some(failed)) => format!("{said}\n\n{failed}"),
        (Some(said), None) => said.to_owned(),
        (None, Some(failed)) => failed,
        (None, None) if files.is_empty() => return None,
        (None, None) => String::new(),
    };
    let run_id = Some(run.run_id.clone());
    Some(NewDelivery { key: format!("run:{}", run.run_id), run_id, route, text, files })
}

/// The outcome kept with a run that has ended.
pub(crate) fn stored_outcome(row: &RunRow) -> Option<RunOutcome> {
    row.state.is_end().then(|| outcome_of(row))
}

/// The outcome kept with a run, or as much of one as its row tells.
pub(crate) fn outcome_of(row: &RunRow) -> RunOutcome {
    let kept = row.outcome.clone().and_then(|value| serde_json::from_value(value).ok());
    kept.unwrap_or_else(|| RunOutcome {
        run_id: row.run_id.clone(),
        session_key: row.session_key.clone(),
        session_id: row.session_id.clone(),
        state: match row.state {
            RunState::Done => FinalState::Done,
            RunState::Aborted => FinalState::Aborted,
            RunState::Interrupted => FinalState::Interrupted,
            RunState::Error | RunState::Accepted | RunState::Running => FinalState::Error,
        },
        text: None,
        stop_reason: row.state.as_str().to_owned(),
        usage: Usage::default(),
        model: None,
        error: None,
        accepted_at_ms: row.accepted_at_ms,
        started_at_ms: row.started_at_ms,
        ended_at_ms: row.ended_at_ms.unwrap_or(row.accepted_at_ms),
        merged_into: None,
    })
}
