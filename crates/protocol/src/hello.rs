//! The answer to `connect`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    frame::StateVersion,
    methods::system::HealthSnapshot,
    scope::{Role, ScopeSet},
};

/// Payload of the response to `connect`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HelloOk {
    /// Always `hello-ok`.
    #[serde(rename = "type")]
    pub kind: HelloKind,
    /// The protocol picked.
    pub protocol: u32,
    /// The Gateway.
    pub server: ServerInfo,
    /// What it can do.
    pub features: Features,
    /// What it looks like now.
    pub snapshot: Snapshot,
    /// What the caller may do.
    pub auth: HelloAuth,
    /// Limits.
    pub policy: Policy,
}

/// The constant `hello-ok`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HelloKind {
    /// The only value.
    #[default]
    #[serde(rename = "hello-ok")]
    HelloOk,
}

/// The Gateway and this connection.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerInfo {
    /// Version of the Gateway.
    pub version: String,
    /// Changes with every start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
    /// This connection.
    pub conn_id: String,
}

/// What the Gateway can do.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Features {
    /// Methods that work.
    pub methods: Vec<String>,
    /// Events that are sent.
    pub events: Vec<String>,
    /// Capabilities.
    #[serde(default)]
    pub capabilities: Vec<String>,
}

/// State at the time of the handshake.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Who is connected.
    pub presence: Vec<PresenceEntry>,
    /// Latest health.
    pub health: HealthSnapshot,
    /// Versions of the two.
    pub state_version: StateVersion,
    /// Age of the process, in milliseconds.
    pub uptime_ms: u64,
    /// Configuration file; only for admins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_path: Option<String>,
    /// State folder; only for admins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_dir: Option<String>,
    /// Which session to open first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_defaults: Option<SessionDefaults>,
    /// `none`, `token`, `password`, or `trusted-proxy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_mode: Option<String>,
    /// A newer version, if one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_available: Option<Value>,
}

/// Which agent and session a client opens first.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionDefaults {
    /// Default agent.
    pub default_agent_id: String,
    /// Last part of the main session's key.
    pub main_key: String,
    /// Main session of the default agent.
    pub main_session_key: String,
    /// `per-sender` or `global`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Whether a model is configured, so that the composer is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_configured: Option<bool>,
}

/// What the caller may do on this connection.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HelloAuth {
    /// How the caller was authenticated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Role granted.
    pub role: Role,
    /// Scopes granted.
    pub scopes: ScopeSet,
    /// Token of a paired device; never sent to our own clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_token: Option<String>,
    /// When the token was issued, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_at_ms: Option<u64>,
}

impl std::fmt::Debug for HelloAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HelloAuth")
            .field("method", &self.method)
            .field("role", &self.role)
            .field("scopes", &self.scopes)
            .field("device_token", &self.device_token.is_some())
            .finish_non_exhaustive()
    }
}

/// Limits of the connection.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Largest inbound message, in bytes.
    pub max_payload: u64,
    /// Outbound bytes that may wait, in bytes.
    pub max_buffered_bytes: u64,
    /// Interval of `tick`, in milliseconds.
    pub tick_interval_ms: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_payload: crate::limits::MAX_PAYLOAD_BYTES as u64,
            max_buffered_bytes: crate::limits::MAX_BUFFERED_BYTES as u64,
            tick_interval_ms: crate::limits::TICK_INTERVAL_MS,
        }
    }
}

/// One line of the presence list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PresenceEntry {
    /// Host name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// Program version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Kind of device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_family: Option<String>,
    /// Model of the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_identifier: Option<String>,
    /// IANA time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Coarse kind of client, or `gateway`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Seconds since somebody last touched the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_input_seconds: Option<u64>,
    /// Why the entry is there: `self`, `connect`, `disconnect`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Free labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// One line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Last change, in milliseconds since 1970.
    pub ts: u64,
    /// Since when it is connected, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub online_since: Option<u64>,
    /// Device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// Roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// Scopes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// Installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
}
