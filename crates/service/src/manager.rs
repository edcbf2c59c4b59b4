//! A service manager, whichever this system has.

use std::path::PathBuf;

use crate::{
    definition::{Definition, ServiceName},
    error::ServiceError,
    files::{Ownership, ServiceFile, owner_of},
    launchd::{self, Launchd},
    state::{Linger, ServiceState},
    systemd::{self, Systemd},
};

/// A service manager.
#[derive(Clone, Debug)]
pub enum Manager {
    /// Linux.
    Systemd(Systemd),
    /// macOS.
    Launchd(Launchd),
}

impl Manager {
    /// What kind of manager it is, for people and programs.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Systemd(Systemd { user: true, .. }) => "systemd user",
            Self::Systemd(_) => "systemd",
            Self::Launchd(Launchd { domain, .. }) if domain == "system" => "LaunchDaemon",
            Self::Launchd(_) => "LaunchAgent",
        }
    }

    /// Its words for a service that starts by itself, and for one that does not.
    #[must_use]
    pub const fn words(&self) -> (&'static str, &'static str) {
        match self {
            Self::Systemd(_) => ("enabled", "disabled"),
            Self::Launchd(_) => ("loaded", "not loaded"),
        }
    }

    /// What it calls a service.
    #[must_use]
    pub fn service_name(&self, name: &ServiceName) -> String {
        match self {
            Self::Systemd(_) => format!("{}.service", name.unit()),
            Self::Launchd(_) => name.label(),
        }
    }

    /// Every file a service can have, whether it is there or not.
    #[must_use]
    pub fn paths(&self, name: &ServiceName) -> Vec<PathBuf> {
        match self {
            Self::Systemd(systemd) => systemd.files(name),
            Self::Launchd(launchd) => vec![launchd.file(name)],
        }
    }

    /// Whose the service's main file is.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn ownership(&self, name: &ServiceName) -> Result<Ownership, ServiceError> {
        self.paths(name).first().map_or(Ok(Ownership::Absent), |path| owner_of(path))
    }

    /// The files of a service as text.
    ///
    /// # Errors
    /// A definition that cannot be written down.
    pub fn files(&self, definition: &Definition) -> Result<Vec<ServiceFile>, ServiceError> {
        match self {
            Self::Systemd(systemd) => systemd::units(definition, &systemd.folder),
            Self::Launchd(launchd) => {
                launchd::property_list(definition, &launchd.folder).map(|file| vec![file])
            }
        }
    }

    /// Whether the manager answers in this login.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn reachable(&self) -> Result<(), ServiceError> {
        match self {
            Self::Systemd(systemd) => systemd.reachable().await,
            Self::Launchd(launchd) => launchd.reachable().await,
        }
    }

    /// How a service is doing; one that does not exist is not loaded.
    ///
    /// # Errors
    /// A manager that does not answer.
    pub async fn state(&self, name: &ServiceName) -> Result<ServiceState, ServiceError> {
        match self {
            Self::Systemd(systemd) => systemd.state(name).await,
            Self::Launchd(launchd) => launchd.state(name).await,
        }
    }

    /// Starts a service, and returns when it said that it is ready.
    ///
    /// # Errors
    /// A manager that refuses, or a service that does not start.
    pub async fn start(&self, name: &ServiceName) -> Result<(), ServiceError> {
        match self {
            Self::Systemd(systemd) => systemd.start(name).await,
            Self::Launchd(launchd) => launchd.start(name).await,
        }
    }

    /// Stops a service until the next start of the system, or the next [`Manager::start`].
    ///
    /// # Errors
    /// A manager that refuses.
    pub async fn stop(&self, name: &ServiceName) -> Result<(), ServiceError> {
        match self {
            Self::Systemd(systemd) => systemd.stop(name).await,
            Self::Launchd(launchd) => launchd.stop(name).await,
        }
    }

    /// Restarts a service.
    ///
    /// # Errors
    /// A manager that refuses, or a service that does not start.
    pub async fn restart(&self, name: &ServiceName) -> Result<(), ServiceError> {
        match self {
            Self::Systemd(systemd) => systemd.restart(name).await,
            Self::Launchd(launchd) => launchd.restart(name).await,
        }
    }

    /// Lets a service start by itself.
    ///
    /// # Errors
    /// A manager that refuses.
    pub async fn enable(&self, name: &ServiceName) -> Result<(), ServiceError> {
        match self {
            Self::Systemd(systemd) => systemd.enable(name).await,
            // The start of an agent enables it.
            Self::Launchd(_) => Ok(()),
        }
    }

    /// Keeps a service from starting by itself.
    ///
    /// # Errors
    /// A manager that refuses.
    pub async fn disable(&self, name: &ServiceName) -> Result<(), ServiceError> {
        match self {
            Self::Systemd(systemd) => systemd.disable(name).await,
            Self::Launchd(launchd) => launchd.disable(name).await,
        }
    }

    /// Makes the manager look at its files again.
    ///
    /// # Errors
    /// A manager that refuses.
    pub async fn reload(&self) -> Result<(), ServiceError> {
        match self {
            Self::Systemd(systemd) => systemd.reload().await,
            Self::Launchd(_) => Ok(()),
        }
    }

    /// The last lines that the manager kept of a service.
    pub async fn journal(&self, name: &ServiceName, lines: u32) -> Option<String> {
        match self {
            Self::Systemd(systemd) => systemd.journal(name, lines).await,
            Self::Launchd(_) => None,
        }
    }

    /// Lets a person's services outlive the login; nothing is to be done for the system's.
    pub async fn linger(&self, user: &str) -> Option<Linger> {
        match self {
            Self::Systemd(systemd) if systemd.user => Some(systemd.linger(user).await),
            Self::Systemd(_) | Self::Launchd(_) => None,
        }
    }
}
