//! A device as published clients have one, signing by hand.

use std::time::{SystemTime, UNIX_EPOCH};

use openclaw_identity::{
    KeyPair,
    legacy::{LegacyFormat, LegacyPayload},
};
use openclaw_testkit::{WireClient, connect_params};
use serde_json::{Value, json};

pub(crate) struct Device {
    pub(crate) key: KeyPair,
    pub(crate) role: &'static str,
    pub(crate) scopes: Vec<String>,
    pub(crate) token: String,
    pub(crate) format: LegacyFormat,
    pub(crate) skew_ms: i64,
    pub(crate) platform: &'static str,
    /// Id and mode of the program.
    pub(crate) client: (&'static str, &'static str),
}

impl Device {
    pub(crate) fn new(token: &str, scopes: &[&str]) -> Self {
        Self {
            key: KeyPair::generate().expect("a key"),
            role: "operator",
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            token: token.to_owned(),
            format: LegacyFormat::V3,
            skew_ms: 0,
            platform: "linux",
            client: ("cli", "cli"),
        }
    }

    /// `connect` params for the socket's challenge.
    pub(crate) fn params(&self, client: &WireClient) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
        let now = i64::try_from(now).expect("fits") + self.skew_ms;
        let id = self.key.device_id();
        let nonce = (self.format != LegacyFormat::V1).then(|| client.nonce());
        let payload = LegacyPayload {
            device_id: &id,
            client_id: self.client.0,
            client_mode: self.client.1,
            role: self.role,
            scopes: &self.scopes,
            signed_at_ms: now.unsigned_abs(),
            token: &self.token,
            nonce,
            platform: self.platform,
            device_family: "",
        };
        let signature = self.key.sign(payload.text(self.format).as_bytes());
        let mut device = json!({
            "id": id,
            "publicKey": self.key.public_key().to_base64url(),
            "signature": signature,
            "signedAt": now,
        });
        if let Some(nonce) = nonce {
            device["nonce"] = nonce.into();
        }
        let auth = if self.token.is_empty() { json!({}) } else { json!({"token": self.token}) };
        connect_params(&json!({
            "client": {"id": self.client.0, "version": "1.0.0", "platform": self.platform, "mode": self.client.1},
            "role": self.role,
            "scopes": self.scopes,
            "auth": auth,
            "device": device,
        }))
    }

    /// Connects and gives the response frame.
    pub(crate) async fn connect(&self, client: &mut WireClient) -> Value {
        let params = self.params(client);
        client.call("connect", params).await
    }
}
