//! The agent as others use it: start, stop and watch runs.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use openclaw_base::{SharedClock, Tasks};
use openclaw_protocol::ids::{AgentId, RunId, SessionId, SessionKey};
use openclaw_store::{
    Store,
    outbox::OutFile,
    sessions::{Delete, Deleted, Reset, WasReset},
};
use tokio::sync::watch;

use crate::{
    bootstrap::Bootstrap,
    commands,
    error::AgentError,
    events::{AgentEvents, Voice},
    gate::Gate,
    inner::Inner,
    lanes::Lanes,
    models::Models,
    recover,
    run::{AbortReason, RunOutcome, SessionActivity, Start, StartRun},
    settings::AgentSettings,
    slash,
    standing::Standing,
    start,
    status::{SessionStatus, StatusSource},
    stop,
    tool::{Tool, ToolSource},
    tools::SessionsSendTool,
    waiting,
};

/// What an agent is made of.
pub struct AgentParts {
    /// Sessions, transcripts and runs.
    pub store: Store,
    /// Settings; a run uses those that held when it began.
    pub settings: watch::Receiver<Arc<AgentSettings>>,
    /// The models there are.
    pub models: Arc<dyn Models>,
    /// Tools besides the built-in `session_status` and `sessions_send`.
    pub tools: Vec<Arc<dyn Tool>>,
    /// Tools that come and go.
    pub servers: Option<Arc<dyn ToolSource>>,
    /// Who is told what happens.
    pub events: Arc<dyn AgentEvents>,
    /// Owner of the agent's tasks. When it is cancelled, runs stop where they are and are taken up
    /// again by [`Agent::recover`] after the restart.
    pub tasks: Tasks,
    /// The time of day.
    pub clock: SharedClock,
}

pub use crate::slash::Compacted;

/// All agents of a Gateway. Clones are the same.
#[derive(Clone)]
pub struct Agent {
    inner: Arc<Inner>,
}

impl Agent {
    /// Puts it together; nothing runs before [`Agent::recover`] or [`Agent::start`].
    #[must_use]
    pub fn new(parts: AgentParts) -> Self {
        let lanes = Lanes::new();
        let status = StatusSource {
            store: parts.store.clone(),
            settings: parts.settings.clone(),
            models: Arc::clone(&parts.models),
            lanes: Arc::clone(&lanes),
            clock: Arc::clone(&parts.clock),
        };
        let mut tools: Vec<Arc<dyn Tool>> = vec![Arc::new(SessionStatus::new(status))];
        tools.extend(parts.tools);
        let gate = Gate::new(parts.settings.borrow().max_concurrent);
        let inner = Arc::new_cyclic(|inner| {
            tools.push(Arc::new(SessionsSendTool(Weak::clone(inner))));
            Inner {
                store: parts.store,
                settings: parts.settings,
                models: parts.models,
                tools,
                servers: parts.servers,
                voice: Voice { events: parts.events, clock: parts.clock },
                tasks: parts.tasks,
                lanes,
                gate,
            }
        });
        Self { inner }
    }

    /// Takes a message. When this returns [`Start::Accepted`], message and run are on disk.
    ///
    /// Words to stop stop the session's runs. Slash commands are answered without a model, at once even
    /// when the session is busy; `/new` and `/reset` stop what runs and give the session a new
    /// transcript, and text after them is the first message in it.
    ///
    /// # Errors
    /// When the message is refused or the store fails; nothing was taken then.
    pub async fn start(&self, start: StartRun) -> Result<Start, AgentError> {
        start::start(&self.inner, start).await
    }

    /// Stops one run of a session, or all of them with those that wait; gives those it stopped. The
    /// provider's stream is closed at once, and what there is of an answer is kept in the transcript.
    ///
    /// # Errors
    /// When the run belongs to another session.
    pub async fn abort(
        &self,
        session_key: &SessionKey,
        run_id: Option<&RunId>,
        reason: AbortReason,
    ) -> Result<Vec<RunId>, AgentError> {
        stop::abort(&self.inner, session_key, run_id, reason).await
    }

