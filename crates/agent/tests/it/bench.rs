//! An agent to be tried, and what it was heard to say.

use std::{sync::Arc, time::Duration};

use openclaw_agent::{
    Agent, AgentError, AgentEvent, AgentEventKind, AgentEvents, AgentParts, AgentSettings,
    QueueSettings, RetrySettings, RunOutcome, Start, StartRun, Tool,
};
use openclaw_base::{SharedClock, SystemClock, Tasks};
use openclaw_protocol::ids::{RunId, SessionId, SessionKey};
use openclaw_store::{Store, transcripts::MessageRow};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::scripted_model::{ScriptedModel, ScriptedModels};

/// Nothing here takes this long unless it never ends.
const PATIENCE: Duration = Duration::from_secs(20);

/// Everything that was told, in order.
#[derive(Debug)]
pub(crate) struct Heard {
    events: Mutex<Vec<AgentEvent>>,
    count: watch::Sender<usize>,
}

impl AgentEvents for Heard {
    fn emit(&self, event: AgentEvent) {
        self.events.lock().push(event);
        self.count.send_modify(|count| *count += 1);
    }
}

impl Heard {
    /// The events of one run.
    pub(crate) fn of(&self, run_id: &str) -> Vec<AgentEvent> {
        let id = RunId::new(run_id);
        self.events
            .lock()
            .iter()
            .filter(|event| event.run_id.as_ref() == Some(&id))
            .cloned()
            .collect()
    }

    /// One word per event of a run.
    pub(crate) fn words(&self, run_id: &str) -> Vec<&'static str> {
        self.of(run_id).iter().map(|event| word(&event.kind)).collect()
    }

    /// What sessions were told to have changed.
    pub(crate) fn changes(&self) -> Vec<&'static str> {
        let reason = |event: &AgentEvent| match event.kind {
            AgentEventKind::SessionChanged { reason } => Some(reason),
            _ => None,
        };
        self.events.lock().iter().filter_map(reason).collect()
    }

    /// Waits until some event of a run is so.
    pub(crate) async fn until(&self, run_id: &str, wanted: impl Fn(&AgentEventKind) -> bool) {
        let mut count = self.count.subscribe();
        let heard = async {
            while !self.of(run_id).iter().any(|event| wanted(&event.kind)) {
                count.changed().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, heard).await.expect("the event comes");
    }
}

pub(crate) fn word(kind: &AgentEventKind) -> &'static str {
    match kind {
        AgentEventKind::Accepted { .. } => "accepted",
        AgentEventKind::Started { .. } => "started",
        AgentEventKind::Model(_) => "model",
        AgentEventKind::Text { .. } => "text",
        AgentEventKind::Thinking { .. } => "thinking",
        AgentEventKind::ToolStart { .. } => "tool-start",
        AgentEventKind::ToolResult { .. } => "tool-result",
        AgentEventKind::Usage(_) => "usage",
        AgentEventKind::Message(_) => "message",
        AgentEventKind::Retry { .. } => "retry",
        AgentEventKind::Compaction { ended: false, .. } => "compaction",
        AgentEventKind::Compaction { .. } => "compacted",
        AgentEventKind::Finished(_) => "finished",
        AgentEventKind::SessionChanged { .. } => "changed",
    }
}

/// An agent with its surroundings.
pub(crate) struct Bench {
    pub(crate) agent: Agent,
    pub(crate) store: Store,
    pub(crate) heard: Arc<Heard>,
    pub(crate) tasks: Tasks,
}

/// Settings that make nobody wait.
pub(crate) fn quick() -> AgentSettings {
    AgentSettings {
        retry: RetrySettings {
            min_delay: Duration::from_millis(1),
            max_delay: Duration::from_millis(2),
            ..RetrySettings::default()
        },
        queue: QueueSettings { debounce: Duration::from_millis(30), ..QueueSettings::default() },
        ..AgentSettings::default()
    }
}

impl Bench {
    pub(crate) fn new(models: Vec<Arc<ScriptedModel>>) -> Self {
        Self::with(Store::in_memory().unwrap(), models, quick(), Vec::new())
    }

    pub(crate) fn set(models: Vec<Arc<ScriptedModel>>, settings: AgentSettings) -> Self {
        Self::with(Store::in_memory().unwrap(), models, settings, Vec::new())
    }

    pub(crate) fn with(
        store: Store,
        models: Vec<Arc<ScriptedModel>>,
        settings: AgentSettings,
        tools: Vec<Arc<dyn Tool>>,
    ) -> Self {
        Self::at(SystemClock::shared(), store, models, settings, tools)
    }

    pub(crate) fn at(
        clock: SharedClock,
        store: Store,
        models: Vec<Arc<ScriptedModel>>,
        settings: AgentSettings,
        tools: Vec<Arc<dyn Tool>>,
    ) -> Self {
        let heard = Arc::new(Heard { events: Mutex::default(), count: watch::Sender::new(0) });
        let tasks = Tasks::new();
        let agent = Agent::new(AgentParts {
            store: store.clone(),
            settings: watch::Sender::new(Arc::new(settings)).subscribe(),
            models: ScriptedModels::new(models),
            tools,
            servers: None,
            events: Arc::clone(&heard) as Arc<dyn AgentEvents>,
            tasks: tasks.clone(),
            clock,
        });
        Self { agent, store, heard, tasks }
    }

    /// Sends a message into the main session.
    pub(crate) async fn send(&self, run_id: &str, text: &str) -> Result<Start, AgentError> {
        self.agent.start(message(run_id, text)).await
    }

    /// Waits for a run to end.
    pub(crate) async fn ended(&self, run_id: &str) -> Arc<RunOutcome> {
        let ended = self.agent.wait(&RunId::new(run_id), PATIENCE).await;
        ended.unwrap().expect("the run ends")
    }

    /// Sends a message and waits for the answer.
    pub(crate) async fn ask(&self, run_id: &str, text: &str) -> Arc<RunOutcome> {
        self.send(run_id, text).await.unwrap();
        self.ended(run_id).await
    }

    /// The transcript the main session is at.
    pub(crate) async fn session_id(&self) -> SessionId {
        self.store.sessions().get(&main()).await.unwrap().unwrap().session_id
    }

    /// The rows of that transcript.
    pub(crate) async fn rows(&self) -> Vec<MessageRow> {
        let id = self.session_id().await;
        self.store.transcripts().tail(&id, 1000, None).await.unwrap()
    }

    /// Those rows as `role: text`.
    pub(crate) async fn lines(&self) -> Vec<String> {
        self.rows().await.iter().map(line).collect()
    }
}

fn line(row: &MessageRow) -> String {
    let texts: Vec<&str> = row
        .content
        .iter()
        .filter_map(|block| block.get("text").or_else(|| block.get("name"))?.as_str())
        .collect();
    format!("{}: {}", row.role, texts.join("|"))
}

pub(crate) fn main() -> SessionKey {
    SessionKey::new("agent:main:main")
}

pub(crate) fn message(run_id: &str, text: &str) -> StartRun {
    StartRun::new(run_id, main(), text, "tester")
}
