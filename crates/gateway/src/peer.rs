//! Where a connection comes from, and whether that counts as local.
//!
//! Local means: loopback, no forwarding header, and the connecting socket belongs to the Gateway's own
//! uid in the kernel's socket table and not to a `tailscaled`. Everything else is remote, whatever its
//! address: proxies, other users of the machine, userspace network stacks that dial from loopback.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;
use openclaw_protocol::trust::Binding;

mod socket;

use self::socket::PeerEnd;
use crate::tls::Exporter;

/// How a connection reached the Gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// The owner's Unix socket; the kernel named the peer's uid.
    Door {
        /// Uid of the connecting process.
        uid: u32,
    },
    /// The Unix socket of a system service for a group of owners; the kernel let in members only.
    GroupDoor {
        /// Uid of the connecting process.
        uid: u32,
    },
    /// The Unix socket for nodes that come through a login: it is nobody's but a node's, whoever opens it.
    NodeDoor {
        /// Uid of the connecting process.
        uid: u32,
    },
    /// A TCP listener.
    Tcp {
        /// Address of the peer.
        peer: SocketAddr,
        /// Address it connected to.
        local: SocketAddr,
        /// What proofs are tied to, if TLS ends here.
        exporter: Option<Exporter>,
    },
    /// The listener that Tailscale forwards to; TLS ends at its daemon.
    Tailscale {
        /// Address of the daemon's socket.
        peer: SocketAddr,
        /// Address it connected to.
        local: SocketAddr,
        /// The whole internet may use it.
        funnel: bool,
    },
}

/// Where a connection comes from, as lists and the audit trail say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Through the network.
    Address(IpAddr),
    /// Through the owner's door.
    Door,
    /// Through the door of a group of owners, as this uid.
    GroupDoor(u32),
    /// Through the door for nodes.
    NodeDoor,
    /// A proxy did not say for whom it asks.
    Unknown,
}

impl Origin {
    /// The address; the doors have none.
    #[must_use]
    pub const fn address(self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(address),
            Self::Door | Self::GroupDoor(_) | Self::NodeDoor | Self::Unknown => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Door => f.write_str("the owner's door"),
            Self::GroupDoor(uid) => write!(f, "the group's door, uid {uid}"),
            Self::NodeDoor => f.write_str("the door for nodes"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// Headers by which a proxy says for whom it asks.
const FORWARDING_HEADERS: [&str; 4] =
    ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];

impl Link {
    /// What a proof on this link is bound to.
    #[must_use]
    pub const fn binding(&self) -> Binding {
        match self {
            Self::Door { .. } | Self::GroupDoor { .. } | Self::NodeDoor { .. } => Binding::Unix,
            Self::Tcp { exporter: None, .. } | Self::Tailscale { .. } => Binding::None,
            Self::Tcp { exporter: Some(_), .. } => Binding::TlsExporter,
        }
    }

    /// The bytes of that; empty unless TLS ends here.
    #[must_use]
    pub fn exporter(&self) -> &[u8] {
        match self {
            Self::Tcp { exporter: Some(exporter), .. } => exporter.bytes(),
            Self::Tcp { exporter: None, .. }
            | Self::Tailscale { .. }
            | Self::Door { .. }
            | Self::GroupDoor { .. }
            | Self::NodeDoor { .. } => &[],
        }
    }

    /// The address for limits and lists; the doors have none.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Door { .. } | Self::GroupDoor { .. } | Self::NodeDoor { .. } => None,
            Self::Tcp { peer, .. } | Self::Tailscale { peer, .. } => Some(peer.ip().to_canonical()),
        }
    }

    /// The same for people; `address` is the one that counts, behind a proxy not the link's own.
    #[must_use]
    pub fn origin(&self, address: Option<IpAddr>) -> Origin {
        match self {
            Self::Door { .. } => Origin::Door,
            Self::GroupDoor { uid } => Origin::GroupDoor(*uid),
            Self::NodeDoor { .. } => Origin::NodeDoor,
            Self::Tcp { .. } | Self::Tailscale { .. } => {
                address.map_or(Origin::Unknown, Origin::Address)
            }
        }
    }

