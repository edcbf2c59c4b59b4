//! `channels.*` and `bindings`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::choices::{DirectPolicy, GroupAccess, PeerKind, ReactionLevel, ReplyTo, StreamMode};
use super::tools::ChatTools;
use crate::secret::SecretInput;

/// Where people write to agents.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Channels {
    /// Telegram, over the Bot API.
    pub telegram: Option<Telegram>,
    /// Signed posts in and out, for programs of your own.
    pub webhook: Option<Webhook>,
}

/// Telegram: what holds for all bots, and the bots.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Telegram {
    /// What holds for every bot that does not say otherwise; without `accounts`, the bot itself.
    #[serde(flatten)]
    pub shared: TelegramAccount,
    /// Several bots by name. What one says wins, key by key.
    pub accounts: BTreeMap<String, TelegramAccount>,
}

/// One bot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TelegramAccount {
    /// Whether it runs. Left out: yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// A name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The token that @BotFather gave, or a reference to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot_token: Option<SecretInput>,
    /// A file that holds nothing but the token; wins over `botToken`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<String>,
    /// What a person who writes for the first time gets: a code to be approved (`pairing`, the
    /// default), nothing (`allowlist`, `disabled`), or an answer (`open`, with `*` in `allowFrom`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dm_policy: Option<DirectPolicy>,
    /// People who are answered, by their numeric ids; `*` is everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_from: Option<Vec<PeerId>>,
    /// Who is answered in groups. Left out: `allowlist`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_policy: Option<GroupAccess>,
    /// People who are answered in groups. Left out: those of `allowFrom`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_allow_from: Option<Vec<PeerId>>,
    /// Groups by their ids, `*` for all; if there are any, no other group is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<BTreeMap<String, TelegramGroup>>,
    /// How many messages of a group, or of a topic of it, that do not name the bot are remembered and
    /// shown to the agent with the next that does. Left out: what `messages.groupChat` says.
    #[schemars(range(max = 500))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history_limit: Option<u32>,
    /// The reaction that says that a message was seen; empty: none. Left out: what `messages` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ack_reaction: Option<String>,
    /// `off`: the bot reacts to nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reaction_level: Option<ReactionLevel>,
    /// Which messages of an answer reply to the one that is answered. Left out: `off`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to_mode: Option<ReplyTo>,
    /// Longest message, in Telegram's count; longer answers make several. Left out: 4000.
    #[schemars(range(min = 64, max = 4096))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_chunk_limit: Option<u32>,
    /// Largest file that is taken from a chat, in megabytes. Left out: 5.
    #[schemars(range(min = 1, max = 8))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_max_mb: Option<u32>,
    /// Whether links show a preview. Left out: yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_preview: Option<bool>,
    /// Whether an answer is shown while it grows (`partial`, the default, and `block`) or when it is
    /// whole (`off`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_mode: Option<StreamMode>,
    /// The longest wait for an answer of the Bot API, in seconds. Left out: 20.
    #[schemars(range(min = 1, max = 600))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u32>,
    /// A proxy on the way to the Bot API: `http://`, `https://` or `socks5://`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// The Bot API server. Left out: `https://api.telegram.org`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_root: Option<String>,
    /// Where Telegram posts updates to, `https://…`; needs `webhookSecret`. Left out: the bot asks for
    /// them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
    /// What Telegram shows with every post: 1 to 256 letters, digits, `_` and `-`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_secret: Option<SecretInput>,
    /// A path of the Gateway that updates may be posted to, beside `/channels/telegram/ACCOUNT`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_path: Option<String>,
    /// The original's own server for the webhook; here updates arrive on the Gateway's port.
    #[schemars(extend("x-unserved" = true))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_host: Option<String>,
    /// The port of that server.
    #[schemars(extend("x-unserved" = true))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_port: Option<u16>,
    /// Whether commands that wait for a person's word are asked about in chats, and whose word counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exec_approvals: Option<ChatApprovals>,
}

/// Signed posts in and out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Webhook {
    /// Accounts by name; messages are posted to `/channels/webhook/NAME` of the Gateway.
    pub accounts: BTreeMap<String, WebhookAccount>,
}

/// One place that posts, and is posted to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WebhookAccount {
    /// Whether it runs. Left out: yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Signs both ways.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretInput>,
    /// Where answers are posted to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What a sender who posts for the first time gets: a code to be approved (`pairing`, the
    /// default), nothing (`allowlist`, `disabled`), or an answer (`open`, with `*` in `allowFrom`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dm_policy: Option<DirectPolicy>,
    /// Senders who are answered, as they name themselves; `*` is everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_from: Option<Vec<PeerId>>,
    /// Whether commands that wait for a person's word are asked about in chats, and whose word counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exec_approvals: Option<ChatApprovals>,
}

/// Questions about commands, in chats.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ChatApprovals {
    /// Whether they are asked in the chat that gave rise to them. Left out: yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Exactly these people decide, by their ids, wherever it was asked. Left out: in the chat that
    /// gave rise to it, who is named in `allowFrom` or was paired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approvers: Option<Vec<PeerId>>,
}

/// One group, or one topic of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TelegramGroup {
    /// Whether it is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Whether the bot has to be named or replied to. Left out: yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_mention: Option<bool>,
    /// Who is answered in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_policy: Option<GroupAccess>,
    /// People who are answered in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_from: Option<Vec<PeerId>>,
    /// Added to the agent's standing instructions in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_prompt: Option<String>,
    /// Which of the agent's tools are there in it, whoever writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<ChatTools>,
    /// The same by who writes: `id:ID` or just the id, or `*`; goes before `tools`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools_by_sender: Option<BTreeMap<String, ChatTools>>,
    /// How topics of it differ, by their ids; `*` for all.
    pub topics: BTreeMap<String, TelegramTopic>,
}

/// One topic of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TelegramTopic {
    /// Whether it is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Whether the bot has to be named or replied to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_mention: Option<bool>,
    /// Who is answered in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_policy: Option<GroupAccess>,
    /// People who are answered in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_from: Option<Vec<PeerId>>,
    /// Added to the agent's standing instructions in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_prompt: Option<String>,
    /// Which of the agent's tools are there in it, whoever writes; in place of what the group says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<ChatTools>,
    /// The same by who writes: `id:ID` or just the id, or `*`; goes before `tools`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools_by_sender: Option<BTreeMap<String, ChatTools>>,
}

/// A person or a chat: a number, or the same as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum PeerId {
    /// As text.
    Text(String),
    /// As a number.
    Number(i64),
}

impl std::fmt::Display for PeerId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
        }
    }
}

/// Which agent answers certain messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Binding {
    /// The agent; one that is not configured is the default one.
    pub agent_id: String,
    /// The messages.
    #[serde(rename = "match")]
    pub matching: BindingMatch,
}

/// Messages that a binding is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BindingMatch {
    /// The channel, such as `telegram`.
    pub channel: String,
    /// The account; `*` is any. Left out: `default`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// One chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<BindingPeer>,
}

/// One chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BindingPeer {
    /// What kind of chat.
    pub kind: PeerKind,
    /// Its id.
    pub id: PeerId,
}
