//! Reaching a Gateway on another machine through the system's `ssh`.
//!
//! [`SshDial`] opens a stream either to the owner's door there (`openclaw gateway dial-stdio`: the SSH
//! login is the proof) or to the Gateway's port there (`ssh -W`). `ssh` is the system's, so a person's
//! configuration, agent, hardware keys, jump hosts and known hosts work as they are used to.
//!
//! [`named`] keeps Gateways under names, as contexts are chosen among.
//!
//! [`discovery`] finds Gateways, and announces one; what is found is a hint and never a proof.
//!
//! [`expose`] writes a reverse proxy's configuration, and tests it with the real proxy.
//!
//! [`tunnel`] holds one `ssh` per named Gateway for as long as it is wanted, and says how it is.
//!
//! [`tailscale`] asks Tailscale's daemon on this machine, and publishes one route through it.
//!
//! A target is checked before it gets near a command line, and no `ssh` outlives us: each is killed
//! and reaped when its stream is dropped, and dies with us on Linux even if we are killed.

pub mod ask;
pub mod discovery;
pub mod expose;
pub mod greet;
pub mod install;
pub mod login;
pub mod named;
pub mod ssh;
pub mod tailscale;
pub mod target;
pub mod tunnel;

mod child;
mod classify;

pub use ask::{Published, published};
pub use greet::{Terminal, greet};
pub use install::{CopyError, Found, Survey};
pub use login::{Login, Said};
pub use named::{Book, How, NameError, NamedGateway, Via};
pub use ssh::{Remote, SshDial, SshOptions};
pub use target::{SshTarget, TargetError};
pub use tunnel::{
    Control, HeldDial, Places, Request, Supervisor, SupervisorError, SupervisorReport,
    TunnelReport, TunnelState, background,
};

use openclaw_client::{DialError, SshFailure, SshProblem};

/// Why a Gateway on another machine cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum SshError {
    /// The target is not one.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// `ssh` ran and failed.
    #[error(transparent)]
    Failed(#[from] SshFailure),
    /// `ssh` could not be started.
    #[error("ssh could not be started")]
    Start(#[source] std::io::Error),
}

impl From<SshError> for DialError {
    fn from(error: SshError) -> Self {
        match error {
            SshError::Target(error) => Self::Ssh(SshFailure {
                problem: SshProblem::Target,
                message: error.to_string(),
                hint: "give a target such as --ssh me@server or --ssh me@server:2222".to_owned(),
            }),
            SshError::Failed(failure) => Self::Ssh(failure),
            SshError::Start(source) => Self::Local(source),
        }
    }
}
