//! `openclaw remote run`: holds tunnels in the foreground.
//!
//! `remote up` starts the same in the background: `--detached` gives it a session of its own, so that
//! the end of the terminal is not its end.

use clap::Args;
use openclaw_base::Tasks;
use openclaw_client::ClientOptions;
use openclaw_remote::{Supervisor, SupervisorError, TunnelReport};
use tokio::signal::unix::{SignalKind, signal};

use super::usual_name;
use crate::commands::Outcome;
use crate::context::{Context, now_ms};
use crate::endpoint;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::link::{block_on, host_name};
use crate::output::{Printer, clock, harmless};
use crate::target::book;
use crate::tunnels;

/// Which tunnels.
#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// Names of the Gateways [default: the one in use, else the only one]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Leave the terminal
    #[arg(long, hide = true)]
    detached: bool,
}

/// Runs until somebody says stop, or until the last tunnel is let go.
pub(crate) fn run(context: &Context, args: &RunArgs) -> Outcome {
    if args.detached {
        // It fails only for the leader of a group, which is free already.
        rustix::process::setsid().ok();
    }
    let names = if args.names.is_empty() {
        vec![usual_name(context, None)?]
    } else {
        args.names.iter().map(|name| usual_name(context, Some(name))).collect::<Result<_, _>>()?
    };
    let device = endpoint::device(context)?;
    block_on(async {
        let tasks = Tasks::new();
        let mut options = ClientOptions::cli(tasks.clone(), env!("CARGO_PKG_VERSION"));
        options.display_name = host_name();
        options.device = Some(device);
        let printer = context.printer;
        let said = parking();
        let announce = move |report: &TunnelReport| said(printer, report);
        let places = tunnels::places(context);
        let supervisor = Supervisor::new(places, book(context), options, announce)
            .map_err(|error| failure(&error))?;
        let stop = tasks.token().child_token();
        let (mut interrupt, mut terminate) =
            (on(SignalKind::interrupt())?, on(SignalKind::terminate())?);
        let holding = supervisor.run(&names, stop.clone());
        let mut holding = std::pin::pin!(holding);
        let ended = tokio::select! {
            ended = &mut holding => ended,
            _ = interrupt.recv() => { stop.cancel(); holding.await }
            _ = terminate.recv() => { stop.cancel(); holding.await }
        };
        ended.map(|()| ExitCode::Done).map_err(|error| failure(&error))
    })
}

fn on(kind: SignalKind) -> Result<tokio::signal::unix::Signal, Failure> {
    signal(kind).map_err(|error| Failure::local("listening for signals failed", &error))
}

/// Says what changed, once: a tunnel that is tried again and again fails in the same way.
fn parking() -> impl Fn(Printer, &TunnelReport) + Send + Sync + 'static {
    let last = std::sync::Mutex::new(std::collections::BTreeMap::<String, String>::new());
    move |printer, report| {
        let said = match (&report.reason, report.state) {
            (Some(reason), _) => format!("{}: {reason}", report.name),
            (None, openclaw_remote::TunnelState::Connected) => {
                format!("{}: connected", report.name)
            }
            (None, _) => return,
        };
        let mut last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if last.get(&report.name) != Some(&said) {
            printer.note(format!("{}  {}", clock(now_ms()), harmless(&said)));
            last.insert(report.name.clone(), said);
        }
    }
}

/// Why tunnels are not held.
fn failure(error: &SupervisorError) -> Failure {
    let failure = match error {
        SupervisorError::Running => {
            Failure::new(ExitCode::Configuration, error.to_string()).hint("openclaw remote status")
        }
        SupervisorError::Tunnel(_) => {
            Failure::new(ExitCode::Failed, error.to_string()).hint("openclaw remote list")
        }
        SupervisorError::Local(_) => Failure::new(ExitCode::Failed, error.to_string()),
    };
    failure.caused_by(std::error::Error::source(error))
}
