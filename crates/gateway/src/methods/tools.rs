//! The agent's tools: which there are, which an agent has, and calling one by hand.

use openclaw_agent::{Standing, Tool, ToolOrigin, ToolProfile};
use openclaw_protocol::{
    RpcError,
    ids::{AgentId, SessionKey},
    methods::tools::*,
    text::NonEmpty,
};

use crate::{
    router::{Cx, Failure, Handle, Methods},
    shape::{models::Catalog, route::of_session},
    tool_call::{ToolCall, invoke, source_of},
};

/// Kinds of tools, with the group that the configuration calls them by.
const KINDS: &[(&str, &str)] = &[
    ("fs", "Files"),
    ("runtime", "Commands"),
    ("sessions", "Sessions"),
    ("web", "Web"),
    ("nodes", "Nodes"),
    ("messaging", "Messages"),
];

/// What tools of servers are an addition of.
const PLUGIN: &str = "bundle-mcp";

const PROFILES: &[(ToolProfileId, ToolProfile, &str)] = &[
    (ToolProfileId::Minimal, ToolProfile::Minimal, "Minimal"),
    (ToolProfileId::Coding, ToolProfile::Coding, "Coding"),
    (ToolProfileId::Messaging, ToolProfile::Messaging, "Messaging"),
    (ToolProfileId::Full, ToolProfile::Full, "Full"),
];

fn agent(cx: &Cx, key: &SessionKey, wanted: Option<&NonEmpty>) -> Result<AgentId, RpcError> {
    let wanted = wanted.map(|id| AgentId::new(id.as_str()));
    let found = cx.state.agent.agent_of(key, wanted.as_ref());
    found.map_err(|error| RpcError::invalid(error.to_string()))
}

fn session(cx: &Cx, key: Option<&NonEmpty>, wanted: Option<&NonEmpty>) -> SessionKey {
    let default = cx.state.settings.load().default_agent.clone();
    let owner =
        wanted.map_or_else(|| AgentId::new(default.as_str()), |id| AgentId::new(id.as_str()));
    SessionKey::canonical(key.map_or("main", NonEmpty::as_str), &owner)
}

impl Handle<ToolsCatalog> for Methods {
    async fn handle(cx: Cx, params: ToolsCatalogParams) -> Result<ToolsCatalogResult, Failure> {
        let key = session(&cx, None, params.agent_id.as_ref());
        let agent_id = agent(&cx, &key, params.agent_id.as_ref())?;
        let mut groups: Vec<ToolCatalogGroup> = KINDS
            .iter()
            .map(|(id, label)| ToolCatalogGroup {
                id: (*id).to_owned(),
                label: (*label).to_owned(),
                ..ToolCatalogGroup::default()
            })
            .collect();
        let mut servers = ToolCatalogGroup {
            id: PLUGIN.to_owned(),
            label: "Servers".to_owned(),
            source: CatalogSource::Plugin,
            plugin_id: Some(PLUGIN.to_owned()),
            tools: Vec::new(),
        };
        let mut others = ToolCatalogGroup {
            id: "other".to_owned(),
            label: "Other".to_owned(),
            ..ToolCatalogGroup::default()
        };
        for tool in cx.state.agent.tools() {
            let name = tool.name();
            let profiles = PROFILES.iter().filter(|(_, profile, _)| profile.has(name));
            let entry = ToolCatalogEntry {
                id: name.to_owned(),
                label: name.to_owned(),
                description: sentence(tool.description()),
                default_profiles: profiles.map(|(id, _, _)| *id).collect(),
                ..ToolCatalogEntry::default()
            };
            if tool.origin() != ToolOrigin::Core {
                let (source, plugin_id) = (CatalogSource::Plugin, Some(PLUGIN.to_owned()));
                servers.tools.push(ToolCatalogEntry { source, plugin_id, ..entry });
                continue;
            }
            let group = groups
                .iter_mut()
                .find(|group| openclaw_agent::is_in_group(&format!("group:{}", group.id), name));
            group.unwrap_or(&mut others).tools.push(entry);
        }
        groups.push(others);
        if params.include_plugins != Some(false) {
            groups.push(servers);
        }
        groups.retain(|group| !group.tools.is_empty());
        let profiles = PROFILES
            .iter()
            .map(|(id, _, label)| ToolCatalogProfile { id: *id, label: (*label).to_owned() });
        Ok(ToolsCatalogResult { agent_id, profiles: profiles.collect(), groups })
    }
}

