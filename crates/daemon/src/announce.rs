//! Saying on the local network where this Gateway is.
//!
//! It is said once other machines can reach the Gateway; one that listens on loopback only has nothing
//! to say, unless `OPENCLAW_DISABLE_BONJOUR=0` insists, or `discovery.mdns.mode` is `full`: then the way
//! is `ssh`. Nothing that goes wrong here reaches the Gateway.

use std::{net::IpAddr, path::PathBuf};

use openclaw_base::Tasks;
use openclaw_config::{Config, DiscoverySettings, Environment, schema::MdnsMode};
use openclaw_remote::discovery::{Advertisement, Advertiser, MdnsNet, MdnsStatus};
use tokio::sync::watch;

/// Where the Gateway listens.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reach {
    pub(crate) port: u16,
    /// The addresses of its listeners.
    pub(crate) addresses: Vec<IpAddr>,
    /// SHA-256 of the certificate, where TLS is spoken.
    pub(crate) tls: Option<String>,
}

impl Reach {
    /// The addresses that others reach.
    fn wide(&self) -> impl Iterator<Item = &IpAddr> {
        self.addresses.iter().filter(|ip| !ip.is_loopback())
    }

    fn wanted(&self, settings: &DiscoverySettings, host: &str) -> Option<Advertisement> {
        let direct = self.wide().next().is_some();
        let full = match settings.mode {
            MdnsMode::Off => return None,
            MdnsMode::Minimal => false,
            MdnsMode::Full => true,
        };
        if !direct && !full && !settings.always {
            return None;
        }
        // Listening everywhere, or nowhere but reached by ssh: every address of this machine.
        let everywhere = !direct || self.wide().any(IpAddr::is_unspecified);
        let host = settings.host.clone().unwrap_or_else(|| host.to_owned());
        let program = || std::env::current_exe().ok().map(|path| path.display().to_string());
        Some(Advertisement {
            name: host.clone(),
            host,
            port: self.port,
            addresses: if everywhere { Vec::new() } else { self.wide().copied().collect() },
            tls: self.tls.clone(),
            direct,
            tailnet_dns: settings.tailnet_dns.clone(),
            ssh_port: full.then_some(settings.ssh_port),
            cli_path: settings.cli_path.clone().or_else(program).filter(|_| full),
        })
    }
}

/// Tells the part that announces what is wanted now.
#[derive(Debug)]
pub(crate) struct Announce {
    reach: Reach,
    host: String,
    want: watch::Sender<Option<Advertisement>>,
}

impl Announce {
    /// Announces in a task of its own; how it goes is written to the file.
    pub(crate) fn start(reach: Reach, host: &str, file: PathBuf, tasks: &Tasks) -> Self {
        let (want, wanted) = watch::channel(None);
        let (status, mut seen) = watch::channel(MdnsStatus::Off);
        let stop = tasks.token();
        let advertiser = Advertiser { net: MdnsNet::default(), wanted, status };
        drop(tasks.spawn("multicast DNS", async move { advertiser.run(stop.cancelled()).await }));
        drop(tasks.spawn("multicast DNS status", async move {
            let mut kept = None;
            loop {
                let status = seen.borrow_and_update().clone();
                if let MdnsStatus::Advertising(name) = &status {
                    tracing::info!(name, "announced on the local network");
                }
                if kept.as_ref() != Some(&status)
                    && let Err(error) = status.write(&file)
                {
                    tracing::debug!(%error, "how announcing goes cannot be written down");
                }
                kept = Some(status);
                if seen.changed().await.is_err() {
                    return;
                }
            }
        }));
        Self { reach, host: host.to_owned(), want }
    }

    /// Another certificate is shown from now on; it is announced when the configuration is followed next.
    pub(crate) fn shows(&mut self, fingerprint: &str) {
        self.reach.tls = Some(fingerprint.to_owned());
    }

    /// Follows the configuration.
    pub(crate) fn follow(&self, config: &Config, env: &Environment) {
        let wanted = self.reach.wanted(&config.discovery(env), &self.host);
        self.want.send_if_modified(|current| {
            let changed = *current != wanted;
            *current = wanted;
            changed
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(addresses: &[&str], mode: MdnsMode, always: bool) -> Option<Advertisement> {
        let addresses = addresses.iter().map(|ip| ip.parse().expect("ip")).collect();
        let reach = Reach { port: 18789, addresses, tls: None };
        let settings = DiscoverySettings { mode, always, ssh_port: 22, ..Default::default() };
        reach.wanted(&settings, "box")
    }

    #[test]
    fn only_what_can_be_reached_is_announced() {
        let loopback = ["127.0.0.1", "::1"];
        let custom = ["127.0.0.1", "192.0.2.7"];
        assert_eq!(wanted(&loopback, MdnsMode::Minimal, false), None);
        assert_eq!(wanted(&custom, MdnsMode::Off, true), None);
        let seen = wanted(&loopback, MdnsMode::Minimal, true).expect("it was insisted on");
        assert!(!seen.direct && seen.ssh_port.is_none());
        let seen = wanted(&loopback, MdnsMode::Full, false).expect("by ssh");
        assert!(!seen.direct && seen.ssh_port == Some(22) && seen.cli_path.is_some());
        let seen = wanted(&custom, MdnsMode::Minimal, false).expect("it is reached");
        assert!(seen.direct && seen.ssh_port.is_none() && seen.cli_path.is_none());
        assert_eq!(seen.addresses, ["192.0.2.7".parse::<IpAddr>().expect("ip")]);
        let seen = wanted(&["0.0.0.0", "::"], MdnsMode::Minimal, false).expect("it is reached");
        assert!(seen.direct && seen.addresses.is_empty(), "every address there is");
    }
}
