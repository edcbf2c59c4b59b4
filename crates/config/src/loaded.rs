//! Loading: read, check, and either a configuration or a report of everything that is wrong.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::check;
use crate::env::Environment;
use crate::error::ConfigError;
use crate::keypath::{KeyPath, Segment};
use crate::paths::Paths;
use crate::problem::{Place, Problem, Report};
use crate::schema::Config;
use crate::source::Source;
use crate::syntax::Node;
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

    /// What the files say after substitution, keys included that nothing here uses. Secrets are in
    /// clear: it is for comparing, never for showing.
    #[must_use]
    pub fn effective(&self) -> Json {
        let resolved = self.source.resolved.as_ref();
        resolved.map_or_else(|| Json::Object(serde_json::Map::new()), |node| node.to_json())
    }

    /// Where the value of a key stands, if a file says one.
    #[must_use]
    pub fn place(&self, key: &str) -> Option<Place> {
        self.source.place(node_at(self.source.merged.as_ref()?, key)?.span)
    }

    /// Whether a file spells a text out, rather than naming a variable that holds it.
    #[must_use]
    pub fn is_spelled_out(&self, key: &str) -> bool {
        let node = self.source.merged.as_ref().and_then(|root| node_at(root, key));
        node.and_then(Node::as_str).is_some_and(|text| !text.trim_start().starts_with('$'))
    }

    pub(crate) fn paths(&self) -> &Paths {
        &self.paths
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }
}

/// The value at a key path of plain keys and indexes.
fn node_at<'n>(root: &'n Node, key: &str) -> Option<&'n Node> {
    let path = KeyPath::parse(key).ok()?;
    path.0.iter().try_fold(root, |node, segment| match segment {
        Segment::Key(key) => node.get(key).map(|member| &member.node),
        Segment::Index(index) => node.items().get(*index),
    })
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded")
            .field("config", &self.config)
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}
