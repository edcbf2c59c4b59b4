//! The composition root: from a configuration to a running Gateway.
//!
//! Only here are concrete models, stores and listeners put together. [`run`] does everything from taking
//! the lock to draining; [`start`] gives a running Gateway to tests and to `run` alike.

mod announce;
mod audit;
mod auth;
mod bind;
mod channels;
mod compose;
mod config_source;
mod error;
mod follow;
mod holder;
mod inherited;
mod lifecycle;
pub mod lock;
mod logging;
mod models;
mod publication;
mod rotation;
mod start;
mod stop;
mod tailnet;
mod tls;
mod tool_servers;
mod tools;
mod wiring;

pub use self::channels::check_telegram;
pub use audit::certificate;
pub use auth::{AuthFlags, AuthSource, ResolvedAuth};

pub use bind::certificate_in_use;
pub use error::DaemonError;
pub use holder::{Holder, PortHolder, port_holder};
pub use inherited::Inherited;
pub use lifecycle::{Lifecycle, Phase, answers};
pub use openclaw_audit::Finding;
pub use rotation::{Rotation, overlap_until};
pub use start::{Running, StartOptions, Started, start};
pub use stop::{run, stop_holder};
pub use tls::{CertificateFacts, certificate_facts};

/// The version of the program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
