//! `openclaw status`: the Gateway in one screen, and with `--deep` all it says about itself.

use std::time::Instant;

use clap::Args;
use openclaw_audit::Summary;
use openclaw_protocol::Rpc;
use openclaw_protocol::methods::system::{
    Health, HealthParams, HealthSnapshot, LastHeartbeat, NoParams, Status, StatusParams,
    StatusSummary, SystemPresence,
};
use openclaw_remote::TunnelReport;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Outcome, health, security};
use crate::args::{OutputArgs, TargetArgs};
use crate::context::{Context, now_ms};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::link::{Link, block_on};
use crate::output::{Printer, Style, Table, age, harmless};
use crate::target::{self, Target};
use crate::tunnels;

/// Which Gateway, and how much of it.
#[derive(Args, Debug)]
pub(crate) struct StatusArgs {
    /// Ask for health, presence and the last heartbeat too
    #[arg(long)]
    deep: bool,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// The connection, under `gateway` in the JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Connection {
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    url: String,
    url_source: &'static str,
    reachable: bool,
    connect_latency_ms: u64,
    version: String,
    auth: Option<String>,
    scopes: Vec<String>,
    proven: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    tunnel: Option<TunnelReport>,
}

/// What was asked for.
struct Report {
    connection: Connection,
    status: Value,
    deep: Option<Deep>,
    /// Of this machine, so only for its own Gateway.
    audit: Option<Summary>,
}

struct Deep {
    health: Value,
    last_heartbeat: Value,
    presence: Value,
}

/// Asks, and prints even when nobody answers which Gateway was meant.
pub(crate) fn run(context: &Context, args: &StatusArgs) -> Outcome {
    let target = target::choose(context, &args.target.reach)?;
    let printer = context.printer;
    match block_on(ask(context, args, &target)) {
        Ok(report) if printer.is_json() => printer.json(&as_json(report))?,
        Ok(report) => print(context, &report)?,
        Err(failure) if printer.is_json() => return Err(failure.about(target.note())),
        Err(failure) => {
            let state = printer.paint(Style::Bad, state(failure.exit));
            let line = format!("{} ({})  {state}", target.url(), target.source.as_str());
            let mut fields = vec![("Gateway", line)];
            if let Some(line) = block_on(tunnel_line(context, &target))? {
                fields.push(("Tunnel", line));
            }
            printer.fields(&fields)?;
            return Err(failure);
        }
    }
    Ok(ExitCode::Done)
}

/// What a failure says about the Gateway, in two words.
const fn state(exit: ExitCode) -> &'static str {
    match exit {
        ExitCode::PairingNeeded => "waits for approval",
        ExitCode::CredentialRefused | ExitCode::ScopeMissing => "refuses this device",
        ExitCode::NotAGateway => "is something else",
        ExitCode::Identity | ExitCode::Protocol => "cannot be talked to",
        _ => "not reachable",
    }
}

/// How the tunnel to a Gateway is that was not reached.
async fn tunnel_line(context: &Context, target: &Target) -> Result<Option<String>, Failure> {
    let Some(name) = target.name() else { return Ok(None) };
    let tunnel = tunnels::report(context, name).await;
    Ok(tunnel.map(|tunnel| tunnels::line(context.printer, &tunnel)))
}

async fn ask(context: &Context, args: &StatusArgs, target: &Target) -> Result<Report, Failure> {
    let started = Instant::now();
    let link = Link::to(context, &args.target, target, None).await?;
    let mut connection = connection(&link, target, started);
    if let Some(name) = target.name() {
        connection.tunnel = tunnels::report(context, name).await;
    }
    let asked = questions(&link, args.deep).await;
    link.close().await;
    let (status, deep) = asked?;
    let audit = matches!(target.source, target::Source::Local).then(|| security::summary(context));
    Ok(Report { connection, status, deep, audit })
}

async fn questions(link: &Link, deep: bool) -> Result<(Value, Option<Deep>), Failure> {
    let params = StatusParams { include_channel_summary: Some(true), ..StatusParams::default() };
    let status = link.ask::<Status>(&params).await?.into_value();
    if !deep {
        return Ok((status, None));
    }
    let probe = HealthParams { probe: Some(true) };
    let health = link.ask::<Health>(&probe).await?.into_value();
    let last_heartbeat = link.ask::<LastHeartbeat>(&NoParams {}).await?.into_value();
    let presence = link.ask::<SystemPresence>(&NoParams {}).await?.into_value();
    Ok((status, Some(Deep { health, last_heartbeat, presence })))
}

fn connection(link: &Link, target: &Target, started: Instant) -> Connection {
    let hello = link.hello();
    let local = matches!(target.source, target::Source::Local | target::Source::System);
    Connection {
        mode: if local { "local" } else { "remote" },
        name: target.name().map(str::to_owned),
        url: target.url(),
        url_source: target.source.as_str(),
        reachable: true,
        connect_latency_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        version: hello.server.version.clone(),
        auth: target.auth_label(link.way(), link.auth_method()),
        scopes: hello.scopes().names(),
        proven: link.proof().key().is_some(),
        tunnel: None,
    }
}

