//! What can go wrong between a client and a Gateway, told apart by what a person does next.

use std::{io, sync::Arc, time::Duration};

use openclaw_identity::PublicKey;
use openclaw_protocol::{DetailCode, ErrorCode, RpcError};

use crate::{
    credentials::{CredentialError, SecretSource},
    dial::{DialError, Fingerprint, SshFailure, Target},
    endpoint::Pin,
};

mod hint;
mod parts;

use parts::seconds;
pub use parts::{CloseReason, ErrorKind, Stage};

/// Why a connection or call failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ClientError {
    /// The address answers, and nobody listens there.
    #[error("no Gateway listens at {target}")]
    NothingListening {
        /// Where.
        target: Target,
    },
    /// The address cannot be reached.
    #[error("{target} cannot be reached")]
    Unreachable {
        /// Where.
        target: Target,
        /// Why.
        #[source]
        source: Arc<io::Error>,
    },
    /// Something took too long.
    #[error("{stage} took longer than {}", seconds(*.after))]
    Timeout {
        /// What was waited for.
        stage: Stage,
        /// How long.
        after: Duration,
    },
    /// The connection ended.
    #[error("the connection to the Gateway was lost: {0}")]
    LinkLost(CloseReason),
    /// The connection ended before a call was answered that must not be made twice.
    #[error(
        "the connection was lost before {method} was answered; it may or may not have been done"
    )]
    Uncertain {
        /// The method.
        method: String,
        /// How the connection ended.
        reason: CloseReason,
    },
    /// Whatever answered speaks another language.
    #[error("what answers at {target} is not a Gateway: {seen}")]
    NotAGateway {
        /// Where.
        target: Target,
        /// What it said.
        seen: String,
    },
    /// A target given on the command line needs a secret flag. Nothing was sent.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// The Gateway refused the credential.
    #[error("the Gateway refused the credential: {}", .0.error.message)]
    CredentialRefused(Box<CredentialRefused>),
    /// A person has to approve this device.
    #[error("this device waits for approval{}", .0.shown_id())]
    PairingRequired(Box<PairingRequired>),
    /// A person rejected this device.
    #[error("the pairing request was rejected")]
    PairingRejected {
        /// The request.
        request_id: String,
    },
    /// The connection may not do this.
    #[error("{}", .0.message)]
    ScopeMissing(Box<RpcError>),
    /// The Gateway shows another key than the pinned one. Nothing was sent.
    #[error("the Gateway at {target} shows another key ({seen}) than the one pinned for it")]
    IdentityMismatch {
        /// Where.
        target: Target,
        /// The key that was expected.
        pin: Box<Pin>,
        /// The key that was shown.
        seen: Box<PublicKey>,
    },
    /// A pinned Gateway offers no proof. Nothing was sent.
    #[error("what answers at {target} does not prove to be the Gateway pinned for it")]
    ProofMissing {
        /// Where.
        target: Target,
        /// The key that was expected.
        pin: Box<Pin>,
    },
    /// The Gateway's proof is wrong. Nothing was sent.
    #[error("what answers at {target} offers a proof that does not hold: {reason}")]
    ProofInvalid {
        /// Where.
        target: Target,
        /// What is wrong.
        reason: &'static str,
    },
    /// No TLS connection came about.
    #[error("no TLS connection to {target} comes about: {reason}")]
    Tls {
        /// Where.
        target: Target,
        /// Why.
        reason: String,
    },
    /// Another certificate is shown than the one that was named. Nothing was sent.
    #[error("{target} shows another certificate ({seen}) than the one named for it ({expected})")]
    FingerprintMismatch {
        /// Where.
        target: Target,
        /// What was named.
        expected: Fingerprint,
        /// What is shown.
        seen: Fingerprint,
    },
    /// Nobody vouches for the certificate, and nothing else proves who answers. Nothing was sent.
    #[error("the certificate of {target} proves nothing: {reason}")]
    CertificateUnknown {
        /// Where.
        target: Target,
        /// The certificate.
        fingerprint: Fingerprint,
        /// The key that the Gateway proved, if it is one of ours and met for the first time.
        key: Option<Box<PublicKey>>,
        /// Why nobody vouches for it.
        reason: String,
    },
    /// No protocol version in common, or an answer that cannot be read.
    #[error("no common protocol: {0}")]
    ProtocolMismatch(String),
    /// `ssh` failed.
    #[error(transparent)]
    Ssh(#[from] SshFailure),
    /// The Gateway answered with an error.
    #[error("{}", .0.message)]
    Rpc(Box<RpcError>),
    /// The URL cannot be used.
    #[error("{0}")]
    Url(String),
    /// Something of this machine failed.
    #[error("{what}")]
    Local {
        /// What was being done.
        what: String,
        /// Why.
        #[source]
        source: Arc<io::Error>,
    },
}

