//! What the services of Gateways and tunnels have in common.

use openclaw_service::{Change, Definition, Linger, ServiceName};

use super::{Report, ServiceReport, Site, Whose, failure};
use crate::context::Context;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::link::block_on;

/// Prints the files of a service instead of writing them.
pub(crate) fn dry_run(
    context: &Context,
    site: &Site,
    definition: &Definition,
) -> Result<ExitCode, Failure> {
    let printer = context.printer;
    let files = site.manager.files(definition);
    let files = files.map_err(|error| failure(&context.own, &error))?;
    if printer.is_json() {
        let files: Vec<_> = files
            .iter()
            .map(|file| serde_json::json!({ "path": file.path, "text": file.text }))
            .collect();
        let service = ServiceReport::new(&site.manager, &definition.name, false);
        printer.json(&serde_json::json!({
            "action": "install", "ok": true, "result": "dry-run", "files": files, "service": service,
        }))?;
        return Ok(ExitCode::Done);
    }
    for file in &files {
        printer.line(format!("# {}\n{}", file.path.display(), file.text))?;
    }
    Ok(ExitCode::Done)
}

/// Lets the person's services outlive the login.
pub(crate) async fn linger(context: &Context, site: &Site) -> Option<Linger> {
    let user = context.env.get("USER").or_else(|| context.env.get("LOGNAME"));
    let uid = rustix::process::getuid().as_raw().to_string();
    site.manager.linger(user.unwrap_or(&uid)).await
}

/// Says how putting up a service of the person's went.
pub(crate) fn installed(
    context: &Context,
    site: &Site,
    name: &ServiceName,
    put: Result<(Change, Option<Linger>, String), Failure>,
) -> Result<ExitCode, Failure> {
    let mut report = Report::new("install");
    match put {
        Ok((change, linger, message)) => {
            report.about(ServiceReport::new(&site.manager, name, true));
            say_linger(context, linger.as_ref(), &mut report.warnings, &mut report.hints);
            let result = if change == Change::Nothing { "already-installed" } else { "installed" };
            let unit = site.manager.service_name(name);
            report.done(context.printer, result, format!("{unit} {message}"))
        }
        Err(failure) => {
            report.about(ServiceReport::new(&site.manager, name, false));
            report.failed(context.printer, failure)
        }
    }
}

/// Takes a service of the person's away; `removed` is what to say of it then.
pub(crate) fn uninstall(
    context: &Context,
    name: fn(Option<&str>) -> ServiceName,
    removed: &str,
) -> Result<ExitCode, Failure> {
    let site = Site::find(context, &Whose::default())?;
    let name = name(site.paths.profile().name());
    let mut report = Report::new("uninstall");
    report.about(ServiceReport::new(&site.manager, &name, false));
    let gone = block_on(async {
        let gone = site.manager.uninstall(&name, site.paths.state_dir()).await;
        gone.map_err(|error| failure(&context.own, &error))
    });
    match gone {
        Ok(true) => {
            let unit = site.manager.service_name(&name);
            report.done(context.printer, "uninstalled", format!("{unit} {removed}"))
        }
        Ok(false) => {
            report.done(context.printer, "not-installed", "no service was installed".to_owned())
        }
        Err(failure) => report.failed(context.printer, failure),
    }
}

/// Says whether they do.
pub(crate) fn say_linger(
    context: &Context,
    linger: Option<&Linger>,
    warnings: &mut Vec<String>,
    hints: &mut Vec<String>,
) {
    match linger {
        None | Some(Linger::On) => {}
        Some(Linger::Enabled) => {
            hints.push("the service goes on when you log out: lingering was enabled".to_owned());
        }
        Some(Linger::Refused(why)) => {
            warnings.push(format!("the service ends when you log out: {why}"));
            let user = context.env.get("USER").unwrap_or("$USER");
            hints.push(format!("to let it go on: sudo loginctl enable-linger {user}"));
        }
    }
}
