//! Loading: read, check, and either a configuration or a report of everything that is wrong.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::check;
use crate::env::Environment;
use crate::error::ConfigError;
use crate::paths::Paths;
use crate::problem::{Problem, Report};
use crate::schema::Config;
use crate::source::Source;
use crate::vault::SecretResolver;

/// A configuration that can be used, and what came with it.
#[derive(Clone)]
pub struct Loaded {
    /// The validated configuration, defaults applied.
    pub config: Arc<Config>,
    /// What deserves a line in the log.
    pub warnings: Vec<Problem>,
    /// The environment with the configuration's own `env` block as its last layer.
    pub env: Environment,
    paths: Paths,
    source: Arc<Source>,
}

/// Reads and checks the configuration file; a missing file is an empty configuration.
///
/// # Errors
/// [`ConfigError::Invalid`] with every problem found.
pub fn load(paths: &Paths, env: &Environment) -> Result<Loaded, ConfigError> {
    let mut problems = Vec::new();
    let source = Source::read(paths, env, &mut problems);
    Loaded::check(source, paths, problems)
}

/// Checks a text as if it stood in the configuration file. Nothing is written.
///
/// # Errors
/// [`ConfigError::Invalid`] with every problem found.
pub fn load_text(text: &str, paths: &Paths, env: &Environment) -> Result<Loaded, ConfigError> {
    let mut problems = Vec::new();
    let source = Source::of_text(text.to_owned(), paths, env, &mut problems);
    Loaded::check(source, paths, problems)
}

impl Loaded {
    fn check(
        source: Source,
        paths: &Paths,
        mut problems: Vec<Problem>,
    ) -> Result<Self, ConfigError> {
        let config = check::check(&source, &mut problems);
        let report = Report::new(problems);
        match config {
            Some(config) => Ok(Self {
                config: Arc::new(config),
                warnings: report.problems().to_vec(),
                env: source.env.clone(),
                paths: paths.clone(),
                source: Arc::new(source),
            }),
            None => Err(ConfigError::Invalid { report }),
        }
    }

    /// Whether there is a configuration file.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.source.exists
    }

    /// SHA-256 of the file's text, in hex: the `hash` of `config.get`.
    #[must_use]
    pub fn hash(&self) -> String {
        self.source.hash()
    }

    /// SHA-256 over the file and all it includes, in hex: the `configRevisionHash` of `config.get`.
    #[must_use]
    pub fn revision(&self) -> String {
        self.source.revision()
    }

    /// The files that were read, the main one first.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.source.files.iter().map(|file| file.path.clone()).collect()
    }

    /// Looks up the configuration's secrets. May block: see [`SecretResolver`].
    #[must_use]
    pub fn secrets(&self) -> SecretResolver {
        SecretResolver::new(self.config.secrets.clone(), self.env.clone(), self.paths.clone())
    }

    /// What the files say after substitution, secrets in clear: for comparing only.
    pub(crate) fn effective(&self) -> Json {
        let resolved = self.source.resolved.as_ref();
        resolved.map_or_else(|| Json::Object(serde_json::Map::new()), |node| node.to_json())
    }

    pub(crate) fn paths(&self) -> &Paths {
        &self.paths
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded")
            .field("config", &self.config)
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}
