//! Which conversations a conversation's tools may see.

use openclaw_protocol::ids::{AgentId, SessionKey};
use openclaw_store::{StoreError, sessions::SessionEntry};

use crate::{
    settings::{AgentSettings, SessionVisibility},
    tool::ToolContext,
    tool_policy::name_matches,
};

/// What one conversation may see.
pub(super) struct Reach<'a> {
    settings: &'a AgentSettings,
    agent: &'a AgentId,
    session: &'a SessionKey,
    visibility: SessionVisibility,
}

impl<'a> Reach<'a> {
    /// That of the conversation a tool runs in. Other conversations have tools that a chat with rules of
    /// its own may not have: through them it would get round its rules, so it sees what it started.
    pub(super) fn of(settings: &'a AgentSettings, context: &'a ToolContext) -> Self {
        let route = context.route.as_ref();
        let ruled = route.and_then(|route| settings.chat_rule(route, &context.principal)).is_some();
        let visibility = match settings.sessions.visibility {
            SessionVisibility::Agent | SessionVisibility::All if ruled => SessionVisibility::Tree,
            visibility => visibility,
        };
        Self { settings, agent: &context.agent_id, session: &context.session_key, visibility }
    }

    /// Whether a conversation is seen.
    pub(super) fn sees(&self, entry: &SessionEntry) -> bool {
        if entry.key == *self.session {
            return true;
        }
        let own = entry.agent_id == *self.agent;
        match self.visibility {
            SessionVisibility::Own => false,
            SessionVisibility::Tree => own && entry.spawned_by.as_ref() == Some(self.session),
            SessionVisibility::Agent => own,
            SessionVisibility::All => own || self.between(&entry.agent_id),
        }
    }

    /// Whether this agent and another may deal with each other.
    fn between(&self, other: &AgentId) -> bool {
        let sessions = &self.settings.sessions;
        let listed = |agent: &AgentId| {
            sessions.agents.iter().any(|entry| name_matches(entry, agent.as_str()))
        };
        sessions.agent_to_agent
            && (sessions.agents.is_empty() || (listed(self.agent) && listed(other)))
    }

    /// Said of one that is not seen; whether there is one is not said.
    pub(super) fn unseen(&self, named: &str) -> String {
        let said = self.settings.sessions.visibility;
        let visibility = said.as_str();
        let why =
            if said == self.visibility { "" } else { ", and this chat has tool rules of its own" };
        format!(
            "no conversation {named:?} is seen from here (tools.sessions.visibility is {visibility:?}{why})"
        )
    }
}

/// A store that cannot be read, in words for a model.
pub(super) fn stored(error: &StoreError) -> String {
    tracing::warn!(%error, "a tool could not read the store");
    "the sessions cannot be read at the moment".to_owned()
}