/// The summary's own keys, and ours beside them, as the original has it.
fn as_json(report: Report) -> Value {
    let mut map = match report.status {
        Value::Object(map) => map,
        other => Map::from_iter([("status".to_owned(), other)]),
    };
    map.insert("gateway".to_owned(), json!(report.connection));
    if let Some(summary) = report.audit {
        let audit = json!({"collected": true, "summary": summary});
        map.insert("securityAudit".to_owned(), audit);
    }
    if let Some(deep) = report.deep {
        map.insert("health".to_owned(), deep.health);
        map.insert("lastHeartbeat".to_owned(), deep.last_heartbeat);
        map.insert("presence".to_owned(), deep.presence);
    }
    Value::Object(map)
}

fn print(context: &Context, report: &Report) -> Result<(), Failure> {
    let printer = context.printer;
    let connection = &report.connection;
    let reachable = printer.paint(Style::Good, "reachable");
    let mut fields = vec![
        ("Gateway", address(connection)),
        ("State", format!("{reachable} in {} ms", connection.connect_latency_ms)),
        ("Version", harmless(&connection.version)),
    ];
    if let Some(auth) = &connection.auth {
        fields.push(("Authenticated by", harmless(auth)));
    }
    if let Some(tunnel) = &connection.tunnel {
        fields.push(("Tunnel", tunnels::line(printer, tunnel)));
    }
    if !connection.proven {
        fields.push(("Identity", "this Gateway cannot prove who it is".to_owned()));
    }
    let Ok(status) = serde_json::from_value::<StatusSummary>(report.status.clone()) else {
        printer.fields(&fields)?;
        return printer.json(&report.status);
    };
    let model = status.sessions.defaults.model.clone();
    fields.push(("Model", harmless(&model.unwrap_or_else(|| "none".to_owned()))));
    fields.push(("Sessions", status.sessions.count.to_string()));
    if let Some(memory) = &status.process_memory {
        fields.push(("Memory", format!("{:.1} MiB", mebibytes(memory.rss_bytes))));
    }
    fields.extend(report.audit.map(|summary| ("Security audit", audit_line(context, summary))));
    fields.extend(status.channel_summary.iter().map(|line| ("Channel", harmless(line))));
    printer.fields(&fields)?;
    recent(printer, &status)?;
    report.deep.as_ref().map_or(Ok(()), |deep| print_deep(printer, deep))
}

fn audit_line(context: &Context, summary: Summary) -> String {
    let (critical, warn) = (summary.critical, summary.warn);
    let count = format!("{critical} critical, {warn} warn");
    let style = match (critical, warn) {
        (0, 0) => Style::Good,
        (0, _) => Style::Warn,
        _ => Style::Bad,
    };
    format!("{} \u{2014} {} security audit", context.printer.paint(style, &count), context.own)
}

/// Where it is, what it is called, and what chose it.
fn address(connection: &Connection) -> String {
    let Connection { name, url, url_source, .. } = connection;
    let name = name.as_ref().map(|name| format!("{name}, ")).unwrap_or_default();
    harmless(&format!("{name}{url} ({url_source})"))
}

#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}

fn recent(printer: Printer, status: &StatusSummary) -> Result<(), Failure> {
    let mut table = Table::new(["SESSION", "MODEL", "TOKENS", "UPDATED"]);
    let now = now_ms();
    for session in &status.sessions.recent {
        table.row([
            session.key.to_string(),
            session.model.clone().unwrap_or_else(|| "-".to_owned()),
            session.total_tokens.map_or_else(|| "-".to_owned(), |tokens| tokens.to_string()),
            session.updated_at.map_or_else(|| "-".to_owned(), |then| age(now, then)),
        ]);
    }
    if table.is_empty() {
        return Ok(());
    }
    printer.line("")?;
    printer.table(&table)
}

fn print_deep(printer: Printer, deep: &Deep) -> Result<(), Failure> {
    printer.line("")?;
    printer.line(printer.paint(Style::Bold, "Health"))?;
    match serde_json::from_value::<HealthSnapshot>(deep.health.clone()) {
        Ok(health) => health::print(printer, &health)?,
        Err(_) => printer.json(&deep.health)?,
    }
    let presence: <SystemPresence as Rpc>::Result =
        serde_json::from_value(deep.presence.clone()).unwrap_or_default();
    let mut table = Table::new(["CONNECTED", "MODE", "VERSION", "FROM", "SINCE"]);
    let now = now_ms();
    for entry in &presence {
        let dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        table.row([
            dash(&entry.host),
            dash(&entry.mode),
            dash(&entry.version),
            dash(&entry.ip),
            age(now, entry.online_since.unwrap_or(entry.ts)),
        ]);
    }
    if !table.is_empty() {
        printer.line("")?;
        printer.table(&table)?;
    }
    Ok(())
}
