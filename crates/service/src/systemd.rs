//! systemd: unit files, and `systemctl` with its companions.

mod state;
mod unit;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

pub use self::unit::units;
use crate::{
    definition::ServiceName,
    error::ServiceError,
    program::{Said, run},
    state::{Linger, ServiceState},
};

/// Longest that a question may take.
const QUESTION: Duration = Duration::from_secs(10);
/// Longest that a start or stop may take: more than the unit's own limits.
const JOB: Duration = Duration::from_secs(150);

/// One of systemd's managers: the person's, or the system's.
#[derive(Clone, Debug)]
pub struct Systemd {
    /// Whether it is the person's own.
    pub user: bool,
    /// Where its unit files are.
    pub folder: PathBuf,
    /// `XDG_RUNTIME_DIR`, where this login has none and the system has one.
    pub runtime_dir: Option<PathBuf>,
    /// A folder with the programs, instead of the search path.
    pub programs: Option<PathBuf>,
}

impl Systemd {
    /// The files of a service, whether they exist or not.
    pub(crate) fn files(&self, name: &ServiceName) -> Vec<PathBuf> {
        let unit = name.unit();
        ["service", "socket"].map(|kind| self.folder.join(format!("{unit}.{kind}"))).to_vec()
    }

    /// The units that are there; the socket first, as it has to be held before the service starts.
    fn units(&self, name: &ServiceName) -> Vec<String> {
        let unit = name.unit();
        let there = |kind: &str| self.folder.join(format!("{unit}.{kind}")).exists();
        let socket = there("socket").then(|| format!("{unit}.socket"));
        socket.into_iter().chain([format!("{unit}.service")]).collect()
    }

    /// Whether the manager answers.
    pub(crate) async fn reachable(&self) -> Result<(), ServiceError> {
        self.ask(&["show", "--property=Version"]).await?.done().map(drop)
    }

    pub(crate) async fn state(&self, name: &ServiceName) -> Result<ServiceState, ServiceError> {
        let unit = format!("{}.service", name.unit());
        let said = self.ask(&["show", &unit, state::PROPERTIES]).await?.done()?;
        Ok(state::parse(&said.stdout))
    }

    /// Reads the unit files again.
    pub(crate) async fn reload(&self) -> Result<(), ServiceError> {
        self.ask(&["daemon-reload"]).await?.done().map(drop)
    }

    pub(crate) async fn enable(&self, name: &ServiceName) -> Result<(), ServiceError> {
        self.with_units("enable", name).await
    }

    pub(crate) async fn disable(&self, name: &ServiceName) -> Result<(), ServiceError> {
        self.with_units("disable", name).await
    }

    pub(crate) async fn start(&self, name: &ServiceName) -> Result<(), ServiceError> {
        // A service that failed too often refuses to start until that is forgotten.
        self.with_units("reset-failed", name).await.ok();
        self.with_units("start", name).await
    }

    /// Stops the socket too: held any longer, the next connection would start the service again.
    pub(crate) async fn stop(&self, name: &ServiceName) -> Result<(), ServiceError> {
        self.with_units("stop", name).await
    }

    /// Restarts the service alone: the socket is held meanwhile, so nobody is refused.
    pub(crate) async fn restart(&self, name: &ServiceName) -> Result<(), ServiceError> {
        self.with_units("reset-failed", name).await.ok();
        let unit = format!("{}.service", name.unit());
        self.job(&["restart", &unit]).await
    }

    /// The last lines of the journal about a service.
    pub(crate) async fn journal(&self, name: &ServiceName, lines: u32) -> Option<String> {
        let unit = format!("--unit={}.service", name.unit());
        let lines = format!("--lines={lines}");
        let mut arguments = vec![unit.as_str(), &lines, "--no-pager", "--output=cat", "--quiet"];
        if self.user {
            arguments.insert(0, "--user");
        }
        let said = self.run("journalctl", &arguments, QUESTION).await.ok()?.done().ok()?;
        Some(said.stdout).filter(|text| !text.trim().is_empty())
    }

    /// Lets the services of this person run without a login, or says what stands in the way.
    pub(crate) async fn linger(&self, user: &str) -> Linger {
        let shown = self.run("loginctl", &["show-user", user, "--property=Linger"], QUESTION).await;
        if shown.is_ok_and(|said| said.ok && said.stdout.trim() == "Linger=yes") {
            return Linger::On;
        }
        let arguments = ["--no-ask-password", "enable-linger", user];
        match self.run("loginctl", &arguments, QUESTION).await.and_then(Said::done) {
            Ok(_) => Linger::Enabled,
            Err(error) => Linger::Refused(error.to_string()),
        }
    }

    async fn with_units(&self, verb: &str, name: &ServiceName) -> Result<(), ServiceError> {
        let units = self.units(name);
        let arguments: Vec<&str> =
            std::iter::once(verb).chain(units.iter().map(String::as_str)).collect();
        self.job(&arguments).await
    }

    async fn job(&self, arguments: &[&str]) -> Result<(), ServiceError> {
        self.systemctl(arguments, JOB).await?.done().map(drop)
    }

    async fn ask(&self, arguments: &[&str]) -> Result<Said, ServiceError> {
        self.systemctl(arguments, QUESTION).await
    }

    async fn systemctl(
        &self,
        arguments: &[&str],
        deadline: Duration,
    ) -> Result<Said, ServiceError> {
        let scope = if self.user { "--user" } else { "--system" };
        let arguments: Vec<&str> =
            [scope, "--no-ask-password"].into_iter().chain(arguments.iter().copied()).collect();
        self.run("systemctl", &arguments, deadline).await
    }

    async fn run(
        &self,
        program: &str,
        arguments: &[&str],
        deadline: Duration,
    ) -> Result<Said, ServiceError> {
        let path = self.programs.as_deref().map(|folder| folder.join(program));
        let runtime_dir = self.runtime_dir.as_ref().map(|path| path.display().to_string());
        let environment: Vec<(&str, String)> =
            runtime_dir.map(|path| ("XDG_RUNTIME_DIR", path)).into_iter().collect();
        run(path.as_deref().unwrap_or(Path::new(program)), arguments, &environment, deadline).await
    }
}
