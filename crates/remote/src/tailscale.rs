//! Tailscale on this machine: asking its daemon, and publishing one route through it.
//!
//! The daemon is asked over its LocalAPI (HTTP on a Unix socket); where that socket is out of reach, the
//! `tailscale` command is. Paths, fields and the ETag of the serve configuration are those of Tailscale's
//! LocalAPI, version 0.

mod command;
mod local_api;
mod publisher;
mod record;
mod route;

pub use command::Command;
pub use local_api::LocalApi;
pub use publisher::{Published, Publisher};
pub use record::Record;
pub use route::{Conflict, Route};

use std::{net::IpAddr, path::PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// Where the daemon's socket may be.
const SOCKETS: [&str; 2] = ["/var/run/tailscale/tailscaled.sock", "/run/tailscale/tailscaled.sock"];

/// Why Tailscale does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum TailscaleError {
    /// Neither the socket nor the command is there.
    #[error("Tailscale is not installed or its daemon does not run")]
    Absent,
    /// The daemon refuses this user.
    #[error("tailscaled refuses this user")]
    Denied,
    /// Somebody changed the configuration meanwhile.
    #[error("the serve configuration was changed by somebody else at the same time")]
    Changed,
    /// It did not answer in time.
    #[error("tailscaled does not answer")]
    Slow,
    /// It answered something else than documented.
    #[error("tailscaled answered {0}")]
    Odd(String),
    /// This machine is not in a tailnet.
    #[error("this machine is not connected to its tailnet (state {0})")]
    Down(String),
    /// There are no names, or no certificates for them.
    #[error("the tailnet gives this machine no {0}")]
    Missing(&'static str),
    /// The route belongs to somebody else.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// The file that says what is ours cannot be written.
    #[error("{} cannot be written", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl TailscaleError {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Absent => {
                "install Tailscale, or run: openclaw config set gateway.tailscale.mode off"
            }
            Self::Denied => "run: sudo tailscale set --operator=$USER",
            Self::Changed | Self::Slow => "it is tried again",
            Self::Odd(_) => "run: tailscale version   (1.50 or newer is needed)",
            Self::Down(_) => "run: tailscale up",
            Self::Missing(_) => {
                "turn on MagicDNS, HTTPS certificates, and for Funnel its node attribute, in Tailscale's admin console"
            }
            Self::Conflict(_) => {
                "run: tailscale serve status   (the Gateway touches nothing of others)"
            }
            Self::Record { .. } => "make the state folder writable",
        }
    }
}

/// What the daemon says of this machine.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Status {
    /// `Running` when connected.
    pub backend_state: String,
    /// Names that certificates can be had for.
    #[serde(deserialize_with = "or_default")]
    pub cert_domains: Vec<String>,
    /// This machine.
    #[serde(rename = "Self", deserialize_with = "or_default")]
    pub own: OwnNode,
}

/// This machine in the tailnet.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct OwnNode {
    /// The full name, with a dot at its end.
    #[serde(rename = "DNSName")]
    pub dns_name: String,
    /// The addresses.
    #[serde(rename = "TailscaleIPs", deserialize_with = "or_default")]
    pub addresses: Vec<IpAddr>,
    /// What the tailnet lets it do.
    #[serde(deserialize_with = "or_default")]
    pub cap_map: serde_json::Map<String, Value>,
    /// The same, as older daemons say it.
    #[serde(deserialize_with = "or_default")]
    pub capabilities: Vec<String>,
}

/// Go writes `null` for what is empty.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

impl Status {
    /// The name of this machine in its tailnet, without the last dot, if it is connected.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        let name = self.own.dns_name.trim_end_matches('.');
        (self.backend_state == "Running" && !name.is_empty()).then_some(name)
    }

    /// The name under which it can be published.
    ///
    /// # Errors
    /// What the tailnet lacks.
    pub fn publishable(&self, funnel: bool) -> Result<&str, TailscaleError> {
        if self.backend_state != "Running" {
            return Err(TailscaleError::Down(self.backend_state.clone()));
        }
        let name = self.name().ok_or(TailscaleError::Missing("name (MagicDNS)"))?;
        if !self.cert_domains.iter().any(|domain| domain == name) {
            return Err(TailscaleError::Missing("HTTPS certificates"));
        }
        let allowed = |cap: &str| cap == "funnel" || cap.ends_with("/cap/funnel");
        let may_funnel = self.own.cap_map.keys().any(|cap| allowed(cap))
            || self.own.capabilities.iter().any(|cap| allowed(cap));
        if funnel && !may_funnel {
            return Err(TailscaleError::Missing("Funnel attribute"));
        }
        Ok(name)
    }
}

/// Who stands behind an address in the tailnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whois {
    /// The login name; machines with tags have `tagged-devices`.
    pub login: String,
}

