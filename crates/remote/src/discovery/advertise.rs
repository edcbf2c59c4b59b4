//! Saying on the local network where this Gateway is.
//!
//! The multicast part lives in a thread of its library. Nothing that goes wrong there reaches the
//! Gateway: a failure lowers [`MdnsStatus`], and after a pause it is tried again.

use std::{
    io,
    net::IpAddr,
    path::Path,
    time::{Duration, Instant},
};

use mdns_sd::{DaemonEvent, ServiceDaemon, ServiceInfo};
use openclaw_base::{Backoff, fs};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{DiscoveryError, LOCAL, MdnsNet, SERVICE, browse::close, browse::open, hints};

/// Pauses between attempts.
const RETRY: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(300));
/// Longest entry of a TXT record, `=` included.
const MAX_ENTRY: usize = 255;
/// Longest label of a name.
const MAX_LABEL: usize = 63;

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advertisement {
    /// What the Gateway calls itself.
    pub name: String,
    /// The name of this machine, without a domain.
    pub host: String,
    /// The Gateway's port.
    pub port: u16,
    /// Where it listens; empty for every address of this machine.
    pub addresses: Vec<IpAddr>,
    /// Whether TLS is spoken, and the certificate's SHA-256.
    pub tls: Option<String>,
    /// Whether other machines can connect to the port.
    pub direct: bool,
    /// The name of this machine in its tailnet.
    pub tailnet_dns: Option<String>,
    /// Only in full: where `ssh` answers.
    pub ssh_port: Option<u16>,
    /// Only in full: where the program is.
    pub cli_path: Option<String>,
}

impl Advertisement {
    /// The name of this machine, as the name of a machine can be.
    #[must_use]
    pub fn host_label(&self) -> String {
        let label = self.host.split('.').next().unwrap_or_default();
        let known = label.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-');
        let label: String = known.take(MAX_LABEL).collect();
        match label.trim_matches('-') {
            "" => "openclaw".to_owned(),
            label => label.to_owned(),
        }
    }

    /// The name of the instance, which is one label.
    #[must_use]
    pub fn instance(&self) -> String {
        let name = hints::shown(&self.name);
        let mut end = name.len().min(MAX_LABEL);
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        match name.get(..end).unwrap_or_default() {
            "" => self.host_label(),
            name => name.to_owned(),
        }
    }

    /// The documented keys; what does not fit into an entry is left out.
    #[must_use]
    pub fn txt(&self) -> Vec<(&'static str, String)> {
        let truth = |value: bool| Some(if value { "1" } else { "0" }.to_owned());
        let entries = [
            ("role", Some("gateway".to_owned())),
            ("transport", Some("gateway".to_owned())),
            ("displayName", Some(self.instance())),
            ("lanHost", Some(format!("{}.local", self.host_label()))),
            ("gatewayPort", Some(self.port.to_string())),
            ("gatewayTls", truth(self.tls.is_some())),
            ("gatewayTlsSha256", self.tls.clone().filter(|sha| !sha.is_empty())),
            ("gatewayDirectReachable", truth(self.direct)),
            ("tailnetDns", self.tailnet_dns.clone()),
            ("sshPort", self.ssh_port.map(|port| port.to_string())),
            ("cliPath", self.cli_path.clone()),
        ];
        let said = entries.into_iter().filter_map(|(key, value)| Some((key, value?)));
        said.filter(|(key, value)| key.len() + 1 + value.len() <= MAX_ENTRY).collect()
    }

    fn service(&self) -> Result<ServiceInfo, DiscoveryError> {
        let kind = format!("{SERVICE}.{LOCAL}");
        let host = format!("{}.{LOCAL}", self.host_label());
        let txt = self.txt();
        let addresses = self.addresses.as_slice();
        let info =
            ServiceInfo::new(&kind, &self.instance(), &host, addresses, self.port, &txt[..])?;
        Ok(if addresses.is_empty() { info.enable_addr_auto() } else { info })
    }
}

