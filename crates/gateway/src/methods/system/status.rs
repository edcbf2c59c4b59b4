//! `status`: sessions, models, heartbeats and tasks in one answer.

use openclaw_protocol::{
    Scope,
    ids::AgentId,
    methods::system::{
        AgentHeartbeatStatus, AgentSessionsStatus, HeartbeatStatus, ModelDefaults, ProcessMemory,
        SessionStatus, SessionsStatus, StatusSummary,
    },
};
use openclaw_store::sessions::{SessionEntry, SessionQuery};

use super::machine;
use crate::router::{Cx, Failure};

const RECENT: usize = 10;

pub(super) async fn summary(cx: &Cx) -> Result<StatusSummary, Failure> {
    let state = &cx.state;
    let default_agent = AgentId::new(state.settings.load().default_agent.as_str());
    let agents = state.agent_ids();
    let is_admin = cx.conn.principal.scopes.allows(Scope::Admin);
    let (recent, count) = page(cx, None).await?;
    let mut by_agent = Vec::new();
    for agent in &agents {
        let (recent, count) = page(cx, Some(agent.clone())).await?;
        let path = state.info.store_name();
        by_agent.push(AgentSessionsStatus { agent_id: agent.clone(), path, count, recent });
    }
    let heartbeat = |agent_id: &AgentId| AgentHeartbeatStatus {
        agent_id: agent_id.clone(),
        enabled: false,
        every: "0m".to_owned(),
        every_ms: None,
    };
    let default_model = state.models.catalog().into_iter().find(|model| model.is_default);
    Ok(StatusSummary {
        runtime_version: state.info.version.clone(),
        pid: Some(std::process::id()),
        process_memory: machine::resident_bytes().map(|rss_bytes| ProcessMemory { rss_bytes }),
        heartbeat: HeartbeatStatus {
            default_agent_id: default_agent,
            agents: agents.iter().map(heartbeat).collect(),
        },
        sessions: SessionsStatus {
            paths: if is_admin {
                vec![state.info.store_file.display().to_string()]
            } else {
                Vec::new()
            },
            count,
            defaults: ModelDefaults {
                model: default_model.as_ref().map(|model| model.reference().to_string()),
                context_tokens: default_model.and_then(|model| model.context_window),
            },
            recent,
            by_agent,
        },
        ..StatusSummary::default()
    })
}

async fn page(cx: &Cx, agent_id: Option<AgentId>) -> Result<(Vec<SessionStatus>, u64), Failure> {
    let query = SessionQuery { agent_id, limit: RECENT, ..SessionQuery::default() };
    let page = cx.state.store.sessions().list(query).await;
    let page = page.map_err(|error| cx.state.storage_error(&error))?;
    let now = cx.now_ms();
    let rows = page.sessions.into_iter().map(|entry| row(entry, now)).collect();
    Ok((rows, page.total as u64))
}

fn row(entry: SessionEntry, now_ms: u64) -> SessionStatus {
    let tokens = entry.tokens;
    let total = (tokens.total > 0).then_some(tokens.total);
    let used = total.zip(tokens.context).filter(|(_, context)| *context > 0);
    SessionStatus {
        agent_id: Some(entry.agent_id),
        kind: kind(entry.key.as_str()).to_owned(),
        key: entry.key,
        session_id: Some(entry.session_id),
        updated_at: Some(entry.updated_at_ms),
        age: Some(now_ms.saturating_sub(entry.updated_at_ms)),
        thinking_level: entry.settings.thinking_level,
        verbose_level: entry.settings.verbose_level,
        reasoning_level: entry.settings.reasoning_level,
        elevated_level: entry.settings.elevated_level,
        system_sent: Some(entry.flags.system_sent),
        aborted_last_run: Some(entry.flags.aborted_last_run),
        input_tokens: Some(tokens.input),
        output_tokens: Some(tokens.output),
        total_tokens: total,
        total_tokens_fresh: tokens.total_fresh,
        cache_read: Some(tokens.cache_read),
        cache_write: Some(tokens.cache_write),
        remaining_tokens: used.map(|(total, context)| context.saturating_sub(total)),
        percent_used: used.map(|(total, context)| total.saturating_mul(100) / context),
        model: entry.model,
        context_tokens: tokens.context,
        flags: Vec::new(),
    }
}

/// The kind of a session, by its key.
fn kind(key: &str) -> &'static str {
    match key {
        "global" => "global",
        "unknown" => "unknown",
        key if key.contains(":group:") || key.contains(":channel:") => "group",
        _ => "direct",
    }
}