/// A refused credential.
#[derive(Clone, Debug)]
pub struct CredentialRefused {
    /// What the Gateway said.
    pub error: RpcError,
    /// The fine code, if it sent one.
    pub code: Option<DetailCode>,
    /// The secret that was used.
    pub used: Option<SecretSource>,
    /// A secret that was not sent because the Gateway cannot prove itself.
    pub withheld: Option<SecretSource>,
}

/// A device that waits for approval.
#[derive(Clone, Debug)]
pub struct PairingRequired {
    /// What the Gateway said.
    pub error: RpcError,
    /// The request to approve.
    pub request_id: Option<String>,
    /// Why: `not-paired`, `role-upgrade`, `scope-upgrade`, `metadata-upgrade`.
    pub reason: Option<String>,
}

impl PairingRequired {
    fn shown_id(&self) -> String {
        self.request_id.as_ref().map_or_else(String::new, |id| format!(" (request {id})"))
    }
}

impl ClientError {
    /// Which of the ways to fail this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NothingListening { .. } => ErrorKind::NothingListening,
            Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::LinkLost(_)
            | Self::Uncertain { .. } => ErrorKind::LinkLost,
            Self::NotAGateway { .. } => ErrorKind::NotAGateway,
            Self::Credentials(_) | Self::Url(_) => ErrorKind::Usage,
            Self::CredentialRefused(_) => ErrorKind::CredentialRefused,
            Self::PairingRequired(_) | Self::PairingRejected { .. } => ErrorKind::PairingRequired,
            Self::ScopeMissing(_) => ErrorKind::ScopeMissing,
            Self::IdentityMismatch { .. }
            | Self::ProofMissing { .. }
            | Self::ProofInvalid { .. }
            | Self::Tls { .. }
            | Self::FingerprintMismatch { .. }
            | Self::CertificateUnknown { .. } => ErrorKind::Identity,
            Self::ProtocolMismatch(_) => ErrorKind::Protocol,
            Self::Ssh(_) => ErrorKind::Ssh,
            Self::Rpc(_) | Self::Local { .. } => ErrorKind::Failed,
        }
    }

    /// What the Gateway said, if it said something.
    #[must_use]
    pub fn rpc(&self) -> Option<&RpcError> {
        match self {
            Self::Rpc(error) | Self::ScopeMissing(error) => Some(error),
            Self::CredentialRefused(refused) => Some(&refused.error),
            Self::PairingRequired(pairing) => Some(&pairing.error),
            _ => None,
        }
    }

    /// Whether the same may work later without anybody changing anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::NothingListening { .. }
            | Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::LinkLost(_) => true,
            Self::CredentialRefused(refused) => refused.code == Some(DetailCode::AuthRateLimited),
            Self::Ssh(failure) => failure.is_passing(),
            Self::Rpc(error) => error.code == ErrorCode::Unavailable,
            _ => false,
        }
    }

    /// The next command to type, or what else to do.
    #[must_use]
    pub fn hint(&self) -> String {
        hint::of(self)
    }

    /// An error of this machine.
    pub(crate) fn local(what: impl Into<String>, source: io::Error) -> Self {
        Self::Local { what: what.into(), source: Arc::new(source) }
    }

    /// Says where a stream could not be opened to.
    #[must_use]
    pub fn from_dial(error: DialError, target: Target) -> Self {
        match error {
            DialError::NothingListening => Self::NothingListening { target },
            DialError::Unreachable(source) | DialError::NoAddress(source) => {
                Self::Unreachable { target, source: Arc::new(source) }
            }
            DialError::Denied(source) => {
                Self::local(format!("{target} belongs to another user"), source)
            }
            DialError::Url(text) => Self::Url(text),
            DialError::Tls(reason) => Self::Tls { target, reason },
            DialError::Fingerprint { expected, seen } => {
                Self::FingerprintMismatch { target, expected, seen }
            }
            DialError::Ssh(failure) => Self::Ssh(failure),
            DialError::Local(source) => {
                Self::local(format!("the connection to {target} could not be opened"), source)
            }
        }
    }

    /// A refused call, told apart by its code.
    pub(crate) fn from_call(error: RpcError) -> Self {
        let scope = error.detail_code() == Some(DetailCode::MissingScope)
            || error.message.starts_with("missing scope");
        if scope { Self::ScopeMissing(Box::new(error)) } else { Self::Rpc(Box::new(error)) }
    }
}
