//! From the configuration to what each part needs: plain values, so that no part knows the file.

mod chat_tools;

use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ipnet::IpNet;
use openclaw_agent::{
    AgentProfile, AgentSettings, ChannelOwners, Overflow, QueueMode, QueueSettings, ResetRule,
    ResetRules, SessionRules, ToolPolicy, model::ThinkingLevel, skills::SkillSettings,
};
use openclaw_base::{Clock, SystemClock};
use openclaw_config::{
    Config, ConversationKind, Environment, Loaded, Paths,
    schema::{
        self, ControlUi, Nodes, PeerId, ProviderTools, SessionVisibility, TailscaleMode,
        ToolProfile,
    },
};
use openclaw_exec::policy::{Ask, Security};
use openclaw_gateway::{
    auth::limiter::Limits,
    hosts::HostPolicy,
    nodes::policy::CommandPolicy,
    settings::{EndpointSettings, Settings, SharedAuth},
    ui::UiSettings,
};
use openclaw_protocol::{ids::AgentId, limits::HANDSHAKE_DEADLINE_MS};

use crate::rotation;

/// What the Gateway needs.
pub(crate) fn gateway_settings(loaded: &Loaded, paths: &Paths, auth: SharedAuth) -> Settings {
    let config = &loaded.config;
    let agents: Vec<AgentId> =
        config.agents(paths).iter().map(|agent| AgentId::new(agent.id.as_str())).collect();
    let limits = &config.gateway.auth.rate_limit;
    let proxies = config.gateway.trusted_proxies.iter();
    Settings {
        tailnet_identity: tailnet_identity(config, &auth),
        real_ip_fallback: config.gateway.allow_real_ip_fallback,
        auth,
        previous: rotation::previous(paths, SystemClock.now_ms()),
        limits: Limits {
            max_attempts: limits.max_attempts,
            window_ms: limits.window_ms,
            lockout_ms: limits.lockout_ms,
            exempt_loopback: limits.exempt_loopback,
        },
        hosts: HostPolicy::new(
            &config.gateway.control_ui.allowed_origins,
            config.gateway.public_origin.as_deref(),
        ),
        trusted_proxies: proxies.filter_map(|text| network(text)).collect(),
        default_agent: config.default_agent(paths).id,
        agents,
        handshake_deadline: handshake_deadline(&loaded.env),
        session_scope: config.session.scope.as_str().to_owned(),
        node_commands: node_commands(&config.gateway.nodes),
        control_ui: control_ui(&config.gateway.control_ui, paths),
        endpoints: EndpointSettings {
            chat_completions: config.gateway.http.endpoints.chat_completions.enabled,
            responses: config.gateway.http.endpoints.responses.enabled,
            tools: config.gateway.tools.allow.clone(),
            denied_tools: config.gateway.tools.deny.clone(),
        },
        public_origin: config.gateway.public_origin.clone(),
    }
}

fn control_ui(ui: &ControlUi, paths: &Paths) -> UiSettings {
    UiSettings {
        enabled: ui.enabled,
        base_path: UiSettings::normal_base_path(ui.base_path.as_deref().unwrap_or_default()),
        root: ui.root.as_deref().map(|root| paths.expand(root)),
    }
}

/// Left out, the tailnet's word counts where it is the documented default: behind `serve`, in mode `token`.
fn tailnet_identity(config: &Config, auth: &SharedAuth) -> bool {
    let served = config.gateway.tailscale.mode == TailscaleMode::Serve;
    let by_default = served && matches!(auth, SharedAuth::Token(_));
    served && config.gateway.auth.allow_tailscale.unwrap_or(by_default)
}

/// Both spellings of both lists.
fn node_commands(nodes: &Nodes) -> CommandPolicy {
    let both = |new: &[String], old: &[String]| new.iter().chain(old).cloned().collect();
    CommandPolicy {
        allow: both(&nodes.commands.allow, &nodes.allow_commands),
        deny: both(&nodes.commands.deny, &nodes.deny_commands),
    }
}

