//! `agents.list`: every agent with its model. There always is a model, the offline assistant at least,
//! because clients take an agent without one for a Gateway that cannot answer.

use openclaw_agent::AgentProfile;
use openclaw_protocol::{
    ids::{AgentId, MAIN_KEY},
    methods::agent::{
        AgentIdentity, AgentModel, AgentOwnership, AgentSummary, AgentsListResult, SessionScope,
    },
};

use crate::{
    shape::{
        models::{Catalog, runtime, thinking_levels, thinking_options},
        target::default_agent,
    },
    state::State,
};

/// The agents as they are configured now.
pub(crate) fn of(state: &State) -> AgentsListResult {
    let settings = state.settings.load();
    let catalog = Catalog::of(state);
    let default_id = default_agent(&settings);
    let agents: Vec<_> = if settings.agents.is_empty() {
        vec![summary(&catalog, &default_id)]
    } else {
        settings.agents.iter().map(|agent| summary(&catalog, agent)).collect()
    };
    let is_sole = agents.len() == 1;
    AgentsListResult {
        default_id,
        ownership: Some(if is_sole { AgentOwnership::Sole } else { AgentOwnership::Explicit }),
        selection_required: Some(false),
        main_key: MAIN_KEY.to_owned(),
        scope: SessionScope::parse(&settings.session_scope).unwrap_or_default(),
        agents,
    }
}

fn summary(catalog: &Catalog, agent: &AgentId) -> AgentSummary {
    let applied = catalog.of_agent(agent);
    let fallbacks = catalog.fallbacks_of(agent);
    let profile = catalog.profile(agent);
    AgentSummary {
        id: agent.clone(),
        name: profile.and_then(|profile| profile.name.clone()),
        identity: profile.and_then(identity),
        workspace: profile
            .and_then(|profile| profile.workspace.as_ref())
            .map(|folder| folder.display().to_string()),
        workspace_git: None,
        model: Some(AgentModel {
            primary: Some(applied.model.to_string()),
            fallbacks: (!fallbacks.is_empty()).then_some(fallbacks),
        }),
        agent_runtime: Some(runtime()),
        thinking_levels: Some(thinking_levels(applied.reasoning)),
        thinking_options: Some(thinking_options(applied.reasoning)),
        thinking_default: Some(
            catalog.thinking_default(Some(agent), applied.reasoning).as_str().to_owned(),
        ),
        default_permission_mode: None,
    }
}

fn identity(profile: &AgentProfile) -> Option<AgentIdentity> {
    let identity = AgentIdentity {
        name: profile.name.clone(),
        theme: profile.theme.clone(),
        emoji: profile.emoji.clone(),
        avatar: profile.avatar.clone(),
        avatar_url: None,
    };
    (identity != AgentIdentity::default()).then_some(identity)
}
