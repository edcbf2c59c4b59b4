//! `openclaw remote service`: tunnels that the service manager holds up, from login or boot on.
//!
//! One process holds all tunnels of a state folder, so there is one service, and it is given every name.

use clap::{Args, Subcommand};
use openclaw_remote::TunnelState;
use openclaw_service::{Definition, ServiceName};
use tokio::time::{Instant, interval};

use super::usual_name;
use crate::args::OutputArgs;
use crate::commands::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::link::block_on;
use crate::output::harmless;
use crate::service::{self, Site, Whose};
use crate::tunnels;

/// How long the first connection is waited for. It is tried further afterwards.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);
/// How often the state is looked at meanwhile.
const LOOK: std::time::Duration = std::time::Duration::from_millis(50);

/// What to do with the service.
#[derive(Args, Debug)]
pub(crate) struct ServiceArgs {
    #[command(subcommand)]
    command: ServiceCommand,
}

/// The words after `openclaw remote service`.
#[derive(Debug, Subcommand)]
enum ServiceCommand {
    /// Hold these tunnels, and no others, as a service of yours
    Install(InstallArgs),
    /// Take the service away; the names and their keys stay
    Uninstall(UninstallArgs),
}

#[derive(Args, Debug)]
struct InstallArgs {
    /// Names of the Gateways [default: the one in use, else the only one]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Write and restart it even if nothing changed
    #[arg(long)]
    force: bool,
    /// Print what would be written, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Args, Debug)]
struct UninstallArgs {
    #[command(flatten)]
    output: OutputArgs,
}

impl ServiceArgs {
    /// Whether `--json` was given.
    pub(crate) const fn wants_json(&self) -> bool {
        match &self.command {
            ServiceCommand::Install(args) => args.output.json,
            ServiceCommand::Uninstall(args) => args.output.json,
        }
    }
}

/// Does it.
pub(crate) fn run(context: &Context, args: &ServiceArgs) -> Outcome {
    match &args.command {
        ServiceCommand::Install(args) => install(context, args),
        ServiceCommand::Uninstall(_) => {
            service::uninstall(context, ServiceName::tunnels, "removed; the names stay")
        }
    }
}

fn install(context: &Context, args: &InstallArgs) -> Outcome {
    let names = names(context, args)?;
    let site = Site::find(context, &Whose::default())?;
    let definition = definition(context, &site, &names)?;
    if args.dry_run {
        return service::dry_run(context, &site, &definition);
    }
    let put = block_on(async {
        let fail = |error| service::failure(&context.own, &error);
        release(context, &site, &definition, &names).await?;
        let installation = site.manager.install(&definition, args.force).await.map_err(fail)?;
        let linger = service::linger(context, &site).await;
        let mut said = Vec::new();
        for name in &names {
            said.push(format!("{name} {}", state(context, name).await));
        }
        Ok((installation.change, linger, format!("runs: {}", said.join(", "))))
    });
    service::installed(context, &site, &definition.name, put)
}

fn names(context: &Context, args: &InstallArgs) -> Result<Vec<String>, Failure> {
    if args.names.is_empty() {
        return Ok(vec![usual_name(context, None)?]);
    }
    args.names.iter().map(|name| usual_name(context, Some(name))).collect()
}

/// What the service of the tunnels is.
fn definition(context: &Context, site: &Site, names: &[String]) -> Result<Definition, Failure> {
    let service = ServiceName::tunnels(site.paths.profile().name());
    let words: Vec<&str> =
        ["remote", "run"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let description = format!("Tunnels to OpenClaw Gateways: {}", names.join(", "));
    let mut definition = site.definition(context, service, description, &words)?;
    definition.written_by = format!("{} remote service install {}", context.own, names.join(" "));
    definition.output = site.paths.tunnels_dir().join("service.log");
    // `remote down` ends it in good order, and means it.
    definition.always = false;
    // The agent that has the keys is where this terminal found it.
    let agent = context.env.get("SSH_AUTH_SOCK").map(str::to_owned);
    definition.environment.extend(agent.map(|socket| ("SSH_AUTH_SOCK".to_owned(), socket)));
    Ok(definition)
}

/// One process holds the tunnels of a state folder: what `remote up` left in the background makes room,
/// unless it holds others as well.
async fn release(
    context: &Context,
    site: &Site,
    definition: &Definition,
    names: &[String],
) -> Result<(), Failure> {
    let fail = |error| service::failure(&context.own, &error);
    let running = site.manager.state(&definition.name).await.map_err(fail)?.pid.is_some();
    let control = tunnels::control(context);
    let Some(report) = control.report().await.filter(|_| !running) else { return Ok(()) };
    let other = report.tunnels.iter().find(|tunnel| !names.contains(&tunnel.name));
    if let Some(other) = other {
        let text = format!("a process in the background holds a tunnel to {}", other.name);
        return Err(Failure::usage(text).code("TUNNELS_HELD").hint(format!(
            "name it too, or let go of it first: {} remote down {}",
            context.own, other.name
        )));
    }
    let asked = control.ask(&openclaw_remote::Request::Down(None)).await;
    asked.map_err(|error| Failure::local("the tunnels in the background do not end", &error))?;
    let deadline = Instant::now() + PATIENCE;
    let mut look = interval(LOOK);
    while control.report().await.is_some() && Instant::now() < deadline {
        look.tick().await;
    }
    Ok(())
}

/// How the tunnel is doing, once it works or says why it does not.
async fn state(context: &Context, name: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    let mut look = interval(LOOK);
    loop {
        look.tick().await;
        let tunnel = tunnels::report(context, name).await;
        match tunnel {
            Some(tunnel) if tunnel.state == TunnelState::Connected => {
                return "is connected".to_owned();
            }
            Some(tunnel) if tunnel.reason.is_some() => {
                let reason = harmless(&tunnel.reason.unwrap_or_default());
                return format!("is not connected yet ({reason}); it is tried further");
            }
            _ if Instant::now() >= deadline => {
                return format!("is not connected yet; see {} remote status", context.own);
            }
            _ => {}
        }
    }
}
