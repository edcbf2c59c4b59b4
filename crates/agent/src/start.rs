//! From a message to an accepted run, and back to quiet.

use std::sync::Arc;

use jiff::tz::TimeZone;
use openclaw_protocol::ids::{AgentId, SessionKey};
use openclaw_store::{
    ParamsDigest,
    runs::{Accepted, NewRun, RunRow, RunState, Taken},
    sessions::{Reset, SessionEntry},
    transcripts::NewMessage,
};
use serde_json::json;

use crate::{
    commands::{self, Command},
    error::AgentError,
    events::AgentEventKind,
    inner::Inner,
    lanes::Place,
    live::{LiveParts, LiveRun, RunOptions},
    outcome,
    queue::QueueMode,
    rows,
    run::{AbortReason, Start, StartRun},
    settings::AgentSettings,
    slash, stop, worker,
};

pub(crate) async fn start(inner: &Arc<Inner>, mut start: StartRun) -> Result<Start, AgentError> {
    start.message = clean(&start.message)?;
    if start.message.trim().is_empty() && start.attachments.is_empty() {
        return Err(AgentError::EmptyMessage);
    }
    if inner.tasks.is_cancelled() {
        return Err(AgentError::Stopping);
    }
    if !start.plain && start.attachments.is_empty() && commands::is_stop(&start.message) {
        let run_ids =
            stop::abort(inner, &start.session_key, None, AbortReason::StopCommand).await?;
        return Ok(Start::Stopped { aborted: !run_ids.is_empty(), run_ids });
    }
    let settings = inner.settings();
    let agent_id = agent_of(inner, &start.session_key, start.agent_id.as_ref())?;
    let digest = digest(&start);
    let command =
        if start.plain { None } else { commands::parse(&start.message, &settings.reset_triggers) };

    // A repeat is answered before anything is done for it, a reset above all.
    if let Some(row) = inner.store.runs().get(&start.run_id).await? {
        return repeat(&start, &row, &digest);
    }
    let Some(place) = inner.lanes.reserve(&start.session_key, &start.run_id, &settings.queue)?
    else {
        let accepted_at_ms = inner.now_ms();
        return Ok(Start::InFlight { run_id: start.run_id, accepted_at_ms });
    };
    let session = inner.store.sessions().get(&start.session_key).await?;
    let blocked = |entry: &SessionEntry| entry.settings.send_policy.as_deref() == Some("deny");
    if session.as_ref().is_some_and(blocked) && command.is_none() {
        return Err(AgentError::SendBlocked);
    }
    let resets = matches!(command, Some(Command::Reset { .. }));
    let outlived = match &session {
        // What goes on is not cut, and what was asked meanwhile belongs to it.
        Some(session) if !place.queued && !resets => {
            outlived(inner, &settings, &start, session).await?
        }
        _ => None,
    };
    let accept = Accept { inner, settings: &settings, agent_id, digest, place, outlived };
    match command {
        None => accept.message(start, session.as_ref()).await,
        Some(Command::Reset { rest }) => accept.after_reset(start, rest).await,
        Some(command) => accept.command(start, command).await,
    }
}

struct Accept<'a> {
    inner: &'a Arc<Inner>,
    settings: &'a AgentSettings,
    agent_id: AgentId,
    digest: ParamsDigest,
    place: Place,
    /// Why the session gets a new transcript first.
    outlived: Option<&'static str>,
}

/// Why a session starts anew before this message, if it does. Last used is when a person wrote, or
/// when somebody started it anew; what the agent says does not make it any younger.
async fn outlived(
    inner: &Inner,
    settings: &AgentSettings,
    start: &StartRun,
    session: &SessionEntry,
) -> Result<Option<&'static str>, AgentError> {
    let channel = start.route.as_ref().map(|route| route.channel.as_str());
    let rule = settings.resets.of(&start.session_key, channel);
    let (now_ms, zone) = (inner.now_ms(), TimeZone::system());
    let wrote = session.last_interaction_at_ms.unwrap_or_default();
    if rule.due(wrote, now_ms, &zone).is_none() {
        return Ok(None);
    }
    let transcript = inner.store.transcripts().info(&session.session_id).await?;
    let began = transcript.map_or(session.created_at_ms, |transcript| transcript.created_at_ms);
    Ok(rule.due(wrote.max(began), now_ms, &zone))
}

