//! Params of `connect`, the first request of every connection.
//!
//! Unknown keys are ignored, because both generations of clients add some.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    client_info::{ClientId, ClientMode},
    text::{Int0, Int1, NonEmpty, Text},
    trust::SecretKind,
};

/// Everything a client says about itself.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectParams {
    /// Oldest protocol the client speaks.
    pub min_protocol: Int1,
    /// Newest protocol the client speaks.
    pub max_protocol: Int1,
    /// The program.
    pub client: ClientInfo,
    /// Capabilities.
    #[serde(default)]
    pub caps: Vec<NonEmpty>,
    /// Nodes: commands offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commands: Option<Vec<NonEmpty>>,
    /// Nodes: permissions of the operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<BTreeMap<String, bool>>,
    /// Nodes: the search path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_env: Option<String>,
    /// `operator` or `node`; absent means operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<NonEmpty>,
    /// Scopes asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<NonEmpty>>,
    /// Device identity and signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceProof>,
    /// Credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<ConnectAuth>,
    /// Language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// Browser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Asks for a `models.snapshot` event; kept as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_catalog: Option<Value>,
}

/// The program that connects.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientInfo {
    /// Which program.
    pub id: ClientId,
    /// Name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<NonEmpty>,
    /// Its version.
    pub version: NonEmpty,
    /// Its build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_id: Option<Text<1, 96>>,
    /// Operating system.
    pub platform: NonEmpty,
    /// Kind of device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_family: Option<NonEmpty>,
    /// Model of the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_identifier: Option<NonEmpty>,
    /// IANA time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<Text<1, 64>>,
    /// Coarse kind.
    pub mode: ClientMode,
    /// Tells installations of one program apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<NonEmpty>,
}

/// A device's identity and its signature over the connect payload.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeviceProof {
    /// Lowercase hex SHA-256 of the raw public key.
    pub id: NonEmpty,
    /// Raw Ed25519 key as base64url; standard base64 and SPKI PEM are read as well.
    pub public_key: NonEmpty,
    /// Signature over the payload.
    pub signature: NonEmpty,
    /// When it was signed, in milliseconds since 1970.
    pub signed_at: Int0,
    /// The challenge nonce. Protocol 3 clients on the same machine may leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<NonEmpty>,
    /// Ours: [`crate::trust::DEVICE_SCHEME`] when our own payload was signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<NonEmpty>,
}

/// Credentials. Values are secret: never log this type's serialised form.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectAuth {
    /// Shared token, or a device token of protocol 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Shared password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Device token of protocol 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_token: Option<String>,
    /// Single-use token of a setup code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bootstrap_token: Option<String>,
    /// Ours: proof of knowing the shared secret, without sending it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<SecretProof>,
}

impl std::fmt::Debug for ConnectAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectAuth")
            .field("token", &self.token.is_some())
            .field("password", &self.password.is_some())
            .field("device_token", &self.device_token.is_some())
            .field("bootstrap_token", &self.bootstrap_token.is_some())
            .field("proof", &self.proof.is_some())
            .finish()
    }
}

/// An HMAC over the connect transcript, keyed with the shared secret.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretProof {
    /// Which secret.
    pub kind: SecretKind,
    /// HMAC-SHA-256, unpadded base64url.
    pub mac: NonEmpty,
}
