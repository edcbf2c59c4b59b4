//! `tools.*`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::choices::{ExecAsk, ExecSecurity, ToolProfile};

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
    /// Commands on the Gateway's machine.
    pub exec: ToolsExec,
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
}