/// How announcing goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", content = "detail", rename_all = "lowercase")]
pub enum MdnsStatus {
    /// Nothing is said.
    #[default]
    Off,
    /// Nothing was said yet.
    Starting,
    /// It was said, under this name.
    Advertising(String),
    /// It cannot be said; it is tried again.
    Failed(String),
}

/// Largest status that is read from a file, in bytes.
const MAX_STATUS: u64 = 16 * 1024;

impl MdnsStatus {
    /// What a Gateway wrote down; one that wrote nothing announces nothing.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let bytes = fs::read_limited(path, MAX_STATUS).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Writes it down for those who look from another process.
    ///
    /// # Errors
    /// When the file cannot be replaced.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        fs::write_private(path, &serde_json::to_vec(self)?)
    }
}

/// Announces what is wanted for as long as it is.
#[derive(Debug)]
pub struct Advertiser {
    /// Where.
    pub net: MdnsNet,
    /// What; `None` is nothing.
    pub wanted: watch::Receiver<Option<Advertisement>>,
    /// How it goes.
    pub status: watch::Sender<MdnsStatus>,
}

impl Advertiser {
    /// Runs until `stop`, or until nobody can want anything any more, and takes back what was said.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut backoff = Backoff::new(RETRY.0, RETRY.1);
        loop {
            let wanted = self.wanted.borrow_and_update().clone();
            let started = Instant::now();
            let delay = match self.once(wanted, &mut stop).await {
                End::Stopped => return,
                End::Changed => continue,
                End::Failed(error) => {
                    let reason = because(&error);
                    tracing::warn!(reason, "not announced on the local network; tried again later");
                    self.status.send_replace(MdnsStatus::Failed(reason));
                    backoff.reset_after(started.elapsed());
                    backoff.next_delay()
                }
            };
            tokio::select! {
                () = &mut stop => return,
                changed = self.wanted.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(delay) => {}
            }
        }
    }

    async fn once(
        &mut self,
        wanted: Option<Advertisement>,
        stop: &mut (impl Future<Output = ()> + Unpin),
    ) -> End {
        let Some(wanted) = wanted else {
            self.status.send_replace(MdnsStatus::Off);
            return tokio::select! {
                () = stop => End::Stopped,
                changed = self.wanted.changed() => End::of(changed.is_ok()),
            };
        };
        self.status.send_replace(MdnsStatus::Starting);
        let daemon = match open(self.net) {
            Ok(daemon) => daemon,
            Err(error) => return End::Failed(error),
        };
        let end = tokio::select! {
            () = stop => End::Stopped,
            changed = self.wanted.changed() => End::of(changed.is_ok()),
            error = say(&daemon, &wanted, &self.status) => End::Failed(error),
        };
        close(&daemon).await;
        end
    }
}

/// Why something was no longer said.
enum End {
    Stopped,
    Changed,
    Failed(DiscoveryError),
}

impl End {
    /// Nobody is left who could want something else.
    const fn of(changed: bool) -> Self {
        if changed { Self::Changed } else { Self::Stopped }
    }
}

/// Announces, and follows how it goes; comes back only when that is over.
async fn say(
    daemon: &ServiceDaemon,
    wanted: &Advertisement,
    status: &watch::Sender<MdnsStatus>,
) -> DiscoveryError {
    match register(daemon, wanted) {
        Ok(events) => {
            while let Ok(event) = events.recv_async().await {
                match event {
                    DaemonEvent::Announce(name, _) => {
                        status.send_replace(MdnsStatus::Advertising(name));
                    }
                    // One interface may fail while others go on; the next announcement says so.
                    DaemonEvent::Error(error) => {
                        let reason = because(&DiscoveryError::Mdns(error));
                        tracing::debug!(reason, "announcing on the local network");
                        status.send_replace(MdnsStatus::Failed(reason));
                    }
                    _ => {}
                }
            }
            DiscoveryError::Ended
        }
        Err(error) => error,
    }
}

