//! `agents.*`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::choices::ThinkingLevel;
use super::tools::AgentTools;

/// Agents and what they share. `list` is the older spelling, `entries` the newer; both are read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Agents {
    /// What holds for every agent that does not say otherwise.
    pub defaults: AgentDefaults,
    /// Agents in order, each with its `id`.
    pub list: Vec<Agent>,
    /// Agents by id.
    pub entries: BTreeMap<String, Agent>,
}

/// What holds for every agent that does not say otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentDefaults {
    /// The model, `provider/model`, alone or with the ones to fall back to.
    pub model: Option<ModelChoice>,
    /// Settings per model, by `provider/model`; when not empty, only these can be chosen in a chat.
    pub models: BTreeMap<String, ModelEntry>,
    /// The folder that agents work in. Left out: `workspace` in the state folder.
    pub workspace: Option<String>,
    /// The longest run of an agent, in seconds.
    pub timeout_seconds: u64,
    /// How much models think. Left out: `low` for models that can, else `off`.
    pub thinking_default: Option<ThinkingLevel>,
    /// The time zone that agents are told, an IANA name. Left out: that of this machine.
    pub user_timezone: Option<String>,
    /// Characters of one workspace file that models are given; more are left out in the middle.
    #[schemars(range(min = 1))]
    pub bootstrap_max_chars: u64,
    /// Characters of all workspace files together.
    #[schemars(range(min = 1))]
    pub bootstrap_total_max_chars: u64,
    /// How many runs of different sessions may go on at once.
    #[schemars(range(min = 1))]
    pub max_concurrent: u32,
}

impl Default for AgentDefaults {
    fn default() -> Self {
        Self {
            model: None,
            models: BTreeMap::new(),
            workspace: None,
            timeout_seconds: 600,
            thinking_default: None,
            user_timezone: None,
            bootstrap_max_chars: 20_000,
            bootstrap_total_max_chars: 150_000,
            max_concurrent: 4,
        }
    }
}

/// One agent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Agent {
    /// Its id: lower-case letters, digits, `-` and `_`. In `entries` the key is the id.
    pub id: Option<String>,
    /// Whether it answers when no agent is named.
    #[serde(rename = "default")]
    pub is_default: bool,
    /// Its name in lists.
    pub name: Option<String>,
    /// The folder it works in.
    pub workspace: Option<String>,
    /// Its model; a bare name replaces only the first choice of `agents.defaults.model`.
    pub model: Option<ModelChoice>,
    /// How much its model thinks.
    pub thinking_default: Option<ThinkingLevel>,
    /// How it presents itself.
    pub identity: AgentIdentity,
    /// Its groups.
    pub group_chat: AgentGroupChat,
    /// Which tools it has.
    pub tools: AgentTools,
}

/// How an agent takes part in groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentGroupChat {
    /// Regular expressions, whatever the case: a message that matches one means this agent as if it
    /// named its account. Left out: those of `messages.groupChat`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mention_patterns: Option<Vec<String>>,
}

/// How an agent presents itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentIdentity {
    /// The name it uses for itself.
    pub name: Option<String>,
    /// A few words on its character.
    pub theme: Option<String>,
    /// One emoji.
    pub emoji: Option<String>,
    /// A picture: a path in the workspace, a URL, or a data URI.
    pub avatar: Option<String>,
}

/// A model, or a model with the ones to fall back to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ModelChoice {
    /// Just the model, `provider/model`.
    Name(String),
    /// A first choice and what to try after it.
    Ranked {
        /// The first choice, `provider/model`.
        #[serde(default)]
        primary: Option<String>,
        /// What to try next, in order.
        #[serde(default)]
        fallbacks: Vec<String>,
    },
}

impl ModelChoice {
    /// The first choice.
    #[must_use]
    pub fn primary(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Ranked { primary, .. } => primary.as_deref(),
        }
    }

    /// What to try after it, or `None` when the choice does not say (a bare name keeps the
    /// defaults' list).
    #[must_use]
    pub fn fallbacks(&self) -> Option<&[String]> {
        match self {
            Self::Name(_) => None,
            Self::Ranked { fallbacks, .. } => Some(fallbacks),
        }
    }
}

/// Settings of one model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ModelEntry {
    /// A short name for it in chats.
    pub alias: Option<String>,
    /// Parameters passed on to the provider.
    pub params: Map<String, Value>,
    /// Whether its answers are streamed.
    #[schemars(extend("x-unserved" = true))]
    pub streaming: Option<bool>,
}
