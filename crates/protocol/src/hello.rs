//! The answer to `connect`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::presence::PresenceEntry;
use crate::{
    frame::StateVersion,
    limits,
    macros::{names, record},
    methods::system::{HealthSnapshot, UpdateAvailable},
    resume::ResumeOutcome,
    scope::{Role, ScopeSet},
};

names! {
    /// The constant `hello-ok`.
    HelloKind = HelloOk {
        /// The only value.
        HelloOk = "hello-ok",
    }

    /// Whether the Gateway takes new work.
    SuspensionPhase = Accepting {
        /// It does.
        Accepting = "accepting",
        /// It is asked to stop doing so.
        Preparing = "preparing",
        /// It finishes what it has.
        Draining = "draining",
        /// It does nothing more.
        Prepared = "prepared",
    }
}

record! {
    /// Payload of the response to `connect`.
    HelloOk {
        /// Always `hello-ok`.
        #[serde(rename = "type")]
        kind: HelloKind,
        /// The protocol picked.
        protocol: u32,
        /// The Gateway.
        server: ServerInfo,
        /// What it can do.
        features: Features,
        /// What it looks like now.
        snapshot: Snapshot,
        /// What the caller may do.
        auth: HelloAuth,
        /// Limits.
        policy: Policy,
        /// Ours: what came of `resume` in `connect`. No part of the published contract.
        #[schemars(skip)]
        resume?: ResumeOutcome,
    }

    /// The Gateway and this connection.
    ServerInfo {
        /// Version of the Gateway.
        version: String,
        /// Build; only a Gateway that serves the matching Control UI says it.
        build_id?: String,
        /// Changes with every start.
        boot_id?: String,
        /// This connection.
        conn_id: String,
    }

    /// What the Gateway can do.
    Features {
        /// Methods that work.
        methods: Vec<String>,
        /// Events that are sent.
        events: Vec<String>,
        /// Capabilities.
        #[serde(default)]
        capabilities: Vec<String>,
    }

    /// State at the time of the handshake.
    Snapshot {
        /// Whether the Gateway takes new work.
        suspension?: Suspension,
        /// Who is connected.
        presence: Vec<PresenceEntry>,
        /// Latest health.
        health: HealthSnapshot,
        /// Versions of the two.
        state_version: StateVersion,
        /// Age of the process, in milliseconds.
        uptime_ms: u64,
        /// The configuration that is in force, as `config.get` names it.
        applied_config_hash?: String,
        /// Configuration file; only for admins.
        config_path?: String,
        /// State folder; only for admins.
        state_dir?: String,
        /// Which session to open first.
        session_defaults?: SessionDefaults,
        /// `none`, `token`, `password`, or `trusted-proxy`.
        auth_mode?: String,
        /// A newer version, if one is known.
        update_available?: UpdateAvailable,
    }

    /// Whether the Gateway takes new work.
    Suspension {
        /// How far it has come with stopping.
        phase: SuspensionPhase,
    }

    /// Which agent and session a client opens first.
    SessionDefaults {
        /// Default agent.
        default_agent_id: String,
        /// Last part of the main session's key.
        main_key: String,
        /// Main session of the default agent.
        main_session_key: String,
        /// `per-sender` or `global`.
        scope?: String,
        /// Whether a model is configured, so that the composer is shown.
        model_configured?: bool,
    }

    /// Limits of files sent with messages.
    AttachmentPolicy {
        /// Largest file.
        max_bytes: u64,
        /// Largest picture.
        max_image_bytes: u64,
    }
}

/// What the caller may do on this connection.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Largest inbound message, in bytes.
    pub max_payload: u64,
    /// Outbound bytes that may wait, in bytes.
    pub max_buffered_bytes: u64,
    /// Interval of `tick`, in milliseconds.
    pub tick_interval_ms: u64,
    /// Limits of files sent with messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachments: Option<AttachmentPolicy>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_payload: limits::MAX_PAYLOAD_BYTES as u64,
            max_buffered_bytes: limits::MAX_BUFFERED_BYTES as u64,
            tick_interval_ms: limits::TICK_INTERVAL_MS,
            attachments: None,
        }
    }
}