/// A network, or an address as the network of one.
fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// `OPENCLAW_HANDSHAKE_TIMEOUT_MS`, as the original reads it, between a tenth of a second
/// and a minute.
fn handshake_deadline(env: &Environment) -> Duration {
    let set = env.get("OPENCLAW_HANDSHAKE_TIMEOUT_MS").and_then(|text| text.trim().parse().ok());
    let milliseconds =
        set.filter(|set| (100..=60_000).contains(set)).unwrap_or(HANDSHAKE_DEADLINE_MS);
    Duration::from_millis(milliseconds)
}

/// What the agent needs.
pub(crate) fn agent_settings(config: &Config, env: &Environment, paths: &Paths) -> AgentSettings {
    let defaults = &config.agents.defaults;
    let queue = &config.messages.queue;
    let mode = |channel: Option<&str>| QueueMode::parse(queue.mode_for(channel).as_str());
    let thinking = defaults.thinking_default.and_then(|level| ThinkingLevel::parse(level.as_str()));
    AgentSettings {
        agents: config.agents(paths).into_iter().map(profile).collect(),
        max_concurrent: usize::try_from(defaults.max_concurrent).unwrap_or(4).max(1),
        run_timeout: (defaults.timeout_seconds > 0)
            .then(|| Duration::from_secs(defaults.timeout_seconds)),
        thinking_default: thinking.unwrap_or_default(),
        time_zone: defaults.user_timezone.clone().or_else(local_zone),
        queue: QueueSettings {
            mode: mode(None).unwrap_or(QueueMode::Collect),
            mode_by_channel: queue
                .by_channel
                .keys()
                .filter_map(|name| Some((name.clone(), mode(Some(name))?)))
                .collect(),
            debounce: Duration::from_millis(queue.debounce_ms_for(None)),
            debounce_by_channel: queue
                .debounce_ms_by_channel
                .iter()
                .map(|(name, ms)| (name.clone(), Duration::from_millis((*ms).min(600_000))))
                .collect(),
            cap: usize::try_from(queue.cap).unwrap_or(20).max(1),
            overflow: Overflow::parse(queue.drop.as_str()).unwrap_or(Overflow::Summarize),
        },
        tools: ToolPolicy {
            profile: config.tools.profile.map(tool_profile),
            also_allow: config.tools.also_allow.clone(),
            allow: config.tools.allow.clone(),
            deny: config.tools.deny.clone(),
        },
        bootstrap_max_chars: usize::try_from(defaults.bootstrap_max_chars).unwrap_or(usize::MAX),
        bootstrap_total_max_chars: usize::try_from(defaults.bootstrap_total_max_chars)
            .unwrap_or(usize::MAX),
        tools_by_provider: by_provider(&config.tools.by_provider),
        chats: chat_tools::of(config),
        owner_only: config.tools.owner_only.clone(),
        owners: peers(&config.commands.owner_allow_from),
        channel_owners: channel_owners(config),
        private_dir: Some(paths.state_dir().to_owned()),
        skills: skills(config, env, paths),
        sessions: SessionRules {
            visibility: visibility(config.tools.sessions.visibility),
            agent_to_agent: config.tools.agent_to_agent.enabled,
            agents: config.tools.agent_to_agent.allow.clone(),
        },
        resets: resets(&config.session),
        reset_triggers: config.session.reset_triggers.clone(),
        exec_security: config
            .tools
            .exec
            .security
            .and_then(|word| Security::from_word(word.as_str())),
        exec_ask: config.tools.exec.ask.and_then(|word| Ask::from_word(word.as_str())),
        ..AgentSettings::default()
    }
}

fn by_provider(list: &BTreeMap<String, ProviderTools>) -> BTreeMap<String, ToolPolicy> {
    let policy = |rule: &ProviderTools| ToolPolicy {
        profile: rule.profile.map(tool_profile),
        also_allow: rule.also_allow.clone(),
        allow: rule.allow.clone(),
        deny: rule.deny.clone(),
    };
    list.iter().map(|(name, rule)| (name.clone(), policy(rule))).collect()
}

