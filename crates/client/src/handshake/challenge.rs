//! The challenge, and whether the Gateway's proof in it holds.

use openclaw_identity::{
    PublicKey, secret,
    transcript::{GatewayTranscript, Link},
};
use openclaw_protocol::trust::{Binding, GatewayProof, SecretKind};
use serde_json::Value;

use crate::{
    dial::Target,
    endpoint::{Pin, Proof},
    error::ClientError,
};

/// Payload of `connect.challenge`.
#[derive(Debug)]
pub(crate) struct Challenge {
    /// What the client signs.
    pub(crate) nonce: String,
    /// The Gateway's clock.
    pub(crate) ts: Option<u64>,
    /// The Gateway's proof; the error is one that cannot be read.
    proof: Result<Option<GatewayProof>, ()>,
}

impl Challenge {
    /// Reads a payload; `None` if it is no challenge.
    pub(crate) fn read(payload: &str) -> Option<Self> {
        let payload: Value = serde_json::from_str(payload).ok()?;
        let nonce = payload.get("nonce")?.as_str().filter(|nonce| !nonce.is_empty())?;
        let proof = match payload.get("gateway") {
            None | Some(Value::Null) => Ok(None),
            Some(proof) => serde_json::from_value(proof.clone()).map(Some).map_err(|_| ()),
        };
        Some(Self { nonce: nonce.to_owned(), ts: payload.get("ts").and_then(Value::as_u64), proof })
    }

    /// The kind of secret a proven Gateway wants.
    pub(crate) fn wants(&self) -> SecretKind {
        match &self.proof {
            Ok(Some(proof)) => proof.wants,
            _ => SecretKind::None,
        }
    }

    /// Decides who the Gateway is. Nothing may be sent unless this succeeds.
    pub(crate) fn judge(
        &self,
        nonce: &str,
        binding: Binding,
        pin: &Pin,
        target: &Target,
    ) -> Result<Proof, ClientError> {
        let invalid = |reason| ClientError::ProofInvalid { target: target.clone(), reason };
        let proof = match (&self.proof, pin) {
            (Err(()), _) => return Err(invalid("it cannot be read")),
            (Ok(Some(proof)), _) => proof,
            (Ok(None), Pin::None) => return Ok(Proof::Unproven),
            (Ok(None), pin) => {
                return Err(ClientError::ProofMissing {
                    target: target.clone(),
                    pin: Box::new(pin.clone()),
                });
            }
        };
        let key =
            PublicKey::parse(&proof.public_key).map_err(|_| invalid("its key cannot be read"))?;
        if proof.binding != binding {
            return Err(invalid("it was made for another kind of connection"));
        }
        let client_nonce = secret::nonce_bytes(nonce).unwrap_or_default();
        let link = link(&client_nonce, &self.nonce, &key, binding);
        let transcript = GatewayTranscript { link, wants: proof.wants.as_str() };
        if !key.verify(&transcript.bytes(), &proof.signature) {
            return Err(invalid("the signature is wrong"));
        }
        if pin.key().is_some_and(|pinned| *pinned != key) {
            return Err(ClientError::IdentityMismatch {
                target: target.clone(),
                pin: Box::new(pin.clone()),
                seen: Box::new(key),
            });
        }
        Ok(Proof::Proven(key))
    }
}

/// What every proof of one connection has in common.
pub(crate) fn link<'a>(
    client_nonce: &'a [u8; 32],
    server_nonce: &'a str,
    gateway: &'a PublicKey,
    binding: Binding,
) -> Link<'a> {
    Link { client_nonce, server_nonce, gateway, binding: binding.as_str(), exporter: &[] }
}

impl Challenge {
    /// What the proofs of this connection are tied to.
    pub(crate) fn binding(&self) -> Binding {
        match &self.proof {
            Ok(Some(proof)) => proof.binding,
            _ => Binding::None,
        }
    }
}