    /// Whether the peer may be the owner by its uid alone, or as one of the group of owners.
    #[must_use]
    pub fn is_owner(&self) -> bool {
        match self {
            Self::Door { uid } => *uid == own_uid() || *uid == 0,
            Self::GroupDoor { .. } => true,
            Self::NodeDoor { .. } | Self::Tcp { .. } | Self::Tailscale { .. } => false,
        }
    }

    /// Whether only nodes come this way.
    #[must_use]
    pub const fn is_for_nodes(&self) -> bool {
        matches!(self, Self::NodeDoor { .. })
    }

    /// Whether the peer may use a door by its uid.
    pub(crate) fn may_knock(&self) -> bool {
        match self {
            Self::Door { uid } | Self::NodeDoor { uid } => *uid == own_uid() || *uid == 0,
            // Who may open it is the mode and group of the socket.
            Self::GroupDoor { .. } => true,
            Self::Tcp { .. } | Self::Tailscale { .. } => false,
        }
    }

    /// The uid that holds the peer's end of a loopback connection, as the kernel says.
    pub(crate) fn peer_uid(&self) -> Option<u32> {
        match self {
            Self::Door { uid } | Self::GroupDoor { uid } | Self::NodeDoor { uid } => Some(*uid),
            Self::Tcp { peer, local, .. } | Self::Tailscale { peer, local, .. } => {
                PeerEnd::find(*peer, *local).map(|end| end.uid)
            }
        }
    }

    /// Whether this counts as local (see the module).
    #[must_use]
    pub fn is_local(&self, forwarded: bool) -> bool {
        match self {
            Self::Door { .. } | Self::GroupDoor { .. } => true,
            Self::Tailscale { .. } | Self::NodeDoor { .. } => false,
            Self::Tcp { peer, local, .. } => {
                !forwarded
                    && peer.ip().to_canonical().is_loopback()
                    && PeerEnd::find(*peer, *local)
                        .is_some_and(|end| end.uid == own_uid() && !end.is_tailscaled())
            }
        }
    }
}

/// Whether a request says that somebody else stands behind the peer.
#[must_use]
pub fn is_forwarded(headers: &HeaderMap) -> bool {
    FORWARDING_HEADERS.iter().any(|name| headers.contains_key(*name))
}

/// Whether an address is one of the trusted proxies.
#[must_use]
pub fn is_trusted(proxies: &[IpNet], ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    proxies.iter().any(|network| network.contains(&ip))
}

/// The address by which failures are counted: of IPv6 the network, because one machine has all of it.
#[must_use]
pub fn bucket(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) if !ip.is_loopback() => {
            let [a, b, c, d, ..] = ip.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        ip => ip,
    }
}

/// The address that limits count: behind a trusted proxy, the one that proxy asks for. What stands
/// further to the left than the last address that is no trusted proxy was written by anybody. With
/// `real_ip`, a trusted proxy that sends no `X-Forwarded-For` may name it in `X-Real-IP`.
#[must_use]
pub fn counted_address(
    link: &Link,
    headers: &HeaderMap,
    trusted: &[IpNet],
    real_ip: bool,
) -> Option<IpAddr> {
    let direct = link.address()?;
    if real_ip && is_trusted(trusted, direct) && !headers.contains_key("x-forwarded-for") {
        let named = headers.get("x-real-ip").and_then(|value| address_of(value.to_str().ok()?));
        return Some(named.unwrap_or(direct));
    }
    let values = headers.get_all("x-forwarded-for").iter();
    let named: Vec<_> =
        values.flat_map(|value| value.to_str().unwrap_or("?").split(',')).map(address_of).collect();
    let nearest = named.into_iter().rev().find(|ip| ip.is_none_or(|ip| !is_trusted(trusted, ip)));
    Some(nearest.flatten().unwrap_or(direct))
}

/// Reads an address with or without a port.
fn address_of(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = || text.trim_matches(['[', ']']).parse().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    bare().or_else(with_port).map(|ip: IpAddr| ip.to_canonical())
}

