//! `openclaw gateway status`: who holds the state folder, where it listens, and whether it answers.

mod machine;

use std::time::Instant;

use clap::Args;
use openclaw_config::{Loaded, schema::TailscaleMode};
use openclaw_daemon::CertificateFacts;
use openclaw_remote::discovery::MdnsStatus;
use openclaw_remote::tailscale::{Record, Route};
use serde::Serialize;

use self::machine::Machine;
use super::Outcome;
use crate::args::{OutputArgs, TargetArgs};
use crate::context::{Context, now_ms};
use crate::exit::ExitCode;
use crate::failure::{Body, Failure};
use crate::holder::Holder;
use crate::link::{Link, block_on};
use crate::output::{Printer, Style, clock, duration, harmless};
use crate::profiles;
use crate::target::{self, Target};

/// Which Gateway.
#[derive(Args, Debug)]
pub(crate) struct GatewayStatusArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// Look at this machine only, and ask nobody
    #[arg(long)]
    no_probe: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Everything that is known.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    ok: bool,
    profile: Option<String>,
    state_dir: String,
    config: ConfigReport,
    lock: LockReport,
    gateway: GatewayReport,
    cli: CliReport,
    log_file: String,
    #[serde(flatten)]
    machine: Machine,
    #[serde(skip_serializing_if = "Option::is_none")]
    rpc: Option<RpcReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Body>,
    #[serde(skip)]
    failure: Option<Failure>,
}

/// The program that looks.
#[derive(Debug, Serialize)]
struct CliReport {
    version: &'static str,
    entrypoint: Option<String>,
}

