//! `openclaw gateway discover --print-zone`: what to publish in a zone.

use std::net::IpAddr;

use openclaw_config::{DiscoverySettings, Loaded};
use openclaw_remote::discovery::{Advertisement, Zone, records};
use serde_json::json;

use crate::commands::Outcome;
use crate::context::{Context, config_failure};
use crate::exit::ExitCode;
use crate::failure::Failure;

/// Prints the records as the text of a zone file.
pub(super) fn print(
    context: &Context,
    loaded: &Loaded,
    settings: &DiscoverySettings,
    zone: Option<&Zone>,
    addresses: &[IpAddr],
) -> Outcome {
    let zone = zone.ok_or_else(|| {
        Failure::new(ExitCode::Usage, "no zone is known")
            .hint("give one with --domain openclaw.internal, or set discovery.wideArea.domain")
    })?;
    let port = loaded.config.gateway_port(&context.paths, &loaded.env);
    let host = settings.host.clone().unwrap_or_else(host_name);
    let gateway = Advertisement {
        name: host.clone(),
        host,
        port: port.map_err(|error| config_failure(&error))?,
        addresses: addresses.to_vec(),
        tls: None,
        direct: true,
        tailnet_dns: settings.tailnet_dns.clone(),
        ssh_port: None,
        cli_path: None,
    };
    let text = records(&gateway, zone);
    let printer = context.printer;
    if printer.is_json() {
        let zone = zone.to_string();
        printer.json(&json!({ "zone": zone, "records": text.lines().collect::<Vec<_>>() }))?;
    } else {
        printer.line(text.trim_end())?;
    }
    Ok(ExitCode::Done)
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
