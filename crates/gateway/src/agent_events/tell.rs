//! One agent event after the other, as the events of the protocol.

use std::{collections::HashMap, sync::Arc};

use openclaw_agent::{AgentEvent, AgentEventKind, ModelRef, RunOutcome};
use openclaw_protocol::{
    PROTOCOL_V4, Role,
    events::{
        chat::{
            Agent, AgentPayload, Chat, ChatPayload, ChatPhase, ChatState, CompactionData,
            LifecycleData, LifecyclePhase, RunStatusData, SessionTool, UsageData, object, stream,
        },
        sessions::{SessionMessage, SessionMessagePayload, SessionsChanged},
    },
    ids::RunId,
    methods::sessions::SessionRow,
};
use openclaw_store::transcripts::MessageRow;
use serde::Serialize;

use crate::{
    connections::Connection,
    shape::{
        message::{Show, shown},
        session::{changed, row_of},
    },
    state::State,
};

mod finish;
mod payload;

/// Turns events of the agent into events for clients.
pub(super) struct Teller {
    state: Arc<State>,
    runs: HashMap<RunId, Track>,
}

/// What is remembered of a run while it lives.
#[derive(Debug, Default)]
struct Track {
    /// Number of the last event.
    seq: u64,
    /// When it had its turn.
    started_at_ms: Option<u64>,
    /// Whether tools are told with what came out.
    tool_output: bool,
    /// Whether thoughts are told.
    thoughts: bool,
}

impl Teller {
    pub(super) fn new(state: Arc<State>) -> Self {
        Self { state, runs: HashMap::new() }
    }

