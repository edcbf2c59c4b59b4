//! Taking the health snapshot: what the Gateway looks after right now.

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

const RECENT_SESSIONS: usize = 5;

/// The snapshot, rebuilt if it is older than a minute.
pub async fn snapshot(state: &State) -> HealthSnapshot {
    match state.health.fresh(state.clock.now_ms()) {
        Some(snapshot) => HealthSnapshot::clone(&snapshot),
        None => refresh(state).await,
    }
}

/// Builds a new snapshot and tells everybody.
pub async fn refresh(state: &State) -> HealthSnapshot {
    let snapshot = build(state).await;
    state.health.keep(snapshot.clone());
    let version = state.events.bump_health();
    state.events.publish_versioned::<HealthEvent>(&snapshot, version);
    snapshot
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
            path: state.info.store_name(),
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
    SessionsHealth {
        path: state.info.store_name(),
        count: page.total as u64,
        recent: recent.collect(),
    }
}

const fn age(updated_at: u64, now_ms: u64) -> u64 {
    now_ms.saturating_sub(updated_at)
}

fn recent(key: SessionKey, updated_at: u64, now_ms: u64) -> RecentSession {
    RecentSession { key, updated_at: Some(updated_at), age: Some(age(updated_at, now_ms)) }
}
