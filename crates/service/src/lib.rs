//! Services that the system starts: systemd units and launchd property lists, and the programs that
//! know about them.
//!
//! What a service is ([`Definition`]) becomes text by pure functions ([`systemd::units`],
//! [`launchd::property_list`]); [`Manager`] is the one place that starts `systemctl`, `loginctl`,
//! `journalctl` and `launchctl`. Every file carries a mark that says whose it is; a file without it, or
//! with another owner's, is never written over and never removed.

mod definition;
mod error;
mod files;
mod install;
pub mod launchd;
mod manager;
mod program;
mod state;
pub mod systemd;

pub use definition::{Account, Definition, Scope, ServiceName, SharedDoor};
pub use error::ServiceError;
pub use files::{Ownership, ServiceFile, owner_of};
pub use install::{Change, Found, Installation};
pub use manager::Manager;
pub use state::{Activity, Linger, ServiceState};