    /// Waits for a run to end, also for one that is not known yet. `None`: it did not within the time.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn wait(
        &self,
        run_id: &RunId,
        timeout: Duration,
    ) -> Result<Option<Arc<RunOutcome>>, AgentError> {
        waiting::wait(&self.inner, run_id, timeout).await
    }

    /// What a session is doing at the moment.
    #[must_use]
    pub fn activity(&self, session_key: &SessionKey) -> SessionActivity {
        self.inner.lanes.activity(session_key)
    }

    /// Sessions with a run that goes on or waits.
    #[must_use]
    pub fn busy_sessions(&self) -> Vec<SessionKey> {
        self.inner.lanes.busy_sessions()
    }

    /// How many runs wait or go on, over all sessions.
    #[must_use]
    pub fn load(&self) -> usize {
        self.inner.lanes.load()
    }

    /// The files that say what an agent is.
    #[must_use]
    pub fn bootstrap(&self, agent: &AgentId) -> Bootstrap {
        Bootstrap::of(self.inner.settings.clone(), agent.clone())
    }

    /// Opens a file that is to be sent: an address of the web, or a path in the agent's workspace.
    ///
    /// # Errors
    /// Why it cannot be sent, in words.
    pub async fn open_file(&self, agent: &AgentId, named: &str) -> Result<OutFile, String> {
        crate::attach::open_file(&self.inner.settings, agent, named).await
    }

    /// The settings as they are now.
    #[must_use]
    pub fn settings(&self) -> Arc<AgentSettings> {
        self.inner.settings()
    }

    /// The tools there are, whoever has them.
    #[must_use]
    pub fn tools(&self) -> Vec<Arc<dyn Tool>> {
        let servers = self.inner.servers.iter().flat_map(|servers| servers.known());
        self.inner.tools.iter().cloned().chain(servers).collect()
    }

    /// The tools that somebody has now; servers of tools that may be used are started for it.
    pub async fn tools_of(&self, standing: &Standing<'_>) -> Vec<Arc<dyn Tool>> {
        self.inner.tools_of(&self.inner.settings(), standing).await
    }

    /// One of them by its name; servers are only started for a tool that is not known.
    pub async fn tool_of(&self, standing: &Standing<'_>, name: &str) -> Option<Arc<dyn Tool>> {
        let known = self.tools().into_iter().find(|tool| tool.name() == name);
        match known {
            Some(tool) => self.inner.settings().has_tool(standing, name).then_some(tool),
            None => self.tools_of(standing).await.into_iter().find(|tool| tool.name() == name),
        }
    }

    /// The models there are.
    #[must_use]
    pub fn models(&self) -> &Arc<dyn Models> {
        &self.inner.models
    }

    /// Takes up the runs that the last life of the Gateway left unfinished; gives their ids. Call it
    /// once, before the first [`Agent::start`].
    ///
    /// # Errors
    /// When the store fails.
    pub async fn recover(&self) -> Result<Vec<RunId>, AgentError> {
        recover::recover(&self.inner).await
    }

    /// Stops a session's runs and gives it a new transcript.
    ///
    /// # Errors
    /// [`AgentError::StillActive`] when a run does not stop within 15 s.
    pub async fn reset_session(
        &self,
        session_key: &SessionKey,
        expected_session_id: Option<SessionId>,
    ) -> Result<WasReset, AgentError> {
        let agent_id = start::agent_of(&self.inner, session_key, None)?;
        let reset = Reset { keep_model: true, expected_session_id };
        stop::reset(&self.inner, session_key, &agent_id, reset, "reset").await
    }

    /// Makes the beginning of a quiet session's conversation into a summary; `wish` says what matters
    /// in it. `None`: there is no such session, or nothing that would become shorter.
    ///
    /// # Errors
    /// [`AgentError::StillActive`] while a run goes on, [`AgentError::Compaction`] when the model gives
    /// no summary.
    pub async fn compact_session(
        &self,
        session_key: &SessionKey,
        wish: Option<&str>,
    ) -> Result<Option<Compacted>, AgentError> {
        slash::compact(&self.inner, session_key, wish).await
    }

    /// Whether a message starts its session anew, so that callers can ask for the right to do so first.
    #[must_use]
    pub fn resets(&self, message: &str) -> bool {
        commands::after_reset(message, &self.inner.settings().reset_triggers).is_some()
    }

    /// Stops a session's runs and deletes it; `None` when there was none.
    ///
    /// # Errors
    /// [`AgentError::MainSession`] for a main session, [`AgentError::StillActive`] when a run does not
    /// stop within 15 s.
    pub async fn delete_session(
        &self,
        session_key: &SessionKey,
        delete: Delete,
    ) -> Result<Option<Deleted>, AgentError> {
        if session_key.is_main() {
            return Err(AgentError::MainSession(session_key.clone()));
        }
        stop::quiet(&self.inner, session_key).await?;
        let deleted =
            self.inner.store.sessions().delete(session_key, delete, self.inner.now_ms()).await?;
        if let Some(deleted) = &deleted {
            let entry = &deleted.entry;
            self.inner.session_changed(session_key, &entry.session_id, &entry.agent_id, "delete");
        }
        Ok(deleted)
    }

    /// The agent that a session key or an explicit id means, if it is configured.
    ///
    /// # Errors
    /// When it is not, or the two disagree.
    pub fn agent_of(
        &self,
        session_key: &SessionKey,
        wanted: Option<&AgentId>,
    ) -> Result<AgentId, AgentError> {
        start::agent_of(&self.inner, session_key, wanted)
    }
}
