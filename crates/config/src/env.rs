//! The environment as a value: captured once, layered, and handed to whoever reads it.
//!
//! A variable is taken from the first layer that has it: the process, `.env` in the current folder
//! (whose `OPENCLAW_*` names are dropped: a project folder must not steer the Gateway),
//! `.env` in the state folder, and last the configuration's own `env` block. A variable that is set
//! but empty hides the layers below and reads as unset.

mod dotenv;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::problem::Problem;

/// Name of the files read by [`Environment::with_dotenv`].
const DOTENV: &str = ".env";
/// Largest `.env` file that is read, in bytes.
const MAX_DOTENV_BYTES: u64 = 1024 * 1024;
/// Prefixes of the product's former names.
const OLD_PREFIXES: [&str; 2] = ["CLAWDBOT_", "MOLTBOT_"];
/// Variables that say where the state folder is, and so cannot come out of a file inside it.
const PATH_VARIABLES: [&str; 4] =
    ["OPENCLAW_HOME", "OPENCLAW_STATE_DIR", "OPENCLAW_CONFIG_PATH", "OPENCLAW_PROFILE"];

/// Where a variable came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The process's own environment.
    Process,
    /// `.env` in the current folder.
    CurrentFolder,
    /// `.env` in the state folder.
    StateFolder,
    /// The `env` block of the configuration.
    Config,
}

/// A layered, immutable set of environment variables; cheap to clone, and silent when printed.
#[derive(Clone, Default)]
pub struct Environment {
    layers: Vec<(Layer, Arc<BTreeMap<String, String>>)>,
}

impl Environment {
    /// Captures the process's environment; names or values that are not UTF-8 are left out.
    #[must_use]
    pub fn process() -> Self {
        let pairs = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self::from_pairs(pairs)
    }

    /// An environment of exactly these variables.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let map = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { layers: vec![(Layer::Process, Arc::new(map))] }
    }

    /// The variable, unless it is missing or empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.lookup(name).map(|(_, value)| value)
    }

    /// The variable and the layer that has it.
    #[must_use]
    pub fn lookup(&self, name: &str) -> Option<(Layer, &str)> {
        self.layers
            .iter()
            .find_map(|(layer, map)| map.get(name).map(|value| (*layer, value.as_str())))
            .filter(|(_, value)| !value.is_empty())
    }

    /// All names, without their values.
    #[must_use]
    pub fn names(&self) -> BTreeSet<&str> {
        self.layers.iter().flat_map(|(_, map)| map.keys().map(String::as_str)).collect()
    }

    /// Adds the `.env` files below what is there, and warns of names that have no effect.
    ///
    /// `current` is the folder the command was started in; a service passes none.
    #[must_use]
    pub fn with_dotenv(mut self, state: &Path, current: Option<&Path>) -> (Self, Vec<Problem>) {
        let mut warnings = Vec::new();
        if let Some(folder) = current.filter(|folder| *folder != state) {
            let mut map = read_dotenv(&folder.join(DOTENV), &mut warnings);
            map.retain(|name, _| !name.starts_with("OPENCLAW_"));
            self.push(Layer::CurrentFolder, map);
        }
        let file = state.join(DOTENV);
        let mut map = read_dotenv(&file, &mut warnings);
        for name in PATH_VARIABLES {
            if map.remove(name).is_some() {
                let problem = Problem::warning("", format!("{name} has no effect in this file"))
                    .in_file(file.display().to_string())
                    .hint("set it in the environment, it says where this file is looked for");
                warnings.push(problem);
            }
        }
        self.push(Layer::StateFolder, map);
        warnings.extend(self.old_prefix_warning());
        (self, warnings)
    }

    /// Adds the configuration's `env` block as the last layer.
    #[must_use]
    pub(crate) fn with_config_block(&self, vars: BTreeMap<String, String>) -> Self {
        let mut next = self.clone();
        next.layers.retain(|(layer, _)| *layer != Layer::Config);
        next.push(Layer::Config, vars);
        next
    }

    fn push(&mut self, layer: Layer, map: BTreeMap<String, String>) {
        if !map.is_empty() {
            self.layers.push((layer, Arc::new(map)));
        }
    }

    fn old_prefix_warning(&self) -> Option<Problem> {
        let old: Vec<&str> = self
            .names()
            .into_iter()
            .filter(|name| OLD_PREFIXES.iter().any(|prefix| name.starts_with(prefix)))
            .collect();
        (!old.is_empty()).then(|| {
            Problem::warning("", format!("environment variables are ignored: {}", old.join(", ")))
                .hint("the prefix is OPENCLAW_ now")
        })
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("names", &self.names().len()).finish_non_exhaustive()
    }
}

fn read_dotenv(path: &Path, warnings: &mut Vec<Problem>) -> BTreeMap<String, String> {
    let name = path.display().to_string();
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_file() && meta.len() > MAX_DOTENV_BYTES => {
            warnings.push(Problem::warning("", "larger than 1 MiB, not read").in_file(name));
            return BTreeMap::new();
        }
        Ok(meta) if meta.is_file() => {}
        _ => return BTreeMap::new(),
    }
    match std::fs::read_to_string(path) {
        Ok(text) => dotenv::parse(&text, &name, warnings),
        Err(error) => {
            warnings.push(Problem::warning("", format!("not read: {error}")).in_file(name));
            BTreeMap::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, text: &str) {
        std::fs::write(folder.join(DOTENV), text).unwrap();
    }

    #[test]
    fn the_process_wins_over_files_and_a_project_folder_cannot_steer_the_gateway() {
        let (state, project) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(state.path(), "A=state\nB=state\nC=state\nOPENCLAW_GATEWAY_TOKEN=kept\nE=state\n");
        write(project.path(), "B=project\nA=project\nOPENCLAW_GATEWAY_TOKEN=stolen\nD=project\n");
        let (env, warnings) = Environment::from_pairs([("A", "process"), ("E", "")])
            .with_dotenv(state.path(), Some(project.path()));
        let cases = [
            ("A", Some((Layer::Process, "process"))),
            ("B", Some((Layer::CurrentFolder, "project"))),
            ("C", Some((Layer::StateFolder, "state"))),
            ("D", Some((Layer::CurrentFolder, "project"))),
            ("E", None),
            ("OPENCLAW_GATEWAY_TOKEN", Some((Layer::StateFolder, "kept"))),
        ];
        for (name, expected) in cases {
            assert_eq!(env.lookup(name), expected, "{name}");
        }
        assert_eq!(warnings, []);
        let env = env.with_config_block([("F".to_owned(), "config".to_owned())].into());
        assert_eq!(env.lookup("F"), Some((Layer::Config, "config")));
    }

    #[test]
    fn names_without_effect_are_warned_of_once() {
        let state = tempfile::tempdir().unwrap();
        write(state.path(), "OPENCLAW_STATE_DIR=/elsewhere\n");
        let (env, warnings) =
            Environment::from_pairs([("CLAWDBOT_GATEWAY_TOKEN", "x"), ("MOLTBOT_HOME", "y")])
                .with_dotenv(state.path(), None);
        assert_eq!(env.get("OPENCLAW_STATE_DIR"), None);
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings[1].message.contains("CLAWDBOT_GATEWAY_TOKEN, MOLTBOT_HOME"));
    }

    #[test]
    fn printing_shows_no_value() {
        let env = Environment::from_pairs([("OPENAI_API_KEY", "sk-very-secret")]);
        assert!(!format!("{env:?}").contains("secret"));
    }
}
