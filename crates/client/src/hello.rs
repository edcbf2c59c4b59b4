//! The answer to `connect`, read leniently: Gateways of both generations leave things out.

use openclaw_protocol::{
    Role, ScopeSet,
    hello::Policy,
    resume::{CAPABILITY, ResumeOutcome},
};
use serde::Deserialize;
use serde_json::Value;

/// What a Gateway said of itself and of this connection.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hello {
    /// The protocol picked.
    pub protocol: u32,
    /// The Gateway.
    pub server: HelloServer,
    /// What it can do.
    #[serde(default)]
    pub features: HelloFeatures,
    /// State at the time of the handshake, as it came.
    #[serde(default)]
    pub snapshot: Value,
    /// What this connection may do. Absent in protocol 3 without a device.
    #[serde(default)]
    pub auth: Option<HelloGrant>,
    /// Limits.
    #[serde(default)]
    pub policy: Policy,
    /// What came of taking up where an earlier connection ended.
    #[serde(default)]
    pub resume: Option<ResumeOutcome>,
}

/// The Gateway and this connection.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HelloServer {
    /// Version of the Gateway.
    #[serde(default)]
    pub version: String,
    /// Changes with every start.
    #[serde(default)]
    pub boot_id: Option<String>,
    /// This connection.
    #[serde(default)]
    pub conn_id: String,
}

/// What a Gateway can do.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct HelloFeatures {
    /// Methods that work.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Events that are sent.
    #[serde(default)]
    pub events: Vec<String>,
    /// Capabilities.
    #[serde(default)]
    pub capabilities: Vec<String>,
}

/// What this connection may do.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HelloGrant {
    /// How the client was authenticated.
    #[serde(default)]
    pub method: Option<String>,
    /// Role granted.
    pub role: Role,
    /// Scopes granted.
    #[serde(default)]
    pub scopes: ScopeSet,
    /// A device token; only Gateways of the original send one to us.
    #[serde(default)]
    pub(crate) device_token: Option<String>,
}

impl std::fmt::Debug for HelloGrant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HelloGrant")
            .field("method", &self.method)
            .field("role", &self.role)
            .field("scopes", &self.scopes)
            .field("device_token", &self.device_token.is_some())
            .finish()
    }
}

impl Hello {
    /// Whether the Gateway lists a method.
    #[must_use]
    pub fn has_method(&self, name: &str) -> bool {
        self.features.methods.iter().any(|method| method == name)
    }

    /// Whether the next connection may take up where this one ends.
    #[must_use]
    pub fn can_resume(&self) -> bool {
        self.has_capability(CAPABILITY)
    }

    /// Whether the Gateway lists a capability.
    #[must_use]
    pub fn has_capability(&self, name: &str) -> bool {
        self.features.capabilities.iter().any(|capability| capability == name)
    }

    /// Scopes granted; none if the Gateway did not say.
    #[must_use]
    pub fn scopes(&self) -> ScopeSet {
        self.auth.as_ref().map_or(ScopeSet::EMPTY, |auth| auth.scopes)
    }
}
