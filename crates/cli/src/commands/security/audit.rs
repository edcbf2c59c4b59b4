//! `openclaw security audit`: every check on this machine, and with `--fix` what is safe to do.

use clap::Args;
use openclaw_audit::{
    Facts, Overrides, Report, Sources, Summary, fix,
    fix::{Step, apply, plan},
    gather,
};
use openclaw_config::schema::AuthMode;
use secrecy::SecretString;
use serde::Serialize;

use super::{Outcome, deep, show};
use crate::args::{OutputArgs, secret_value};
use crate::commands::gateway_run::auth_mode;
use crate::context::{Context, now_ms};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::holder::Holder;
use crate::link::block_on;

/// How thorough, and what is assumed.
#[derive(Args, Debug)]
pub(crate) struct AuditArgs {
    /// Ask the running Gateway too, as a stranger would
    #[arg(long)]
    deep: bool,
    /// Do what is safe: close files to others, take dangerous keys out; then look again
    #[arg(long)]
    fix: bool,
    /// Assume that the Gateway was started with this --auth
    #[arg(long, value_name = "MODE", value_parser = auth_mode)]
    auth: Option<AuthMode>,
    /// Assume that the Gateway was started with this --token
    #[arg(long, value_name = "TOKEN", value_parser = secret_value, allow_hyphen_values = true)]
    token: Option<SecretString>,
    /// Assume that the Gateway was started with this --password
    #[arg(long, value_name = "PASSWORD", value_parser = secret_value, allow_hyphen_values = true)]
    password: Option<SecretString>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// The report, with what `--fix` did.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    report: &'a Report,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<&'a [Step]>,
}

/// Audits; ends with 1 if something critical was found.
pub(crate) fn run(context: &Context, args: &AuditArgs) -> Outcome {
    let printer = context.printer;
    let mut report = look(context, args)?;
    let mut steps = None;
    if args.fix {
        let mut planned = plan(&report.findings);
        if !printer.is_json() {
            show::plan(context, &planned)?;
        }
        for step in &mut planned {
            apply(step, &context.paths, &context.env);
        }
        if !printer.is_json() {
            show::done(context, &planned)?;
        }
        report = look(context, args)?;
        steps = Some(planned);
    }
    if printer.is_json() {
        printer.json(&Told { report: &report, fix: steps.as_deref() })?;
    } else {
        show::report(context, &report, args.fix)?;
    }
    let critical = report.summary.critical > 0;
    Ok(if critical { ExitCode::Failed } else { ExitCode::Done })
}

fn look(context: &Context, args: &AuditArgs) -> Result<Report, Failure> {
    let overrides = Overrides {
        mode: args.auth,
        token: args.token.clone(),
        password: args.password.clone(),
        ..Overrides::default()
    };
    let mut facts = facts(context, overrides);
    if args.deep {
        let live = block_on(async { Ok(deep::probe(context, &facts).await) })?;
        facts.live = Some(live);
    }
    Ok(openclaw_audit::audit(&facts).for_program(&context.own))
}

fn facts(context: &Context, mut overrides: Overrides) -> Facts {
    // The port that the running Gateway got, whatever the configuration says.
    overrides.port = Holder::read(&context.paths.lock_file()).and_then(|holder| holder.port);
    let loaded = openclaw_config::load(&context.paths, &context.env);
    let mut facts = gather(&Sources {
        paths: &context.paths,
        env: &context.env,
        loaded: loaded.as_ref().map_err(ToString::to_string),
        overrides,
        certificate: loaded
            .as_ref()
            .ok()
            .and_then(|loaded| openclaw_daemon::certificate(&context.paths, loaded)),
        root: "/".into(),
        now_ms: now_ms(),
    });
    // What this very command was given is gone in a moment.
    let own = i32::try_from(std::process::id()).ok();
    facts.machine.processes.retain(|process| Some(process.pid) != own);
    facts
}

/// How many findings of each kind there are, for `openclaw status`.
pub(crate) fn summary(context: &Context) -> Summary {
    openclaw_audit::audit(&facts(context, Overrides::default())).summary
}

/// Findings that `--fix` leaves to a person.
pub(super) fn left(report: &Report) -> usize {
    fix::left(&report.findings).count()
}
