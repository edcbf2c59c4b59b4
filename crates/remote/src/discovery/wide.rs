//! Looking into a zone: DNS-SD over plain queries, for networks that multicast does not cross.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use hickory_resolver::{
    Resolver, TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::{Name, RData, RecordType},
};
use tokio::time::{Instant, timeout_at};

use super::{Beacon, DiscoveryError, Hints, Located, MAX_BEACONS, SERVICE};

/// Instances that are asked about at the same time.
const AT_ONCE: usize = 8;

/// The zone that Gateways are published in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(Name);

impl Zone {
    /// Reads a name such as `openclaw.internal`.
    ///
    /// # Errors
    /// When it cannot be the name of a zone, or is the one of multicast DNS.
    pub fn parse(text: &str) -> Result<Self, DiscoveryError> {
        let bad = || DiscoveryError::BadZone(text.chars().take(80).collect());
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        let trimmed = text.trim_matches('.');
        if trimmed.is_empty()
            || !trimmed.chars().all(known)
            || trimmed.eq_ignore_ascii_case("local")
        {
            return Err(bad());
        }
        let name = Name::from_ascii(format!("{}.", trimmed.to_ascii_lowercase()));
        name.map(Self).map_err(|_| bad())
    }

    fn service(&self) -> Result<Name, DiscoveryError> {
        Name::from_ascii(format!("{SERVICE}.{}", self.0))
            .map_err(|_| DiscoveryError::BadZone(self.to_string()))
    }
}

impl std::fmt::Display for Zone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Who is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DnsServer {
    /// Whom the system asks.
    #[default]
    System,
    /// This one.
    At(SocketAddr),
}

/// Asks for every Gateway that the zone lists; stops when the time is over, with what it has by then.
///
/// # Errors
/// When the zone's list itself cannot be had. A zone that lists nothing is no error.
pub async fn browse_zone(
    zone: &Zone,
    server: DnsServer,
    time: Duration,
) -> Result<Vec<Beacon>, DiscoveryError> {
    let until = Instant::now() + time;
    let fail = |source| DiscoveryError::Zone { zone: zone.to_string(), source: Box::new(source) };
    let resolver = resolver(server, time).map_err(fail)?;
    let listed = timeout_at(until, resolver.lookup(zone.service()?, RecordType::PTR)).await;
    let listed = match listed.unwrap_or(Err(NetError::Timeout)) {
        Ok(listed) => listed,
        Err(error) if error.is_no_records_found() => return Ok(Vec::new()),
        Err(error) => return Err(fail(error)),
    };
    let names = listed.answers().iter().filter_map(|record| match &record.data {
        RData::PTR(name) => Some(name.0.clone()),
        _ => None,
    });
    let names: Vec<Name> = names.take(MAX_BEACONS).collect();
    let mut asked =
        stream::iter(names).map(|name| instance(&resolver, zone, name)).buffer_unordered(AT_ONCE);
    let mut found = Vec::new();
    while let Ok(Some(beacon)) = timeout_at(until, asked.next()).await {
        found.extend(beacon);
    }
    found.sort_by(|a, b| a.instance_name.cmp(&b.instance_name));
    Ok(found)
}

async fn instance(resolver: &TokioResolver, zone: &Zone, name: Name) -> Option<Beacon> {
    let srv = resolver.lookup(name.clone(), RecordType::SRV).await.ok()?;
    let srv = srv.answers().iter().filter_map(|record| match &record.data {
        RData::SRV(srv) => Some(srv.clone()),
        _ => None,
    });
    let srv = srv.min_by_key(|srv| (srv.priority, std::cmp::Reverse(srv.weight)))?;
    let addresses: Vec<IpAddr> = match resolver.lookup_ip(srv.target.clone()).await {
        Ok(addresses) => addresses.iter().collect(),
        Err(_) => Vec::new(),
    };
    let at = Located::new(&srv.target.to_ascii(), srv.port, addresses)?;
    let txt = resolver.lookup(name.clone(), RecordType::TXT).await.ok();
    let label = name.iter().next().map(String::from_utf8_lossy)?;
    let entries =
        txt.iter().flat_map(|txt| txt.answers()).filter_map(|record| match &record.data {
            RData::TXT(txt) => Some(&txt.txt_data),
            _ => None,
        });
    let pairs = entries.flat_map(|data| data.iter()).filter_map(|entry| {
        let at = entry.iter().position(|byte| *byte == b'=')?;
        let (key, value) = entry.split_at_checked(at)?;
        Some((std::str::from_utf8(key).ok()?, value.get(1..)?))
    });
    Some(Beacon::new(&label, &zone.to_string(), &at, Hints::read(pairs)))
}

fn resolver(server: DnsServer, time: Duration) -> Result<TokioResolver, NetError> {
    let mut builder = match server {
        DnsServer::System => TokioResolver::builder_tokio()?,
        DnsServer::At(address) => {
            let mut name_server = NameServerConfig::udp_and_tcp(address.ip());
            name_server.connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()]
                .into_iter()
                .map(|mut connection| {
                    connection.port = address.port();
                    connection
                })
                .collect();
            let config = ResolverConfig::from_name_servers(vec![name_server]);
            Resolver::builder_with_config(config, TokioRuntimeProvider::default())
        }
    };
    let options = builder.options_mut();
    // Three questions follow each other; one without an answer must not cost the others.
    options.timeout = time / 4;
    options.attempts = 1;
    options.edns0 = true;
    options.cache_size = 0;
    builder.build()
}
