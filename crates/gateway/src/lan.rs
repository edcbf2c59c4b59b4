//! The address by which other machines of the local network reach this one.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

/// Where nothing is sent to: the kernel only says from which address it would go (RFC 5737).
const ELSEWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9);

/// The address that the way to other networks begins at; without such a way, that of any interface.
/// It is looked up each time: machines move.
pub(crate) fn address() -> Option<IpAddr> {
    routed().or_else(any).filter(|ip| is_useful(*ip))
}

fn routed() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(ELSEWHERE).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

fn any() -> Option<IpAddr> {
    let found = if_addrs::get_if_addrs().ok()?;
    let mut found: Vec<IpAddr> =
        found.into_iter().map(|interface| interface.ip()).filter(|ip| is_useful(*ip)).collect();
    found.sort_by_key(IpAddr::is_ipv6);
    found.first().copied()
}

/// Others can dial it, and it needs no interface beside it.
fn is_useful(ip: IpAddr) -> bool {
    let is_link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !ip.is_loopback() && !ip.is_unspecified() && !is_link_local
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_others_can_dial_counts() {
        for (text, expected) in [
            ("127.0.0.1", false),
            ("169.254.3.4", false),
            ("fe80::1", false),
            ("0.0.0.0", false),
            ("192.168.1.7", true),
            ("fd00::7", true),
        ] {
            assert_eq!(is_useful(text.parse().expect("ip")), expected, "{text}");
        }
        assert!(address().is_none_or(is_useful));
    }
}
