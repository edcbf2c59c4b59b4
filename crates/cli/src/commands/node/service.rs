//! `openclaw node install|uninstall|status|stop`: the node as a service that starts with the login.

use std::path::PathBuf;

use clap::Args;
use openclaw_service::{Activity, Definition, ServiceName};
use serde_json::json;

use crate::args::{OutputArgs, ReachArgs};
use crate::commands::Outcome;
use crate::context::Context;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::link::block_on;
use crate::output::harmless;
use crate::service::{self, Report, ServiceReport, Site, Whose};
use crate::target::{self, Place};

/// What the service offers, and to whom.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct InstallArgs {
    /// Name of the Gateway; `connect` and `remote add` give names [default: the one in use]
    #[arg(long, value_name = "NAME")]
    pub(crate) gateway: Option<String>,
    /// What the Gateway calls this machine [default: its host name]
    #[arg(long, value_name = "NAME")]
    pub(crate) display_name: Option<String>,
    /// Open this folder to callers, who may read and write files below it; may be given again
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Vec<PathBuf>,
    /// Write and restart it even if nothing changed
    #[arg(long)]
    pub(crate) force: bool,
    /// Print what would be written, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Nothing but how to print.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct PlainArgs {
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

fn name(site: &Site) -> ServiceName {
    ServiceName::node(site.paths.profile().name())
}

/// Writes, enables and starts it.
pub(crate) fn install(context: &Context, args: &InstallArgs) -> Outcome {
    let site = Site::find(context, &Whose::default())?;
    let definition = definition(context, &site, args)?;
    if args.dry_run {
        return service::dry_run(context, &site, &definition);
    }
    let put = block_on(async {
        let fail = |error| service::failure(&context.own, &error);
        let installation = site.manager.install(&definition, args.force).await.map_err(fail)?;
        let message =
            format!("is installed and started; {} node status says how it is", context.own);
        Ok((installation.change, service::linger(context, &site).await, message))
    });
    service::installed(context, &site, &definition.name, put)
}

fn definition(context: &Context, site: &Site, args: &InstallArgs) -> Result<Definition, Failure> {
    let mut words: Vec<String> = vec!["node".to_owned(), "run".to_owned()];
    words.extend(gateway(context, args)?.into_iter().flat_map(|name| ["--gateway".into(), name]));
    words.extend(args.display_name.iter().flat_map(|name| ["--display-name".into(), name.clone()]));
    for root in &args.root {
        let root = std::fs::canonicalize(root).map_err(|error| {
            Failure::usage(format!("the folder {} cannot be used", root.display()))
                .caused_by(Some(&error))
        })?;
        words.extend(["--root".to_owned(), root.display().to_string()]);
    }
    let borrowed: Vec<&str> = words.iter().map(String::as_str).collect();
    let description = "OpenClaw node: commands of this machine".to_owned();
    let mut definition = site.definition(context, name(site), description, &borrowed)?;
    definition.written_by = format!("{} node install", context.own);
    definition.output = site.paths.logs_dir().join("node.log");
    // Where programs are found, and the agent that has the keys, are this terminal's.
    let own = ["PATH", "SSH_AUTH_SOCK"].into_iter();
    let own = own.filter_map(|name| Some((name.to_owned(), context.env.get(name)?.to_owned())));
    definition.environment.extend(own);
    Ok(definition)
}

/// The name of the Gateway that is meant; none for the one of this state folder. A service is given no
/// secret, so it can only go where this machine is known.
fn gateway(context: &Context, args: &InstallArgs) -> Result<Option<String>, Failure> {
    let reach = ReachArgs { gateway: args.gateway.clone(), ..ReachArgs::default() };
    let target = target::choose(context, &reach)?;
    match (target.name(), &target.place) {
        (Some(name), _) => Ok(Some(name.to_owned())),
        (None, Place::Door(_) | Place::Port(_)) => Ok(None),
        (None, Place::Url(_) | Place::Ssh { .. } | Place::Named(_)) => {
            let own = &context.own;
            let text = "a service needs a Gateway with a name";
            Err(Failure::usage(text).hint(format!("{own} connect {} --service", target.url())))
        }
    }
}

/// Takes it away.
pub(crate) fn uninstall(context: &Context) -> Outcome {
    service::uninstall(context, ServiceName::node, "removed")
}

/// Ends it until the next login.
pub(crate) fn stop(context: &Context) -> Outcome {
    let site = Site::find(context, &Whose::default())?;
    let service = name(&site);
    let mut report = Report::new("stop");
    report.about(ServiceReport::new(&site.manager, &service, true));
    let fail = |error| service::failure(&context.own, &error);
    let stopped = block_on(async {
        site.manager.expect_ours(&service, site.paths.state_dir()).map_err(fail)?;
        site.manager.stop(&service).await.map_err(fail)
    });
    match stopped {
        Ok(()) => {
            let unit = site.manager.service_name(&service);
            report.done(context.printer, "stopped", format!("{unit} stopped until the next login"))
        }
        Err(failure) => report.failed(context.printer, failure),
    }
}

/// Says how it is; the exit code says whether it runs.
pub(crate) fn status(context: &Context) -> Outcome {
    let site = Site::find(context, &Whose::default())?;
    let service = name(&site);
    let installed = site.manager.expect_ours(&service, site.paths.state_dir()).is_ok();
    let state = if installed {
        block_on(async {
            let state = site.manager.state(&service).await;
            state.map_err(|error| service::failure(&context.own, &error))
        })?
    } else {
        openclaw_service::ServiceState::default()
    };
    let runs = state.activity == Activity::Running;
    let exit = if runs { ExitCode::Done } else { ExitCode::NothingListening };
    let unit = site.manager.service_name(&service);
    let printer = context.printer;
    if printer.is_json() {
        printer.json(&json!({
            "ok": runs,
            "service": unit,
            "installed": installed,
            "enabled": state.enabled,
            "activity": state.activity.as_str(),
            "pid": state.pid,
        }))?;
        return Ok(exit);
    }
    if !installed {
        printer.line("no node is installed here")?;
        printer.hint(format!("{} connect me@server --service", context.own));
        return Ok(exit);
    }
    let pid = state.pid.map_or_else(String::new, |pid| format!(", pid {pid}"));
    printer.fields(&[
        ("Service", format!("{unit}, {}{pid}", state.activity.as_str())),
        ("Says", harmless(&state.detail)),
    ])?;
    if !runs {
        printer.hint(format!("{} node install --force starts it again", context.own));
    }
    Ok(exit)
}
