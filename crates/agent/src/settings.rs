//! What can be set about agents, as plain values; the composition root fills them from the
//! configuration and may replace them while runs are going on.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use openclaw_exec::policy::{Ask, Security};
use openclaw_protocol::ids::{AgentId, DEFAULT_AGENT};
use openclaw_store::outbox::Route;

use crate::{
    model::ThinkingLevel,
    queue::{Overflow, QueueMode},
    resets::ResetRules,
    skills::SkillSettings,
    tool_policy::{ChatTools, ToolPolicy},
};

/// Settings of all agents. A run uses those that held when it began.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentSettings {
    /// The agents there are; the first is the default. Never empty: an empty list counts as one agent
    /// called `main`.
    pub agents: Vec<AgentProfile>,
    /// Runs that may go on at once, over all sessions.
    pub max_concurrent: usize,
    /// Time limit of a run.
    pub run_timeout: Option<Duration>,
    /// Time limit of one tool call.
    pub tool_timeout: Duration,
    /// Answers with tool calls that one run may give before it is stopped.
    pub max_tool_rounds: u32,
    /// How much to think unless the agent, the session or the run says otherwise.
    pub thinking_default: ThinkingLevel,
    /// The time zone that models are told, an IANA name.
    pub time_zone: Option<String>,
    /// What happens to messages that arrive while a session is busy.
    pub queue: QueueSettings,
    /// How a failing model is asked again.
    pub retry: RetrySettings,
    /// Characters of one workspace file that go into the prompt.
    pub bootstrap_max_chars: usize,
    /// Characters of all workspace files together.
    pub bootstrap_total_max_chars: usize,
    /// Shortest interval between two text events of a run.
    pub delta_interval: Duration,
    /// Which tools all agents have.
    pub tools: ToolPolicy,
    /// The same by provider, or by `provider/model`.
    pub tools_by_provider: BTreeMap<String, ToolPolicy>,
    /// The same by chat and who writes in it; the first that says something about it counts.
    pub chats: Vec<ChatTools>,
    /// Tools that only owners have, beside those that nobody else ever has.
    pub owner_only: Vec<String>,
    /// Who is an owner in chats, as `channel:ID` or the id alone.
    pub owners: Vec<String>,
    /// Who is one where that list is empty.
    pub channel_owners: Vec<ChannelOwners>,
    /// A folder whose files no tool reads, under whatever other name.
    pub private_dir: Option<PathBuf>,
    /// Which conversations the tools of a conversation see.
    pub sessions: SessionRules,
    /// When conversations start anew by themselves.
    pub resets: ResetRules,
    /// Messages that start them anew, alone or before a message.
    pub reset_triggers: Vec<String>,
    /// Where skills are, and what they may find.
    pub skills: SkillSettings,
    /// What may run on the Gateway's machine; the stricter of this and the list of approvals holds.
    pub exec_security: Option<Security>,
    /// When somebody is asked; the stricter holds.
    pub exec_ask: Option<Ask>,
    /// The Gateway's version, for `/status` and the prompt.
    pub version: String,
}

impl Default for AgentSettings {
    fn default() -> Self {
        Self {
            agents: vec![AgentProfile::default()],
            max_concurrent: 4,
            run_timeout: Some(Duration::from_secs(600)),
            tool_timeout: Duration::from_secs(120),
            max_tool_rounds: 32,
            thinking_default: ThinkingLevel::Off,
            time_zone: None,
            queue: QueueSettings::default(),
            retry: RetrySettings::default(),
            bootstrap_max_chars: 20_000,
            bootstrap_total_max_chars: 150_000,
            delta_interval: Duration::from_millis(openclaw_protocol::limits::DELTA_INTERVAL_MS),
            tools: ToolPolicy::default(),
            tools_by_provider: BTreeMap::new(),
            chats: Vec::new(),
            owner_only: Vec::new(),
            owners: Vec::new(),
            channel_owners: Vec::new(),
            private_dir: None,
            sessions: SessionRules::default(),
            resets: ResetRules::default(),
            reset_triggers: vec!["/new".to_owned(), "/reset".to_owned()],
            skills: SkillSettings::default(),
            exec_security: None,
            exec_ask: None,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

impl AgentSettings {
    /// The agent that answers when nobody names another.
    #[must_use]
    pub fn default_agent(&self) -> AgentId {
        self.agents
            .first()
            .map_or_else(|| AgentId::new(DEFAULT_AGENT), |profile| profile.id.clone())
    }

    /// An agent by its id.
    #[must_use]
    pub fn profile(&self, id: &AgentId) -> Option<&AgentProfile> {
        self.agents.iter().find(|profile| profile.id == *id)
    }

    /// How much an agent thinks unless the session or the run says otherwise.
    #[must_use]
    pub fn thinking_for(&self, id: &AgentId) -> ThinkingLevel {
        let own = self.profile(id).and_then(|profile| profile.thinking_default);
        own.unwrap_or(self.thinking_default)
    }
}

/// The people whom the settings of an account let in by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelOwners {
    /// The channel.
    pub channel: String,
    /// The account.
    pub account: String,
    /// Their ids.
    pub ids: Vec<String>,
}

/// Which conversations the tools of a conversation see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionRules {
    /// How far they see.
    pub visibility: SessionVisibility,
    /// Whether agents may deal with one another at all; with [`SessionVisibility::All`] only.
    pub agent_to_agent: bool,
    /// If not empty, only these agents; `*` stands for any characters.
    pub agents: Vec<String>,
}

/// How far the tools of a conversation see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionVisibility {
    /// This conversation.
    Own,
    /// And those that it started.
    #[default]
    Tree,
    /// All of this agent.
    Agent,
    /// Those of other agents too, where these may deal with one another.
    All,
}

