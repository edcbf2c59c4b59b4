//! What the parts of the agent share.

use std::{sync::Arc, time::Duration};

use openclaw_base::{Backoff, Tasks};
use openclaw_protocol::ids::{AgentId, SessionId, SessionKey};
use openclaw_store::{
    Store, StoreError,
    runs::{RunEnd, Step},
};
use tokio::sync::watch;

use crate::{
    attach,
    events::{AgentEvent, AgentEventKind, Voice},
    gate::Gate,
    lanes::Lanes,
    live::LiveRun,
    models::Models,
    outcome::{self, stored_outcome},
    run::{AbortReason, FinalState, RunError, RunOutcome},
    settings::AgentSettings,
    standing::Standing,
    tool::{Tool, ToolSource},
};

/// Times a busy store is asked again before a run's end is given up on.
const FINISH_ATTEMPTS: u32 = 6;

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) settings: watch::Receiver<Arc<AgentSettings>>,
    pub(crate) models: Arc<dyn Models>,
    pub(crate) tools: Vec<Arc<dyn Tool>>,
    pub(crate) servers: Option<Arc<dyn ToolSource>>,
    pub(crate) voice: Voice,
    pub(crate) tasks: Tasks,
    pub(crate) lanes: Arc<Lanes>,
    pub(crate) gate: Gate,
}

impl Inner {
    /// The settings as they are now.
    pub(crate) fn settings(&self) -> Arc<AgentSettings> {
        Arc::clone(&self.settings.borrow())
    }

    /// The tools that somebody has, those of servers included, which are started for it.
    pub(crate) async fn tools_of(
        &self,
        settings: &AgentSettings,
        standing: &Standing<'_>,
    ) -> Vec<Arc<dyn Tool>> {
        let mut tools = self.tools.clone();
        if let Some(servers) = &self.servers {
            let wanted = |beginning: &str| settings.may_have(standing, beginning);
            tools.extend(servers.ready(&wanted).await);
        }
        tools.retain(|tool| settings.has_tool(standing, tool.name()));
        tools
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.voice.clock.now_ms()
    }

    /// Tells that a session changed.
    pub(crate) fn session_changed(
        &self,
        key: &SessionKey,
        session_id: &SessionId,
        agent_id: &AgentId,
        reason: &'static str,
    ) {
        self.voice.events.emit(AgentEvent {
            run_id: None,
            session_key: key.clone(),
            session_id: session_id.clone(),
            agent_id: agent_id.clone(),
            seq: 0,
            ts: self.now_ms(),
            route: None,
            kind: AgentEventKind::SessionChanged { reason },
        });
    }

    /// Ends a run: in the store, for those who listen, for those who wait.
    pub(crate) async fn finish(&self, run: &LiveRun, mut outcome: RunOutcome, mut end: RunEnd) {
        let (mut files, mut reply) = (Vec::new(), None);
        let goes_out = run.options.route.is_some() && outcome.merged_into.is_none();
        if let (FinalState::Done, None, Some(text)) =
            (outcome.state, &outcome.merged_into, &outcome.text)
        {
            let named = attach::named(text);
            let asked = run.options.route.iter().map(|route| (route, run.principal.as_str()));
            let owner = run.is_of_owner(&self.settings());
            let standing =
                Standing { asked: asked.collect(), owner, ..Standing::of(&run.agent_id) };
            let may_send = self.settings().has_tool(&standing, attach::MESSAGE_TOOL);
            if named.has_more() && (named.files.is_empty() || may_send) {
                reply = named.reply.clone();
                let only_tag = named.files.is_empty();
                let opened = named.open(&self.settings, &run.agent_id, goes_out).await;
                if let Some(row) = end.messages.last_mut() {
                    opened.show_in(row);
                }
                if goes_out || only_tag {
                    let (text, sent) = opened.into_parts();
                    outcome.text = (!text.is_empty()).then_some(text);
                    files = sent;
                }
            } else if named.has_more() && goes_out {
                outcome.text = Some(named.refused());
            }
        }
        end.outcome = serde_json::to_value(&outcome).ok();
        end.deliver = outcome::delivery(run, &outcome, files, reply);
        match self.store_end(run, &end).await {
            Ok(Step::Taken(rows)) => {
                for row in rows {
                    run.emit(AgentEventKind::Message(Arc::new(row)));
                }
            }
            Ok(Step::Ended(row)) => {
                if let Some(stored) = stored_outcome(&row) {
                    outcome = stored;
                }
            }
            Err(error) => {
                // The run stays unfinished in the store and is taken up again after a restart.
                tracing::error!(run_id = %run.run_id, %error, "end of a run not stored");
                outcome.state = FinalState::Error;
                outcome.error.get_or_insert_with(|| RunError::plain("storage", &error.to_string()));
            }
        }
        let outcome = Arc::new(outcome);
        self.lanes.retire(run);
        run.emit(AgentEventKind::Finished(Arc::clone(&outcome)));
        run.set_outcome(outcome);
        self.lanes.forget(&run.run_id);
    }

    async fn store_end(&self, run: &LiveRun, end: &RunEnd) -> Result<Step, StoreError> {
        let mut pause = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));
        let mut attempt = 1;
        loop {
            let done = self.store.runs().finish(&run.run_id, end.clone(), self.now_ms()).await;
            match done {
                Err(StoreError::Busy) if attempt < FINISH_ATTEMPTS => attempt += 1,
                other => return other,
            }
            tokio::time::sleep(pause.next_delay()).await;
        }
    }

    /// Ends a run that never had its turn.
    pub(crate) async fn finish_unstarted(&self, run: &LiveRun, reason: AbortReason) {
        let mut outcome = self.outcome(run, FinalState::Aborted, reason.as_str());
        outcome.started_at_ms = None;
        let end = RunEnd::new(openclaw_store::runs::RunState::Aborted, None);
        self.finish(run, outcome, end).await;
    }

    /// An outcome to be filled in.
    pub(crate) fn outcome(
        &self,
        run: &LiveRun,
        state: FinalState,
        stop_reason: &str,
    ) -> RunOutcome {
        RunOutcome {
            run_id: run.run_id.clone(),
            session_key: run.session_key.clone(),
            session_id: run.session_id.clone(),
            state,
            text: None,
            stop_reason: stop_reason.to_owned(),
            usage: crate::model::Usage::default(),
            model: None,
            error: None,
            accepted_at_ms: run.accepted_at_ms,
            started_at_ms: run.started_at_ms(),
            ended_at_ms: self.now_ms(),
            merged_into: None,
        }
    }
}
