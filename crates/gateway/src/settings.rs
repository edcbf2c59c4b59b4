//! What the Gateway needs from the configuration, already resolved; replaced whole on a reload.

use std::time::Duration;

use ipnet::IpNet;
use openclaw_identity::secret;
use openclaw_protocol::{ids::AgentId, limits::HANDSHAKE_DEADLINE_MS, trust::SecretKind};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    auth::{limiter::Limits, proxy::ProxyAuth},
    hosts::HostPolicy,
    nodes::policy::CommandPolicy,
    ui::UiSettings,
};

/// The shared secret and the kind it is of.
#[derive(Clone, Debug)]
pub enum SharedAuth {
    /// Mode `none`.
    None,
    /// Mode `token`.
    Token(SecretString),
    /// Mode `password`.
    Password(SecretString),
    /// Mode `trusted-proxy`: no secret, but every request has to be vouched for.
    TrustedProxy(ProxyAuth),
}

impl SharedAuth {
    /// The kind of secret.
    #[must_use]
    pub const fn kind(&self) -> SecretKind {
        match self {
            Self::None | Self::TrustedProxy(_) => SecretKind::None,
            Self::Token(_) => SecretKind::Token,
            Self::Password(_) => SecretKind::Password,
        }
    }

    /// The mode, as the configuration names it.
    #[must_use]
    pub const fn mode(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Token(_) => "token",
            Self::Password(_) => "password",
            Self::TrustedProxy(_) => "trusted-proxy",
        }
    }

    /// The secret, if the mode has one.
    #[must_use]
    pub const fn secret(&self) -> Option<&SecretString> {
        match self {
            Self::None | Self::TrustedProxy(_) => None,
            Self::Token(secret) | Self::Password(secret) => Some(secret),
        }
    }

    /// Whether both are of one kind and hold the same secret.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self.secret(), other.secret()) {
            (Some(_), Some(secret)) => {
                self.kind() == other.kind() && self.matches(secret.expose_secret())
            }
            (None, None) => match (self, other) {
                (Self::TrustedProxy(rules), Self::TrustedProxy(now)) => rules == now,
                _ => self.mode() == other.mode(),
            },
            _ => false,
        }
    }

    /// Compares in constant time.
    #[must_use]
    pub fn matches(&self, shown: &str) -> bool {
        self.secret().is_some_and(|known| secret::eq_constant_time(known.expose_secret(), shown))
    }
}

/// The shared secret before a rotation.
#[derive(Clone, Debug)]
pub struct Previous {
    /// The secret.
    pub auth: SharedAuth,
    /// Until when it is accepted, in milliseconds since 1970.
    pub until_ms: u64,
}

impl Previous {
    /// The secret, while it is accepted.
    #[must_use]
    pub fn at(&self, now_ms: u64) -> Option<&SharedAuth> {
        (now_ms < self.until_ms).then_some(&self.auth)
    }
}

/// Which endpoints of [`crate::endpoints`] are served.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointSettings {
    /// `POST /v1/chat/completions`.
    pub chat_completions: bool,
    /// `POST /v1/responses`.
    pub responses: bool,
    /// The tools that `POST /tools/invoke` may call; with none it is not served.
    pub tools: Vec<String>,
    /// Those that it never calls.
    pub denied_tools: Vec<String>,
}

/// Everything that a reload may change.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Shared secret.
    pub auth: SharedAuth,
    /// The one before, while it is accepted as well.
    pub previous: Option<Previous>,
    /// Failure limits.
    pub limits: Limits,
    /// Hosts and origins served.
    pub hosts: HostPolicy,
    /// Peers whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The login that the tailnet vouches for is enough for a page.
    pub tailnet_identity: bool,
    /// Behind a trusted proxy that sends no `X-Forwarded-For`, `X-Real-IP` counts.
    pub real_ip_fallback: bool,
    /// The agent that answers when nobody names another.
    pub default_agent: String,
    /// Every agent, the default one first.
    pub agents: Vec<AgentId>,
    /// Time from accept to a finished handshake.
    pub handshake_deadline: Duration,
    /// `per-sender` or `global`.
    pub session_scope: String,
    /// Which commands of nodes may be called.
    pub node_commands: CommandPolicy,
    /// How the browser interface is served.
    pub control_ui: UiSettings,
    /// What is served over plain HTTP.
    pub endpoints: EndpointSettings,
    /// `gateway.publicOrigin`: where others reach this Gateway.
    pub public_origin: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            auth: SharedAuth::None,
            previous: None,
            limits: Limits::default(),
            hosts: HostPolicy::default(),
            trusted_proxies: Vec::new(),
            tailnet_identity: false,
            real_ip_fallback: false,
            default_agent: openclaw_protocol::ids::DEFAULT_AGENT.to_owned(),
            agents: vec![AgentId::new(openclaw_protocol::ids::DEFAULT_AGENT)],
            handshake_deadline: Duration::from_millis(HANDSHAKE_DEADLINE_MS),
            session_scope: "per-sender".to_owned(),
            node_commands: CommandPolicy::default(),
            control_ui: UiSettings::default(),
            endpoints: EndpointSettings::default(),
            public_origin: None,
        }
    }
}
