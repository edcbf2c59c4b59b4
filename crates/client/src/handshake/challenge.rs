//! The challenge, and whether the Gateway's proof in it holds.

use openclaw_identity::{
    PublicKey, secret,
    transcript::{GatewayTranscript, Link},
};
use openclaw_protocol::trust::{Binding, GatewayProof, SecretKind};
use serde_json::Value;

use crate::{
    dial::{Fingerprint, ShownCertificate, Target},
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
    /// What the other side showed, if TLS is spoken.
    tls: Option<ShownCertificate>,
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
        let ts = payload.get("ts").and_then(Value::as_u64);
        Some(Self { nonce: nonce.to_owned(), ts, proof, tls: None })
    }

    /// The same as it came over TLS.
    pub(crate) fn over(self, tls: Option<ShownCertificate>) -> Self {
        Self { tls, ..self }
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
            (Ok(None), Pin::None) => {
                // Nothing inside says who it is, so the certificate has to.
                self.vouched(target, None)?;
                return Ok(Proof::Unproven);
            }
            (Ok(None), pin) => {
                return Err(ClientError::ProofMissing {
                    target: target.clone(),
                    pin: Box::new(pin.clone()),
                });
            }
        };
        let key =
            PublicKey::parse(&proof.public_key).map_err(|_| invalid("its key cannot be read"))?;
        match (proof.binding, binding) {
            (made, here) if made == here => {}
            // TLS ended before the Gateway: at a proxy, whose certificate has to be vouched for.
            (Binding::None, Binding::TlsExporter) => self.vouched(target, None)?,
            _ => return Err(invalid("it was made for another kind of connection")),
        }
        let client_nonce = secret::nonce_bytes(nonce).unwrap_or_default();
        let link = self.link(&client_nonce, &key);
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
        // A key that is met for the first time over a network says only that it is a key.
        if pin.key().is_none() {
            self.vouched(target, Some(&key))?;
        }
        Ok(Proof::Proven(key))
    }

    /// Over TLS, whether somebody vouches for the certificate.
    fn vouched(&self, target: &Target, key: Option<&PublicKey>) -> Result<(), ClientError> {
        let Some(tls) = &self.tls else { return Ok(()) };
        tls.vouched().map_err(|reason| ClientError::CertificateUnknown {
            target: target.clone(),
            fingerprint: tls.fingerprint,
            key: key.map(|key| Box::new(*key)),
            reason,
        })
    }

    /// What every proof of this connection has in common.
    pub(crate) fn link<'a>(
        &'a self,
        client_nonce: &'a [u8; 32],
        gateway: &'a PublicKey,
    ) -> Link<'a> {
        let binding = self.binding();
        let tls = self.tls.as_ref().filter(|_| binding == Binding::TlsExporter);
        Link {
            client_nonce,
            server_nonce: &self.nonce,
            gateway,
            binding: binding.as_str(),
            exporter: tls.map_or(&[], ShownCertificate::exporter),
        }
    }
}

impl Challenge {
    /// What the proofs of this connection are tied to.
    pub(crate) fn binding(&self) -> Binding {
        match &self.proof {
            Ok(Some(proof)) => proof.binding,
            _ => Binding::None,
        }
    }

    /// The certificate that has to be named again next time, since no proof is tied to the connection.
    pub(crate) fn relies_on(&self) -> Option<Fingerprint> {
        let named = self.tls.as_ref().filter(|tls| tls.expected)?;
        (self.binding() != Binding::TlsExporter).then_some(named.fingerprint)
    }
}
