//! Params of `connect`, the first request of every connection.
//!
//! Unknown keys are ignored, because both generations of clients add some.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::{
    client_info::{ClientId, ClientMode},
    macros::params,
    object::Object,
    patch::present,
    resume::ResumeParams,
    text::{Int0, Int1, NonEmpty, Text},
    trust::SecretKind,
};

params! {
    /// Everything a client says about itself.
    ConnectParams {
        /// Oldest protocol the client speaks.
        min_protocol: Int1,
        /// Newest protocol the client speaks.
        max_protocol: Int1,
        /// The program.
        client: ClientInfo,
        /// Capabilities.
        #[serde(default)]
        caps: Vec<NonEmpty>,
        /// Nodes: commands offered.
        commands?: Vec<NonEmpty>,
        /// Nodes: permissions of the operating system.
        permissions?: BTreeMap<String, bool>,
        /// Nodes: the search path.
        path_env?: String,
        /// `operator` or `node`; absent means operator.
        role?: NonEmpty,
        /// Scopes asked for.
        scopes?: Vec<NonEmpty>,
        /// Device identity and signature.
        device?: DeviceProof,
        /// Credentials.
        auth?: ConnectAuth,
        /// Language.
        locale?: String,
        /// Browser.
        user_agent?: String,
        /// Asks for a `models.snapshot` event; kept as it came.
        model_catalog?: Value,
        /// Ours: what the client had when its last connection ended.
        resume?: ResumeParams,
    }

    /// The program that connects.
    ClientInfo {
        /// Which program.
        id: ClientId,
        /// Name for people.
        display_name?: NonEmpty,
        /// Its version.
        version: NonEmpty,
        /// Its build.
        build_id?: Text<1, 96>,
        /// Operating system.
        platform: NonEmpty,
        /// Kind of device.
        device_family?: NonEmpty,
        /// Model of the device.
        model_identifier?: NonEmpty,
        /// IANA time zone.
        time_zone?: Text<1, 64>,
        /// Coarse kind.
        mode: ClientMode,
        /// Tells installations of one program apart.
        instance_id?: NonEmpty,
    }

    /// A device's identity and its signature over the connect payload.
    DeviceProof {
        /// Lowercase hex SHA-256 of the raw public key.
        id: NonEmpty,
        /// Raw Ed25519 key as base64url; standard base64 and SPKI PEM are read as well.
        public_key: NonEmpty,
        /// Signature over the payload.
        signature: NonEmpty,
        /// When it was signed, in milliseconds since 1970.
        signed_at: Int0,
        /// The challenge nonce. Protocol 3 clients on the same machine may leave it out.
        nonce?: NonEmpty,
        /// Ours: [`crate::trust::DEVICE_SCHEME`] when our own payload was signed.
        scheme?: NonEmpty,
    }

    /// An HMAC over the connect transcript, keyed with the shared secret.
    SecretProof {
        /// Which secret.
        kind: SecretKind,
        /// HMAC-SHA-256, unpadded base64url.
        mac: NonEmpty,
    }
}

/// Credentials. Values are secret: never log this type's serialised form.
#[derive(Clone, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectAuth {
    /// Shared token, or a device token of protocol 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(default, transform = crate::patch::refuse_null)]
    pub token: Option<String>,
    /// Shared password.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(default, transform = crate::patch::refuse_null)]
    pub password: Option<String>,
    /// Device token of protocol 4.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(default, transform = crate::patch::refuse_null)]
    pub device_token: Option<String>,
    /// Single-use token of a setup code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(default, transform = crate::patch::refuse_null)]
    pub bootstrap_token: Option<String>,
    /// Ours: proof of knowing the shared secret, without sending it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(default, transform = crate::patch::refuse_null)]
    pub proof: Option<SecretProof>,
}

impl<'de> Deserialize<'de> for ConnectAuth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Raw {
            #[serde(default, deserialize_with = "present")]
            token: Option<String>,
            #[serde(default, deserialize_with = "present")]
            password: Option<String>,
            #[serde(default, deserialize_with = "present")]
            device_token: Option<String>,
            #[serde(default, deserialize_with = "present")]
            bootstrap_token: Option<String>,
            #[serde(default, deserialize_with = "present")]
            proof: Option<SecretProof>,
        }

        let Raw { token, password, device_token, bootstrap_token, proof } =
            Raw::deserialize(Object(deserializer))?;
        Ok(Self { token, password, device_token, bootstrap_token, proof })
    }
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
