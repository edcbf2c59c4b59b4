//! The agent's tools: which there are, which an agent has, and calling one by hand.

use serde_json::Value;

use crate::{
    ids::AgentId,
    list::OpenObject,
    macros::{names, params, record},
    row::{Idempotency, Since, methods},
    text::NonEmpty,
};

names! {
    /// A set of tools to begin with.
    ToolProfileId = Full {
        /// Only what tells about the session.
        Minimal = "minimal",
        /// Files, commands and sessions.
        Coding = "coding",
        /// Messages and sessions.
        Messaging = "messaging",
        /// All.
        Full = "full",
    }

    /// Where a tool comes from.
    ToolSource = Core {
        /// It comes with the Gateway.
        Core = "core",
        /// A server of tools has it.
        Mcp = "mcp",
    }

    /// Where a tool of the catalogue comes from.
    CatalogSource = Core {
        /// It comes with the Gateway.
        Core = "core",
        /// It was added; servers of tools count as this.
        Plugin = "plugin",
    }
}

params! {
    /// Params of `tools.catalog`.
    #[derive(Default)]
    ToolsCatalogParams {
        /// The agent; the default one when left out.
        agent_id?: NonEmpty,
        /// Whether tools of plugins are listed.
        include_plugins?: bool,
    }

    /// Params of `tools.effective`.
    ToolsEffectiveParams {
        /// The agent; that of the session when left out.
        agent_id?: NonEmpty,
        /// The session.
        session_key: NonEmpty,
    }

    /// Params of `tools.invoke`.
    ToolsInvokeParams {
        /// The tool.
        name: NonEmpty,
        /// What it is given.
        args?: OpenObject,
        /// The session on whose behalf; the main one when left out.
        session_key?: NonEmpty,
        /// The agent; that of the session when left out.
        agent_id?: NonEmpty,
        /// Whether the caller knows what it asks for; nothing depends on it.
        confirm?: bool,
        /// A repeat with the same key gets the first result.
        idempotency_key?: NonEmpty,
    }
}

record! {
    /// Result of `tools.catalog`.
    ToolsCatalogResult {
        /// The agent.
        agent_id: AgentId,
        /// Sets of tools to begin with.
        profiles: Vec<ToolCatalogProfile>,
        /// The tools.
        groups: Vec<ToolCatalogGroup>,
    }

    /// A set of tools to begin with.
    ToolCatalogProfile {
        /// Its name in the configuration.
        id: ToolProfileId,
        /// Its name for people.
        label: String,
    }

    /// Tools of one kind.
    ToolCatalogGroup {
        /// Its name.
        id: String,
        /// Its name for people.
        label: String,
        /// Where they come from.
        source: CatalogSource,
        /// Which addition they belong to.
        plugin_id?: String,
        /// The tools.
        tools: Vec<ToolCatalogEntry>,
    }

    /// A tool.
    ToolCatalogEntry {
        /// Its name.
        id: String,
        /// Its name for people.
        label: String,
        /// What it does.
        description: String,
        /// Where it comes from.
        source: CatalogSource,
        /// Which addition it belongs to.
        plugin_id?: String,
        /// The sets it belongs to.
        default_profiles: Vec<ToolProfileId>,
    }

    /// Result of `tools.effective`.
    ToolsEffectiveResult {
        /// The agent.
        agent_id: AgentId,
        /// The set it begins with.
        profile: String,
        /// The tools it has.
        groups: Vec<ToolsEffectiveGroup>,
    }

    /// Tools from one source.
    ToolsEffectiveGroup {
        /// The source.
        id: ToolSource,
        /// Its name for people.
        label: String,
        /// The source.
        source: ToolSource,
        /// The tools.
        tools: Vec<ToolsEffectiveEntry>,
    }

    /// A tool that an agent has.
    ToolsEffectiveEntry {
        /// Its name.
        id: String,
        /// Its name for people.
        label: String,
        /// What it does, in a sentence.
        description: String,
        /// What it does, as models are told.
        raw_description: String,
        /// Where it comes from.
        source: ToolSource,
        /// The server that has it.
        mcp_server?: String,
        /// What the server calls it.
        mcp_tool_name?: String,
    }

    /// Result of `tools.invoke`.
    ToolsInvokeResult {
        /// Whether it did what it was asked.
        ok: bool,
        /// The tool.
        tool_name: String,
        /// What it gave.
        output?: Value,
        /// Where it comes from.
        source?: ToolSource,
        /// What went wrong.
        error?: ToolsInvokeError,
    }

    /// What went wrong.
    ToolsInvokeError {
        /// A stable code.
        code: String,
        /// In words.
        message: String,
    }
}

methods! {
    /// The tools there are, and the sets they belong to.
    ToolsCatalog = "tools.catalog", Read, ToolsCatalogParams => ToolsCatalogResult
        { since: Since::V4 };
    /// The tools that the agent of a session has.
    ToolsEffective = "tools.effective", Read, ToolsEffectiveParams => ToolsEffectiveResult
        { since: Since::V4 };
    /// Calls a tool by hand, under the same rules as the agent: what would ask, asks.
    ToolsInvoke = "tools.invoke", Write, ToolsInvokeParams => ToolsInvokeResult
        { since: Since::V4, idempotency: Idempotency::Optional, unbounded: true }
        [
            fn idempotency_key(params: &ToolsInvokeParams) -> Option<&str> {
                params.idempotency_key.as_ref().map(NonEmpty::as_str)
            }
        ];
}