fn peers(list: &[PeerId]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

/// Whom the accounts let in by name.
fn channel_owners(config: &Config) -> Vec<ChannelOwners> {
    let mut owners = Vec::new();
    let mut add = |channel: &str, account: &str, list: Option<&Vec<PeerId>>| {
        let ids = list.map(|list| peers(list)).unwrap_or_default();
        owners.push(ChannelOwners {
            channel: channel.to_owned(),
            account: account.to_owned(),
            ids,
        });
    };
    if let Some(telegram) = &config.channels.telegram {
        let shared = telegram.shared.allow_from.as_ref();
        if telegram.accounts.is_empty() {
            add("telegram", "default", shared);
        }
        for (account, own) in &telegram.accounts {
            add("telegram", account, own.allow_from.as_ref().or(shared));
        }
    }
    for (account, own) in config.channels.webhook.iter().flat_map(|webhook| &webhook.accounts) {
        add("webhook", account, own.allow_from.as_ref());
    }
    owners
}

/// The time zone of this machine, if it has a name.
fn local_zone() -> Option<String> {
    jiff::tz::TimeZone::system().iana_name().map(str::to_owned)
}

/// A path with its links followed, if it leads somewhere.
fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Where skills are, and what they may find.
fn skills(config: &Config, env: &Environment, paths: &Paths) -> SkillSettings {
    let entries = config.skills.entries.iter();
    let extra = config.skills.load.extra_dirs.iter().map(|folder| paths.expand(folder));
    // Whoever can read what lies around the state folder can read its secrets.
    let extra = extra.filter(|folder| {
        let around = real(paths.state_dir()).starts_with(real(folder));
        if around {
            tracing::warn!(folder = %folder.display(), "no folder of skills: the state folder is in it");
        }
        !around
    });
    SkillSettings {
        extra: extra.collect(),
        managed: Some(paths.state_dir().join("skills")),
        search: env.get("PATH").unwrap_or_default().to_owned(),
        variables: env.names().into_iter().map(str::to_owned).collect(),
        // Secrets are left out of this form.
        config: Arc::new(serde_json::to_value(config).unwrap_or_default()),
        enabled: entries.filter_map(|(key, entry)| Some((key.clone(), entry.enabled?))).collect(),
    }
}

/// When conversations start anew, kind by kind and channel by channel.
fn resets(session: &schema::Session) -> ResetRules {
    let rule = |kind, channel: Option<&str>| {
        let rule = session.reset_rule(kind, channel);
        let idle = rule.idle_minutes.map(|minutes| Duration::from_secs(u64::from(minutes) * 60));
        ResetRule { at_hour: rule.at_hour, idle }
    };
    let channels = session.reset_by_channel.keys();
    ResetRules {
        direct: rule(ConversationKind::Direct, None),
        group: rule(ConversationKind::Group, None),
        thread: rule(ConversationKind::Thread, None),
        channels: channels
            .map(|name| (name.clone(), rule(ConversationKind::Direct, Some(name))))
            .collect(),
    }
}

const fn visibility(visibility: SessionVisibility) -> openclaw_agent::SessionVisibility {
    match visibility {
        SessionVisibility::Own => openclaw_agent::SessionVisibility::Own,
        SessionVisibility::Tree => openclaw_agent::SessionVisibility::Tree,
        SessionVisibility::Agent => openclaw_agent::SessionVisibility::Agent,
        SessionVisibility::All => openclaw_agent::SessionVisibility::All,
    }
}

const fn tool_profile(profile: ToolProfile) -> openclaw_agent::ToolProfile {
    match profile {
        ToolProfile::Minimal => openclaw_agent::ToolProfile::Minimal,
        ToolProfile::Coding => openclaw_agent::ToolProfile::Coding,
        ToolProfile::Messaging => openclaw_agent::ToolProfile::Messaging,
        ToolProfile::Full => openclaw_agent::ToolProfile::Full,
    }
}

fn profile(agent: openclaw_config::AgentSettings) -> AgentProfile {
    AgentProfile {
        id: AgentId::new(agent.id),
        name: agent.identity.name.or(agent.name),
        emoji: agent.identity.emoji,
        avatar: agent.identity.avatar,
        theme: agent.identity.theme,
        model: agent.model,
        thinking_default: agent.thinking.and_then(|level| ThinkingLevel::parse(level.as_str())),
        workspace: Some(agent.workspace),
        tools_by_provider: by_provider(&agent.tools.by_provider),
        tools: ToolPolicy {
            profile: agent.tools.profile.map(tool_profile),
            also_allow: agent.tools.also_allow,
            allow: agent.tools.allow,
            deny: agent.tools.deny,
        },
    }
}
