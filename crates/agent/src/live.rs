//! A run that is waiting or going on: its identity, how to stop it, how far it is.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use openclaw_base::CancellationToken;
use openclaw_protocol::ids::{AgentId, RunId, SessionId, SessionKey};
use openclaw_store::outbox::Route;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::{
    events::{AgentEvent, AgentEventKind, Voice},
    model::ThinkingLevel,
    queue::QueueMode,
    run::{AbortReason, ActiveRun, Attachment, RunOutcome, StartRun},
    settings::AgentSettings,
};

/// How a run is to be answered, as it is stored with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RunOptions {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) attachments: Vec<Attachment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) thinking: Option<ThinkingLevel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) queue_mode: Option<QueueMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) extra_system_prompt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    /// Whether an owner asks, where whoever took the message knows.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) owner: bool,
    /// Where the answer is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) route: Option<Route>,
    /// Whether the message is a command, which no model answers.
    pub(crate) command: bool,
    /// Whether the message had to wait, and gets its row when the run has its turn.
    pub(crate) queued: bool,
}

impl RunOptions {
    pub(crate) fn of(start: &StartRun, command: bool) -> Self {
        Self {
            attachments: start.attachments.clone(),
            thinking: start.thinking,
            timeout_ms: start
                .timeout
                .map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
            queue_mode: start.queue_mode,
            extra_system_prompt: start.extra_system_prompt.clone(),
            model: start.model.clone(),
            owner: start.owner,
            route: start.route.clone(),
            command,
            queued: false,
        }
    }

    /// The time limit, where `default` holds unless the run has its own; zero is none.
    pub(crate) fn timeout(&self, default: Option<Duration>) -> Option<Duration> {
        self.timeout_ms.map_or(default, |ms| (ms > 0).then(|| Duration::from_millis(ms)))
    }
}

/// A run in memory.
#[derive(Debug)]
pub(crate) struct LiveRun {
    pub(crate) run_id: RunId,
    pub(crate) session_key: SessionKey,
    pub(crate) session_id: SessionId,
    pub(crate) agent_id: AgentId,
    pub(crate) principal: String,
    pub(crate) message: String,
    pub(crate) options: RunOptions,
    pub(crate) accepted_at_ms: u64,
    /// Whether it had its turn in an earlier life of the Gateway.
    pub(crate) resumed: bool,
    /// Cancelled when the run is aborted (then there is a reason) or the Gateway stops.
    pub(crate) cancel: CancellationToken,
    voice: Voice,
    reason: OnceLock<AbortReason>,
    /// Number of the last event; held while one is told, so that numbers come in order.
    seq: Mutex<u64>,
    progress: Mutex<Progress>,
    outcome: watch::Sender<Option<Arc<RunOutcome>>>,
}

#[derive(Debug, Default)]
struct Progress {
    started_at_ms: Option<u64>,
    text: String,
}

/// The parts of a run that do not change.
#[derive(Debug)]
pub(crate) struct LiveParts {
    pub(crate) run_id: RunId,
    pub(crate) session_key: SessionKey,
    pub(crate) session_id: SessionId,
    pub(crate) agent_id: AgentId,
    pub(crate) principal: String,
    pub(crate) message: String,
    pub(crate) options: RunOptions,
    pub(crate) accepted_at_ms: u64,
    pub(crate) resumed: bool,
}

impl LiveRun {
    pub(crate) fn new(parts: LiveParts, parent: &CancellationToken, voice: Voice) -> Arc<Self> {
        Arc::new(Self {
            run_id: parts.run_id,
            session_key: parts.session_key,
            session_id: parts.session_id,
            agent_id: parts.agent_id,
            principal: parts.principal,
            message: parts.message,
            options: parts.options,
            accepted_at_ms: parts.accepted_at_ms,
            resumed: parts.resumed,
            cancel: parent.child_token(),
            voice,
            reason: OnceLock::new(),
            seq: Mutex::new(0),
            progress: Mutex::default(),
            outcome: watch::Sender::new(None),
        })
    }

    /// Stops the run; the first reason counts.
    pub(crate) fn abort(&self, reason: AbortReason) {
        self.reason.get_or_init(|| reason);
        self.cancel.cancel();
    }

    /// Why the run was aborted, if it was.
    pub(crate) fn abort_reason(&self) -> Option<AbortReason> {
        self.reason.get().copied()
    }

    /// Tells an event of this run.
    pub(crate) fn emit(&self, kind: AgentEventKind) {
        let mut seq = self.seq.lock();
        *seq += 1;
        self.voice.events.emit(AgentEvent {
            run_id: Some(self.run_id.clone()),
            session_key: self.session_key.clone(),
            session_id: self.session_id.clone(),
            agent_id: self.agent_id.clone(),
            seq: *seq,
            ts: self.voice.clock.now_ms(),
            route: self.options.route.clone(),
            kind,
        });
    }

    /// Notes that the run has its turn; gives the time of the first such note.
    pub(crate) fn started(&self, now_ms: u64) -> u64 {
        *self.progress.lock().started_at_ms.get_or_insert(now_ms)
    }

    pub(crate) fn started_at_ms(&self) -> Option<u64> {
        self.progress.lock().started_at_ms
    }

    /// Notes the answer so far.
    pub(crate) fn set_text(&self, text: &str) {
        let mut progress = self.progress.lock();
        // The text mostly grows; then only what is new is copied.
        match text.strip_prefix(progress.text.as_str()) {
            Some(more) => progress.text.push_str(more),
            None => text.clone_into(&mut progress.text),
        }
    }

    /// The run as somebody who comes late sees it.
    pub(crate) fn active(&self) -> ActiveRun {
        let progress = self.progress.lock();
        ActiveRun {
            run_id: self.run_id.clone(),
            started_at_ms: progress.started_at_ms.unwrap_or(self.accepted_at_ms),
            text: progress.text.clone(),
        }
    }

    /// Tells those who wait how it ended.
    pub(crate) fn set_outcome(&self, outcome: Arc<RunOutcome>) {
        self.outcome.send_replace(Some(outcome));
    }

    /// Waits for the end.
    pub(crate) fn outcome(&self) -> watch::Receiver<Option<Arc<RunOutcome>>> {
        self.outcome.subscribe()
    }

    /// Whether an owner asks.
    pub(crate) fn is_of_owner(&self, settings: &AgentSettings) -> bool {
        let route = self.options.route.as_ref();
        self.options.owner || route.is_some_and(|route| settings.is_owner(route, &self.principal))
    }

    /// What must be the same for two messages to be answered together.
    pub(crate) fn group(&self) -> String {
        let options = &self.options;
        // What is answered together is answered in one place.
        let place = options.route.as_ref().map(|route| Route { reply_to: None, ..route.clone() });
        format!(
            "{}\n{}\n{:?}\n{:?}\n{:?}\n{place:?}",
            self.principal,
            options.owner,
            options.model,
            options.thinking,
            options.extra_system_prompt
        )
    }
}
