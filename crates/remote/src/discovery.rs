//! Finding Gateways: multicast DNS on the local network, and DNS-SD in a zone.
//!
//! What is found is a hint and nothing more. The address comes from SRV and address records; what the
//! TXT record says helps a person to choose and is never kept, and never takes the place of a key or
//! fingerprint that is known. Whoever can send a packet can say anything here, so every value is
//! bounded and checked for its kind before it is shown: see [`Hints`].

mod advertise;
mod browse;
mod hints;
mod wide;
mod zone;

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

pub use self::advertise::{Advertisement, Advertiser, MdnsStatus};
pub use self::browse::browse;
pub use self::hints::Hints;
pub use self::wide::{DnsServer, Zone, browse_zone};
pub use self::zone::records;

/// The service that Gateways are announced as.
pub const SERVICE: &str = "_openclaw-gw._tcp";
/// The domain of multicast DNS.
pub const LOCAL: &str = "local.";
/// More Gateways than this are not listed, so that nobody can fill the memory or the screen.
const MAX_BEACONS: usize = 128;

/// Where multicast DNS is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MdnsNet {
    /// The UDP port.
    pub port: u16,
    /// On loopback alone: for tests.
    pub loopback: bool,
}

impl Default for MdnsNet {
    fn default() -> Self {
        Self { port: mdns_sd::MDNS_PORT, loopback: false }
    }
}

/// Why nothing could be looked for, or announced.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// The local network.
    #[error("multicast DNS does not work here")]
    Mdns(#[from] mdns_sd::Error),
    /// The part that speaks multicast DNS ended.
    #[error("multicast DNS ended by itself")]
    Ended,
    /// The zone has no name that can be one.
    #[error("{0:?} is not the name of a zone")]
    BadZone(String),
    /// The system's resolver, or the zone's servers.
    #[error("the zone {zone} cannot be asked")]
    Zone {
        /// Which.
        zone: String,
        /// Why.
        #[source]
        source: Box<hickory_resolver::net::NetError>,
    },
}

/// A Gateway that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Beacon {
    /// What the instance calls itself.
    pub instance_name: String,
    /// The domain it was found in.
    pub domain: String,
    /// Its address, or the name of its machine where no address came along.
    pub host: String,
    /// Its port, as the SRV record has it.
    pub port: u16,
    /// What its TXT record says.
    #[serde(flatten)]
    pub hints: Hints,
    /// The address to try.
    pub ws_url: String,
}

impl Beacon {
    /// Joins what the records say.
    fn new(instance: &str, domain: &str, at: &Located, hints: Hints) -> Self {
        let scheme = if hints.gateway_tls == Some(true) { "wss" } else { "ws" };
        let host = at.host();
        let authority = match at.address {
            Some(ip) => SocketAddr::new(ip, at.port).to_string(),
            None => format!("{host}:{}", at.port),
        };
        Self {
            instance_name: hints::shown(instance),
            domain: domain.trim_end_matches('.').to_owned(),
            host,
            port: at.port,
            hints,
            ws_url: format!("{scheme}://{authority}"),
        }
    }
}

/// Where SRV and address records lead.
struct Located {
    target: String,
    port: u16,
    address: Option<IpAddr>,
}

impl Located {
    /// Takes the address that is most likely to work; `None` where the records lead nowhere.
    fn new(target: &str, port: u16, addresses: impl IntoIterator<Item = IpAddr>) -> Option<Self> {
        let target = hints::host_name(target.trim_end_matches('.'))?;
        let address = addresses.into_iter().filter(is_usable).min_by_key(rank);
        (port > 0).then_some(Self { target, port, address })
    }

    fn host(&self) -> String {
        self.address.map_or_else(|| self.target.clone(), |address| address.to_string())
    }
}

/// Loopback would lead to this machine, and an address of one link says nothing without the link.
fn is_usable(ip: &IpAddr) -> bool {
    let one_link = matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
    !ip.is_unspecified() && !ip.is_multicast() && !one_link
}

/// IPv4 first: it is the one that works on most local networks; loopback last.
fn rank(ip: &IpAddr) -> (bool, bool, IpAddr) {
    (ip.is_loopback(), ip.is_ipv6(), *ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn located(target: &str, port: u16, addresses: &[&str]) -> Option<Located> {
        Located::new(target, port, addresses.iter().map(|ip| ip.parse().expect("ip")))
    }

    #[test]
    fn the_way_comes_from_the_records_and_not_from_the_hints() {
        let hints = Hints::read([
            ("lanHost", b"elsewhere.local".as_slice()),
            ("gatewayPort", b"1"),
            ("gatewayTls", b"1"),
        ]);
        let at = located("box.local.", 18789, &["fe80::1", "fd00::2", "192.0.2.7"]).expect("way");
        let beacon = Beacon::new("box", LOCAL, &at, hints);
        assert_eq!(beacon.ws_url, "wss://192.0.2.7:18789");
        assert_eq!((beacon.host.as_str(), beacon.port), ("192.0.2.7", 18789));
        let at = located("box.local.", 18789, &["fd00::2"]).expect("way");
        assert_eq!(Beacon::new("b", LOCAL, &at, Hints::default()).ws_url, "ws://[fd00::2]:18789");
        let at = located("box.local.", 18789, &["fe80::1"]).expect("way");
        assert_eq!(Beacon::new("b", LOCAL, &at, Hints::default()).ws_url, "ws://box.local:18789");
    }

    #[test]
    fn records_that_lead_nowhere_are_left_out() {
        assert!(located("box.local.", 0, &["192.0.2.7"]).is_none(), "no port");
        assert!(located("box;reboot", 1, &[]).is_none(), "no host name");
        assert!(located("", 1, &["192.0.2.7"]).is_none(), "no name at all");
    }
}
