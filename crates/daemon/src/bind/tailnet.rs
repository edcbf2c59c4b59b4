//! `gateway.bind: "tailnet"`: the addresses of this machine in its tailnet, now or as soon as it has some.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use openclaw_base::Tasks;
use openclaw_gateway::{Gateway, listen::Listener, tls::ServerTls};
use tokio::time::{MissedTickBehavior, interval};

use super::tcp;
use crate::tailnet::LocalTailnet;

/// How often a machine without a tailnet address is looked at again.
const LOOK: Duration = Duration::from_secs(5);

/// Listens in the tailnet once this machine is part of one. Loopback is served meanwhile, and nothing
/// wider is ever taken in its place.
pub(crate) struct Tailnet {
    pub(crate) gateway: Gateway,
    pub(crate) port: u16,
    pub(crate) tls: Option<Arc<ServerTls>>,
    pub(crate) tailnet: Arc<LocalTailnet>,
}

impl Tailnet {
    /// Looks in a task of its own until an address could be bound.
    pub(crate) fn start(self, tasks: &Tasks) {
        let stop = tasks.token();
        drop(tasks.spawn("tailnet address", async move {
            let mut look = interval(LOOK);
            look.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while stop.run_until_cancelled(look.tick()).await.is_some() {
                if self.listen().await {
                    return;
                }
            }
        }));
    }

    async fn listen(&self) -> bool {
        let mut listens = false;
        for ip in addresses(&self.tailnet).await {
            match tcp(SocketAddr::new(ip, self.port)) {
                Ok(socket) => {
                    tracing::info!(%ip, port = self.port, "gateway listens in the tailnet");
                    self.gateway.listen(Listener::Tcp { socket, tls: self.tls.clone() });
                    listens = true;
                }
                Err(error) => tracing::warn!(%error, "the tailnet address cannot be listened on"),
            }
        }
        listens
    }
}

/// The addresses that the tailnet gave this machine, as far as its interfaces have them: the daemon knows,
/// whatever the range, and where it cannot be asked the interfaces tell.
pub(crate) async fn addresses(tailnet: &LocalTailnet) -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    if let Some(known) = tailnet.addresses().await {
        let had = |ip: &IpAddr| interfaces.iter().any(|interface| interface.ip() == *ip);
        return known.into_iter().filter(had).collect();
    }
    let found = interfaces.into_iter().filter(|it| is_tailnet(&it.name, it.ip()));
    found.map(|interface| interface.ip()).collect()
}

/// Carriers use 100.64.0.0/10 too, so an IPv4 address counts on an interface of Tailscale's only.
fn is_tailnet(interface: &str, ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let named = interface.starts_with("tailscale") || interface.starts_with("utun");
            named && matches!(ip.octets(), [100, 64..=127, ..])
        }
        IpAddr::V6(ip) => matches!(ip.segments(), [0xfd7a, 0x115c, 0xa1e0, ..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_tailscale_count() {
        for (interface, ip, tailnet) in [
            ("tailscale0", "100.101.102.103", true),
            ("utun4", "100.64.0.1", true),
            ("eth0", "100.101.102.103", false),
            ("tailscale0", "192.168.1.2", false),
            ("tailscale0", "fd7a:115c:a1e0::1", true),
            ("eth0", "fd00::1", false),
        ] {
            assert_eq!(is_tailnet(interface, ip.parse().expect("ip")), tailnet, "{interface} {ip}");
        }
    }
}
