//! The Gateways of this machine: each state folder in the home folder, and each that a service names.

use std::path::{Path, PathBuf};

use openclaw_config::{Environment, PathOptions, Paths};
use openclaw_service::Found;
use serde::Serialize;

use crate::context::Context;
use crate::holder::Holder;
use crate::output::Table;

/// What every state folder's name starts with.
const PREFIX: &str = ".openclaw";
/// Most folders that are looked at.
const MOST: usize = 200;

/// One of them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Neighbour {
    /// The profile; `default` is the one without a name.
    pub(crate) name: String,
    state_dir: PathBuf,
    state: &'static str,
    /// The port it listens on, or would.
    pub(crate) port: Option<u16>,
    /// Its process.
    pub(crate) pid: Option<u32>,
    version: Option<String>,
    service: Option<String>,
    selected: bool,
}

impl Neighbour {
    /// Whether it is the one of this command's state folder.
    pub(crate) const fn is_selected(&self) -> bool {
        self.selected
    }
}

impl Neighbour {
    /// Whether its service manager may hold this port although it does not run.
    pub(crate) fn holds(&self, port: u16) -> bool {
        self.service.is_some() && self.port == Some(port)
    }
}

/// Every Gateway of this machine that runs, is installed, or has been used.
pub(crate) fn scan(context: &Context, services: &[(&'static str, Found)]) -> Vec<Neighbour> {
    let own = context.paths.state_dir();
    let mut folders = vec![own.to_owned()];
    let entries = std::fs::read_dir(context.paths.home()).into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX));
    folders.extend(named.map(|entry| entry.path()).filter(|path| is_used(path)).take(MOST));
    folders.extend(services.iter().filter_map(|(_, found)| found.owner.clone()));
    folders.sort();
    folders.dedup();
    let neighbours = folders.into_iter().map(|folder| neighbour(context, folder, services));
    neighbours.collect()
}

fn is_used(folder: &Path) -> bool {
    ["gateway.lock", "gateway.db", "openclaw.json"].iter().any(|file| folder.join(file).exists())
}

fn neighbour(context: &Context, folder: PathBuf, services: &[(&'static str, Found)]) -> Neighbour {
    let selected = folder == context.paths.state_dir();
    let found = services.iter().find(|(_, found)| found.owner.as_ref() == Some(&folder));
    let found = found.map(|(_, found)| found);
    let paths = if selected { Some(context.paths.clone()) } else { paths(context, &folder) };
    let name = paths.as_ref().and_then(|paths| paths.profile().name().map(str::to_owned));
    let holder = Holder::read(&folder.join("gateway.lock"));
    let running = holder.as_ref().and_then(|holder| holder.port);
    let state = match (&holder, running) {
        (Some(_), Some(_)) => "running",
        (Some(_), None) => "starting",
        (None, _) => "stopped",
    };
    let asked =
        || found.and_then(|found| found.port).or_else(|| configured(context, paths.as_ref()?));
    Neighbour {
        name: name.unwrap_or_else(|| "default".to_owned()),
        state,
        port: running.or_else(asked),
        pid: holder.as_ref().map(|holder| holder.pid),
        version: holder.and_then(|holder| holder.version),
        service: found.map(|found| found.name.clone()),
        selected,
        state_dir: folder,
    }
}

/// The paths of another profile, by the name of its folder.
fn paths(context: &Context, folder: &Path) -> Option<Paths> {
    let name = folder.file_name()?.to_str()?.strip_prefix(PREFIX)?;
    let profile = if name.is_empty() { "default" } else { name.strip_prefix('-')? };
    let home = context.paths.home().display().to_string();
    let env = Environment::from_pairs([("HOME", home.as_str())]);
    let options = PathOptions { profile: Some(profile.to_owned()), dev: false };
    Paths::resolve(&env, &options).ok().filter(|paths| paths.state_dir() == folder)
}

/// The port that a Gateway which does not run would take.
fn configured(context: &Context, paths: &Paths) -> Option<u16> {
    let own = paths.state_dir() == context.paths.state_dir();
    let env = if own { context.env.clone() } else { Environment::default() };
    let loaded = openclaw_config::load(paths, &env).ok()?;
    loaded.config.gateway_port(paths, &loaded.env).ok()
}

/// As a table, for people.
pub(crate) fn table(neighbours: &[Neighbour]) -> Table {
    let mut table = Table::new(["PROFILE", "STATE", "PORT", "PID", "SERVICE", "VERSION"]);
    let dash = || "-".to_owned();
    for one in neighbours {
        table.row([
            if one.selected { format!("{} *", one.name) } else { one.name.clone() },
            one.state.to_owned(),
            one.port.map_or_else(dash, |port| port.to_string()),
            one.pid.map_or_else(dash, |pid| pid.to_string()),
            one.service.clone().unwrap_or_else(dash),
            one.version.clone().unwrap_or_else(dash),
        ]);
    }
    table
}