impl Handle<ToolsEffective> for Methods {
    async fn handle(cx: Cx, params: ToolsEffectiveParams) -> Result<ToolsEffectiveResult, Failure> {
        let key = session(&cx, Some(&params.session_key), params.agent_id.as_ref());
        let agent_id = agent(&cx, &key, params.agent_id.as_ref())?;
        let settings = cx.state.agent.settings();
        let own = settings.profile(&agent_id).and_then(|profile| profile.tools.profile);
        let profile = own.or(settings.tools.profile).unwrap_or_default();
        let label =
            PROFILES.iter().find(|(_, known, _)| *known == profile).map(|(id, _, _)| id.as_str());
        let stored = cx.state.store.sessions().get(&key).await;
        let stored = stored.map_err(|error| cx.state.storage_error(&error))?;
        let catalog = Catalog::of(&cx.state);
        let applied = stored.as_ref().map(|entry| catalog.of_session(entry));
        let model = applied.unwrap_or_else(|| catalog.of_agent(&agent_id)).model;
        let route = stored.as_ref().and_then(of_session);
        let standing = Standing {
            agent: &agent_id,
            models: vec![&model],
            // Who will write next is not known.
            asked: route.iter().map(|route| (route, "")).collect(),
            owner: cx.is_admin(),
        };
        let tools = cx.state.agent.tools_of(&standing).await;
        let (own, others): (Vec<_>, Vec<_>) = tools
            .iter()
            .map(|tool| effective(tool.as_ref()))
            .partition(|tool| tool.source == ToolSource::Core);
        let group = |source, label: &str, tools| ToolsEffectiveGroup {
            id: source,
            source,
            label: label.to_owned(),
            tools,
        };
        let mut groups = vec![group(ToolSource::Core, "Built in", own)];
        if !others.is_empty() {
            groups.push(group(ToolSource::Mcp, "Servers", others));
        }
        Ok(ToolsEffectiveResult { agent_id, profile: label.unwrap_or("full").to_owned(), groups })
    }
}

/// A tool that an agent has, as clients see it.
fn effective(tool: &dyn Tool) -> ToolsEffectiveEntry {
    let origin = tool.origin();
    let source = source_of(&origin);
    let (mcp_server, mcp_tool_name) = match origin {
        ToolOrigin::Core => (None, None),
        ToolOrigin::Server { server, tool } => (Some(server), Some(tool)),
    };
    ToolsEffectiveEntry {
        id: tool.name().to_owned(),
        label: tool.name().to_owned(),
        description: sentence(tool.description()),
        raw_description: tool.description().to_owned(),
        source,
        mcp_server,
        mcp_tool_name,
    }
}

/// The first sentence.
fn sentence(text: &str) -> String {
    text.split_once(". ").map_or_else(|| text.to_owned(), |(first, _)| format!("{first}."))
}

impl Handle<ToolsInvoke> for Methods {
    async fn handle(cx: Cx, params: ToolsInvokeParams) -> Result<ToolsInvokeResult, Failure> {
        let key = session(&cx, params.session_key.as_ref(), params.agent_id.as_ref());
        let agent_id = agent(&cx, &key, params.agent_id.as_ref())?;
        let call = ToolCall {
            name: params.name.as_str(),
            arguments: params.args.unwrap_or_default(),
            session_key: key,
            agent_id,
            principal: &cx.conn.principal.id,
            owner: cx.is_admin(),
        };
        Ok(invoke(&cx.state, call).await?)
    }
}
