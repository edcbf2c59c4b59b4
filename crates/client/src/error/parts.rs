//! What errors are made of: kinds, stages, and how connections end.

use std::{fmt, time::Duration};

/// One word for each way a command can fail; the exit codes follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The Gateway answered with an error, or something of this machine failed.
    Failed,
    /// The command line is at fault.
    Usage,
    /// Nothing listens.
    NothingListening,
    /// Lost, unreachable, or timed out.
    LinkLost,
    /// Not a Gateway.
    NotAGateway,
    /// The credential was refused.
    CredentialRefused,
    /// Pairing is needed.
    PairingRequired,
    /// A scope is missing.
    ScopeMissing,
    /// TLS, pin, or identity.
    Identity,
    /// Protocol.
    Protocol,
    /// SSH.
    Ssh,
}

impl ErrorKind {
    /// The name in `--json` output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::NothingListening => "nothing-listening",
            Self::LinkLost => "link-lost",
            Self::NotAGateway => "not-a-gateway",
            Self::CredentialRefused => "credential-refused",
            Self::PairingRequired => "pairing-required",
            Self::ScopeMissing => "scope-missing",
            Self::Identity => "identity",
            Self::Protocol => "protocol",
            Self::Ssh => "ssh",
        }
    }
}

/// What was waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Opening the stream.
    Dial,
    /// The answer to the upgrade request.
    Upgrade,
    /// The challenge.
    Challenge,
    /// The answer to `connect`.
    Hello,
    /// A person's decision.
    Pairing,
    /// The answer to a call.
    Call(String),
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dial => f.write_str("opening the connection"),
            Self::Upgrade => f.write_str("the answer to the upgrade request"),
            Self::Challenge => f.write_str("the Gateway's challenge"),
            Self::Hello => f.write_str("the answer to connect"),
            Self::Pairing => f.write_str("the decision about this device"),
            Self::Call(method) => write!(f, "the answer to {method}"),
        }
    }
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// We closed it.
    Local,
    /// The peer sent a close frame.
    Closed {
        /// Its code.
        code: u16,
        /// Its text.
        reason: String,
    },
    /// The stream ended without a word.
    Ended,
    /// Nothing came for this long although we asked.
    Silent(Duration),
    /// The stream failed.
    Failed(String),
    /// The peer broke the protocol.
    Protocol(String),
}

impl CloseReason {
    /// Whether the Gateway said that it restarts or stops.
    #[must_use]
    pub const fn is_restart(&self) -> bool {
        matches!(self, Self::Closed { code: 1012, .. })
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("closed here"),
            Self::Closed { code, reason } if reason.is_empty() => write!(f, "closed with {code}"),
            Self::Closed { code, reason } => write!(f, "{reason} ({code})"),
            Self::Ended => f.write_str("it ended without a word"),
            Self::Silent(after) => write!(f, "no sign of life for {}", seconds(*after)),
            Self::Failed(what) | Self::Protocol(what) => f.write_str(what),
        }
    }
}

/// A duration as people write it.
pub(super) fn seconds(duration: Duration) -> String {
    if duration.subsec_millis() == 0 {
        format!("{} s", duration.as_secs())
    } else {
        format!("{} ms", duration.as_millis())
    }
}
