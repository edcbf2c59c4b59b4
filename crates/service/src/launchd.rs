//! launchd: property lists, and `launchctl`.

mod list;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

pub use self::list::property_list;
use crate::{
    definition::ServiceName,
    error::ServiceError,
    program::{Said, run},
    state::{Activity, ServiceState},
};

/// Longest that one call may take.
const DEADLINE: Duration = Duration::from_secs(60);
/// What `launchctl print` answers for a service that it does not know.
const UNKNOWN: &str = "Could not find service";

/// One of launchd's domains.
#[derive(Clone, Debug)]
pub struct Launchd {
    /// `gui/501` for a person's own services, `system` for the system's.
    pub domain: String,
    /// Where its property lists are.
    pub folder: PathBuf,
    /// A folder with the programs, instead of the search path.
    pub programs: Option<PathBuf>,
}

impl Launchd {
    /// The file of a service, whether it exists or not.
    pub(crate) fn file(&self, name: &ServiceName) -> PathBuf {
        self.folder.join(format!("{}.plist", name.label()))
    }

    pub(crate) async fn reachable(&self) -> Result<(), ServiceError> {
        self.run(&["print", &self.domain]).await?.done().map(drop)
    }

    pub(crate) async fn state(&self, name: &ServiceName) -> Result<ServiceState, ServiceError> {
        let said = self.run(&["print", &self.target(name)]).await?;
        let file = Some(self.file(name)).filter(|file| file.exists());
        if !said.ok && said.words().contains(UNKNOWN) {
            return Ok(ServiceState { file, ..ServiceState::default() });
        }
        let said = said.done()?;
        Ok(ServiceState { file, ..parse(&said.stdout) })
    }

    /// Makes launchd read the list and start what is in it.
    pub(crate) async fn start(&self, name: &ServiceName) -> Result<(), ServiceError> {
        let target = self.target(name);
        self.run(&["enable", &target]).await?.done()?;
        if !self.state(name).await?.loaded {
            let file = self.file(name).display().to_string();
            self.run(&["bootstrap", &self.domain, &file]).await?.done()?;
        }
        self.run(&["kickstart", &target]).await?.done().map(drop)
    }

    /// Makes launchd forget the list: while it knows it, it would start the service again.
    pub(crate) async fn stop(&self, name: &ServiceName) -> Result<(), ServiceError> {
        if !self.state(name).await?.loaded {
            return Ok(());
        }
        self.run(&["bootout", &self.target(name)]).await?.done().map(drop)
    }

    pub(crate) async fn disable(&self, name: &ServiceName) -> Result<(), ServiceError> {
        self.run(&["disable", &self.target(name)]).await?.done().map(drop)
    }

    pub(crate) async fn restart(&self, name: &ServiceName) -> Result<(), ServiceError> {
        if !self.state(name).await?.loaded {
            return self.start(name).await;
        }
        self.run(&["kickstart", "-k", &self.target(name)]).await?.done().map(drop)
    }

    fn target(&self, name: &ServiceName) -> String {
        format!("{}/{}", self.domain, name.label())
    }

    async fn run(&self, arguments: &[&str]) -> Result<Said, ServiceError> {
        let path = self.programs.as_deref().map(|folder| folder.join("launchctl"));
        run(path.as_deref().unwrap_or(Path::new("launchctl")), arguments, &[], DEADLINE).await
    }
}

/// Reads the `key = value` lines of `launchctl print`.
fn parse(text: &str) -> ServiceState {
    let get = |key: &str| {
        text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(" = "))
    };
    let said = get("state").unwrap_or_default();
    let pid = get("pid").and_then(|pid| pid.parse().ok());
    let last_exit: Option<i32> = get("last exit code").and_then(|code| code.parse().ok());
    let last_exit = last_exit.filter(|code| *code != 0);
    let activity = match (said, last_exit) {
        ("running", _) => Activity::Running,
        ("spawn scheduled" | "xpcproxy", _) => Activity::Starting,
        (_, Some(_)) => Activity::Failed,
        _ => Activity::Stopped,
    };
    ServiceState {
        loaded: true,
        enabled: true,
        activity,
        pid,
        detail: said.to_owned(),
        last_exit,
        file: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_launchctl_are_understood() {
        let text = "gui/501/ai.openclaw.gateway = {\n\tactive count = 1\n\tstate = running\n\n\
                    \tpid = 4711\n\tlast exit code = (never exited)\n}\n";
        let running = parse(text);
        assert_eq!((running.activity, running.pid), (Activity::Running, Some(4711)));
        let failed = parse("x = {\n\tstate = not running\n\tlast exit code = 78\n}\n");
        assert_eq!((failed.activity, failed.last_exit), (Activity::Failed, Some(78)));
    }
}
