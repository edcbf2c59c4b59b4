//! How a service is doing, as its manager says.

use std::path::PathBuf;

/// What a service does now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activity {
    /// It runs and said that it is ready.
    Running,
    /// It starts, or waits to be started again.
    Starting,
    /// It stops.
    Stopping,
    /// It ended badly and is not tried again.
    Failed,
    /// It does not run.
    #[default]
    Stopped,
}

impl Activity {
    /// The word for people and programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Starting => "starting",
            Self::Stopping => "stopping",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

/// How a service is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceState {
    /// Whether its manager knows it.
    pub loaded: bool,
    /// Whether it starts by itself.
    pub enabled: bool,
    /// What it does.
    pub activity: Activity,
    /// Its process.
    pub pid: Option<u32>,
    /// The manager's own words: `active (running)`.
    pub detail: String,
    /// The exit code it ended with the last time, if it ended badly.
    pub last_exit: Option<i32>,
    /// The file it was loaded from.
    pub file: Option<PathBuf>,
}

/// Whether a person's services outlive the login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Linger {
    /// They did before.
    On,
    /// They do from now on.
    Enabled,
    /// They do not, and this is why.
    Refused(String),
}
