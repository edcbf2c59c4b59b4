//! What follows from several keys together: the port, the agents, queues and resets.

use std::path::PathBuf;

use crate::env::Environment;
use crate::error::ConfigError;
use crate::paths::Paths;
use crate::schema::{
    Agent, AgentGroupChat, AgentIdentity, AgentTools, Config, Queue, QueueMode, ResetMode,
    ResetPolicy, Session, ThinkingLevel,
};

/// The agent that answers when the configuration names none.
const DEFAULT_AGENT: &str = "main";
/// The hour of a daily reset that names none, and the pause of an idle reset that names none.
const RESET_HOUR: u8 = 4;
const IDLE_MINUTES: u32 = 60;

/// One agent with everything it takes over from `agents.defaults`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentSettings {
    /// Its id, lower case.
    pub id: String,
    /// Its name in lists.
    pub name: Option<String>,
    /// Whether it answers when no agent is named.
    pub is_default: bool,
    /// The folder it works in.
    pub workspace: PathBuf,
    /// Its model, `provider/model`.
    pub model: Option<String>,
    /// The models to fall back to, in order.
    pub fallbacks: Vec<String>,
    /// How much its model thinks.
    pub thinking: Option<ThinkingLevel>,
    /// How it presents itself.
    pub identity: AgentIdentity,
    /// How it takes part in groups.
    pub group_chat: AgentGroupChat,
    /// Which tools it has.
    pub tools: AgentTools,
}

/// The kinds of conversations that may have reset policies of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConversationKind {
    /// One person.
    Direct,
    /// A group.
    Group,
    /// A thread or topic.
    Thread,
}

/// When a conversation starts anew by itself; either condition is enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResetRule {
    /// Once this hour (local time) has passed since the last message.
    pub at_hour: Option<u8>,
    /// After a pause of this many minutes.
    pub idle_minutes: Option<u32>,
}

impl Config {
    /// The port: `OPENCLAW_GATEWAY_PORT`, else `gateway.port`, else the profile's. A flag goes first
    /// and is the caller's to ask.
    ///
    /// # Errors
    /// `OPENCLAW_GATEWAY_PORT` holds no port.
    pub fn gateway_port(&self, paths: &Paths, env: &Environment) -> Result<u16, ConfigError> {
        const NAME: &str = "OPENCLAW_GATEWAY_PORT";
        let Some(text) = env.get(NAME) else {
            return Ok(self.gateway.port.unwrap_or_else(|| paths.default_port()));
        };
        // Compose files write `host:port` here.
        let digits = text.rsplit(':').next().unwrap_or(text).trim();
        let port = digits.parse::<u16>().ok().filter(|port| *port > 0);
        port.ok_or(ConfigError::BadEnvironment { name: NAME, reason: "not a port (1 to 65535)" })
    }

    /// The log file: `logging.file`, else the usual one.
    #[must_use]
    pub fn log_file(&self, paths: &Paths) -> PathBuf {
        self.logging.file.as_ref().map_or_else(|| paths.log_file(), |file| paths.expand(file))
    }

    /// Every agent, the default one first.
    #[must_use]
    pub fn agents(&self, paths: &Paths) -> Vec<AgentSettings> {
        let listed = self.agents.list.iter().filter_map(|a| Some((a.id.as_deref()?, a)));
        let entries = self.agents.entries.iter().map(|(id, agent)| (id.as_str(), agent));
        let all: Vec<(&str, &Agent)> = listed.chain(entries).collect();
        if all.is_empty() {
            return vec![self.agent_settings(DEFAULT_AGENT, &Agent::default(), true, paths)];
        }
        let first = all.iter().position(|(_, agent)| agent.is_default).unwrap_or(0);
        let mut agents: Vec<AgentSettings> = all
            .iter()
            .enumerate()
            .map(|(index, (id, agent))| self.agent_settings(id, agent, index == first, paths))
            .collect();
        agents.sort_by_key(|agent| !agent.is_default);
        agents
    }

