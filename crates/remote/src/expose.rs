//! A reverse proxy in front of the Gateway: what to write into its configuration, and whether it works.
//!
//! The test starts the real proxy on spare loopback ports with exactly the words that are printed, in a
//! folder of its own and without root, and asks the Gateway through it.

mod checks;
mod http;
mod proxy;
mod recorder;
mod snippet;

use std::net::SocketAddr;

pub use self::checks::{Check, CheckName, Front, check};
pub use self::proxy::{ExposeError, RunningProxy};

/// Proxies that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyKind {
    /// nginx.
    Nginx,
    /// Caddy.
    Caddy,
}

impl ProxyKind {
    /// Its name, which is also its program's.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
        }
    }

    /// What to write for a site of this name.
    #[must_use]
    pub fn snippet(self, site: &str, gateway: SocketAddr) -> String {
        match self {
            Self::Nginx => snippet::nginx(site, gateway),
            Self::Caddy => snippet::caddy(site, gateway),
        }
    }
}