fn own_uid() -> u32 {
    rustix::process::getuid().as_raw()
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_connection_of_our_own_is_local_unless_it_is_forwarded() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let client = TcpStream::connect(listener.local_addr().expect("address")).expect("connect");
        let (server, peer) = listener.accept().expect("accept");
        let link = Link::Tcp { peer, local: server.local_addr().expect("address"), exporter: None };
        assert!(link.is_local(false));
        assert!(!link.is_local(true));
        assert!(!link.is_owner());
        drop(client);
    }

    #[test]
    fn a_socket_that_nobody_holds_any_more_is_nobodys() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let client = TcpStream::connect(listener.local_addr().expect("address")).expect("connect");
        let (server, peer) = listener.accept().expect("accept");
        let link = Link::Tcp { peer, local: server.local_addr().expect("address"), exporter: None };
        drop(client);
        assert!(!link.is_local(false));
    }

    #[test]
    fn an_address_that_is_not_loopback_is_never_local() {
        let link = Link::Tcp {
            peer: "192.0.2.1:5000".parse().expect("address"),
            local: "127.0.0.1:18789".parse().expect("address"),
            exporter: None,
        };
        assert!(!link.is_local(false));
    }

    #[test]
    fn only_the_own_uid_and_root_own_the_door() {
        assert!(Link::Door { uid: own_uid() }.is_owner());
        assert!(Link::Door { uid: 0 }.is_owner());
        assert!(!Link::Door { uid: own_uid() + 4711 }.is_owner());
        assert!(Link::GroupDoor { uid: own_uid() + 4711 }.is_owner());
    }

    #[test]
    fn behind_a_proxy_the_address_it_asks_for_counts() {
        let link = Link::Tcp {
            peer: "127.0.0.1:5000".parse().expect("address"),
            local: "127.0.0.1:18789".parse().expect("address"),
            exporter: None,
        };
        let trusted: Vec<IpNet> =
            ["127.0.0.1/32", "10.0.0.0/8"].map(|network| network.parse().expect("network")).into();
        for (header, expected) in [
            (None, "127.0.0.1"),
            (Some("192.0.2.1"), "192.0.2.1"),
            (Some("192.0.2.1:4711"), "192.0.2.1"),
            (Some("[2001:db8::1]:4711"), "2001:db8::1"),
            (Some("127.0.0.1, 192.0.2.1"), "192.0.2.1"),
            (Some("192.0.2.1, 10.0.0.1, 127.0.0.1"), "192.0.2.1"),
            (Some("192.0.2.1, unknown"), "127.0.0.1"),
            (Some(""), "127.0.0.1"),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(header) = header {
                let value = axum::http::HeaderValue::from_static(header);
                headers.insert("x-forwarded-for", value);
            }
            let counted = counted_address(&link, &headers, &trusted, true).expect("an address");
            assert_eq!(counted.to_string(), expected, "{header:?}");
        }
        let door = Link::Door { uid: own_uid() };
        assert_eq!(counted_address(&door, &HeaderMap::new(), &trusted, true), None);
        let mut real = HeaderMap::new();
        real.insert("x-real-ip", axum::http::HeaderValue::from_static("192.0.2.9"));
        let counted = |trusted: &[IpNet], real_ip| {
            counted_address(&link, &real, trusted, real_ip).map(|ip| ip.to_string())
        };
        assert_eq!(counted(&trusted, true).as_deref(), Some("192.0.2.9"));
        assert_eq!(counted(&trusted, false).as_deref(), Some("127.0.0.1"));
        assert_eq!(counted(&[], true).as_deref(), Some("127.0.0.1"));
    }

    #[test]
    fn failures_of_one_ipv6_network_count_together() {
        let counted = |text: &str| bucket(text.parse().expect("ip")).to_string();
        assert_eq!(counted("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(counted("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!((counted("::1"), counted("192.0.2.1")), ("::1".into(), "192.0.2.1".into()));
    }

    #[test]
    fn forwarding_headers_are_recognised() {
        let mut headers = HeaderMap::new();
        assert!(!is_forwarded(&headers));
        headers.insert("x-forwarded-for", axum::http::HeaderValue::from_static("192.0.2.1"));
        assert!(is_forwarded(&headers));
    }
}
