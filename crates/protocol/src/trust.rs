//! What our own client and Gateway say to each other beyond the published contract.
//!
//! The client puts [`QUERY_NONCE`] (and, if it can wait for a pairing decision, [`QUERY_WAIT`]) into the
//! query of the upgrade request. The Gateway then adds a [`GatewayProof`] to `connect.challenge`, and
//! the client answers with [`crate::connect::SecretProof`] or a device signature of scheme
//! [`DEVICE_SCHEME`]. Other clients notice nothing. The signed bytes are defined in `openclaw-identity`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Query parameter: the client's nonce, 32 bytes as unpadded base64url. Not a secret.
pub const QUERY_NONCE: &str = "oc_nonce";
/// Query parameter: `1` when the client keeps its socket and waits for a pairing decision.
pub const QUERY_WAIT: &str = "oc_wait";
/// Value of `device.scheme` in `connect` when our own payload was signed.
pub const DEVICE_SCHEME: &str = "openclaw-connect-v1";

/// Label of the TLS exporter (RFC 5705, without context) that proofs over `wss://` are tied to.
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-openclaw-gateway-v1";
/// Bytes of it.
pub const EXPORTER_BYTES: usize = 32;

/// How a proof is tied to the link it came over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Binding {
    /// Plain TCP: nothing to tie it to.
    None,
    /// The owner's Unix socket.
    Unix,
    /// The exporter of the TLS session that the Gateway itself ends.
    TlsExporter,
}

impl Binding {
    /// The name in signed transcripts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Unix => "unix",
            Self::TlsExporter => "tls-exporter",
        }
    }
}

/// Which kind of shared secret the Gateway compares with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretKind {
    /// No shared secret: mode `none`, or the owner's door.
    None,
    /// The Gateway token.
    Token,
    /// The Gateway password.
    Password,
}

impl SecretKind {
    /// The name on the wire and in signed transcripts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Token => "token",
            Self::Password => "password",
        }
    }
}

/// The Gateway's proof of its identity, in the payload of `connect.challenge`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GatewayProof {
    /// Raw Ed25519 public key, unpadded base64url.
    pub public_key: String,
    /// Signature over the Gateway transcript, unpadded base64url.
    pub signature: String,
    /// What the proof is tied to.
    pub binding: Binding,
    /// The kind of secret a first contact proves knowledge of.
    pub wants: SecretKind,
}