impl Accept<'_> {
    /// A message for a model: stored, then put into its session's lane.
    async fn message(
        self,
        start: StartRun,
        session: Option<&SessionEntry>,
    ) -> Result<Start, AgentError> {
        let mode = queue_mode(&start, session, self.settings);
        let queued = self.place.queued;
        let options = RunOptions { queued, ..RunOptions::of(&start, false) };
        // A message that waits gets its row when it has its turn, so that rows stand in the order in
        // which they were answered. Until then it is kept with the run, which is as durable.
        let row = (!queued)
            .then(|| rows::user(&start.run_id, &start.message, &start.attachments, false, 0));
        let (live, taken) = match self.store(start, options, row).await? {
            Stored::New(live, taken) => (live, taken),
            Stored::Known(known) => return Ok(known),
        };
        let message_seq = taken.message.as_ref().map(|row| row.seq);
        let message = taken.message.map(Arc::new);
        live.emit(AgentEventKind::Accepted { message, queued });
        let accepted = accepted(&live, message_seq, queued);
        enter_lane(self.inner, &live, mode, queued, self.settings).await;
        drop(self.place);
        Ok(accepted)
    }

    /// A command: stored and answered without waiting for the session's lane.
    async fn command(self, start: StartRun, command: Command) -> Result<Start, AgentError> {
        let options = RunOptions::of(&start, true);
        let row = rows::user(&start.run_id, &start.message, &start.attachments, true, 0);
        let (live, taken) = match self.store(start, options, Some(row)).await? {
            Stored::New(live, taken) => (live, taken),
            Stored::Known(known) => return Ok(known),
        };
        self.inner.lanes.register(&live);
        let message_seq = taken.message.as_ref().map(|row| row.seq);
        let message = taken.message.map(Arc::new);
        live.emit(AgentEventKind::Accepted { message, queued: false });
        let accepted = accepted(&live, message_seq, false);
        let inner = Arc::clone(self.inner);
        self.inner.tasks.spawn("agent-command", async move {
            slash::answer(&inner, &live, command).await;
        });
        Ok(accepted)
    }

    /// `/new` and `/reset`: a new transcript first, then what was said with it.
    async fn after_reset(self, mut start: StartRun, rest: String) -> Result<Start, AgentError> {
        let expected_session_id = start.expected_session_id.take();
        let reset = Reset { keep_model: false, expected_session_id };
        let key = start.session_key.clone();
        let was = stop::reset(self.inner, &key, &self.agent_id, reset, "new").await?;
        if rest.is_empty() && start.attachments.is_empty() {
            return self.command(start, Command::Reset { rest }).await;
        }
        start.message = rest;
        let mut accept = self;
        // The lane is empty now, whatever it was when the place was taken.
        accept.place.queued = false;
        accept.message(start, Some(&was.entry)).await
    }

    async fn store(
        &self,
        start: StartRun,
        options: RunOptions,
        row: Option<NewMessage>,
    ) -> Result<Stored, AgentError> {
        let now_ms = self.inner.now_ms();
        let run = NewRun {
            run_id: start.run_id.clone(),
            session_key: start.session_key.clone(),
            expected_session_id: start.expected_session_id.clone(),
            starts_anew: self.outlived.is_some(),
            agent_id: self.agent_id.clone(),
            principal: start.principal.clone(),
            digest: self.digest.clone(),
            message: start.message.clone(),
            options: serde_json::to_value(&options).unwrap_or_else(|_| json!({})),
        };
        let row = row.map(|row| NewMessage { created_at_ms: now_ms, ..row });
        match self.inner.store.runs().accept(run, row, now_ms).await? {
            Accepted::New(taken) => {
                let run = &taken.run;
                if let Some(reason) = self.outlived.filter(|_| taken.previous.is_some()) {
                    self.inner.session_changed(
                        &run.session_key,
                        &run.session_id,
                        &self.agent_id,
                        reason,
                    );
                }
                let live = live(self.inner, run, options);
                Ok(Stored::New(live, taken))
            }
            Accepted::Duplicate(row) => Ok(Stored::Known(known(&row))),
            Accepted::Conflict => Err(AgentError::Conflict(start.run_id)),
        }
    }
}

enum Stored {
    New(Arc<LiveRun>, Box<Taken>),
    Known(Start),
}

