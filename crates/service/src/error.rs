//! What can go wrong between us and a service manager.

use std::path::PathBuf;

/// A service that could not be looked after.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The program is missing or cannot be started.
    #[error("{program} cannot be started")]
    Program {
        /// Which.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// The program hangs.
    #[error("`{command}` did not end within {seconds} s")]
    Silent {
        /// What was run.
        command: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The program says no.
    #[error("`{command}` failed: {said}")]
    Refused {
        /// What was run.
        command: String,
        /// Its last words.
        said: String,
    },
    /// The person's service manager does not answer in this login.
    #[error("your service manager cannot be reached from this login ({said})")]
    NoBus {
        /// Its last words.
        said: String,
    },
    /// Another init system runs here.
    #[error("this system was not started by systemd, so nothing here can run a service")]
    NotSystemd,
    /// A file of this name exists, and somebody else wrote it.
    #[error("{} exists and was not written by this program; it is left alone", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A service of this name exists for another state folder.
    #[error("{} belongs to the state folder {owner}", path.display())]
    OtherOwner {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        owner: String,
    },
    /// Nothing to look after.
    #[error("the service {name} is not installed")]
    NotInstalled {
        /// Its name.
        name: String,
    },
    /// A file cannot be read, written or removed.
    #[error("{action} {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The definition holds something that cannot be written down safely.
    #[error("a service cannot be written with {what}: {text}")]
    Unwritable {
        /// What it is.
        what: &'static str,
        /// The text.
        text: String,
    },
}

impl ServiceError {
    /// A stable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Program { .. } => "SERVICE_MANAGER_MISSING",
            Self::Silent { .. } => "SERVICE_MANAGER_SILENT",
            Self::Refused { .. } => "SERVICE_MANAGER_REFUSED",
            Self::NoBus { .. } => "SERVICE_NO_BUS",
            Self::NotSystemd => "SERVICE_NO_SYSTEMD",
            Self::Foreign { .. } => "SERVICE_NOT_OURS",
            Self::OtherOwner { .. } => "SERVICE_OF_ANOTHER_STATE",
            Self::NotInstalled { .. } => "SERVICE_NOT_INSTALLED",
            Self::File { .. } => "SERVICE_FILE",
            Self::Unwritable { .. } => "SERVICE_UNWRITABLE",
        }
    }

    /// Whether no service manager can be used here at all.
    #[must_use]
    pub const fn is_no_manager(&self) -> bool {
        matches!(self, Self::Program { .. } | Self::NoBus { .. } | Self::NotSystemd)
    }
}
