//! A session as a value, and how it is changed.

use openclaw_protocol::ids::{AgentId, SessionId, SessionKey};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A session.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionEntry {
    /// Its canonical key.
    pub key: SessionKey,
    /// The agent that answers in it.
    pub agent_id: AgentId,
    /// The transcript it is at.
    pub session_id: SessionId,
    /// A name no other session has.
    pub label: Option<String>,
    /// A name for display.
    pub display_name: Option<String>,
    /// The session whose agent started this one.
    pub spawned_by: Option<SessionKey>,
    /// When it was made.
    pub created_at_ms: u64,
    /// When something last happened in it.
    pub updated_at_ms: u64,
    /// When a person last wrote in it.
    pub last_interaction_at_ms: Option<u64>,
    /// What was chosen for it.
    pub settings: SessionSettings,
    /// Fields that are kept and shown, and that nothing here acts on.
    pub extra: Map<String, Value>,
    /// Provider of the last run.
    pub model_provider: Option<String>,
    /// Model of the last run.
    pub model: Option<String>,
    /// Tokens of the last run.
    pub tokens: TokenCounters,
    /// Yes-or-no facts.
    pub flags: SessionFlags,
}

/// Tokens as the last run reported them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenCounters {
    /// Sent to the model.
    pub input: u64,
    /// Written by the model.
    pub output: u64,
    /// In the context at the last call.
    pub total: u64,
    /// Whether `total` is of the last call rather than carried over.
    pub total_fresh: bool,
    /// Read from the provider's cache.
    pub cache_read: u64,
    /// Written to the provider's cache.
    pub cache_write: u64,
    /// Size of the model's context window.
    pub context: Option<u64>,
}

/// Yes-or-no facts about a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each a column")]
pub struct SessionFlags {
    /// Whether the model got the system prompt of this transcript.
    pub system_sent: bool,
    /// Whether the last run was aborted.
    pub aborted_last_run: bool,
    /// Put aside by a person.
    pub archived: bool,
    /// Kept on top by a person.
    pub pinned: bool,
    /// Marked as not read.
    pub unread: bool,
}

/// What a patch does to one field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// Nothing.
    #[default]
    Keep,
    /// Empties it.
    Clear,
    /// Gives it a value.
    Set(T),
}

impl<T> Change<T> {
    /// Does it.
    pub fn apply(self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(value),
        }
    }
}

impl<T> From<Option<Option<T>>> for Change<T> {
    /// From a wire field: absent, `null`, or a value.
    fn from(field: Option<Option<T>>) -> Self {
        match field {
            None => Self::Keep,
            Some(None) => Self::Clear,
            Some(Some(value)) => Self::Set(value),
        }
    }
}

macro_rules! settings {
    ($( #[doc = $doc:literal] $field:ident, )+) => {
        /// What was chosen for a session. Values are checked by whoever writes them.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct SessionSettings {
            $(
                #[doc = $doc]
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $field: Option<String>,
            )+
        }

        /// Changes to [`SessionSettings`].
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct SettingsPatch {
            $( #[doc = $doc] pub $field: Change<String>, )+
        }

        impl SettingsPatch {
            /// Does them.
            pub fn apply(self, settings: &mut SessionSettings) {
                $( self.$field.apply(&mut settings.$field); )+
            }
        }
    };
}

settings! {
    /// `off`, `minimal`, `low`, `medium`, `high`, `xhigh`.
    thinking_level,
    /// `off`, `on`, `full`.
    verbose_level,
    /// `off`, `on`, `stream`.
    reasoning_level,
    /// `off`, `on`, `ask`, `full`.
    elevated_level,
    /// `off`, `tokens`, `full`.
    response_usage,
    /// `allow`, `deny`.
    send_policy,
    /// The provider of the chosen model.
    provider_override,
    /// The chosen model.
    model_override,
    /// `steer`, `followup`, `collect`, `interrupt`.
    queue_mode,
    /// `mention`, `always`.
    group_activation,
    /// `sandbox`, `gateway`, `node`.
    exec_host,
    /// `deny`, `allowlist`, `full`.
    exec_security,
    /// `off`, `on-miss`, `always`.
    exec_ask,
    /// The node commands run on.
    exec_node,
}

/// What is to change in a session; what is not named stays.
#[derive(Clone, Debug, Default)]
pub struct SessionPatch {
    /// The transcript the caller saw.
    pub expected_session_id: Option<SessionId>,
    /// A name no other session has.
    pub label: Change<String>,
    /// A name for display.
    pub display_name: Change<String>,
    /// The session whose agent started this one; stays as it is once it is set.
    pub spawned_by: Option<SessionKey>,
    /// Choices.
    pub settings: SettingsPatch,
    /// Fields nothing here acts on; `null` takes one away.
    pub extra: Map<String, Value>,
    /// Put aside.
    pub archived: Option<bool>,
    /// Kept on top.
    pub pinned: Option<bool>,
    /// Marked as not read.
    pub unread: Option<bool>,
}

impl SessionPatch {
    pub(super) fn apply(self, entry: &mut SessionEntry) {
        self.label.apply(&mut entry.label);
        self.display_name.apply(&mut entry.display_name);
        entry.spawned_by = entry.spawned_by.take().or(self.spawned_by);
        self.settings.apply(&mut entry.settings);
        for (name, value) in self.extra {
            if value.is_null() {
                entry.extra.remove(&name);
            } else {
                entry.extra.insert(name, value);
            }
        }
        set(&mut entry.flags.archived, self.archived);
        set(&mut entry.flags.pinned, self.pinned);
        set(&mut entry.flags.unread, self.unread);
    }
}

/// What a run leaves on its session; what is not named stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionRecord {
    /// Provider that answered.
    pub model_provider: Option<String>,
    /// Model that answered.
    pub model: Option<String>,
    /// Tokens, in place of those of the run before.
    pub tokens: Option<TokenCounters>,
    /// Whether the run was aborted.
    pub aborted_last_run: Option<bool>,
    /// Whether the model got the system prompt.
    pub system_sent: Option<bool>,
    /// Whether there is something a person has not read.
    pub unread: Option<bool>,
}

impl SessionRecord {
    pub(super) fn apply(self, entry: &mut SessionEntry) {
        entry.model_provider = self.model_provider.or(entry.model_provider.take());
        entry.model = self.model.or(entry.model.take());
        set(&mut entry.tokens, self.tokens);
        set(&mut entry.flags.aborted_last_run, self.aborted_last_run);
        set(&mut entry.flags.system_sent, self.system_sent);
        set(&mut entry.flags.unread, self.unread);
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}
