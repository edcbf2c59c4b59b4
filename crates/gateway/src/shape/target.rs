//! Which session and which agent a request means. Every spelling of a session has one canonical key, so
//! that a run started as `main` is stopped as `agent:main:main`.

use openclaw_protocol::{
    DetailCode, RpcError,
    ids::{AgentId, SessionKey},
    limits::MAX_SESSION_KEY_CHARS,
};

use crate::{settings::Settings, state::State};

/// A session, named in full, and the agent that answers in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Canonical key.
    pub key: SessionKey,
    /// The agent.
    pub agent: AgentId,
}

impl Target {
    /// The session that a client means by `key`, and by `agent` where the key names none.
    ///
    /// # Errors
    /// `INVALID_REQUEST` for a key that is none, an agent that is not configured, or two agents that
    /// contradict each other.
    pub fn named(state: &State, key: &str, agent: Option<&str>) -> Result<Self, RpcError> {
        resolve(&state.settings.load(), key, agent)
    }

    /// The same for a request that writes: the agent must still be configured.
    ///
    /// # Errors
    /// As [`Self::named`].
    pub fn writable(state: &State, key: &str, agent: Option<&str>) -> Result<Self, RpcError> {
        let settings = state.settings.load();
        let target = resolve(&settings, key, agent)?;
        require_agent(&settings, &target.agent)?;
        Ok(target)
    }
}

/// The agent a request names, or the default one.
///
/// # Errors
/// `INVALID_REQUEST` for an agent that is not configured.
pub fn agent_or_default(state: &State, agent: Option<&str>) -> Result<AgentId, RpcError> {
    let settings = state.settings.load();
    match agent.map(str::trim).filter(|raw| !raw.is_empty()) {
        Some(raw) => known_agent(&settings, raw),
        None => Ok(default_agent(&settings)),
    }
}

/// The agent that answers when nobody names another.
#[must_use]
pub fn default_agent(settings: &Settings) -> AgentId {
    AgentId::new(settings.default_agent.as_str())
}

fn resolve(settings: &Settings, key: &str, agent: Option<&str>) -> Result<Target, RpcError> {
    if key.chars().count() > MAX_SESSION_KEY_CHARS {
        return Err(RpcError::invalid("session key is too long"));
    }
    let named = agent
        .map(str::trim)
        .filter(|raw| !raw.is_empty())
        .map(|raw| known_agent(settings, raw))
        .transpose()?;
    let default = default_agent(settings);
    if named.is_none() && settings.session_scope == "global" && is_main_alias(key) {
        return Ok(Target { key: SessionKey::new("global"), agent: default });
    }
    let owner = named.clone().unwrap_or(default);
    let key = SessionKey::canonical(key, &owner);
    if matches!(key.as_str(), "global" | "unknown") {
        return Ok(Target { key, agent: owner });
    }
    let actual = key.agent().filter(|agent| has_rest(&key, agent));
    let Some(actual) = actual else {
        return Err(RpcError::invalid(format!("invalid session key \"{key}\"")));
    };
    match named {
        Some(named) if named != actual => Err(RpcError::invalid(format!(
            "agent \"{named}\" does not match session key agent \"{actual}\""
        ))),
        _ => Ok(Target { key, agent: actual }),
    }
}

fn is_main_alias(key: &str) -> bool {
    let key = key.trim();
    key.is_empty() || key.eq_ignore_ascii_case(openclaw_protocol::ids::MAIN_KEY)
}

fn has_rest(key: &SessionKey, agent: &AgentId) -> bool {
    key.as_str().strip_prefix(&format!("agent:{agent}:")).is_some_and(|rest| !rest.is_empty())
}

fn known_agent(settings: &Settings, raw: &str) -> Result<AgentId, RpcError> {
    match AgentId::normalise(raw) {
        Some(agent) => require_agent(settings, &agent).map(|()| agent),
        None => Err(unknown_agent(raw)),
    }
}

fn require_agent(settings: &Settings, agent: &AgentId) -> Result<(), RpcError> {
    let known = settings.agents.contains(agent) || *agent == default_agent(settings);
    if known { Ok(()) } else { Err(unknown_agent(agent.as_str())) }
}

/// What a client is told about an agent that is not configured.
#[must_use]
pub fn unknown_agent(raw: &str) -> RpcError {
    RpcError::invalid(format!("unknown agent id \"{raw}\"")).with_code(DetailCode::UnknownAgentId)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings { agents: vec![AgentId::new("main"), AgentId::new("ops")], ..Settings::default() }
    }

    fn check(key: &str, agent: Option<&str>, expected: &str) {
        let found = match resolve(&settings(), key, agent) {
            Ok(target) => format!("{} {}", target.key, target.agent),
            Err(error) => error.message,
        };
        assert_eq!(found, expected, "{key} {agent:?}");
    }

    #[test]
    fn every_spelling_has_one_key() {
        check("", None, "agent:main:main main");
        check("Main", None, "agent:main:main main");
        check("agent:main:MAIN", None, "agent:main:main main");
        check("main", Some("Ops"), "agent:ops:main ops");
        check("Work", Some("ops"), "agent:ops:work ops");
        check("agent:ops:work", Some("ops"), "agent:ops:work ops");
        check("global", Some("ops"), "global ops");
        // An agent that is gone: its sessions can still be read.
        check("agent:gone:main", None, "agent:gone:main gone");
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        check("main", Some("nobody"), "unknown agent id \"nobody\"");
        check("main", Some("-"), "unknown agent id \"-\"");
        check("agent:x", None, "invalid session key \"agent:x\"");
        check("agent:ops:", None, "invalid session key \"agent:ops:\"");
        check("agent:-:main", None, "invalid session key \"agent:-:main\"");
        check(
            "agent:main:work",
            Some("ops"),
            "agent \"ops\" does not match session key agent \"main\"",
        );
        check(&"x".repeat(513), None, "session key is too long");
    }

    #[test]
    fn one_session_for_all_is_called_global() {
        let settings = Settings { session_scope: "global".to_owned(), ..settings() };
        let key = |raw: &str, agent| resolve(&settings, raw, agent).expect(raw).key.into_string();
        assert_eq!(key("main", None), "global");
        assert_eq!(key("main", Some("ops")), "agent:ops:main");
        assert_eq!(key("work", None), "agent:main:work");
    }
}