fn register(
    daemon: &ServiceDaemon,
    wanted: &Advertisement,
) -> Result<mdns_sd::Receiver<DaemonEvent>, DiscoveryError> {
    let events = daemon.monitor()?;
    daemon.register(wanted.service()?)?;
    Ok(events)
}

fn because(error: &DiscoveryError) -> String {
    std::error::Error::source(error)
        .map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::{Beacon, browse};

    fn advertisement(name: &str) -> Advertisement {
        Advertisement {
            name: name.to_owned(),
            host: "Box-7.example.org".to_owned(),
            port: 18789,
            addresses: vec!["127.0.0.1".parse().expect("ip")],
            tls: Some("ab".repeat(32)),
            direct: true,
            tailnet_dns: None,
            ssh_port: None,
            cli_path: None,
        }
    }

    #[test]
    fn only_what_is_wanted_in_full_says_how_to_log_in() {
        let mut wanted = advertisement("Box");
        let keys = |wanted: &Advertisement| -> Vec<_> {
            wanted.txt().into_iter().map(|(key, _)| key).collect()
        };
        let minimal = [
            "role",
            "transport",
            "displayName",
            "lanHost",
            "gatewayPort",
            "gatewayTls",
            "gatewayTlsSha256",
            "gatewayDirectReachable",
        ];
        assert_eq!(keys(&wanted), minimal);
        wanted.ssh_port = Some(22);
        wanted.cli_path = Some("x".repeat(300));
        assert_eq!(keys(&wanted).last(), Some(&"sshPort"), "a path that does not fit is not said");
        wanted.cli_path = Some("/usr/bin/openclaw".to_owned());
        assert_eq!(keys(&wanted).last(), Some(&"cliPath"));
    }

    #[test]
    fn names_fit_into_a_label() {
        let mut wanted = advertisement(&"ü".repeat(60));
        assert_eq!(wanted.host_label(), "Box-7");
        assert!(wanted.instance().len() <= MAX_LABEL);
        wanted.name = "\u{1b}".to_owned();
        wanted.host = "-.-".to_owned();
        assert_eq!(wanted.instance(), "openclaw");
        wanted.service().expect("still a service");
    }

    /// A port nobody speaks multicast DNS on, so that tests do not hear each other or the machine.
    fn net() -> MdnsNet {
        let free = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
        MdnsNet { port: free.local_addr().expect("its number").port(), loopback: true }
    }

    async fn seen(net: MdnsNet, wanted: impl Fn(&[Beacon]) -> bool) -> Vec<Beacon> {
        for _ in 0..20 {
            let found = browse(net, Duration::from_secs(1)).await.expect("multicast");
            if wanted(&found) {
                return found;
            }
        }
        panic!("not seen in twenty tries");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_says_it_and_the_other_hears_it_until_it_is_taken_back() {
        let net = net();
        let (want, wanted) = watch::channel(Some(advertisement("The \"Box\". v1")));
        let (status, mut seen_status) = watch::channel(MdnsStatus::Off);
        let tasks = openclaw_base::Tasks::new();
        let stop = tasks.token();
        let advertiser = Advertiser { net, wanted, status };
        drop(tasks.spawn("mdns", async move { advertiser.run(stop.cancelled()).await }));

        let found = seen(net, |found| found.len() == 1).await;
        let beacon = found.first().expect("one");
        assert_eq!(beacon.instance_name, "The \"Box\". v1");
        assert_eq!(beacon.ws_url, "wss://127.0.0.1:18789");
        assert_eq!(beacon.hints.lan_host.as_deref(), Some("Box-7.local"));
        assert_eq!(beacon.hints.gateway_tls_sha256, Some("ab".repeat(32)));
        assert_eq!(beacon.hints.gateway_direct_reachable, Some(true));
        let advertising = |status: &MdnsStatus| matches!(status, MdnsStatus::Advertising(_));
        seen_status.wait_for(advertising).await.expect("it says so");

        want.send_replace(None);
        seen_status.wait_for(|status| *status == MdnsStatus::Off).await.expect("it says so");
        seen(net, <[Beacon]>::is_empty).await;
        tasks.cancel();
    }
}
