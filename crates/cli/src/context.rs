//! What every command starts from.

use std::time::{SystemTime, UNIX_EPOCH};

use openclaw_config::{ConfigError, Environment, Loaded, PathOptions, Paths};

use crate::args::GlobalArgs;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::Printer;

/// Environment, paths and printer.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// The environment, `.env` files included.
    pub(crate) env: Environment,
    /// Files, folders and the profile.
    pub(crate) paths: Paths,
    /// Where data and messages go.
    pub(crate) printer: Printer,
    /// Whether a log on standard error was asked for.
    pub(crate) verbose: bool,
    /// What to type to mean the same state folder again: the program and `--profile`, if it was given.
    pub(crate) own: String,
}

impl Context {
    /// Captures the surroundings once.
    pub(crate) fn new(
        process: Environment,
        global: &GlobalArgs,
        printer: Printer,
    ) -> Result<Self, Failure> {
        let path_options = PathOptions { profile: global.profile.clone(), dev: global.dev };
        let paths =
            Paths::resolve(&process, &path_options).map_err(|error| config_failure(&error))?;
        let current = std::env::current_dir().ok();
        let (env, warnings) = process.with_dotenv(paths.state_dir(), current.as_deref());
        for warning in warnings {
            printer.note(warning.to_string());
        }
        let own = match &global.profile {
            Some(profile) => format!("openclaw --profile {profile}"),
            None if global.dev => "openclaw --dev".to_owned(),
            None => "openclaw".to_owned(),
        };
        Ok(Self { env, paths, printer, verbose: global.verbose, own })
    }

    /// Loads the configuration; commands that do not need it do not call this.
    pub(crate) fn config(&self) -> Result<Loaded, Failure> {
        openclaw_config::load(&self.paths, &self.env).map_err(|error| config_failure(&error))
    }
}

/// The clock, in milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A configuration error with its exit code; an invalid file is shown with every problem in it.
pub(crate) fn config_failure(error: &ConfigError) -> Failure {
    let exit = match error {
        ConfigError::BadProfile { .. }
        | ConfigError::DevAndProfile { .. }
        | ConfigError::BadKeyPath { .. }
        | ConfigError::BadValue { .. } => ExitCode::Usage,
        ConfigError::NotSettable { .. }
        | ConfigError::RedactedValue
        | ConfigError::Changed
        | ConfigError::Write { .. } => ExitCode::Failed,
        _ => ExitCode::Configuration,
    };
    let mut message = error.to_string();
    let failure = if let Some(report) = error.report() {
        message = format!("{message}\n{report}");
        Failure::new(exit, message)
            .details(serde_json::to_value(report).ok())
            .hint("repair the file, then run `openclaw config validate`")
    } else {
        match hint(error) {
            Some(hint) => Failure::new(exit, message).hint(hint),
            None => Failure::new(exit, message),
        }
    };
    failure.caused_by(std::error::Error::source(error))
}

/// What to do about an error that is not in the file's keys.
fn hint(error: &ConfigError) -> Option<String> {
    match error {
        ConfigError::BadEnvironment { name, .. } => {
            Some(format!("set it right, or take it away: unset {name}"))
        }
        ConfigError::BadText { .. } => {
            Some("repair the file first; `openclaw config validate` says where".to_owned())
        }
        ConfigError::Secret { reference, .. } => {
            Some(match reference.split(':').collect::<Vec<_>>()[..] {
                ["env", _, name] => format!(
                    "set {name} in this environment, or put another reference into the configuration"
                ),
                _ => {
                    "look at the reference and at secrets.providers: openclaw config get".to_owned()
                }
            })
        }
        ConfigError::Changed => Some("somebody else wrote the file; try again".to_owned()),
        ConfigError::BadKeyPath { .. } => {
            Some("a key looks like gateway.port or agents.list[0].id".to_owned())
        }
        _ => None,
    }
}