#[derive(Debug, Serialize)]
struct ConfigReport {
    path: String,
    exists: bool,
    valid: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LockReport {
    path: String,
    held: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<Holder>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uptime_ms: Option<u64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct GatewayReport {
    url: Option<String>,
    url_source: Option<&'static str>,
    door: String,
    door_present: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    bind_mode: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port_source: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<CertificateFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tailscale: Option<TailscaleReport>,
    /// How announcing on the local network goes, while the Gateway runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    mdns: Option<MdnsStatus>,
}

/// What is published through Tailscale.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TailscaleReport {
    mode: &'static str,
    published: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl GatewayReport {
    /// Whether the files of this machine say anything about the Gateway that was asked.
    fn is_here(&self) -> bool {
        self.url_source.is_none_or(|source| source == target::Source::Local.as_str())
    }
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct RpcReport {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_method: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

/// Looks at the files first, then asks. What could not be reached decides the exit code.
pub(crate) fn run(context: &Context, args: &GatewayStatusArgs) -> Outcome {
    let loaded = context.config().ok();
    let asked = if args.no_probe { Asked::default() } else { probe(context, args) };
    let report = report(context, loaded.as_ref(), asked);
    let failure = report.failure.clone();
    let printer = context.printer;
    if printer.is_json() {
        printer.json(&report)?;
    } else {
        print(printer, &context.own, &report)?;
    }
    match failure {
        None => Ok(ExitCode::Done),
        Some(failure) if printer.is_json() => Err(Failure::already_shown(failure.exit)),
        Some(failure) => Err(failure),
    }
}

/// What came of asking.
#[derive(Default)]
struct Asked {
    rpc: Option<RpcReport>,
    target: Option<Target>,
    failure: Option<Failure>,
}

fn probe(context: &Context, args: &GatewayStatusArgs) -> Asked {
    let target = match target::choose(context, &args.target.reach) {
        Ok(target) => target,
        Err(failure) => {
            return Asked { rpc: Some(RpcReport::default()), target: None, failure: Some(failure) };
        }
    };
    let (rpc, failure) = match block_on(ask(context, &args.target, &target)) {
        Ok(rpc) => (rpc, None),
        Err(failure) => {
            (RpcReport { url: Some(target.url()), ..RpcReport::default() }, Some(failure))
        }
    };
    Asked { rpc: Some(rpc), target: Some(target), failure }
}

async fn ask(context: &Context, args: &TargetArgs, target: &Target) -> Result<RpcReport, Failure> {
    let started = Instant::now();
    let link = Link::to(context, args, target, None).await?;
    let latency = started.elapsed();
    let hello = link.hello();
    let report = RpcReport {
        ok: true,
        latency_ms: u64::try_from(latency.as_millis()).ok(),
        version: Some(hello.server.version.clone()),
        auth_method: target.auth_label(link.way(), link.auth_method()),
        scopes: hello.scopes().names(),
        url: Some(target.url()),
    };
    link.close().await;
    Ok(report)
}

fn report(context: &Context, loaded: Option<&Loaded>, asked: Asked) -> Report {
    let Asked { rpc, target, failure } = asked;
    let machine = machine::look(context, loaded);
    // A service that does not run is started, not replaced by one in the foreground.
    let failure = failure.map(|failure| match failure.exit {
        ExitCode::NothingListening if machine.service.is_installed() => {
            failure.hint(format!("start it: {} gateway start", context.own))
        }
        _ => failure,
    });
    let paths = &context.paths;
    let holder = Holder::read(&paths.lock_file());
    let running = holder.is_some();
    let door = holder.as_ref().and_then(|holder| holder.socket.clone());
    let door = door.unwrap_or_else(|| paths.socket().to_owned());
    Report {
        ok: failure.is_none(),
        profile: paths.profile().name().map(str::to_owned),
        state_dir: paths.state_dir().display().to_string(),
        config: ConfigReport {
            path: paths.config_file().display().to_string(),
            exists: paths.config_file().exists(),
            valid: loaded.is_some(),
        },
        lock: LockReport {
            path: paths.lock_file().display().to_string(),
            held: holder.is_some(),
            uptime_ms: holder.as_ref().map(|holder| now_ms().saturating_sub(holder.since_ms)),
            holder,
        },
        gateway: GatewayReport {
            url: target.as_ref().map(Target::url),
            url_source: target.as_ref().map(|target| target.source.as_str()),
            door: door.display().to_string(),
            door_present: door.exists(),
            bind_mode: loaded.map(|loaded| loaded.config.gateway.bind.as_str()),
            port: machine.port.number(),
            port_source: port_source(context, loaded, &machine),
            certificate: loaded
                .and_then(|loaded| openclaw_daemon::certificate_in_use(paths, &loaded.config)),
            tailscale: loaded.and_then(|loaded| tailscale(context, loaded)),
            mdns: running.then(|| MdnsStatus::read(&paths.announce_file())),
        },
        cli: CliReport {
            version: env!("CARGO_PKG_VERSION"),
            entrypoint: std::env::current_exe().ok().map(|path| path.display().to_string()),
        },
        log_file: loaded
            .map_or_else(|| paths.log_file(), |loaded| loaded.config.log_file(paths))
            .display()
            .to_string(),
        machine,
        rpc,
        error: failure.as_ref().map(Failure::body),
        failure,
    }
}

/// What the Gateway wrote down of its publication; nothing where none is asked for.
fn tailscale(context: &Context, loaded: &Loaded) -> Option<TailscaleReport> {
    let mode = loaded.config.gateway.tailscale.mode;
    if mode == TailscaleMode::Off {
        return None;
    }
    let record = Record::read(&context.paths.tailscale_file());
    let url = record.routes.last().filter(|_| record.published).map(Route::url);
    Some(TailscaleReport {
        mode: mode.as_str(),
        published: record.published,
        url,
        problem: record.problem,
        hint: record.hint,
    })
}

/// What named the port.
fn port_source(
    context: &Context,
    loaded: Option<&Loaded>,
    machine: &Machine,
) -> Option<&'static str> {
    let loaded = loaded?;
    let running =
        Holder::read(&context.paths.lock_file()).is_some_and(|holder| holder.port.is_some());
    Some(if running {
        "running"
    } else if machine.names_port {
        "service"
    } else if loaded.env.get("OPENCLAW_GATEWAY_PORT").is_some() {
        "OPENCLAW_GATEWAY_PORT"
    } else if loaded.config.gateway.port.is_some() {
        "gateway.port"
    } else {
        "default"
    })
}

fn print(printer: Printer, own: &str, report: &Report) -> Result<(), Failure> {
    let present =
        |there: bool, word: &str| if there { String::new() } else { format!(" ({word})") };
    let mut fields = Vec::new();
    if let Some(profile) = &report.profile {
        fields.push(("Profile", profile.clone()));
    }
    if !report.gateway.is_here() {
        fields.extend(target_field(&report.gateway));
        fields.extend(report.rpc.as_ref().map(|rpc| ("Answers", answers(printer, rpc))));
        return printer.fields(&fields);
    }
    fields.push(("State folder", report.state_dir.clone()));
    let config = &report.config;
    let config_note = match (config.exists, config.valid) {
        (false, _) => " (not there, defaults are used)",
        (true, false) => " (not valid)",
        (true, true) => "",
    };
    fields.push(("Configuration", format!("{}{config_note}", config.path)));
    let holder = report.lock.holder.as_ref();
    fields.push(("Held by", holder.map_or_else(|| "nobody".to_owned(), describe)));
    if let Some(uptime) = report.lock.uptime_ms {
        fields.push(("Uptime", duration(std::time::Duration::from_millis(uptime))));
    }
    let door = &report.gateway.door;
    fields.push(("Door", format!("{door}{}", present(report.gateway.door_present, "not there"))));
    fields.extend(report.gateway.certificate.as_ref().map(|seen| ("Certificate", until(seen))));
    fields.extend(report.gateway.tailscale.as_ref().map(|seen| ("Tailscale", seen.line(printer))));
    fields.extend(report.gateway.mdns.as_ref().and_then(|seen| announced(printer, seen)));
    fields.push(("Service", report.machine.service_line(printer, own)));
    fields.extend(target_field(&report.gateway));
    fields.extend(report.rpc.as_ref().map(|rpc| ("Answers", answers(printer, rpc))));
    printer.fields(&fields)?;
    if let Some(hint) = report.gateway.tailscale.as_ref().and_then(|seen| seen.hint.as_ref()) {
        printer.hint(format!("for Tailscale, {}", harmless(hint)));
    }
    for issue in &report.machine.service.config_audit.issues {
        printer.warning(format!("{}; {own} gateway install writes it anew", issue.message));
    }
    for extra in &report.machine.extra_services {
        printer.note(extra.line());
    }
    if report.machine.profiles.len() > 1 {
        printer.line("")?;
        printer.table(&profiles::table(&report.machine.profiles))?;
    }
    Ok(())
}

impl TailscaleReport {
    fn line(&self, printer: Printer) -> String {
        match (&self.url, &self.problem) {
            (Some(url), _) => {
                format!("{} at {}", printer.paint(Style::Good, self.mode), harmless(url))
            }
            (None, Some(problem)) => {
                let state = printer.paint(Style::Bad, "not published");
                format!("{state}: {}", harmless(problem))
            }
            (None, None) => printer.paint(Style::Warn, "not published yet"),
        }
    }
}

/// One line about what is said on the local network, unless nothing has to be.
fn announced(printer: Printer, status: &MdnsStatus) -> Option<(&'static str, String)> {
    let text = match status {
        MdnsStatus::Off => return None,
        MdnsStatus::Starting => printer.paint(Style::Warn, "not yet"),
        MdnsStatus::Advertising(name) => harmless(name),
        MdnsStatus::Failed(why) => {
            format!("{}: {}", printer.paint(Style::Warn, "no"), harmless(why))
        }
    };
    Some(("Announced", text))
}

fn until(certificate: &CertificateFacts) -> String {
    let end = certificate.not_after.saturating_mul(1_000);
    format!("{} until {}", certificate.pairs(), clock(u64::try_from(end).unwrap_or_default()))
}

fn target_field(gateway: &GatewayReport) -> Option<(&'static str, String)> {
    let (url, source) = (gateway.url.as_ref()?, gateway.url_source?);
    Some(("Target", harmless(&format!("{url} ({source})"))))
}

fn describe(holder: &Holder) -> String {
    let port = holder.port.map_or_else(String::new, |port| format!(", port {port}"));
    format!("process {}{port}, since {}", holder.pid, clock(holder.since_ms))
}

fn answers(printer: Printer, rpc: &RpcReport) -> String {
    if !rpc.ok {
        return printer.paint(Style::Bad, "no");
    }
    let version = harmless(rpc.version.as_deref().unwrap_or("?"));
    let latency = rpc.latency_ms.unwrap_or_default();
    let method =
        rpc.auth_method.as_deref().map_or_else(String::new, |method| format!(", by {method}"));
    let yes = printer.paint(Style::Good, "yes");
    format!("{yes}, version {version}, in {latency} ms{}", harmless(&method))
}