/// The login of machines that belong to nobody.
pub const TAGGED: &str = "tagged-devices";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WhoisAnswer {
    user_profile: WhoisProfile,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WhoisProfile {
    login_name: String,
}

impl Whois {
    fn read(bytes: &[u8]) -> Result<Self, TailscaleError> {
        let answer: WhoisAnswer = read_json(bytes)?;
        Ok(Self { login: answer.user_profile.login_name })
    }
}

fn read_json<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, TailscaleError> {
    serde_json::from_slice(bytes).map_err(|error| TailscaleError::Odd(error.to_string()))
}

/// The way to the daemon.
#[derive(Clone, Debug)]
pub enum Daemon {
    /// Its socket.
    Api(LocalApi),
    /// The command.
    Command(Command),
}

/// Where the daemon may be found.
#[derive(Clone, Debug)]
pub struct Whereabouts {
    /// Sockets to try, in order.
    pub sockets: Vec<PathBuf>,
    /// The command, by path.
    pub command: Option<PathBuf>,
}

impl Whereabouts {
    /// The usual places; `socket` and the folders of `path` come from the environment.
    #[must_use]
    pub fn usual(socket: Option<PathBuf>, path: Option<&std::ffi::OsStr>) -> Self {
        let sockets = match socket {
            Some(socket) => vec![socket],
            None => SOCKETS.iter().map(PathBuf::from).collect(),
        };
        let folders = path.map(std::env::split_paths).into_iter().flatten();
        let command = folders.map(|folder| folder.join("tailscale")).find(|file| file.is_file());
        Self { sockets, command }
    }

    /// The first way that is there.
    ///
    /// # Errors
    /// [`TailscaleError::Absent`].
    pub async fn daemon(&self) -> Result<Daemon, TailscaleError> {
        for socket in &self.sockets {
            if tokio::net::UnixStream::connect(socket).await.is_ok() {
                return LocalApi::new(socket.clone()).map(Daemon::Api);
            }
        }
        let command = self.command.clone().ok_or(TailscaleError::Absent)?;
        Ok(Daemon::Command(Command::new(command)))
    }
}

impl Daemon {
    /// How it is.
    ///
    /// # Errors
    /// [`TailscaleError`].
    pub async fn status(&self) -> Result<Status, TailscaleError> {
        match self {
            Self::Api(api) => api.status().await,
            Self::Command(command) => command.status().await,
        }
    }

    /// Who stands behind an address; `None` for nobody it knows.
    ///
    /// # Errors
    /// [`TailscaleError`].
    pub async fn whois(&self, address: IpAddr) -> Result<Option<Whois>, TailscaleError> {
        match self {
            Self::Api(api) => api.whois(address).await,
            Self::Command(command) => command.whois(address).await,
        }
    }

    /// The uid under which it runs, if the kernel says so.
    pub async fn uid(&self) -> Option<u32> {
        match self {
            Self::Api(api) => api.uid().await,
            Self::Command(_) => None,
        }
    }

    /// Claims a route; `before` is what we claimed earlier. Says whether anything had to be changed.
    async fn claim(&self, route: &Route, before: &[Route]) -> Result<bool, TailscaleError> {
        match self {
            Self::Api(api) => {
                api.edit(|config| route::claim(config, route, before).map_err(Into::into)).await
            }
            Self::Command(command) => command.claim(route, before).await,
        }
    }

    /// Gives routes up, as far as they are still ours.
    async fn release(&self, routes: &[Route]) -> Result<bool, TailscaleError> {
        match self {
            Self::Api(api) => api.edit(|config| Ok(route::release_all(config, routes))).await,
            Self::Command(command) => command.release(routes).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(text: &str) -> Status {
        serde_json::from_str(text).expect("status")
    }

    #[test]
    fn a_machine_is_published_under_a_name_with_a_certificate_only() {
        let running = r#"{"BackendState":"Running","CertDomains":["box.tail1.ts.net"],
            "Self":{"DNSName":"box.tail1.ts.net.","TailscaleIPs":["100.101.102.103"],"CapMap":{"funnel":null}}}"#;
        let machine = status(running);
        assert_eq!(machine.name(), Some("box.tail1.ts.net"));
        assert_eq!(machine.publishable(true).expect("all there"), "box.tail1.ts.net");
        let bare = running.replace(r#""funnel":null"#, "");
        assert!(matches!(status(&bare).publishable(true), Err(TailscaleError::Missing(_))));
        assert!(status(&bare).publishable(false).is_ok());
        let no_names = running.replace(r#"["box.tail1.ts.net"]"#, "null");
        assert!(matches!(status(&no_names).publishable(false), Err(TailscaleError::Missing(_))));
        let stopped = status(r#"{"BackendState":"Stopped","Self":null}"#);
        assert!(matches!(stopped.publishable(false), Err(TailscaleError::Down(_))));
        assert_eq!(stopped.name(), None);
    }
}
