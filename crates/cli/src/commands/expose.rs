//! `openclaw gateway expose`: put a reverse proxy in front of the Gateway, and see that it works.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use clap::{Args, ValueEnum};
use openclaw_config::Loaded;
use openclaw_remote::expose::{Check, CheckName, ExposeError, Front, ProxyKind, check};
use serde::Serialize;

use super::Outcome;
use crate::args::{OutputArgs, parse_duration};
use crate::context::{Context, config_failure};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::holder::Holder;
use crate::link::block_on;
use crate::output::{Printer, Style};

/// Where the proxy runs, as the Gateway sees it.
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// The name in the snippet when none is known.
const EXAMPLE: &str = "gateway.example.org";

/// Which proxy, and under which name.
#[derive(Args, Debug)]
pub(crate) struct ExposeArgs {
    /// The proxy
    #[arg(value_name = "PROXY")]
    proxy: Proxy,
    /// Name under which clients reach it [default: the host of gateway.publicOrigin]
    #[arg(long, value_name = "NAME")]
    domain: Option<String>,
    /// Start the proxy on a spare port with exactly these words, and ask the Gateway through it
    #[arg(long)]
    test: bool,
    /// How long a WebSocket stays quiet in the test before it is asked whether it still holds
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "2s", requires = "test")]
    quiet: Duration,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Proxy {
    Nginx,
    Caddy,
}

impl From<Proxy> for ProxyKind {
    fn from(proxy: Proxy) -> Self {
        match proxy {
            Proxy::Nginx => Self::Nginx,
            Proxy::Caddy => Self::Caddy,
        }
    }
}

/// Everything that is known.
#[derive(Debug, Serialize)]
struct Report {
    proxy: &'static str,
    snippet: String,
    settings: Vec<Setting>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<Vec<Check>>,
    ok: bool,
}

/// A key that has to stand for the proxy to be believed.
#[derive(Debug, Serialize)]
struct Setting {
    key: &'static str,
    ok: bool,
    command: String,
}

/// Prints what to write, and tests it if that was asked.
pub(crate) fn run(context: &Context, args: &ExposeArgs) -> Outcome {
    let loaded = context.config()?;
    let kind = ProxyKind::from(args.proxy);
    let origin = loaded.config.gateway.public_origin.as_deref();
    let public = origin.and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    let known = args.domain.as_deref().or(public).map(|name| name.trim_end_matches('/'));
    let site = known.unwrap_or(EXAMPLE);
    if !is_site(site) {
        return Err(Failure::usage(format!("{site:?} is not the name of a site"))
            .hint("give one like --domain gateway.example.org"));
    }
    let gateway = SocketAddr::new(LOOPBACK, port(context, &loaded)?);
    let settings = settings(context, &loaded, site);
    let checks = if args.test {
        let host = public.map(str::to_owned).filter(|host| host == site);
        let front = Front { gateway, host, quiet: args.quiet };
        let own = &context.own;
        Some(block_on(async { check(kind, &front).await.map_err(|error| refused(own, &error)) })?)
    } else {
        None
    };
    let ok = checks.iter().flatten().all(|check| check.ok);
    let report =
        Report { proxy: kind.as_str(), snippet: kind.snippet(site, gateway), settings, checks, ok };
    print(context, &report)?;
    if ok { Ok(ExitCode::Done) } else { Err(Failure::already_shown(ExitCode::Failed)) }
}

/// The port of the running Gateway, else the configured one.
fn port(context: &Context, loaded: &Loaded) -> Result<u16, Failure> {
    let running = Holder::read(&context.paths.lock_file()).and_then(|holder| holder.port);
    match running {
        Some(port) => Ok(port),
        None => loaded
            .config
            .gateway_port(&context.paths, &loaded.env)
            .map_err(|error| config_failure(&error)),
    }
}

fn is_site(site: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':');
    !site.is_empty() && site.len() <= 253 && !site.starts_with('-') && site.chars().all(known)
}

fn settings(context: &Context, loaded: &Loaded, site: &str) -> Vec<Setting> {
    let gateway = &loaded.config.gateway;
    let own = &context.own;
    let wanted = format!("https://{site}");
    let mut origins = gateway.control_ui.allowed_origins.iter().chain(&gateway.public_origin);
    vec![
        Setting {
            key: "gateway.trustedProxies",
            ok: gateway.trusted_proxies.iter().any(|proxy| trusts_loopback(proxy)),
            command: format!("{own} config set gateway.trustedProxies '[\"{LOOPBACK}\"]'"),
        },
        Setting {
            key: "gateway.publicOrigin",
            ok: origins.any(|origin| origin.trim_end_matches('/') == wanted),
            command: format!("{own} config set gateway.publicOrigin {wanted}"),
        },
    ]
}

fn refused(own: &str, error: &ExposeError) -> Failure {
    let source = std::error::Error::source(error);
    let failure = Failure::new(ExitCode::Failed, error.to_string()).caused_by(source);
    match error {
        ExposeError::NoGateway(_) => failure
            .exit_with(ExitCode::NothingListening)
            .hint(format!("start it: {own} gateway run")),
        ExposeError::Missing("nginx") => failure.hint("install it: apt-get install nginx-light"),
        ExposeError::Missing(_) => failure.hint("install it, or test on the machine that has it"),
        ExposeError::Io { .. } | ExposeError::Refused { .. } => failure,
    }
}

fn print(context: &Context, report: &Report) -> Result<(), Failure> {
    let printer = context.printer;
    if printer.is_json() {
        return printer.json(report);
    }
    printer.line(report.snippet.trim_end())?;
    for setting in report.settings.iter().filter(|setting| !setting.ok) {
        printer.hint(format!("{} has to stand: {}", setting.key, setting.command));
    }
    match &report.checks {
        Some(checks) => print_checks(printer, checks),
        None => {
            let command = format!("{} gateway expose {} --test", context.own, report.proxy);
            printer.hint(format!("to see that it works: {command}"));
            Ok(())
        }
    }
}

fn print_checks(printer: Printer, checks: &[Check]) -> Result<(), Failure> {
    printer.line("")?;
    for check in checks {
        let (mark, style) = if check.ok { ("ok    ", Style::Good) } else { ("failed", Style::Bad) };
        let label = label(check.check);
        printer.line(format!("{} {label}: {}", printer.paint(style, mark), check.detail))?;
    }
    Ok(())
}

const fn label(check: CheckName) -> &'static str {
    match check {
        CheckName::Http => "requests come through",
        CheckName::WebSocket => "WebSockets come through",
        CheckName::ClientAddress => "the client's address is told, and no lie about it",
        CheckName::Host => "the name that was asked for is kept",
        CheckName::Strangers => "forwarding headers of strangers are refused",
        CheckName::ForeignHost => "foreign names are refused",
        CheckName::ForeignOrigin => "pages of other origins are refused",
    }
}

/// Whether a trusted proxy, an address or a network, is this machine.
fn trusts_loopback(proxy: &str) -> bool {
    let network = proxy.parse::<ipnet::IpNet>();
    proxy.parse() == Ok(LOOPBACK) || network.is_ok_and(|network| network.contains(&LOOPBACK))
}
