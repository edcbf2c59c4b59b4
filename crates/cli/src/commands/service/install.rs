//! `gateway install` and `gateway uninstall`.

use std::net::{Ipv4Addr, Ipv6Addr};

use clap::Args;
use openclaw_config::schema::Bind;
use openclaw_service::{Change, Definition, Linger, Scope, ServiceName, SharedDoor};

use super::WhoseArgs;
use super::control::{refuse_foreground, with_tail};
use crate::args::OutputArgs;
use crate::commands::Outcome;
use crate::context::{Context, config_failure};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::holder::Holder;
use crate::link::block_on;
use crate::service::{self, Report, ServiceReport, Site, hidden_secrets, wait_until_ready};

/// How it is installed.
#[derive(Args, Debug)]
pub(crate) struct InstallArgs {
    /// TCP port [default: gateway.port, else 18789]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Members of this group are owners too: they get a socket of their own; with --system
    #[arg(long, value_name = "GROUP", requires = "system")]
    group: Option<String>,
    /// Write and restart it even if nothing changed, and end a Gateway that runs in the foreground
    #[arg(long)]
    force: bool,
    /// Print what would be written, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    whose: WhoseArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Which service.
#[derive(Args, Debug)]
pub(crate) struct UninstallArgs {
    #[command(flatten)]
    whose: WhoseArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Writes, enables and starts the service, and waits until it answers. What does not work is undone.
pub(crate) fn install(context: &Context, args: &InstallArgs) -> Outcome {
    let mut report = Report::new("install");
    let (site, definition) = match prepare(context, args, &mut report) {
        Ok(ready) => ready,
        Err(failure) => return report.failed(context.printer, failure),
    };
    if args.dry_run {
        return service::dry_run(context, &site, &definition);
    }
    let name = definition.name.clone();
    context.printer.step("writing and starting the service");
    let installed = block_on(put(context, args, &site, &definition));
    match installed {
        Ok((change, holder, linger)) => {
            report.about(ServiceReport::new(&site.manager, &name, true));
            service::say_linger(context, linger.as_ref(), &mut report.warnings, &mut report.hints);
            let (result, word) = match change {
                Change::Nothing => ("already-installed", "is installed and runs"),
                Change::Started => ("started", "was installed, and runs now"),
                Change::Updated => ("updated", "updated, and runs"),
                Change::Installed => ("installed", "installed, and runs"),
            };
            let port = holder.port.map_or_else(String::new, |port| format!(", port {port}"));
            let unit = site.manager.service_name(&name);
            let message = format!("{unit} {word} (pid {}{port})", holder.pid);
            report.done(context.printer, result, message)
        }
        Err(failure) => with_tail(context, &site, report, failure),
    }
}

type Put = (Change, Holder, Option<Linger>);

async fn put(
    context: &Context,
    args: &InstallArgs,
    site: &Site,
    definition: &Definition,
) -> Result<Put, Failure> {
    let fail = |error| service::failure(&context.own, &error);
    let name = &definition.name;
    let state = site.manager.state(name).await.map_err(fail)?;
    if state.pid.is_none() {
        if args.force {
            let stopped = openclaw_daemon::stop_holder(&site.paths).await;
            stopped.map_err(|error| Failure::new(ExitCode::Failed, error.to_string()))?;
        }
        refuse_foreground(context, site)?;
    }
    let installation = site.manager.install(definition, args.force).await;
    let installation = installation.map_err(|error| taken(context, definition, fail(error)))?;
    let change = installation.change;
    match wait_until_ready(context, &site.paths, None).await {
        Ok(holder) => {
            let linger = service::linger(context, site).await;
            Ok((change, holder, linger))
        }
        Err(failure) => {
            site.manager.undo(installation).await;
            let text = format!("the service was started and taken back: {}", failure.message());
            Err(Failure::new(failure.exit, text)
                .code("SERVICE_NOT_HEALTHY")
                .hint(format!("see why in the foreground: {} gateway run", context.own)))
        }
    }
}

/// A manager that cannot hold the port only says that something failed.
fn taken(context: &Context, definition: &Definition, failure: Failure) -> Failure {
    let held = definition.listen.iter().find_map(|address| {
        let holder = openclaw_daemon::port_holder(address.port())?;
        Some((address.port(), holder.who))
    });
    let Some((port, who)) = held else { return failure };
    Failure::new(failure.exit, format!("port {port} is already in use by {who}"))
        .code("SERVICE_PORT_TAKEN")
        .hint(format!("choose another: {} gateway install --port PORT", context.own))
}

fn prepare(
    context: &Context,
    args: &InstallArgs,
    report: &mut Report,
) -> Result<(Site, Definition), Failure> {
    let site = args.whose.site(context)?;
    if !args.dry_run {
        site.check_rights(&context.own, report.action())?;
    }
    let definition = gateway(context, args, &site, report)?;
    report.about(ServiceReport::new(&site.manager, &definition.name, false));
    let secrets = hidden_secrets(context);
    if !secrets.is_empty() {
        let file = site.paths.state_dir().join(".env");
        report.warnings.push(format!(
            "{} is set in this terminal only; the service reads {}",
            secrets.join(", "),
            file.display()
        ));
    }
    Ok((site, definition))
}

/// What the service of a Gateway is. Its port is held by the service manager where the Gateway listens
/// on loopback only; what else it listens on it binds itself.
fn gateway(
    context: &Context,
    args: &InstallArgs,
    site: &Site,
    report: &mut Report,
) -> Result<Definition, Failure> {
    let loaded = openclaw_config::load(&site.paths, &context.env);
    let loaded = loaded.map_err(|error| config_failure(&error))?;
    let configured = loaded.config.gateway_port(&site.paths, &loaded.env);
    let port = args.port.map_or(configured, Ok).map_err(|error| config_failure(&error))?;
    let from_environment = loaded
        .env
        .lookup("OPENCLAW_GATEWAY_PORT")
        .is_some_and(|(layer, _)| layer == openclaw_config::Layer::Process);
    let profile = site.paths.profile().name();
    let description = profile
        .map_or_else(|| "OpenClaw Gateway".to_owned(), |name| format!("OpenClaw Gateway ({name})"));
    let written = port.to_string();
    let mut arguments = vec!["gateway", "run"];
    // The variable of this terminal is not there when the service starts.
    if args.port.is_some() || from_environment {
        arguments.extend(["--port", &written]);
    }
    let name = ServiceName::gateway(profile);
    let mut definition = site.definition(context, name.clone(), description, &arguments)?;
    definition.notifies = cfg!(target_os = "linux");
    if matches!(loaded.config.gateway.bind, Bind::Loopback | Bind::Auto) {
        definition.listen =
            vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()];
    } else {
        report.warnings.push(
            "gateway.bind is not loopback: the Gateway binds its ports itself, so a restart refuses \
             connections for a moment"
                .to_owned(),
        );
    }
    definition.shared = args.group.as_deref().map(|group| shared_door(&name, group)).transpose()?;
    Ok(definition)
}

/// The door for a group, which has to exist: systemd would not start the socket otherwise.
fn shared_door(name: &ServiceName, group: &str) -> Result<SharedDoor, Failure> {
    if cfg!(target_os = "macos") {
        return Err(Failure::usage("launchd keeps no door for a group"));
    }
    if !service::has_group(group)? {
        return Err(Failure::usage(format!("this system has no group {group}"))
            .code("SERVICE_NO_GROUP")
            .hint(format!(
                "make it: sudo groupadd {group}; add people: sudo gpasswd -a USER {group}"
            )));
    }
    Ok(SharedDoor { path: name.shared_door(), group: group.to_owned() })
}

/// Stops and removes the service. The state folder stays.
pub(crate) fn uninstall(context: &Context, args: &UninstallArgs) -> Outcome {
    let mut report = Report::new("uninstall");
    let removed = args.whose.installed(context).and_then(|site| {
        site.check_rights(&context.own, report.action())?;
        let name = site.gateway();
        report.about(ServiceReport::new(&site.manager, &name, false));
        let removed = block_on(async {
            let removed = site.manager.uninstall(&name, site.paths.state_dir()).await;
            removed.map_err(|error| service::failure(&context.own, &error))
        })?;
        Ok((removed, site))
    });
    match removed {
        Ok((true, site)) => {
            let name = site.manager.service_name(&site.gateway());
            let account = match &site.scope {
                Scope::User => String::new(),
                Scope::System(account) => format!(", and so does the account {}", account.name),
            };
            let state = site.paths.state_dir().display();
            let message = format!("{name} removed; {state} stays{account}");
            report.done(context.printer, "uninstalled", message)
        }
        Ok((false, _)) => {
            report.done(context.printer, "not-installed", "no service was installed".to_owned())
        }
        Err(failure) => report.failed(context.printer, failure),
    }
}