fn accepted(live: &LiveRun, message_seq: Option<u64>, queued: bool) -> Start {
    Start::Accepted {
        run_id: live.run_id.clone(),
        session_key: live.session_key.clone(),
        session_id: live.session_id.clone(),
        message_seq,
        accepted_at_ms: live.accepted_at_ms,
        queued,
    }
}

/// A stored run, in memory.
pub(crate) fn live(inner: &Inner, row: &RunRow, options: RunOptions) -> Arc<LiveRun> {
    let parts = LiveParts {
        run_id: row.run_id.clone(),
        session_key: row.session_key.clone(),
        session_id: row.session_id.clone(),
        agent_id: row.agent_id.clone(),
        principal: row.principal.clone(),
        message: row.message.clone(),
        options,
        accepted_at_ms: row.accepted_at_ms,
        resumed: row.state == RunState::Running,
    };
    LiveRun::new(parts, &inner.tasks.token(), inner.voice.clone())
}

/// Puts an accepted run into its session's lane and sees to what that displaces.
pub(crate) async fn enter_lane(
    inner: &Arc<Inner>,
    live: &Arc<LiveRun>,
    mode: QueueMode,
    busy: bool,
    settings: &AgentSettings,
) {
    let pushed = inner.lanes.push(live, mode, busy, &settings.queue);
    let reason = if mode == QueueMode::Interrupt {
        for run in inner.lanes.active(&live.session_key) {
            run.abort(AbortReason::Interrupt);
        }
        AbortReason::Interrupt
    } else {
        AbortReason::QueueOverflow
    };
    if pushed.start_worker {
        let (inner, key) = (Arc::clone(inner), live.session_key.clone());
        inner.tasks.clone().spawn("agent-lane", async move {
            worker::work(&inner, &key).await;
        });
    }
    for run in pushed.dropped {
        inner.finish_unstarted(&run, reason).await;
    }
}

/// The configured agent that a session key or an explicit id means.
pub(crate) fn agent_of(
    inner: &Inner,
    key: &SessionKey,
    wanted: Option<&AgentId>,
) -> Result<AgentId, AgentError> {
    let settings = inner.settings();
    let agent_id = match (key.agent(), wanted) {
        (Some(actual), Some(wanted)) if actual != *wanted => {
            return Err(AgentError::AgentMismatch { wanted: wanted.clone(), actual });
        }
        (Some(agent), _) => agent,
        (None, Some(wanted)) => wanted.clone(),
        (None, None) => settings.default_agent(),
    };
    let known = settings.profile(&agent_id).is_some() || agent_id == settings.default_agent();
    if known { Ok(agent_id) } else { Err(AgentError::UnknownAgent(agent_id)) }
}

fn queue_mode(
    start: &StartRun,
    session: Option<&SessionEntry>,
    settings: &AgentSettings,
) -> QueueMode {
    let chosen = session.and_then(|entry| entry.settings.queue_mode.as_deref());
    start
        .queue_mode
        .or_else(|| QueueMode::parse(chosen?))
        .unwrap_or_else(|| settings.queue.mode_for(start.route.as_ref()))
}

fn repeat(start: &StartRun, row: &RunRow, digest: &ParamsDigest) -> Result<Start, AgentError> {
    if row.principal != start.principal || row.digest != *digest {
        return Err(AgentError::Conflict(start.run_id.clone()));
    }
    Ok(known(row))
}

fn known(row: &RunRow) -> Start {
    match row.state {
        RunState::Accepted | RunState::Running => {
            Start::InFlight { run_id: row.run_id.clone(), accepted_at_ms: row.accepted_at_ms }
        }
        RunState::Done | RunState::Error | RunState::Aborted | RunState::Interrupted => {
            Start::Done(Box::new(outcome::outcome_of(row)))
        }
    }
}

/// What makes two requests the same: all that the person asked for.
fn digest(start: &StartRun) -> ParamsDigest {
    let options = RunOptions::of(start, false);
    ParamsDigest::of(&json!({
        "session": start.session_key,
        "message": start.message,
        "options": options,
    }))
}

/// Text without control characters other than line breaks and tabs.
fn clean(text: &str) -> Result<String, AgentError> {
    if text.contains('\0') {
        return Err(AgentError::NullByte);
    }
    let kept = |c: &char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    Ok(text.chars().filter(kept).collect())
}
