//! A refused `connect`: what it means, and whether another attempt makes sense.

use openclaw_protocol::{
    DetailCode, ErrorCode, PROTOCOL_V3, PROTOCOL_V4, RpcError, trust::SecretKind,
};
use serde_json::Value;

use super::{Attempt, params::Connect, wants_secret};
use crate::{
    credentials::{Plan, SecretSource},
    endpoint::Proof,
    error::{ClientError, CredentialRefused, PairingRequired},
    options::PairingNotice,
};

/// A refusal and what was offered.
pub(crate) struct Refusal {
    pub(crate) error: RpcError,
    pub(crate) code: Option<DetailCode>,
    proven: bool,
    used: Option<SecretSource>,
    withheld: Option<SecretSource>,
    wants: SecretKind,
}

impl Refusal {
    pub(crate) fn new(error: RpcError, connect: &Connect, proof: &Proof) -> Self {
        Self {
            code: error.detail_code().or_else(|| from_text(&error)),
            error,
            proven: proof.key().is_some(),
            used: connect.used,
            withheld: connect.withheld,
            wants: connect.wants,
        }
    }

    /// The attempt to make after this one, if there is another way that is allowed.
    pub(crate) fn next(&self, attempt: Attempt, plan: &Plan) -> Option<Attempt> {
        let code = self.code?;
        if self.proven {
            return self.can_add_secret(plan).then_some(Attempt { with_secret: true, ..attempt });
        }
        let speaks_v3 =
            self.detail("expectedProtocol").and_then(Value::as_u64) == Some(u64::from(PROTOCOL_V3));
        if code == DetailCode::ProtocolMismatch && attempt.protocol == PROTOCOL_V4 && speaks_v3 {
            return Some(attempt.over_v3());
        }
        let password = plan.password.as_ref();
        let allowed = password.is_some_and(|password| password.source.is_for_this_endpoint());
        (code == DetailCode::AuthPasswordMissing && attempt.bearer == SecretKind::Token && allowed)
            .then_some(Attempt { bearer: SecretKind::Password, ..attempt })
    }

    /// Whether the device's key alone was not enough, and a secret of the right kind is at hand.
    fn can_add_secret(&self, plan: &Plan) -> bool {
        let wanted = self.code.is_some_and(wants_secret);
        wanted && self.used.is_none() && plan.secret(self.wants).is_some()
    }

    /// Whether waiting for a person is the thing to do.
    pub(crate) fn may_wait(&self, plan: &Plan) -> bool {
        self.is_pairing() && self.proven && !self.can_add_secret(plan)
    }

    fn is_pairing(&self) -> bool {
        self.code == Some(DetailCode::PairingRequired)
    }

    fn detail(&self, name: &str) -> Option<&Value> {
        self.error.details.as_ref()?.get(name)
    }

    fn text(&self, name: &str) -> Option<String> {
        self.detail(name).and_then(Value::as_str).map(str::to_owned)
    }

    pub(crate) fn into_error(self) -> ClientError {
        if self.is_pairing() {
            return ClientError::PairingRequired(Box::new(PairingRequired::from(&self)));
        }
        match self.code {
            Some(DetailCode::ProtocolMismatch) => {
                let expected = self.detail("expectedProtocol").and_then(Value::as_u64);
                ClientError::ProtocolMismatch(match expected {
                    Some(expected) => format!("the Gateway speaks version {expected}"),
                    None => self.error.message,
                })
            }
            Some(DetailCode::MissingScope | DetailCode::AuthScopeMismatch) => {
                ClientError::ScopeMissing(Box::new(self.error))
            }
            Some(code) if is_credential(code) => {
                ClientError::CredentialRefused(Box::new(CredentialRefused {
                    code: Some(code),
                    used: self.used,
                    withheld: self.withheld.filter(|_| self.used.is_none()),
                    error: self.error,
                }))
            }
            _ => ClientError::Rpc(Box::new(self.error)),
        }
    }
}

impl From<&Refusal> for PairingRequired {
    fn from(refusal: &Refusal) -> Self {
        Self {
            request_id: refusal.text("requestId"),
            reason: refusal.text("reason"),
            error: refusal.error.clone(),
        }
    }
}

impl PairingRequired {
    /// What to tell a person who may be waiting.
    pub(crate) fn notice(&self) -> PairingNotice {
        let hint = ClientError::PairingRequired(Box::new(self.clone())).hint();
        PairingNotice { request_id: self.request_id.clone(), hint }
    }
}

fn is_credential(code: DetailCode) -> bool {
    let name = code.as_str();
    name.starts_with("AUTH_")
        || name.starts_with("DEVICE_")
        || name.starts_with("CONTROL_UI_DEVICE")
}

/// Gateways of protocol 3 send no fine code; their sentences are documented.
fn from_text(error: &RpcError) -> Option<DetailCode> {
    const SENTENCES: &[(&str, DetailCode)] = &[
        ("protocol mismatch", DetailCode::ProtocolMismatch),
        ("gateway token missing", DetailCode::AuthTokenMissing),
        ("gateway token mismatch", DetailCode::AuthTokenMismatch),
        ("gateway token not configured", DetailCode::AuthTokenNotConfigured),
        ("gateway password missing", DetailCode::AuthPasswordMissing),
        ("gateway password mismatch", DetailCode::AuthPasswordMismatch),
        ("gateway password not configured", DetailCode::AuthPasswordNotConfigured),
        ("device token mismatch", DetailCode::AuthDeviceTokenMismatch),
        ("too many failed authentication", DetailCode::AuthRateLimited),
        ("pairing required", DetailCode::PairingRequired),
        ("device identity required", DetailCode::DeviceIdentityRequired),
        ("device signature", DetailCode::DeviceAuthSignatureInvalid),
        ("unauthorized", DetailCode::AuthUnauthorized),
    ];
    let known = SENTENCES.iter().find(|(sentence, _)| error.message.contains(sentence));
    match known {
        Some((_, code)) => Some(*code),
        None if error.code == ErrorCode::NotPaired => Some(DetailCode::PairingRequired),
        None => None,
    }
}
