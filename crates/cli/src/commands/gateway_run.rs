//! `openclaw gateway run`: a Gateway in the foreground.
//!
//! The few lines at the start say what runs, where, how to talk to it, and how to reach it from another
//! machine. Ctrl-C or SIGTERM ends it cleanly; a second one ends it at once.

mod container;

use std::path::{Path, PathBuf};

use clap::Args;
use openclaw_config::schema::{AuthMode, Bind, TailscaleMode};
use openclaw_daemon::{
    AuthFlags, DaemonError, Finding, Lifecycle, Phase, PortHolder, StartOptions, Started,
};
use secrecy::SecretString;

use super::Outcome;
use crate::args::secret_value;
use crate::context::{Context, config_failure};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::input;
use crate::output::{Style, harmless};
use crate::profiles;
use crate::service;
use crate::supervised;

/// What overrides the configuration for this run.
#[derive(Args, Debug, Default)]
pub(crate) struct RunArgs {
    /// TCP port [default: gateway.port, else 18789]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Addresses to listen on: auto, loopback, lan, tailnet, custom
    #[arg(long, value_name = "BIND", value_parser = bind)]
    bind: Option<Bind>,
    /// What clients have to prove: none, token, password, trusted-proxy
    #[arg(long, value_name = "MODE", value_parser = auth_mode)]
    auth: Option<AuthMode>,
    /// The token that clients have to know
    #[arg(long, value_name = "TOKEN", value_parser = secret_value, allow_hyphen_values = true)]
    token: Option<SecretString>,
    /// The password that clients have to know
    #[arg(long, value_name = "PASSWORD", value_parser = secret_value, allow_hyphen_values = true)]
    password: Option<SecretString>,
    /// Read the password from a file, or with `-` from a prompt or standard input
    #[arg(long, value_name = "FILE", conflicts_with = "password")]
    password_file: Option<PathBuf>,
    /// Start although `gateway.mode` is not `local`
    #[arg(long)]
    allow_unconfigured: bool,
    /// End the Gateway that holds the port or the state folder, then start
    #[arg(long)]
    force: bool,
}

fn bind(raw: &str) -> Result<Bind, String> {
    choice(raw, [Bind::Auto, Bind::Loopback, Bind::Lan, Bind::Tailnet, Bind::Custom], Bind::as_str)
}

/// Reads a mode of `gateway.auth.mode`.
pub(crate) fn auth_mode(raw: &str) -> Result<AuthMode, String> {
    use AuthMode::{None, Password, Token, TrustedProxy};
    choice(raw, [None, Token, Password, TrustedProxy], AuthMode::as_str)
}

fn choice<T: Copy, const N: usize>(
    raw: &str,
    all: [T; N],
    name: fn(T) -> &'static str,
) -> Result<T, String> {
    let found = all.into_iter().find(|value| name(*value) == raw);
    found.ok_or_else(|| format!("expected one of {}", all.map(name).join(", ")))
}

/// Threads that serve connections. More would only cost memory: the work of a connection is small.
const WORKERS: usize = 2;

