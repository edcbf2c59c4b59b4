//! The bytes that our own Gateways and clients sign, and what is derived in the same form.
//!
//! A transcript is its fields one after the other, each preceded by its length in bytes as a 32-bit
//! big-endian number; the first field is the domain, so no proof of one kind is ever one of another.

use secrecy::SecretString;
use sha2::{Digest, Sha256};

use crate::{KeyPair, PublicKey, secret, to_base64url};

const GATEWAY_PROOF: &str = "openclaw-gateway-proof-v1";
const SECRET_PROOF: &str = "openclaw-secret-proof-v1";
const DEVICE_PROOF: &str = "openclaw-device-proof-v1";
const PAIRING: &str = "openclaw-pairing-v1";
const DEVICE_TOKEN: &str = "openclaw-device-token-v1";
const DEVICE_TOKEN_KEY: &[u8] = b"openclaw-device-token-key-v1";

/// What every proof of one connection has in common.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// The client's nonce, raw.
    pub client_nonce: &'a [u8],
    /// The nonce of `connect.challenge`, as sent.
    pub server_nonce: &'a str,
    /// The Gateway's key.
    pub gateway: &'a PublicKey,
    /// `none`, `unix`, or `tls-exporter`.
    pub binding: &'a str,
    /// Empty unless the binding is `tls-exporter`.
    pub exporter: &'a [u8],
}

/// What a Gateway signs to prove itself.
#[derive(Clone, Copy, Debug)]
pub struct GatewayTranscript<'a> {
    /// The connection.
    pub link: Link<'a>,
    /// `none`, `token`, or `password`.
    pub wants: &'a str,
}

impl GatewayTranscript<'_> {
    /// The bytes to sign.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.link.start(GATEWAY_PROOF).text(self.wants).done()
    }
}

/// What a client computes an HMAC over to prove that it knows the shared secret.
#[derive(Clone, Copy, Debug)]
pub struct SecretTranscript<'a> {
    /// The connection.
    pub link: Link<'a>,
    /// `token` or `password`.
    pub kind: &'a str,
    /// Role asked for.
    pub role: &'a str,
    /// Scopes asked for, in the order sent.
    pub scopes: &'a [String],
    /// The device, or empty without one.
    pub device_id: &'a str,
}

impl SecretTranscript<'_> {
    /// The bytes to compute the HMAC over.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.link
            .start(SECRET_PROOF)
            .text(self.kind)
            .text(self.role)
            .text(&self.scopes.join(","))
            .text(self.device_id)
            .done()
    }
}

/// What a device signs.
#[derive(Clone, Copy, Debug)]
pub struct DeviceTranscript<'a> {
    /// The connection.
    pub link: Link<'a>,
    /// The device.
    pub device_id: &'a str,
    /// `client.id` as sent.
    pub client_id: &'a str,
    /// `client.mode` as sent.
    pub client_mode: &'a str,
    /// Role asked for.
    pub role: &'a str,
    /// Scopes asked for, in the order sent.
    pub scopes: &'a [String],
    /// `device.signedAt` as sent.
    pub signed_at_ms: u64,
}

impl DeviceTranscript<'_> {
    /// The bytes to sign.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.link
            .start(DEVICE_PROOF)
            .text(self.device_id)
            .text(self.client_id)
            .text(self.client_mode)
            .text(self.role)
            .text(&self.scopes.join(","))
            .text(&self.signed_at_ms.to_string())
            .done()
    }
}

impl Link<'_> {
    fn start(&self, domain: &str) -> Fields {
        Fields::default()
            .text(domain)
            .raw(self.client_nonce)
            .text(self.server_nonce)
            .raw(self.gateway.as_bytes())
            .text(self.binding)
            .raw(self.exporter)
    }
}

/// The id of a pairing request: the same for the same key, role, scopes, and commands in whatever
/// order they were asked for, and another for anything else.
#[must_use]
pub fn pairing_request_id(
    device: &PublicKey,
    role: &str,
    scopes: &[String],
    commands: &[String],
) -> String {
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort();
        names.dedup();
        names
    };
    let mut fields = Fields::default()
        .text(PAIRING)
        .raw(device.as_bytes())
        .text(role)
        .text(&sorted(scopes).join(","));
    // A command may hold a comma, so each is a field of its own.
    for command in sorted(commands) {
        fields = fields.text(&command);
    }
    let hex = hex::encode(Sha256::digest(fields.done()));
    let part = |range| hex.get(range).unwrap_or_default();
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}

/// The token of a paired device. It is computed, never stored: raising `generation` ends all older ones.
#[must_use]
pub fn device_token(
    gateway: &KeyPair,
    device_id: &str,
    role: &str,
    generation: u64,
) -> SecretString {
    let seed = zeroize::Zeroizing::new(gateway.signing_key().to_bytes());
    let key = zeroize::Zeroizing::new(secret::hmac(seed.as_slice(), DEVICE_TOKEN_KEY));
    let transcript = Fields::default()
        .text(DEVICE_TOKEN)
        .text(device_id)
        .text(role)
        .text(&generation.to_string())
        .done();
    SecretString::from(to_base64url(&secret::hmac(key.as_slice(), &transcript)))
}

#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn text(self, text: &str) -> Self {
        self.raw(text.as_bytes())
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        // Fields come from frames of at most 26 MB, so the length always fits.
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    fn done(self) -> Vec<u8> {
        self.0
    }
}

#[cfg(test)]
mod tests;
