//! Held tunnels: one `ssh` per named Gateway that is kept up, and started again when it is not.
//!
//! The [`Supervisor`] owns the ends on this machine: a 0600 Unix socket for our own clients and one
//! loopback port for browsers. Both stay the same whatever happens to `ssh`; a connection that comes in
//! while the tunnel is being restored waits for it. Our clients are led to the owner's door there where
//! it is known, browsers always to the Gateway's port, because anybody on this machine can reach a
//! loopback port. Health is the Gateway's answer through the tunnel: a link on which it does not come
//! is given up after [`keeper::DEAD_AFTER`] and made anew.

pub mod background;
pub mod control;
pub mod held;
pub mod keeper;
pub mod supervisor;
mod surroundings;

mod forward;
mod relay;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use background::background;
pub use control::{Control, Request};
pub use held::HeldDial;
pub use supervisor::{Places, Supervisor, SupervisorError};

/// How a tunnel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TunnelState {
    /// It is being made.
    Connecting,
    /// The Gateway answers through it.
    Connected,
    /// It does not work at the moment, and is tried again.
    Degraded,
}

impl TunnelState {
    /// The word for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Degraded => "degraded",
        }
    }
}

/// What is known of one tunnel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TunnelReport {
    /// The Gateway's name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// How the tunnel is.
    pub state: TunnelState,
    /// Since when, in milliseconds since 1970.
    pub since_ms: u64,
    /// Why it does not work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// When it is tried again, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_try_ms: Option<u64>,
    /// The loopback port for browsers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_port: Option<u16>,
    /// The socket for our own clients.
    pub socket: PathBuf,
    /// The process of its `ssh`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_pid: Option<u32>,
    /// How often it was lost after it had worked.
    pub losses: u32,
    /// How many tries did not work: what tells the outcome of one try from that of the one before.
    #[serde(default)]
    pub failures: u32,
    /// Whether what comes in is carried: `ssh` is logged in, and nothing says yet that it leads nowhere.
    #[serde(skip)]
    pub open: bool,
}

/// What is known of all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SupervisorReport {
    /// The process that holds them.
    pub pid: u32,
    /// Since when, in milliseconds since 1970.
    pub since_ms: u64,
    /// The tunnels, by name.
    pub tunnels: Vec<TunnelReport>,
}

impl SupervisorReport {
    /// The tunnel of a name.
    #[must_use]
    pub fn tunnel(&self, name: &str) -> Option<&TunnelReport> {
        self.tunnels.iter().find(|tunnel| tunnel.name == name)
    }
}
