//! The health snapshot: cached, rebuilt when it is old or somebody asks for a probe.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use openclaw_protocol::{
    events::core::Health as HealthEvent,
    ids::{AgentId, SessionKey},
    methods::system::{
        AgentHealth, AgentHeartbeat, ConfigReloadHealth, HealthSnapshot, HotReloadStatus,
        PluginHealth, RecentSession, SessionsHealth,
    },
};
use openclaw_store::{
    StoreError,
    sessions::{SessionPage, SessionQuery},
};
use tokio::time::Instant;

use crate::state::State;

/// A snapshot older than this is rebuilt before it is given out, in milliseconds.
const MAX_AGE_MS: u64 = 60_000;
const RECENT_SESSIONS: usize = 5;

/// The latest snapshot.
#[derive(Debug, Default)]
pub struct Health {
    latest: ArcSwapOption<HealthSnapshot>,
}

impl Health {
    /// The snapshot, rebuilt if it is older than a minute.
    pub async fn snapshot(&self, state: &State) -> HealthSnapshot {
        match self.fresh(state) {
            Some(snapshot) => HealthSnapshot::clone(&snapshot),
            None => self.refresh(state).await,
        }
    }

    fn fresh(&self, state: &State) -> Option<Arc<HealthSnapshot>> {
        let now = state.clock.now_ms();
        self.latest.load_full().filter(|snapshot| now.saturating_sub(snapshot.ts) < MAX_AGE_MS)
    }

    /// Builds a new snapshot and tells everybody.
    pub async fn refresh(&self, state: &State) -> HealthSnapshot {
        let snapshot = build(state).await;
        self.latest.store(Some(Arc::new(snapshot.clone())));
        let version = state.events.bump_health();
        state.events.publish_versioned::<HealthEvent>(&snapshot, version);
        snapshot
    }
}

async fn build(state: &State) -> HealthSnapshot {
    let started = Instant::now();
    let now = state.clock.now_ms();
    let default_agent = AgentId::new(state.settings.load().default_agent.as_str());
    let mut agents = Vec::new();
    for agent_id in state.agent_ids() {
        let sessions = sessions_of(state, &agent_id, now).await;
        let is_default = agent_id == default_agent;
        agents.push(AgentHealth {
            agent_id,
            name: None,
            is_default,
            heartbeat: no_heartbeat(),
            sessions,
        });
    }
    let own = agents.iter().find(|agent| agent.is_default).map(|agent| agent.sessions.clone());
    HealthSnapshot {
        ok: true,
        ts: now,
        duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        plugins: PluginHealth::default(),
        config_reload: ConfigReloadHealth { hot_reload_status: HotReloadStatus::Active },
        default_agent_id: default_agent,
        sessions: own.unwrap_or_else(|| SessionsHealth {
            path: store_name(state),
            ..SessionsHealth::default()
        }),
        agents,
        ..HealthSnapshot::default()
    }
}

/// Heartbeats are not there yet, and say so.
#[must_use]
pub fn no_heartbeat() -> AgentHeartbeat {
    AgentHeartbeat {
        every: "0m".to_owned(),
        target: "none".to_owned(),
        ..AgentHeartbeat::default()
    }
}

/// The file's name: every reader of health may know it, the folder is for admins only.
#[must_use]
pub fn store_name(state: &State) -> String {
    let name = state.info.store_file.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

async fn sessions_of(state: &State, agent: &AgentId, now_ms: u64) -> SessionsHealth {
    let query = SessionQuery {
        agent_id: Some(agent.clone()),
        limit: RECENT_SESSIONS,
        ..SessionQuery::default()
    };
    let page = state.store.sessions().list(query).await;
    let page = page.unwrap_or_else(|error: StoreError| {
        tracing::warn!(%error, "sessions cannot be counted");
        SessionPage { sessions: Vec::new(), total: 0 }
    });
    let recent =
        page.sessions.into_iter().map(|entry| recent(entry.key, entry.updated_at_ms, now_ms));
    SessionsHealth { path: store_name(state), count: page.total as u64, recent: recent.collect() }
}

const fn age(updated_at: u64, now_ms: u64) -> u64 {
    now_ms.saturating_sub(updated_at)
}

fn recent(key: SessionKey, updated_at: u64, now_ms: u64) -> RecentSession {
    RecentSession { key, updated_at: Some(updated_at), age: Some(age(updated_at, now_ms)) }
}
