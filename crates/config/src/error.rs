//! The one error type of this crate.

use std::io;
use std::path::PathBuf;

use crate::problem::Report;

/// Why a configuration could not be found, read, used or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Neither `OPENCLAW_HOME` nor `HOME` names a folder.
    #[error("no home folder: set HOME or OPENCLAW_HOME")]
    NoHome,
    /// A profile name that cannot be part of a folder name.
    #[error("profile name {name:?} is not usable: letters, digits, '-' and '_', at most 64")]
    BadProfile {
        /// What was given.
        name: String,
    },
    /// `--dev` together with another profile.
    #[error("--dev is the profile \"dev\"; it cannot be combined with --profile {name}")]
    DevAndProfile {
        /// The other profile.
        name: String,
    },
    /// A value in the environment that cannot be used.
    #[error("environment variable {name} is not usable: {reason}")]
    BadEnvironment {
        /// The variable.
        name: &'static str,
        /// What is expected.
        reason: &'static str,
    },
    /// A file or folder that could not be read.
    #[error("reading {} failed", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file or folder that could not be written.
    #[error("writing {} failed", path.display())]
    Write {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The configuration has at least one error; the report holds all of them and the warnings.
    #[error("the configuration is not valid ({} to repair)", report.errors().count())]
    Invalid {
        /// Every problem found.
        report: Report,
    },
    /// A dotted key path that cannot be parsed.
    #[error("key path {path:?} is not usable: {reason}")]
    BadKeyPath {
        /// What was given.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A key path that leads through something that is no object or array, or past an array's end.
    #[error("key path {path:?} cannot be set: {reason}")]
    NotSettable {
        /// The path up to the obstacle.
        path: String,
        /// The obstacle.
        reason: &'static str,
    },
    /// A value given for an edit that is not JSON5.
    #[error("the value is not JSON5: {reason} at line {line}, column {column}")]
    BadValue {
        /// What the parser says.
        reason: String,
        /// Line in the value.
        line: usize,
        /// Column in the value.
        column: usize,
    },
    /// The text to edit is not JSON5.
    #[error("the configuration is not JSON5: {reason} at line {line}, column {column}")]
    BadText {
        /// What the parser says.
        reason: String,
        /// Line in the text.
        line: usize,
        /// Column in the text.
        column: usize,
    },
    /// The file is not what the caller last saw.
    #[error("config changed since last load; re-run config.get and retry")]
    Changed,
    /// The placeholder that stands for a hidden secret was about to be stored as a value.
    #[error("the placeholder for a hidden secret cannot be stored as a value")]
    RedactedValue,
    /// The placeholder stands in a text where no secret was hidden.
    #[error("line {line}, column {column}: no hidden secret belongs here; write the value itself")]
    LostSecret {
        /// Line in the text.
        line: usize,
        /// Column in the text.
        column: usize,
    },
    /// A patch that is a list or a single value.
    #[error("config.patch raw must be an object")]
    PatchNotObject,
    /// A secret reference that leads nowhere.
    #[error("the secret {reference} cannot be read: {reason}")]
    Secret {
        /// The reference, `source:provider:id`.
        reference: String,
        /// Why; never holds a secret.
        reason: String,
    },
    /// The file watcher could not be started.
    #[error("watching {} failed", path.display())]
    Watch {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: notify::Error,
    },
}

impl ConfigError {
    /// The report, when the configuration itself is the reason.
    #[must_use]
    pub fn report(&self) -> Option<&Report> {
        match self {
            Self::Invalid { report } => Some(report),
            _ => None,
        }
    }
}
