//! `openclaw remote up`: holds a tunnel in the background.

use std::ffi::OsString;
use std::process::Child;
use std::time::Duration;

use clap::Args;
use openclaw_remote::{Control, Request, TunnelReport, TunnelState, background};
use serde_json::json;
use tokio::time::{Instant, interval, timeout_at};

use super::usual_name;
use crate::args::{OutputArgs, parse_duration};
use crate::commands::Outcome;
use crate::context::Context;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::link::block_on;
use crate::output::harmless;
use crate::tunnels;

/// How long the first connection is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often the state is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(30);

/// Which tunnel.
#[derive(Args, Debug)]
pub(crate) struct UpArgs {
    /// Name of the Gateway [default: the one in use, else the only one]
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Longest wait until it works: `500ms`, `10s`, `2m` [default: 20s]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    timeout: Option<Duration>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Asks the process that holds tunnels, or starts one; then waits until the tunnel works.
pub(crate) fn run(context: &Context, args: &UpArgs) -> Outcome {
    let name = usual_name(context, args.name.as_ref())?;
    let tunnel = block_on(hold(context, &name, args.timeout.unwrap_or(PATIENCE)))?;
    show(context, &tunnel)
}

/// Holds a tunnel for a command that needs its port for a browser.
pub(crate) async fn port_for_browser(context: &Context, name: &str) -> Result<u16, Failure> {
    let tunnel = hold(context, name, PATIENCE).await?;
    match tunnel.local_port.filter(|_| tunnel.state == TunnelState::Connected) {
        Some(port) => Ok(port),
        None => Err(why_not(&tunnel)),
    }
}

/// Asks for the tunnel, and waits until it works or a try failed.
async fn hold(context: &Context, name: &str, patience: Duration) -> Result<TunnelReport, Failure> {
    let control = tunnels::control(context);
    let request = Request::Up(name.to_owned());
    let deadline = Instant::now() + patience;
    let running = control.ask(&request).await.map_err(|error| refused(&error))?;
    let failed = running.as_ref().and_then(|report| report.tunnel(name));
    let failed = failed.map_or(0, |tunnel| tunnel.failures);
    let mut child = match running {
        Some(_) => None,
        None => Some(start(context, name)?),
    };
    let waiting = works(&control, name, failed, child.as_mut());
    timeout_at(deadline, waiting).await.map_err(|_| {
        Failure::new(ExitCode::LinkLost, "the tunnel is not up yet; it is tried further")
            .hint("openclaw remote status")
    })?
}

fn refused(error: &std::io::Error) -> Failure {
    Failure::local("the tunnel cannot be held", error).hint("openclaw remote status")
}

/// Starts the process that holds tunnels; it outlives this one.
fn start(context: &Context, name: &str) -> Result<Child, Failure> {
    let places = tunnels::places(context);
    let local = |error| Failure::local("starting the tunnel failed", &error);
    let program = std::env::current_exe().map_err(local)?;
    let mut arguments: Vec<OsString> = Vec::new();
    if let Some(profile) = context.paths.profile().name() {
        arguments.extend([OsString::from("--profile"), profile.into()]);
    }
    arguments.extend(["remote", "run", "--detached", "--", name].map(OsString::from));
    background(&program, &arguments, &places).map_err(local)
}

/// Waits until the tunnel works, or says why it does not: one more try than `failed` ones.
async fn works(
    control: &Control,
    name: &str,
    failed: u32,
    mut child: Option<&mut Child>,
) -> Result<TunnelReport, Failure> {
    let mut look = interval(LOOK);
    loop {
        look.tick().await;
        let report = control.report().await;
        if let Some(tunnel) = report.as_ref().and_then(|report| report.tunnel(name))
            && (tunnel.state == TunnelState::Connected || tunnel.failures > failed)
        {
            return Ok(tunnel.clone());
        }
        let ended = child.as_mut().and_then(|child| child.try_wait().ok().flatten());
        // Another process may have been quicker; then that one answers.
        if ended.is_some_and(|status| !status.success()) && control.report().await.is_none() {
            return Err(Failure::new(ExitCode::Failed, "the process that holds tunnels ended")
                .hint("see why in the foreground: openclaw remote run"));
        }
    }
}

fn show(context: &Context, tunnel: &TunnelReport) -> Outcome {
    let printer = context.printer;
    let works = tunnel.state == TunnelState::Connected;
    if printer.is_json() {
        printer.json(&json!({ "ok": works, "tunnel": tunnel }))?;
    } else if works {
        printer.fields(&[(tunnel.name.as_str(), tunnels::line(printer, tunnel))])?;
    }
    if works {
        return Ok(ExitCode::Done);
    }
    if printer.is_json() {
        return Err(Failure::already_shown(ExitCode::Ssh));
    }
    printer.note("it is tried further; `openclaw remote down` ends that");
    Err(why_not(tunnel))
}

/// A tunnel that does not work, with what to do about it.
fn why_not(tunnel: &TunnelReport) -> Failure {
    let reason = harmless(tunnel.reason.as_deref().unwrap_or("it does not work"));
    let hint = harmless(tunnel.hint.as_deref().unwrap_or("openclaw remote status"));
    Failure::new(ExitCode::Ssh, reason).hint(hint)
}