    /// Tells one event.
    pub(super) async fn tell(&mut self, event: AgentEvent) {
        let Some(run) = event.run_id.clone() else {
            return self.session_event(&event).await;
        };
        match &event.kind {
            AgentEventKind::Accepted { message, .. } => {
                self.changed(&event, Why::reason("send"), Some(&run)).await;
                if let Some(message) = message {
                    self.message(&event, message).await;
                }
            }
            AgentEventKind::Started { started_at_ms } => {
                self.started(&event, &run, *started_at_ms).await
            }
            AgentEventKind::Model(model) => self.model(&event, &run, model),
            AgentEventKind::Text { cumulative, delta, replace } => {
                self.text(&event, &run, cumulative, delta, *replace);
            }
            AgentEventKind::Thinking { cumulative, delta } => {
                if self.track(&run).thoughts {
                    let data = payload::assistant(cumulative, delta);
                    self.agent(&event, &run, stream::THINKING, &data);
                }
            }
            AgentEventKind::ToolStart { .. } | AgentEventKind::ToolResult { .. } => {
                self.tool(&event, &run);
            }
            AgentEventKind::Usage(usage) => {
                let data =
                    UsageData { output_tokens: usage.output, input_tokens: Some(usage.prompt()) };
                self.agent(&event, &run, stream::USAGE, &data);
            }
            AgentEventKind::Message(message) => self.message(&event, message).await,
            AgentEventKind::Retry { attempt, reason, after, .. } => {
                let data = RunStatusData {
                    phase: ChatPhase::StartingModel,
                    attempt: Some(u64::from(*attempt)),
                    reason: Some((*reason).to_owned()),
                    after_ms: Some(u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
                };
                self.agent(&event, &run, stream::RUN_STATUS, &data);
            }
            AgentEventKind::Compaction { ended, completed, will_retry } => {
                let phase = if *ended { "end" } else { "start" };
                let data = CompactionData {
                    phase: phase.to_owned(),
                    will_retry: ended.then_some(*will_retry),
                    completed: ended.then_some(*completed),
                };
                self.agent(&event, &run, stream::COMPACTION, &data);
            }
            AgentEventKind::Finished(outcome) => self.finished(&event, &run, outcome).await,
            AgentEventKind::SessionChanged { .. } => self.session_event(&event).await,
        }
    }

    async fn session_event(&self, event: &AgentEvent) {
        if let AgentEventKind::SessionChanged { reason } = event.kind {
            self.changed(event, Why::reason(reason), event.run_id.as_ref()).await;
        }
    }

    async fn started(&mut self, event: &AgentEvent, run: &RunId, started_at_ms: u64) {
        let settings = match self.state.store.sessions().get(&event.session_key).await {
            Ok(entry) => entry.map(|entry| entry.settings).unwrap_or_default(),
            Err(error) => {
                tracing::warn!(%error, "settings of a session cannot be read");
                openclaw_store::sessions::SessionSettings::default()
            }
        };
        let track = self.track(run);
        track.started_at_ms = Some(started_at_ms);
        track.tool_output = settings.verbose_level.as_deref() == Some("full");
        track.thoughts = settings.reasoning_level.is_some_and(|level| level != "off");
        self.status(event, run, ChatPhase::PreparingContext);
        let data = LifecycleData {
            phase: LifecyclePhase::Start,
            started_at: Some(started_at_ms),
            ..LifecycleData::default()
        };
        self.agent(event, run, stream::LIFECYCLE, &data);
        self.changed(event, Why::phase("start"), Some(run)).await;
    }

    fn model(&mut self, event: &AgentEvent, run: &RunId, model: &ModelRef) {
        self.status(event, run, ChatPhase::StartingModel);
        let data = LifecycleData {
            phase: LifecyclePhase::Model,
            provider: Some(model.provider.clone()),
            model: Some(model.model.clone()),
            ..LifecycleData::default()
        };
        self.agent(event, run, stream::LIFECYCLE, &data);
    }

    fn text(&mut self, event: &AgentEvent, run: &RunId, whole: &str, delta: &str, replace: bool) {
        self.agent(event, run, stream::ASSISTANT, &payload::assistant(whole, delta));
        let seq = self.track(run).seq;
        let payload = ChatPayload {
            state: ChatState::Delta,
            delta_text: Some(if replace { whole } else { delta }.to_owned()),
            replace: replace.then_some(true),
            message: Some(payload::said(whole, event.ts)),
            ..payload::chat(event, run, seq)
        };
        self.state.events.publish::<Chat>(&payload);
    }

    /// What a run does before its model answers. Protocol 3 knows no such state.
    fn status(&mut self, event: &AgentEvent, run: &RunId, phase: ChatPhase) {
        let data = RunStatusData { phase, ..RunStatusData::default() };
        self.agent(event, run, stream::RUN_STATUS, &data);
        let seq = self.track(run).seq;
        let payload = ChatPayload {
            state: ChatState::Status,
            phase: Some(phase),
            ..payload::chat(event, run, seq)
        };
        self.state.events.publish_since::<Chat>(&payload, PROTOCOL_V4);
    }

    fn tool(&mut self, event: &AgentEvent, run: &RunId) {
        let track = self.track(run);
        track.seq += 1;
        let (seq, with_output) = (track.seq, track.tool_output);
        let Some(data) = payload::tool_data(&event.kind, with_output) else { return };
        let payload = AgentPayload {
            stream: stream::TOOL.to_owned(),
            data: object(&data),
            ..payload::agent(event, run, seq)
        };
        for starter in self.state.run_events.starters(run) {
            let wants = Connection::wants_tool_events;
            self.state.events.tell::<Agent>(&starter, &payload, wants);
        }
        self.state.events.publish::<SessionTool>(&payload);
    }

    fn agent(&mut self, event: &AgentEvent, run: &RunId, stream: &str, data: &impl Serialize) {
        let track = self.track(run);
        track.seq += 1;
        let payload = AgentPayload {
            stream: stream.to_owned(),
            data: object(data),
            ..payload::agent(event, run, track.seq)
        };
        self.state.events.publish::<Agent>(&payload);
    }

    async fn finished(&mut self, event: &AgentEvent, run: &RunId, outcome: &RunOutcome) {
        if self.track(run).started_at_ms.is_some() {
            for data in finish::lifecycle(outcome) {
                self.agent(event, run, stream::LIFECYCLE, &data);
            }
        }
        let seq = self.track(run).seq;
        let payload = finish::chat(outcome, payload::chat(event, run, seq));
        self.state.events.publish::<Chat>(&payload);
        // A node that said something hears the answer, whatever else it may not see.
        for starter in self.state.run_events.starters(run) {
            let is_node = |connection: &Connection| connection.principal.role == Role::Node;
            self.state.events.tell::<Chat>(&starter, &payload, is_node);
        }
        self.state.run_events.forget(run);
        self.runs.remove(run);
        self.changed(event, Why::reason("agent.input.settled"), Some(run)).await;
        self.changed(event, Why::phase("end"), Some(run)).await;
    }

    /// Tells those who watch the session of a stored message.
    async fn message(&self, event: &AgentEvent, message: &MessageRow) {
        if !self.state.events.is_awaited::<SessionMessage>(&event.session_key) {
            return;
        }
        let payload = SessionMessagePayload {
            session_key: event.session_key.clone(),
            agent_id: Some(event.agent_id.clone()),
            message: shown(message, Show::for_protocol(4)),
            message_id: message.message_id.clone(),
            message_seq: message.seq,
            run_id: event.run_id.clone(),
            session_id: Some(message.session_id.clone()),
            session: self.row(event, None).await,
            sender_is_owner: None,
        };
        self.state.events.publish::<SessionMessage>(&payload);
    }

    /// Tells those who watch the list that a session changed.
    async fn changed(&self, event: &AgentEvent, why: Why, run: Option<&RunId>) {
        if !self.state.events.is_awaited::<SessionsChanged>(&event.session_key) {
            return;
        }
        let ended = run.filter(|_| why.is_end());
        let row = self.row(event, ended).await;
        let payload = changed(&event.session_key, event.ts, row);
        let mut payload = payload::because(payload, why.reason, why.phase, run);
        payload.agent_id.get_or_insert_with(|| event.agent_id.clone());
        self.state.events.publish::<SessionsChanged>(&payload);
    }

    async fn row(&self, event: &AgentEvent, ended: Option<&RunId>) -> Option<SessionRow> {
        row_of(&self.state, &event.session_key, ended).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "a session cannot be read for its event");
            None
        })
    }

    fn track(&mut self, run: &RunId) -> &mut Track {
        self.runs.entry(run.clone()).or_default()
    }
}

/// Why a session changed.
#[derive(Clone, Copy, Debug)]
struct Why {
    reason: Option<&'static str>,
    phase: Option<&'static str>,
}

impl Why {
    const fn reason(reason: &'static str) -> Self {
        Self { reason: Some(reason), phase: None }
    }

    const fn phase(phase: &'static str) -> Self {
        Self { reason: None, phase: Some(phase) }
    }

    /// Whether the run is over, though its lane may not know yet.
    fn is_end(self) -> bool {
        self.phase == Some("end") || self.reason == Some("agent.input.settled")
    }
}
