//! `agent.identity.get`: what an agent is called and looks like, as far as the configuration says.

use openclaw_agent::AgentProfile;
use openclaw_protocol::{
    RpcError,
    ids::AgentId,
    methods::agent::{AgentIdentityParams, AgentIdentityResult, AvatarStatus, NameSource},
};

use crate::{
    shape::target::{Target, agent_or_default},
    state::State,
};

/// What an agent without a name is called.
const DEFAULT_NAME: &str = "Assistant";

/// Looks an agent up, by itself or by one of its sessions.
///
/// # Errors
/// When no such agent is configured.
pub(super) fn get(
    state: &State,
    params: AgentIdentityParams,
) -> Result<AgentIdentityResult, RpcError> {
    let agent = params.agent_id.as_deref();
    let agent_id = match params.session_key.filter(|key| !key.trim().is_empty()) {
        Some(key) => Target::writable(state, &key, agent)?.agent,
        None => agent_or_default(state, agent)?,
    };
    Ok(shown(agent_id.clone(), state.agent.settings().profile(&agent_id)))
}

fn shown(agent_id: AgentId, profile: Option<&AgentProfile>) -> AgentIdentityResult {
    let name = profile.and_then(|profile| profile.name.clone());
    let emoji = profile.and_then(|profile| profile.emoji.clone());
    let avatar = profile.and_then(|profile| profile.avatar.clone());
    let status = avatar.as_deref().map_or(AvatarStatus::None, avatar_status);
    AgentIdentityResult {
        agent_id,
        name_source: Some(if name.is_some() { NameSource::Config } else { NameSource::Default }),
        name: Some(name.unwrap_or_else(|| DEFAULT_NAME.to_owned())),
        avatar_source: avatar.is_some().then(|| "config".to_owned()),
        avatar: avatar.or_else(|| emoji.clone()),
        avatar_status: Some(status),
        avatar_reason: None,
        emoji,
    }
}

fn avatar_status(avatar: &str) -> AvatarStatus {
    if avatar.starts_with("data:") {
        AvatarStatus::Data
    } else if avatar.starts_with("http://") || avatar.starts_with("https://") {
        AvatarStatus::Remote
    } else {
        AvatarStatus::Local
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_without_a_name_is_called_something() {
        let result = shown(AgentId::new("main"), None);
        assert_eq!(result.name.as_deref(), Some(DEFAULT_NAME));
        assert_eq!(result.name_source, Some(NameSource::Default));
        assert_eq!((result.avatar, result.avatar_status), (None, Some(AvatarStatus::None)));
    }

    #[test]
    fn what_the_configuration_says_is_shown() {
        let profile = AgentProfile {
            name: Some("Molty".to_owned()),
            emoji: Some("🦞".to_owned()),
            avatar: Some("https://example.org/a.png".to_owned()),
            ..AgentProfile::default()
        };
        let result = shown(AgentId::new("main"), Some(&profile));
        assert_eq!(result.name.as_deref(), Some("Molty"));
        assert_eq!(result.avatar_status, Some(AvatarStatus::Remote));
        let sign_only = AgentProfile { avatar: None, ..profile };
        let result = shown(AgentId::new("main"), Some(&sign_only));
        assert_eq!(result.avatar.as_deref(), Some("🦞"));
    }
}
