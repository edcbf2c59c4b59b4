//! Looking around on the local network.

use std::{collections::BTreeMap, time::Duration};

use mdns_sd::{IfKind, ResolvedService, ServiceDaemon, ServiceEvent};
use tokio::time::{Instant, timeout, timeout_at};

use super::{Beacon, DiscoveryError, Hints, LOCAL, Located, MAX_BEACONS, MdnsNet, SERVICE};

/// How long the part that speaks multicast DNS may take to end.
const GOODBYE: Duration = Duration::from_millis(500);

/// Listens for as long as that takes and gives what answered, by name.
///
/// # Errors
/// When this machine cannot speak multicast DNS.
pub async fn browse(net: MdnsNet, time: Duration) -> Result<Vec<Beacon>, DiscoveryError> {
    let daemon = open(net)?;
    let found = collect(&daemon, time).await;
    close(&daemon).await;
    found
}

async fn collect(daemon: &ServiceDaemon, time: Duration) -> Result<Vec<Beacon>, DiscoveryError> {
    let until = Instant::now() + time;
    let events = daemon.browse(&format!("{SERVICE}.{LOCAL}"))?;
    let mut found: BTreeMap<String, Beacon> = BTreeMap::new();
    while let Ok(event) = timeout_at(until, events.recv_async()).await {
        match event.map_err(|_| DiscoveryError::Ended)? {
            ServiceEvent::ServiceResolved(service) => {
                let known = found.contains_key(&service.fullname);
                if let Some(beacon) = beacon(&service)
                    && (known || found.len() < MAX_BEACONS)
                {
                    found.insert(service.fullname.clone(), beacon);
                }
            }
            ServiceEvent::ServiceRemoved(_, name) => drop(found.remove(&name)),
            _ => {}
        }
    }
    Ok(found.into_values().collect())
}

fn beacon(service: &ResolvedService) -> Option<Beacon> {
    let addresses = service.addresses.iter().map(mdns_sd::ScopedIp::to_ip_addr);
    let at = Located::new(&service.host, service.port, addresses)?;
    let entries = service.txt_properties.iter();
    let hints = Hints::read(entries.filter_map(|entry| Some((entry.key(), entry.val()?))));
    let instance = service.fullname.strip_suffix(&service.ty_domain)?.trim_end_matches('.');
    Some(Beacon::new(&unescape(instance), LOCAL, &at, hints))
}

/// Names carry `\.` and `\\` where a label has a dot or a backslash.
fn unescape(name: &str) -> String {
    let mut characters = name.chars();
    let mut text = String::new();
    while let Some(c) = characters.next() {
        text.extend(if c == '\\' { characters.next() } else { Some(c) });
    }
    text
}

/// Starts speaking. Loopback is left out, except where nothing else is wanted.
pub(super) fn open(net: MdnsNet) -> Result<ServiceDaemon, DiscoveryError> {
    let daemon = ServiceDaemon::new_with_port(net.port)?;
    if net.loopback {
        daemon.disable_interface(IfKind::All)?;
        daemon.enable_interface(IfKind::LoopbackV4)?;
    } else {
        daemon.disable_interface(vec![IfKind::LoopbackV4, IfKind::LoopbackV6])?;
    }
    Ok(daemon)
}

/// Takes back what was announced, and ends its thread.
pub(super) async fn close(daemon: &ServiceDaemon) {
    match daemon.shutdown() {
        Ok(ended) => drop(timeout(GOODBYE, ended.recv_async()).await),
        Err(error) => tracing::debug!(%error, "multicast DNS was over already"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_were_given() {
        for (wire, name) in [("box", "box"), (r"a\.b", "a.b"), (r"a\\b", r"a\b"), ("end\\", "end")]
        {
            assert_eq!(unescape(wire), name);
        }
    }
}