impl SessionVisibility {
    /// As it is written in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "self",
            Self::Tree => "tree",
            Self::Agent => "agent",
            Self::All => "all",
        }
    }
}

/// One agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentProfile {
    /// Its id.
    pub id: AgentId,
    /// Its name for people.
    pub name: Option<String>,
    /// A picture character.
    pub emoji: Option<String>,
    /// A picture's address or path.
    pub avatar: Option<String>,
    /// A few words on its manner.
    pub theme: Option<String>,
    /// Its model, when it has one of its own.
    pub model: Option<String>,
    /// How much it thinks, when that is its own.
    pub thinking_default: Option<ThinkingLevel>,
    /// The folder with its files, if it has one.
    pub workspace: Option<PathBuf>,
    /// Which of the tools it has.
    pub tools: ToolPolicy,
    /// The same by provider, or by `provider/model`.
    pub tools_by_provider: BTreeMap<String, ToolPolicy>,
}

impl Default for AgentProfile {
    fn default() -> Self {
        Self {
            id: AgentId::new(DEFAULT_AGENT),
            name: None,
            emoji: None,
            avatar: None,
            theme: None,
            model: None,
            thinking_default: None,
            workspace: None,
            tools: ToolPolicy::default(),
            tools_by_provider: BTreeMap::new(),
        }
    }
}

/// What happens to messages that arrive while a session is busy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// Unless the message or the session says otherwise.
    pub mode: QueueMode,
    /// The same by channel.
    pub mode_by_channel: BTreeMap<String, QueueMode>,
    /// Quiet time before collected messages are answered together.
    pub debounce: Duration,
    /// The same by channel.
    pub debounce_by_channel: BTreeMap<String, Duration>,
    /// Messages that may wait in one session.
    pub cap: usize,
    /// What gives way when that many wait.
    pub overflow: Overflow,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            mode: QueueMode::Collect,
            mode_by_channel: BTreeMap::new(),
            debounce: Duration::from_secs(1),
            debounce_by_channel: BTreeMap::new(),
            cap: 20,
            overflow: Overflow::Summarize,
        }
    }
}

/// What clients that are no channel count as in settings by channel.
const WEBCHAT: &str = "webchat";

impl QueueSettings {
    /// The mode for messages that are answered there.
    #[must_use]
    pub fn mode_for(&self, route: Option<&Route>) -> QueueMode {
        let channel = route.map_or(WEBCHAT, |route| route.channel.as_str());
        self.mode_by_channel.get(channel).copied().unwrap_or(self.mode)
    }

    /// The quiet time for messages that are answered there.
    #[must_use]
    pub fn debounce_for(&self, route: Option<&Route>) -> Duration {
        let channel = route.map_or(WEBCHAT, |route| route.channel.as_str());
        self.debounce_by_channel.get(channel).copied().unwrap_or(self.debounce)
    }
}

/// How a failing model is asked again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetrySettings {
    /// Times one model is asked in one step, the first included.
    pub max_attempts: u32,
    /// First pause; it doubles, with some chance taken off.
    pub min_delay: Duration,
    /// Longest pause of our own choosing.
    pub max_delay: Duration,
    /// Longest pause that a provider may impose; when it wants more, the next model is asked, or the
    /// run fails saying when to try again.
    pub max_retry_after: Duration,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            min_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(20),
            max_retry_after: Duration::from_secs(60),
        }
    }
}