    /// The agent that answers when none is named.
    #[must_use]
    pub fn default_agent(&self, paths: &Paths) -> AgentSettings {
        let first = self.agents(paths).into_iter().next();
        first.unwrap_or_else(|| self.agent_settings(DEFAULT_AGENT, &Agent::default(), true, paths))
    }

    fn agent_settings(
        &self,
        id: &str,
        agent: &Agent,
        is_default: bool,
        paths: &Paths,
    ) -> AgentSettings {
        let id = id.trim().to_ascii_lowercase();
        let shared = &self.agents.defaults;
        let own = agent.model.as_ref();
        let common = shared.model.as_ref();
        let workspace = match (&agent.workspace, &shared.workspace) {
            (Some(own), _) => paths.expand(own),
            (None, Some(common)) if is_default => paths.expand(common),
            (None, Some(common)) => paths.expand(common).join(&id),
            (None, None) if is_default => paths.workspace_dir(),
            (None, None) => paths.state_dir().join(format!("workspace-{id}")),
        };
        AgentSettings {
            name: agent.name.clone(),
            is_default,
            workspace,
            model: own
                .and_then(|choice| choice.primary())
                .or_else(|| common.and_then(|choice| choice.primary()))
                .map(str::to_owned),
            fallbacks: own
                .and_then(|choice| choice.fallbacks())
                .or_else(|| common.and_then(|choice| choice.fallbacks()))
                .map(<[String]>::to_vec)
                .unwrap_or_default(),
            thinking: agent.thinking_default.or(shared.thinking_default),
            identity: agent.identity.clone(),
            group_chat: agent.group_chat.clone(),
            tools: agent.tools.clone(),
            id,
        }
    }
}

impl Queue {
    /// The mode for a channel, the older names translated.
    #[must_use]
    pub fn mode_for(&self, channel: Option<&str>) -> QueueMode {
        let own = channel.and_then(|channel| self.by_channel.get(channel));
        match own.copied().unwrap_or(self.mode) {
            QueueMode::Queue => QueueMode::Steer,
            QueueMode::SteerPlusBacklog => QueueMode::SteerBacklog,
            mode => mode,
        }
    }

    /// How long it has to be quiet on a channel, in milliseconds.
    #[must_use]
    pub fn debounce_ms_for(&self, channel: Option<&str>) -> u64 {
        let own = channel.and_then(|channel| self.debounce_ms_by_channel.get(channel));
        own.copied().unwrap_or(self.debounce_ms)
    }
}

impl Session {
    /// When a conversation starts anew by itself: the channel's policy, else its kind's, else
    /// `session.reset`, else the older `idleMinutes`, else never.
    #[must_use]
    pub fn reset_rule(&self, kind: ConversationKind, channel: Option<&str>) -> ResetRule {
        let by_type = &self.reset_by_type;
        let by_kind = match kind {
            ConversationKind::Direct => by_type.direct.as_ref().or(by_type.dm.as_ref()),
            ConversationKind::Group => by_type.group.as_ref(),
            ConversationKind::Thread => by_type.thread.as_ref(),
        };
        let by_channel = channel.and_then(|channel| self.reset_by_channel.get(channel));
        match by_channel.or(by_kind).or(self.reset.as_ref()) {
            Some(policy) => policy.rule(),
            None => ResetRule { at_hour: None, idle_minutes: self.idle_minutes },
        }
    }
}

