//! `tools.*`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::channels::PeerId;
use super::choices::{ExecAsk, ExecSecurity, SessionVisibility, ToolProfile};

/// Which tools agents have, and how far they go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Tools {
    /// The tools to begin with. Left out: all.
    pub profile: Option<ToolProfile>,
    /// Tools beside those of the profile; names, groups such as `group:fs`, and `*` for any characters.
    pub also_allow: Vec<String>,
    /// If not empty, only these tools.
    pub allow: Vec<String>,
    /// Never these tools, whatever else is said.
    pub deny: Vec<String>,
    /// Tools that only owners see and call; names, groups and `*`. Owners are administrators and those of
    /// `commands.ownerAllowFrom`.
    pub owner_only: Vec<String>,
    /// What else holds where a provider's models may be asked; by provider, or by `provider/model`.
    pub by_provider: BTreeMap<String, ProviderTools>,
    /// Commands on the Gateway's machine.
    pub exec: ToolsExec,
    /// Which conversations the tools of a conversation see.
    pub sessions: ToolsSessions,
    /// Whether agents may deal with one another.
    pub agent_to_agent: AgentToAgent,
}

/// How strict to be with commands; the stricter of this and `exec-approvals.json` holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ToolsExec {
    /// What may run: nothing, what is on the list, or everything.
    pub security: Option<ExecSecurity>,
    /// When somebody is asked.
    pub ask: Option<ExecAsk>,
}

/// Which conversations the tools of a conversation see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ToolsSessions {
    /// `self`: this one; `tree`: and those it started; `agent`: all of the agent; `all`: those of other
    /// agents too, where `tools.agentToAgent` lets them. Left out: `tree`.
    pub visibility: SessionVisibility,
}

/// Whether agents may see and write into one another's conversations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentToAgent {
    /// Whether they may at all; `tools.sessions.visibility` must be `all` as well.
    pub enabled: bool,
    /// If not empty, only these agents, on both sides; `*` stands for any characters.
    pub allow: Vec<String>,
}

/// Which tools one agent has, of those that all have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentTools {
    /// The tools to begin with. Left out: all.
    pub profile: Option<ToolProfile>,
    /// Tools beside those of the profile.
    pub also_allow: Vec<String>,
    /// If not empty, only these tools.
    pub allow: Vec<String>,
    /// Never these tools.
    pub deny: Vec<String>,
    /// What else holds where a provider's models may be asked; by provider, or by `provider/model`.
    pub by_provider: BTreeMap<String, ProviderTools>,
}

/// Which tools are left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ProviderTools {
    /// The tools to begin with. Left out: all.
    pub profile: Option<ToolProfile>,
    /// Tools beside those of the profile.
    pub also_allow: Vec<String>,
    /// If not empty, only these tools.
    pub allow: Vec<String>,
    /// Never these tools.
    pub deny: Vec<String>,
}

/// Which tools are left in a chat.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ChatTools {
    /// If not empty, only these tools.
    pub allow: Vec<String>,
    /// Beside `allow`.
    pub also_allow: Vec<String>,
    /// Never these tools.
    pub deny: Vec<String>,
}

/// Folders that tell models how to do something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Skills {
    /// Where they are looked for.
    pub load: SkillLoad,
    /// Single skills, by their key.
    pub entries: BTreeMap<String, SkillEntry>,
}

/// Where skills are looked for beside the workspace and the state folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SkillLoad {
    /// More folders of skills; models may read in them. `~` is the home folder.
    #[schemars(length(max = 16))]
    pub extra_dirs: Vec<String>,
}

/// One skill.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SkillEntry {
    /// Whether it is used. Left out: if it finds what it needs.
    pub enabled: Option<bool>,
}

/// Who may do more than others in chats.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Commands {
    /// The owners, as `telegram:123` or the id alone; they have the tools that are for owners. Left out:
    /// those whom the `allowFrom` of an account names. Whoever was only paired is none, and `*` names nobody.
    pub owner_allow_from: Vec<PeerId>,
}
