//! `gateway start`, `stop` and `restart`. They do the same with and without a terminal.

use clap::Args;
use openclaw_service::{Activity, Scope, ServiceError};

use super::WhoseArgs;
use crate::args::OutputArgs;
use crate::commands::Outcome;
use crate::context::Context;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::holder::Holder;
use crate::link::block_on;
use crate::service::{self, Report, ServiceReport, Site, wait_until_ready};

/// Which service.
#[derive(Args, Debug)]
pub(crate) struct ControlArgs {
    #[command(flatten)]
    whose: WhoseArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Which service, and for how long.
#[derive(Args, Debug)]
pub(crate) struct StopArgs {
    /// Do not start it at the next login or boot either
    #[arg(long)]
    disable: bool,
    /// End a Gateway that runs in the foreground, too
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    control: ControlArgs,
}

/// Which service.
#[derive(Args, Debug)]
pub(crate) struct RestartArgs {
    #[command(flatten)]
    control: ControlArgs,
}

impl StopArgs {
    /// Whether `--json` was given.
    pub(crate) const fn wants_json(&self) -> bool {
        self.control.output.json
    }
}

impl RestartArgs {
    /// Whether `--json` was given.
    pub(crate) const fn wants_json(&self) -> bool {
        self.control.output.json
    }
}

/// Starts the service, and waits until it answers.
pub(crate) fn start(context: &Context, args: &ControlArgs) -> Outcome {
    let mut report = Report::new("start");
    let site = match prepare(context, args, &mut report) {
        Ok(site) => site,
        Err(failure) => return report.failed(context.printer, failure),
    };
    let name = site.gateway();
    context.printer.step("starting the service");
    let started = block_on(async {
        let fail = |error| service::failure(&context.own, &error);
        let running = site.manager.state(&name).await.map_err(fail)?.activity == Activity::Running;
        if !running {
            refuse_foreground(context, &site)?;
            site.manager.start(&name).await.map_err(fail)?;
        }
        let holder = wait_until_ready(context, &site.paths, None).await?;
        Ok((running, holder))
    });
    match started {
        Ok((running, holder)) => {
            let (result, word) =
                if running { ("already-running", "runs already") } else { ("started", "runs") };
            report.done(context.printer, result, says(&site, word, &holder))
        }
        Err(failure) => with_tail(context, &site, report, failure),
    }
}

/// Stops the service, its port included.
pub(crate) fn stop(context: &Context, args: &StopArgs) -> Outcome {
    let printer = context.printer;
    let mut report = Report::new("stop");
    let site = match prepare(context, &args.control, &mut report) {
        Ok(site) => site,
        // Without a service there may still be a Gateway.
        Err(failure) => return stop_foreground(context, args, report, failure),
    };
    let name = site.gateway();
    let stopped = block_on(async {
        let fail = |error| service::failure(&context.own, &error);
        let before = site.manager.state(&name).await.map_err(fail)?;
        site.manager.stop(&name).await.map_err(fail)?;
        if args.disable {
            site.manager.disable(&name).await.map_err(fail)?;
        }
        Ok(before.activity)
    });
    match stopped {
        Ok(Activity::Stopped) if Holder::read(&site.paths.lock_file()).is_some() => {
            let failure = foreground(context, &site);
            stop_foreground(context, args, report, failure)
        }
        Ok(Activity::Stopped) => {
            let message = format!("{} did not run", site.manager.service_name(&name));
            report.done(printer, "not-running", message)
        }
        Ok(_) => {
            let message = format!("{} stopped", site.manager.service_name(&name));
            report.done(printer, "stopped", message)
        }
        Err(failure) => report.failed(printer, failure),
    }
}

/// Restarts the service; its port is held meanwhile.
pub(crate) fn restart(context: &Context, args: &RestartArgs) -> Outcome {
    let mut report = Report::new("restart");
    let site = match prepare(context, &args.control, &mut report) {
        Ok(site) => site,
        Err(failure) => return report.failed(context.printer, failure),
    };
    let name = site.gateway();
    let before = Holder::read(&site.paths.lock_file()).map(|holder| holder.pid);
    context.printer.step("restarting the service");
    let restarted = block_on(async {
        let fail = |error| service::failure(&context.own, &error);
        let state = site.manager.state(&name).await.map_err(fail)?;
        if state.activity != Activity::Running {
            refuse_foreground(context, &site)?;
        }
        site.manager.restart(&name).await.map_err(fail)?;
        wait_until_ready(context, &site.paths, before).await
    });
    match restarted {
        Ok(holder) => {
            let word = if before.is_some() { "restarted" } else { "runs" };
            report.done(context.printer, "restarted", says(&site, word, &holder))
        }
        Err(failure) => with_tail(context, &site, report, failure),
    }
}

/// The service that is meant; it has to be ours.
fn prepare(context: &Context, args: &ControlArgs, report: &mut Report) -> Result<Site, Failure> {
    let site = args.whose.installed(context)?;
    let name = site.gateway();
    let ours = site.manager.expect_ours(&name, site.paths.state_dir());
    report.about(ServiceReport::new(&site.manager, &name, ours.is_ok()));
    ours.map_err(|error| {
        let failure = service::failure(&context.own, &error);
        let elsewhere = matches!(error, ServiceError::NotInstalled { .. })
            && site.scope == Scope::User
            && service::is_the_systems(&name);
        if !elsewhere {
            return failure;
        }
        let (own, action) = (&context.own, report.action());
        failure.hint(format!(
            "there is one of the system: sudo {own} gateway {action} --system [--run-as USER]"
        ))
    })?;
    site.check_rights(&context.own, report.action())?;
    Ok(site)
}

fn says(site: &Site, word: &str, holder: &Holder) -> String {
    let port = holder.port.map_or_else(String::new, |port| format!(", port {port}"));
    let name = site.manager.service_name(&site.gateway());
    format!("{name} {word} (pid {}{port})", holder.pid)
}

/// A Gateway that holds the state folder while the service does not run: the service could not start.
pub(super) fn refuse_foreground(context: &Context, site: &Site) -> Result<(), Failure> {
    match Holder::read(&site.paths.lock_file()) {
        Some(_) => Err(foreground(context, site)),
        None => Ok(()),
    }
}

fn foreground(context: &Context, site: &Site) -> Failure {
    let holder = Holder::read(&site.paths.lock_file());
    let pid = holder.map_or_else(String::new, |holder| format!(" (pid {})", holder.pid));
    let text = format!("a Gateway runs in the foreground on this state folder{pid}");
    Failure::new(ExitCode::Configuration, text)
        .code("SERVICE_FOREGROUND")
        .hint(format!("end it first: {} gateway stop --force", context.own))
}

/// Ends a Gateway that is no service, if that was asked for.
fn stop_foreground(context: &Context, args: &StopArgs, report: Report, why: Failure) -> Outcome {
    let printer = context.printer;
    let Some(holder) = Holder::read(&context.paths.lock_file()) else {
        return report.failed(printer, why);
    };
    if !args.force {
        let text = format!(
            "the Gateway here is no service; it runs in the foreground (pid {})",
            holder.pid
        );
        let failure = Failure::new(ExitCode::Failed, text)
            .code("SERVICE_FOREGROUND")
            .hint(format!("end it nevertheless: {} gateway stop --force", context.own));
        return report.failed(printer, failure);
    }
    let paths = context.paths.clone();
    let stopped = block_on(async move {
        openclaw_daemon::stop_holder(&paths)
            .await
            .map_err(|error| Failure::new(ExitCode::Failed, error.to_string()).hint(error.hint()))
    });
    match stopped {
        Ok(()) => {
            report.done(printer, "stopped", format!("the Gateway with pid {} stopped", holder.pid))
        }
        Err(failure) => report.failed(printer, failure),
    }
}

/// A service that does not start says why in its log.
pub(super) fn with_tail(
    context: &Context,
    site: &Site,
    mut report: Report,
    failure: Failure,
) -> Outcome {
    let tail = block_on(async {
        Ok(service::log_tail(&site.manager, &site.gateway(), &site.paths).await)
    });
    let tail = tail.unwrap_or_default();
    if !tail.is_empty() {
        report.warnings.push(format!("its last words:\n  {}", tail.join("\n  ")));
    }
    report.failed(context.printer, failure)
}