/// Runs until somebody says stop.
pub(crate) fn run(context: &Context, args: RunArgs) -> Outcome {
    let force = args.force;
    let options = options(context, args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .map_err(|error| Failure::local("starting the runtime failed", &error))?;
    let face = context.clone();
    let lifecycle = Lifecycle::new(supervised::watchdog(), move |phase| {
        supervised::tell(phase);
        match phase {
            // A closed standard output does not stop a Gateway.
            Phase::Ready(started) => drop(announce(&face, started)),
            Phase::Audited(findings) => alarm(&face, findings),
            Phase::Alive | Phase::Stopping => {}
        }
    });
    let ran = runtime.block_on(openclaw_daemon::run(options, force, lifecycle));
    runtime.shutdown_background();
    ran.map(|()| ExitCode::Done).map_err(|error| failure(context, &error))
}

fn options(context: &Context, args: RunArgs) -> Result<StartOptions, Failure> {
    let password = match &args.password_file {
        Some(file) => Some(input::secret_file(context.printer, file, "Gateway password")?),
        None => args.password,
    };
    Ok(StartOptions {
        paths: context.paths.clone(),
        env: context.env.clone(),
        port: args.port,
        bind: args.bind,
        auth: AuthFlags { mode: args.auth, token: args.token, password },
        allow_unconfigured: args.allow_unconfigured,
        verbose: context.verbose,
        inherited: supervised::listeners()?,
        log_to_file: true,
    })
}

fn announce(context: &Context, started: &Started) -> Result<(), Failure> {
    let printer = context.printer;
    for warning in &started.warnings {
        printer.note(warning.to_string());
    }
    if started.short_secret {
        printer.warning(format!("the {} has fewer than 24 characters", started.auth_mode));
    }
    let title = format!("OpenClaw Gateway {}", env!("CARGO_PKG_VERSION"));
    printer.line(printer.paint(Style::Bold, &title))?;
    let config = if started.configured { "" } else { " (not there, defaults are used)" };
    let auth = match &started.token_file {
        Some(file) => format!("{}, kept in {}", started.auth_mode, file.display()),
        None => format!("{}, {}", started.auth_mode, started.auth_source),
    };
    let mut fields = vec![
        ("  Address", format!("ws://127.0.0.1:{}", started.port)),
        ("  Listens on", listens(started)),
        ("  State", started.state_dir.display().to_string()),
        ("  Configuration", format!("{}{config}", started.config_file.display())),
        ("  Log", started.log_file.display().to_string()),
        ("  Auth", auth),
        ("  Model", started.model.clone()),
    ];
    if let Some(certificate) = &started.reachable.certificate {
        fields.push(("  Certificate", certificate.pairs()));
    }
    match started.reachable.tailscale {
        TailscaleMode::Off => {}
        mode => {
            let how = format!("{}, see: {} gateway status", mode.as_str(), context.own);
            fields.push(("  Tailscale", how));
        }
    }
    if started.resumed_runs > 0 {
        fields.push(("  Resumed", format!("{} runs that the last stop cut", started.resumed_runs)));
    }
    let own = &context.own;
    fields.push(("  Talk to it", format!("{own} agent --message \"hello\"")));
    fields.push(("  From afar", ssh_line(context, started)));
    printer.fields(&fields)?;
    if let Some(hint) = container::hint(Path::new("/"), started.reachable.exposed) {
        printer.hint(hint);
    }
    if started.offline {
        printer
            .hint(format!("no model is configured; `{own} models auth set anthropic` keeps a key"));
    }
    Ok(())
}

/// What the security audit found critical; the rest is for whoever asks.
fn alarm(context: &Context, findings: &[Finding]) {
    for finding in findings {
        let text = format!("security: {}: {}", finding.title, finding.detail);
        context.printer.warning(harmless(&text));
    }
    if !findings.is_empty() {
        context.printer.hint(format!("`{} security audit` says what to do", context.own));
    }
}

/// The addresses, and how far they reach.
fn listens(started: &Started) -> String {
    let reachable = &started.reachable;
    let addresses: Vec<String> = reachable.addresses.iter().map(ToString::to_string).collect();
    let reach = match (reachable.exposed, &reachable.certificate) {
        _ if reachable.waits_for_tailnet => "; not in the tailnet yet",
        (true, Some(_)) => "; other machines with TLS",
        (true, None) => "; other machines WITHOUT TLS",
        (false, _) => "; this machine only",
    };
    format!("{}{reach}", addresses.join(", "))
}

/// The line to type on another machine.
fn ssh_line(context: &Context, started: &Started) -> String {
    let user = context.env.get("USER").or_else(|| context.env.get("LOGNAME")).unwrap_or("USER");
    let name = rustix::system::uname();
    let host = name.nodename().to_str().ok().filter(|host| !host.is_empty()).unwrap_or("HOST");
    let port = started.port;
    format!("ssh -N -L {port}:127.0.0.1:{port} {user}@{host}")
}

/// A configuration or lock that a restart cannot mend ends with its own code, for supervisors.
fn failure(context: &Context, error: &DaemonError) -> Failure {
    if let DaemonError::Config(error) = error {
        return config_failure(error).exit_with(ExitCode::Configuration);
    }
    if let DaemonError::PortInUse { port, holder: Some(holder) } = error
        && let Some(failure) = taken_here(context, *port, holder)
    {
        return failure;
    }
    if let DaemonError::Held { .. } = error {
        let own = &context.own;
        return Failure::new(ExitCode::Configuration, error.to_string()).hint(format!(
            "talk to it: {own} status; stop it: {own} gateway stop --force; or start a second one: \
             openclaw --profile NAME gateway"
        ));
    }
    let exit = if error.is_permanent() { ExitCode::Configuration } else { ExitCode::Failed };
    Failure::new(exit, error.to_string())
        .hint(error.hint())
        .caused_by(std::error::Error::source(error))
}

/// A port that belongs to a Gateway of this machine: to another profile's, or to a service whose
/// manager holds it while it does not run.
fn taken_here(context: &Context, port: u16, holder: &PortHolder) -> Option<Failure> {
    let pid = holder.pid.and_then(|pid| u32::try_from(pid).ok());
    let manager = holder.who.ends_with("(systemd)");
    let neighbours = profiles::scan(context, &service::gateways(context));
    let runs = neighbours.iter().find(|one| one.pid.is_some() && one.pid == pid);
    let held = || neighbours.iter().find(|one| manager && one.holds(port));
    let other = runs.or_else(held)?;
    let (name, own) = (&other.name, &context.own);
    let failure = |text: String| Failure::new(ExitCode::Failed, text).code("PORT_IN_USE");
    if other.is_selected() {
        let text = format!("port {port} is held by the service manager for this Gateway's service");
        return Some(failure(text).hint(format!(
            "let the service run: {own} gateway start; or stop it, its port included: {own} gateway stop"
        )));
    }
    let next = port.saturating_add(1);
    Some(failure(format!("port {port} is in use by the Gateway of the profile `{name}`")).hint(format!(
        "give this one a port of its own: {own} config set gateway.port {next}; or talk to the other: \
         openclaw --profile {name} status"
    )))
}
