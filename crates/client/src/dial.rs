//! How a Gateway is reached: anything that gives a byte stream.
//!
//! TCP and the owner's Unix socket are dialled here; `openclaw-remote` dials through `ssh`.

use std::{
    fmt::{self, Debug},
    io,
    path::PathBuf,
    time::Duration,
};

use futures_util::future::BoxFuture;
use openclaw_protocol::trust::Binding;
use tokio::io::{AsyncRead, AsyncWrite};

mod tcp;
mod tls;
mod unix;

pub use tcp::TcpDial;
pub use tls::{Fingerprint, NoFingerprint, Shown as ShownCertificate};
pub use unix::UnixDial;

/// A byte stream in both directions.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Opens streams to one Gateway, as often as asked.
pub trait Dial: Send + Sync + Debug {
    /// Opens a stream.
    fn dial(&self) -> BoxFuture<'_, Result<Dialed, DialError>>;

    /// Where the stream leads, for messages and for what is saved per endpoint.
    fn target(&self) -> Target;
}

/// A step of opening a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DialStep {
    /// The name was looked up.
    Dns,
    /// The connection was made.
    Tcp,
    /// TLS began.
    Tls,
}

/// What each step took, for whoever wants to know.
pub type DialTimes = Vec<(DialStep, Duration)>;

/// Resolves once the carrier of a stream has ended: to the reason if it failed.
pub type Failure = BoxFuture<'static, Option<DialError>>;

/// An open stream to what may be a Gateway.
pub struct Dialed {
    /// The stream.
    pub io: Box<dyn Io>,
    /// Value of the `Host` header.
    pub host: String,
    /// Path and query the person asked for; `/` as a rule.
    pub path: String,
    /// What a proof over this stream must be tied to.
    pub binding: Binding,
    /// What the other side showed, if TLS is spoken.
    pub tls: Option<ShownCertificate>,
    /// What the steps took, as far as they were taken here.
    pub times: DialTimes,
    /// Resolves to the reason when whatever carries the stream (an `ssh`) has failed.
    pub failure: Option<Failure>,
}

impl Debug for Dialed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialed")
            .field("host", &self.host)
            .field("path", &self.path)
            .field("binding", &self.binding)
            .finish_non_exhaustive()
    }
}

/// Where a stream leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// The owner's door of a state folder.
    Door(PathBuf),
    /// A WebSocket URL.
    Url(String),
    /// A host that is reached by `ssh`, with the Gateway's port there if one was named.
    Ssh {
        /// `user@host` or `user@host:port`.
        host: String,
        /// Port of the Gateway on that host.
        remote_port: Option<u16>,
    },
}

impl Target {
    /// A stable text that tells endpoints apart; pins and tokens are saved under it.
    #[must_use]
    pub fn origin(&self) -> String {
        match self {
            Self::Door(path) => format!("unix:{}", path.display()),
            Self::Url(url) => url.clone(),
            Self::Ssh { host, remote_port: None } => format!("ssh://{host}"),
            Self::Ssh { host, remote_port: Some(port) } => format!("ssh://{host}#{port}"),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Door(path) => write!(f, "{}", path.display()),
            Self::Url(url) => f.write_str(url),
            Self::Ssh { host, remote_port: None } => write!(f, "{host} over ssh"),
            Self::Ssh { host, remote_port: Some(port) } => write!(f, "{host} port {port} over ssh"),
        }
    }
}

/// Why no stream could be opened.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The other side answers, and nothing is there.
    #[error("nothing listens")]
    NothingListening,
    /// The name leads nowhere.
    #[error("the name cannot be looked up")]
    NoAddress(#[source] io::Error),
    /// The other side cannot be reached.
    #[error("the address cannot be reached")]
    Unreachable(#[source] io::Error),
    /// The socket may not be opened by this user.
    #[error("the socket belongs to another user")]
    Denied(#[source] io::Error),
    /// The URL cannot be dialled.
    #[error("{0}")]
    Url(String),
    /// No TLS connection came about.
    #[error("no TLS connection comes about: {0}")]
    Tls(String),
    /// The other side shows another certificate than the one that was named.
    #[error("another certificate is shown ({seen}) than the one named for it ({expected})")]
    Fingerprint {
        /// What was named.
        expected: Fingerprint,
        /// What is shown.
        seen: Fingerprint,
    },
    /// `ssh` failed.
    #[error(transparent)]
    Ssh(#[from] SshFailure),
    /// Something of this machine failed.
    #[error("the connection could not be opened")]
    Local(#[source] io::Error),
}

/// How `ssh` failed, in plain words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SshFailure {
    /// What went wrong.
    pub problem: SshProblem,
    /// One sentence for a person.
    pub message: String,
    /// What to do next.
    pub hint: String,
}

/// The ways in which `ssh` fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SshProblem {
    /// There is no `ssh` on this machine.
    NoSsh,
    /// The target is not one that is passed to `ssh`.
    Target,
    /// The host's key is not known yet.
    UnknownHostKey,
    /// The host shows another key than before.
    ChangedHostKey,
    /// The host let nobody in.
    PermissionDenied,
    /// The host's name or address leads nowhere.
    Unreachable,
    /// The host runs no SSH server.
    Refused,
    /// The host answers too slowly.
    TimedOut,
    /// The host has no `openclaw`.
    NoOpenclaw,
    /// Nothing listens on the forwarded port, or forwarding is not allowed.
    ForwardRefused,
    /// The Gateway's door on the host cannot be opened.
    RemoteDoor,
    /// Something else; the message holds what `ssh` said.
    Other,
}