impl ResetPolicy {
    fn rule(&self) -> ResetRule {
        match self.mode {
            Some(ResetMode::None) => ResetRule::default(),
            Some(ResetMode::Daily) => ResetRule {
                at_hour: Some(self.at_hour.unwrap_or(RESET_HOUR)),
                idle_minutes: self.idle_minutes,
            },
            Some(ResetMode::Idle) => ResetRule {
                at_hour: None,
                idle_minutes: Some(self.idle_minutes.unwrap_or(IDLE_MINUTES)),
            },
            None => ResetRule { at_hour: self.at_hour, idle_minutes: self.idle_minutes },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::paths::PathOptions;

    fn config(value: serde_json::Value) -> Config {
        serde_json::from_value(value).unwrap()
    }

    fn paths() -> Paths {
        let env = Environment::from_pairs([("HOME", "/h")]);
        Paths::resolve(&env, &PathOptions::default()).unwrap()
    }

    #[test]
    fn the_port_comes_from_the_environment_then_the_file_then_the_profile() {
        for (env, file, expected) in [
            (None, None, Some(18789)),
            (None, Some(7000), Some(7000)),
            (Some("8000"), Some(7000), Some(8000)),
            (Some("127.0.0.1:8001"), None, Some(8001)),
            (Some("[::1]:8002"), None, Some(8002)),
            (Some(""), Some(7000), Some(7000)),
            (Some("0"), None, None),
            (Some("http"), None, None),
        ] {
            let config = config(json!({"gateway": {"port": file}}));
            let env = Environment::from_pairs(env.map(|value| ("OPENCLAW_GATEWAY_PORT", value)));
            assert_eq!(config.gateway_port(&paths(), &env).ok(), expected, "{env:?} {file:?}");
        }
    }

    #[test]
    fn agents_take_over_what_they_do_not_say() {
        let none = Config::default().default_agent(&paths());
        assert_eq!((none.id.as_str(), none.is_default, none.model), ("main", true, None));
        assert_eq!(none.workspace, Path::new("/h/.openclaw/workspace"));

        let config = config(json!({"agents": {
            "defaults": {"model": {"primary": "a/one", "fallbacks": ["b/two"]}, "thinkingDefault": "low"},
            "list": [
                {"id": "First", "model": "c/three"},
                {"id": "second", "default": true, "workspace": "~/w", "thinkingDefault": "high"},
                {"id": "third", "model": {"fallbacks": []}},
            ],
        }}));
        let agents = config.agents(&paths());
        let shown: Vec<_> = agents
            .iter()
            .map(|a| (a.id.as_str(), a.model.as_deref().unwrap(), a.fallbacks.len(), a.thinking))
            .collect();
        let low = Some(ThinkingLevel::Low);
        assert_eq!(
            shown,
            [
                ("second", "a/one", 1, Some(ThinkingLevel::High)),
                ("first", "c/three", 1, low),
                ("third", "a/one", 0, low),
            ]
        );
        assert_eq!(agents[0].workspace, Path::new("/h/w"));
        assert_eq!(agents[1].workspace, Path::new("/h/.openclaw/workspace-first"));
        assert_eq!(config.default_agent(&paths()).id, "second");
    }

    #[test]
    fn entries_are_agents_too() {
        let config = config(json!({"agents": {"entries": {"ops": {}, "dev": {"default": true}}}}));
        let ids: Vec<_> = config.agents(&paths()).into_iter().map(|agent| agent.id).collect();
        assert_eq!(ids, ["dev", "ops"]);
    }

    #[test]
    fn queues_and_resets() {
        let config = config(json!({
            "messages": {"queue": {"mode": "queue", "byChannel": {"telegram": "steer+backlog"}, "debounceMsByChannel": {"telegram": 5}}},
            "session": {"reset": {"mode": "daily"}, "resetByType": {"dm": {"mode": "idle"}, "group": {"mode": "none"}}, "resetByChannel": {"x": {"atHour": 1, "idleMinutes": 2}}},
        }));
        let queue = &config.messages.queue;
        assert_eq!(queue.mode_for(None), QueueMode::Steer);
        assert_eq!(queue.mode_for(Some("telegram")), QueueMode::SteerBacklog);
        assert_eq!(
            (queue.debounce_ms_for(Some("telegram")), queue.debounce_ms_for(None)),
            (5, 1000)
        );
        let rule = |kind, channel| {
            let rule = config.session.reset_rule(kind, channel);
            (rule.at_hour, rule.idle_minutes)
        };
        assert_eq!(rule(ConversationKind::Thread, None), (Some(4), None));
        assert_eq!(rule(ConversationKind::Direct, None), (None, Some(60)));
        assert_eq!(rule(ConversationKind::Group, None), (None, None));
        assert_eq!(rule(ConversationKind::Group, Some("x")), (Some(1), Some(2)));
        let never = Session::default().reset_rule(ConversationKind::Direct, None);
        assert_eq!(never, ResetRule::default());
    }
}
