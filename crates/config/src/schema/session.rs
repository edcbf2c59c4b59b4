//! `session.*` and `messages.*`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::choices::{AckReactionScope, DmScope, QueueDrop, QueueMode, ResetMode, SessionScope};

/// Which messages belong to one conversation, and when it starts anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Session {
    /// `per-sender` keeps senders apart; `global` is one conversation for everybody.
    pub scope: SessionScope,
    /// Which direct messages share a conversation.
    pub dm_scope: DmScope,
    /// The last part of an agent's main session key.
    #[schemars(length(min = 1, max = 64))]
    pub main_key: String,
    /// Several names of one person: a name, and the peers that are this person.
    pub identity_links: BTreeMap<String, Vec<String>>,
    /// Messages that start a new conversation, alone or before a message. In groups they begin with `/`.
    pub reset_triggers: Vec<String>,
    /// When conversations start anew by themselves.
    pub reset: Option<ResetPolicy>,
    /// The same, by kind of conversation; wins over `reset`.
    pub reset_by_type: ResetByType,
    /// The same, by channel; wins over both.
    pub reset_by_channel: BTreeMap<String, ResetPolicy>,
    /// The older spelling of `reset: {mode: "idle"}`.
    #[schemars(range(min = 1))]
    pub idle_minutes: Option<u32>,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            scope: SessionScope::PerSender,
            dm_scope: DmScope::Main,
            main_key: "main".to_owned(),
            identity_links: BTreeMap::new(),
            reset_triggers: vec!["/new".to_owned(), "/reset".to_owned()],
            reset: None,
            reset_by_type: ResetByType::default(),
            reset_by_channel: BTreeMap::new(),
            idle_minutes: None,
        }
    }
}

/// When a conversation starts anew by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ResetPolicy {
    /// Never, every day, or after a pause. Left out: whatever the other keys say.
    pub mode: Option<ResetMode>,
    /// The hour of the daily reset, in local time.
    #[schemars(range(max = 23))]
    pub at_hour: Option<u8>,
    /// The length of the pause, in minutes.
    #[schemars(range(min = 1))]
    pub idle_minutes: Option<u32>,
}

/// Reset policies by kind of conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ResetByType {
    /// Direct messages.
    pub direct: Option<ResetPolicy>,
    /// The older name of `direct`.
    pub dm: Option<ResetPolicy>,
    /// Groups.
    pub group: Option<ResetPolicy>,
    /// Threads and topics.
    pub thread: Option<ResetPolicy>,
}

/// What happens to messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Messages {
    /// What happens to a message that arrives while the agent is busy.
    pub queue: Queue,
    /// Messages of groups.
    pub group_chat: GroupChat,
    /// The reaction that says that a message was seen. Left out: 👀; empty: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ack_reaction: Option<String>,
    /// Which messages get it. Left out: those of groups that mention the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ack_reaction_scope: Option<AckReactionScope>,
    /// Whether it goes when the answer is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remove_ack_after_reply: Option<bool>,
}

/// Messages of groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GroupChat {
    /// How many messages that do not name the account are remembered, for each group and topic, and
    /// shown to the agent with the next that does. Left out: 50.
    #[schemars(range(max = 500))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history_limit: Option<u32>,
    /// Regular expressions, whatever the case: a message that matches one is meant as if it named the
    /// account. Left out: the name and the emoji of the agent's identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mention_patterns: Option<Vec<String>>,
}

/// What happens to a message that arrives while the agent is busy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Queue {
    /// How waiting messages reach the agent.
    pub mode: QueueMode,
    /// The same, by channel.
    pub by_channel: BTreeMap<String, QueueMode>,
    /// How long it has to be quiet before collected messages are answered, in milliseconds.
    #[schemars(range(max = 600_000))]
    pub debounce_ms: u64,
    /// The same, by channel.
    pub debounce_ms_by_channel: BTreeMap<String, u64>,
    /// How many messages may wait.
    #[schemars(range(min = 1))]
    pub cap: u32,
    /// Which messages give way when more arrive.
    pub drop: QueueDrop,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            mode: QueueMode::Collect,
            by_channel: BTreeMap::new(),
            debounce_ms: 1000,
            debounce_ms_by_channel: BTreeMap::new(),
            cap: 20,
            drop: QueueDrop::Summarize,
        }
    }
}
