//! Putting a service in place, taking it away, and undoing what did not work.

use std::path::PathBuf;

use crate::{
    definition::{Definition, ServiceName},
    error::ServiceError,
    files::{Ownership, ServiceFile, ours, owner_of, remove, write},
    manager::Manager,
    state::Activity,
};

/// What an installation changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing: it was there and runs.
    Nothing,
    /// It was there and did not run.
    Started,
    /// It was there in another form.
    Updated,
    /// It is new.
    Installed,
}

/// An installed service, and how to undo that.
#[derive(Debug)]
#[must_use = "an installation that does not work has to be undone"]
pub struct Installation {
    /// What changed.
    pub change: Change,
    /// Each file, with what it said before.
    before: Vec<(PathBuf, Option<String>)>,
    name: ServiceName,
}

impl Manager {
    /// Writes, enables and starts a service. Doing it again changes nothing; `force` restarts even then.
    /// What is written over is ours, for the same state folder, or it is refused.
    ///
    /// # Errors
    /// A file of somebody else's, a manager that refuses, a service that does not start. In the last
    /// two cases everything is as it was before.
    pub async fn install(
        &self,
        definition: &Definition,
        force: bool,
    ) -> Result<Installation, ServiceError> {
        let name = &definition.name;
        let files = self.files(definition)?;
        let mut before = Vec::new();
        for path in self.paths(name) {
            let text = ours(&path, &definition.owner)?;
            before.push((path, text));
        }
        self.reachable().await?;
        let same = before.iter().all(|(path, text)| {
            files.iter().find(|file| file.path == *path).map(|file| &file.text) == text.as_ref()
        });
        let state = self.state(name).await?;
        let fresh = before.iter().all(|(_, text)| text.is_none());
        let change = match (fresh, same, state.activity) {
            (true, ..) => Change::Installed,
            (_, true, Activity::Running) if !force => Change::Nothing,
            (_, true, _) if !force => Change::Started,
            _ => Change::Updated,
        };
        let installation = Installation { change, before, name: name.clone() };
        if change == Change::Nothing {
            return Ok(installation);
        }
        match self.put(name, &files, change).await {
            Ok(()) => Ok(installation),
            Err(error) => {
                self.undo(installation).await;
                Err(error)
            }
        }
    }

    async fn put(
        &self,
        name: &ServiceName,
        files: &[ServiceFile],
        change: Change,
    ) -> Result<(), ServiceError> {
        if change == Change::Updated {
            // A port is held anew only when nobody holds it.
            self.stop(name).await?;
        }
        for path in self.paths(name) {
            match files.iter().find(|file| file.path == path) {
                Some(file) => write(&path, &file.text)?,
                None => remove(&path)?,
            }
        }
        self.reload().await?;
        self.enable(name).await?;
        self.start(name).await
    }

    /// Puts back what an installation changed; what was there before runs again.
    pub async fn undo(&self, installation: Installation) {
        let Installation { change, before, name } = installation;
        if matches!(change, Change::Nothing | Change::Started) {
            return;
        }
        // Every step is tried, whatever became of the one before: the more is as it was, the better.
        self.stop(&name).await.ok();
        if change == Change::Installed {
            self.disable(&name).await.ok();
        }
        for (path, text) in &before {
            match text {
                Some(text) => write(path, text).ok(),
                None => remove(path).ok(),
            };
        }
        self.reload().await.ok();
        if change == Change::Updated {
            self.start(&name).await.ok();
        }
    }

    /// Stops, disables and removes a service. False if there was none.
    ///
    /// # Errors
    /// A file of somebody else's, or a manager that refuses.
    pub async fn uninstall(
        &self,
        name: &ServiceName,
        owner: &std::path::Path,
    ) -> Result<bool, ServiceError> {
        let paths = self.paths(name);
        let mut there = false;
        for path in &paths {
            there |= ours(path, owner)?.is_some();
        }
        if !there {
            return Ok(false);
        }
        self.reachable().await?;
        self.stop(name).await?;
        self.disable(name).await?;
        for path in &paths {
            remove(path)?;
        }
        self.reload().await?;
        Ok(true)
    }

    /// Fails unless the service is installed by us for this state folder.
    ///
    /// # Errors
    /// No file, or somebody else's.
    pub fn expect_ours(
        &self,
        name: &ServiceName,
        owner: &std::path::Path,
    ) -> Result<(), ServiceError> {
        let path = self.paths(name).into_iter().next();
        let text = path.map_or(Ok(None), |path| ours(&path, owner))?;
        text.map(drop).ok_or_else(|| ServiceError::NotInstalled { name: self.service_name(name) })
    }

    /// The services of Gateways that are installed here, ours and others'.
    #[must_use]
    pub fn gateways(&self) -> Vec<Found> {
        let (folder, start, end) = match self {
            Self::Systemd(systemd) => (&systemd.folder, "openclaw-gateway", ".service"),
            Self::Launchd(launchd) => (&launchd.folder, "ai.openclaw.gateway", ".plist"),
        };
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut found: Vec<Found> = entries
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                if !(name.starts_with(start) && name.ends_with(end)) {
                    return None;
                }
                let (owner, port) = match owner_of(&entry.path()).ok()? {
                    Ownership::Ours { owner, text } => (Some(owner.into()), port_in(&text)),
                    Ownership::Foreign | Ownership::Absent => (None, None),
                };
                let name = name.strip_suffix(".plist").unwrap_or(&name).to_owned();
                Some(Found { name, file: entry.path(), owner, port })
            })
            .collect();
        found.sort_by(|one, other| one.name.cmp(&other.name));
        found
    }
}

/// A service of a Gateway, as its file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What its manager calls it.
    pub name: String,
    /// Its file.
    pub file: PathBuf,
    /// The state folder, if we wrote it.
    pub owner: Option<PathBuf>,
    /// The port on its command line.
    pub port: Option<u16>,
}

/// The word after `--port`, in either kind of file.
fn port_in(text: &str) -> Option<u16> {
    let text = text.replace("<string>", " ").replace("</string>", " ");
    let mut words = text.split_whitespace().skip_while(|word| *word != "--port");
    words.nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_found_in_both_kinds_of_file() {
        assert_eq!(port_in("ExecStart=/x gateway run --port 20001\nType=notify"), Some(20001));
        assert_eq!(port_in("<string>--port</string>\n  <string>7</string>"), Some(7));
        assert_eq!(port_in("ExecStart=/x gateway run"), None);
    }
}
