//! `openclaw gateway discover`: Gateways on the local network and in a zone.
//!
//! What is found is printed and never kept: the key of a Gateway is learned when it is reached, and a
//! fingerprint that somebody announces proves nothing.

mod zone;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use clap::Args;
use openclaw_config::DiscoverySettings;
use openclaw_remote::discovery::{Beacon, DiscoveryError, DnsServer, MdnsNet, Zone};
use openclaw_remote::discovery::{browse, browse_zone};
use serde::Serialize;

use super::Outcome;
use crate::args::{OutputArgs, parse_duration};
use crate::context::Context;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::link::block_on;
use crate::output::{Printer, Table};

/// The domain of multicast DNS in the answer.
const LOCAL: &str = "local";
/// Port of a DNS server.
const DNS_PORT: u16 = 53;

/// Where to look, and for how long.
#[derive(Args, Debug)]
pub(crate) struct DiscoverArgs {
    /// How long to listen: `500ms`, `2s`; a bare number is milliseconds
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "2000")]
    timeout: Duration,
    /// Ask this zone too [default: discovery.wideArea.domain]
    #[arg(long, value_name = "ZONE")]
    domain: Option<String>,
    /// Ask this DNS server for the zone, not the system's
    #[arg(long, value_name = "IP[:PORT]", value_parser = dns_server)]
    dns: Option<SocketAddr>,
    /// Print the records that publish this machine's Gateway in the zone, and look for none
    #[arg(long, requires = "address")]
    print_zone: bool,
    /// An address of this machine for the records
    #[arg(long, value_name = "IP", requires = "print_zone")]
    address: Vec<IpAddr>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

fn dns_server(text: &str) -> Result<SocketAddr, String> {
    let address = text.parse().ok();
    let bare = || text.parse().ok().map(|ip: IpAddr| SocketAddr::new(ip, DNS_PORT));
    address.or_else(bare).ok_or_else(|| "expected an IP address, and perhaps a port".to_owned())
}

/// Everything that was found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    timeout_ms: u64,
    domains: Vec<String>,
    count: usize,
    beacons: Vec<Beacon>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Problem>,
}

/// A domain that could not be asked.
#[derive(Debug, Serialize)]
struct Problem {
    domain: String,
    message: String,
}

/// Looks everywhere at once.
pub(crate) fn run(context: &Context, args: &DiscoverArgs) -> Outcome {
    let loaded = context.config()?;
    let settings = loaded.config.discovery(&loaded.env);
    let zone = zone_of(args, &settings)?;
    if args.print_zone {
        return zone::print(context, &loaded, &settings, zone.as_ref(), &args.address);
    }
    let report = block_on(look(args, zone.as_ref()))?;
    let printer = context.printer;
    if printer.is_json() {
        printer.json(&report)?;
    } else {
        print(printer, &report)?;
    }
    // Nothing can be said of the surroundings when nobody could be asked.
    if report.errors.len() == report.domains.len() {
        return Err(Failure::already_shown(ExitCode::Failed));
    }
    Ok(ExitCode::Done)
}

fn zone_of(args: &DiscoverArgs, settings: &DiscoverySettings) -> Result<Option<Zone>, Failure> {
    let named = args.domain.as_ref().or(settings.domain.as_ref());
    let zone = named.map(|name| Zone::parse(name)).transpose();
    zone.map_err(|error| {
        let exit =
            if args.domain.is_some() { ExitCode::Usage } else { ExitCode::Configuration };
        Failure::new(exit, error.to_string())
            .hint("a zone looks like openclaw.internal: openclaw config set discovery.wideArea.domain ZONE")
    })
}

async fn look(args: &DiscoverArgs, zone: Option<&Zone>) -> Result<Report, Failure> {
    let server = args.dns.map_or(DnsServer::System, DnsServer::At);
    let in_zone = async {
        match zone {
            Some(zone) => Some(browse_zone(zone, server, args.timeout).await),
            None => None,
        }
    };
    let (local, wide) = tokio::join!(browse(MdnsNet::default(), args.timeout), in_zone);
    let mut report = Report {
        timeout_ms: u64::try_from(args.timeout.as_millis()).unwrap_or(u64::MAX),
        domains: Vec::new(),
        count: 0,
        beacons: Vec::new(),
        errors: Vec::new(),
    };
    report.take(LOCAL, local);
    if let (Some(zone), Some(wide)) = (zone, wide) {
        report.take(zone.to_string().trim_end_matches('.'), wide);
    }
    report.count = report.beacons.len();
    Ok(report)
}

impl Report {
    fn take(&mut self, domain: &str, found: Result<Vec<Beacon>, DiscoveryError>) {
        self.domains.push(domain.to_owned());
        match found {
            Ok(found) => self.beacons.extend(found),
            Err(error) => {
                let source = std::error::Error::source(&error);
                let message = match source {
                    Some(source) => format!("{error}: {source}"),
                    None => error.to_string(),
                };
                self.errors.push(Problem { domain: domain.to_owned(), message });
            }
        }
    }
}

fn print(printer: Printer, report: &Report) -> Result<(), Failure> {
    for problem in &report.errors {
        printer.note(format!("{}: {}", problem.domain, problem.message));
    }
    if report.beacons.is_empty() {
        printer.line(format!("no Gateway found in {}", report.domains.join(", ")))?;
        printer.hint(
            "one that listens on loopback only is not announced: openclaw remote add me@server",
        );
        return Ok(());
    }
    let mut table = Table::new(["NAME", "ADDRESS", "TLS", "REACHED", "FOUND IN"]);
    for beacon in &report.beacons {
        table.row([
            beacon.hints.display_name.clone().unwrap_or_else(|| beacon.instance_name.clone()),
            format!("{}:{}", beacon.host, beacon.port),
            if beacon.hints.gateway_tls == Some(true) { "yes" } else { "no" }.to_owned(),
            if is_direct(beacon) { "directly" } else { "by ssh" }.to_owned(),
            beacon.domain.clone(),
        ]);
    }
    printer.table(&table)?;
    printer.note("anybody on the network can say these things; the Gateway proves who it is when it is reached");
    if let Some(first) = report.beacons.first() {
        printer.hint(next(first));
    }
    Ok(())
}

fn is_direct(beacon: &Beacon) -> bool {
    beacon.hints.gateway_direct_reachable != Some(false)
}

/// The command that reaches it.
fn next(beacon: &Beacon) -> String {
    if is_direct(beacon) {
        return format!("openclaw remote add {}", beacon.ws_url);
    }
    match beacon.hints.ssh_port {
        Some(port) if port != 22 => format!("openclaw remote add {}:{port}", beacon.host),
        _ => format!("openclaw remote add {}", beacon.host),
    }
}
