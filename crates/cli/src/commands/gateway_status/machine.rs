//! What this machine says about the Gateway: its service, its port, and its neighbours.

use std::path::PathBuf;

use openclaw_config::Loaded;
use openclaw_service::{Activity, Found, ServiceState};
use serde::Serialize;

use crate::context::Context;
use crate::link::block_on;
use crate::output::{Printer, Style};
use crate::profiles::{self, Neighbour};
use crate::service::{self, ServiceReport, Site};

/// The service, the port and the neighbours.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Machine {
    pub(super) service: Service,
    pub(super) port: Port,
    pub(super) extra_services: Vec<Extra>,
    pub(super) profiles: Vec<Neighbour>,
    /// Whether the port stands on the command line of the service.
    #[serde(skip)]
    pub(super) names_port: bool,
}

/// The service of this state folder.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Service {
    #[serde(flatten)]
    what: ServiceReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    enabled: bool,
    runtime: Runtime,
    pub(super) config_audit: Audit,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Runtime {
    status: &'static str,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_exit_code: Option<i32>,
}

/// Whether the service is as it would be installed now.
#[derive(Debug, Serialize)]
pub(super) struct Audit {
    ok: bool,
    pub(super) issues: Vec<Issue>,
}

#[derive(Debug, Serialize)]
pub(super) struct Issue {
    code: &'static str,
    pub(super) message: String,
    level: &'static str,
}

/// Who listens on the port.
#[derive(Debug, Serialize)]
pub(super) struct Port {
    port: Option<u16>,
    status: &'static str,
    listeners: Vec<PortListener>,
}

#[derive(Debug, Serialize)]
struct PortListener {
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<i32>,
    who: String,
}

/// A service of a Gateway that another program wrote.
#[derive(Debug, Serialize)]
pub(super) struct Extra {
    platform: &'static str,
    label: String,
    detail: String,
}

/// Looks around. The service manager is asked only if it has something of ours.
pub(super) fn look(context: &Context, loaded: Option<&Loaded>) -> Machine {
    let services = service::gateways(context);
    let profiles = profiles::scan(context, &services);
    let own = context.paths.state_dir();
    let found = services.iter().find(|(_, found)| found.owner.as_deref() == Some(own));
    let found = found.map(|(_, found)| found);
    let port = profiles.iter().find(|one| one.is_selected()).and_then(|one| one.port);
    Machine {
        service: service(context, found, loaded),
        port: listeners(port),
        names_port: found.is_some_and(|found| found.port.is_some()),
        extra_services: services
            .iter()
            .filter(|(_, found)| found.owner.is_none())
            .map(extra)
            .collect(),
        profiles,
    }
}

fn extra((platform, found): &(&'static str, Found)) -> Extra {
    Extra { platform, label: found.name.clone(), detail: found.file.display().to_string() }
}

fn service(context: &Context, found: Option<&Found>, loaded: Option<&Loaded>) -> Service {
    let site = Site::installed(context);
    let name = site.gateway();
    let asked = found.map(|_| block_on(async { Ok(site.manager.state(&name).await) }));
    let (state, silence) = match asked {
        Some(Ok(Ok(state))) => (state, None),
        Some(Ok(Err(error))) => (ServiceState::default(), Some(error.to_string())),
        Some(Err(_)) | None => (ServiceState::default(), None),
    };
    let status = match (&silence, state.activity) {
        (Some(_), _) => "unknown",
        (None, activity) => activity.as_str(),
    };
    let issues = found.map_or_else(Vec::new, |found| issues(context, found, loaded, &state));
    Service {
        what: ServiceReport::new(&site.manager, &name, found.is_some()),
        file: found.map(|found| found.file.clone()),
        enabled: state.enabled,
        runtime: Runtime {
            status,
            detail: silence.unwrap_or(state.detail),
            pid: state.pid,
            last_exit_code: state.last_exit,
        },
        config_audit: Audit { ok: issues.is_empty(), issues },
    }
}

/// What would be written otherwise now.
fn issues(
    context: &Context,
    found: &Found,
    loaded: Option<&Loaded>,
    state: &ServiceState,
) -> Vec<Issue> {
    let mut issues = Vec::new();
    let mut note = |code, message| issues.push(Issue { code, message, level: "recommended" });
    let socket = std::fs::read_to_string(found.file.with_extension("socket")).unwrap_or_default();
    let held = socket.lines().find_map(|line| line.strip_prefix("ListenStream=127.0.0.1:"));
    let wanted = loaded.and_then(|loaded| {
        let set = loaded.config.gateway_port(&context.paths, &loaded.env).ok();
        found.port.or(set)
    });
    if let (Some(held), Some(wanted)) = (held, wanted)
        && held != wanted.to_string()
    {
        let message = format!("the service holds port {held}, the Gateway wants {wanted}");
        note("service-port-differs", message);
    }
    let text = std::fs::read_to_string(&found.file).unwrap_or_default();
    let program = text.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap_or_default();
    let program = program.split_whitespace().next().unwrap_or_default();
    if program.starts_with('/') && !std::path::Path::new(program).exists() {
        note("service-program-missing", format!("the service runs {program}, which is not there"));
    }
    if state.loaded && !state.enabled {
        note("service-not-enabled", "the service does not start by itself".to_owned());
    }
    issues
}

fn listeners(port: Option<u16>) -> Port {
    let holder = port.and_then(openclaw_daemon::port_holder);
    let status = if holder.is_some() { "busy" } else { "free" };
    let listeners =
        holder.into_iter().map(|holder| PortListener { pid: holder.pid, who: holder.who });
    Port { port, status, listeners: listeners.collect() }
}

impl Service {
    /// Whether there is one.
    pub(super) const fn is_installed(&self) -> bool {
        self.file.is_some()
    }
}

impl Port {
    /// The port it is about.
    pub(super) const fn number(&self) -> Option<u16> {
        self.port
    }
}

impl Extra {
    /// One line for people.
    pub(super) fn line(&self) -> String {
        format!("there is also {} of another program, in {}", self.label, self.detail)
    }
}

impl Machine {
    /// One line about the service.
    pub(super) fn service_line(&self, printer: Printer, own: &str) -> String {
        let service = &self.service;
        if service.file.is_none() {
            return format!("not installed ({own} gateway install)");
        }
        let word = if service.enabled { "enabled" } else { "disabled" };
        let status = service.runtime.status;
        let style = match status {
            word if word == Activity::Running.as_str() => Style::Good,
            word if word == Activity::Failed.as_str() => Style::Bad,
            _ => Style::Warn,
        };
        format!("{}, {word}, {}", service.what.title(), printer.paint(style, status))
    }
}
