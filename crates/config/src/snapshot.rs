//! The answer to `config.get`: what stands in the file and what became of it, secrets hidden.

use serde::Serialize;
use serde_json::Value as Json;

use crate::check;
use crate::env::Environment;
use crate::known::FORMER_KEYS;
use crate::loaded::Loaded;
use crate::paths::Paths;
use crate::problem::{Problem, Report};
use crate::redact::{self, Stage};
use crate::schema::Config;
use crate::source::Source;

/// A configuration file as it is shown to operators.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigSnapshot {
    /// The file.
    pub path: String,
    /// Whether there is one.
    pub exists: bool,
    /// Its text, or null when there is none or secrets in it could not be told from the rest.
    pub raw: Option<String>,
    /// What it says itself, without includes.
    pub parsed: Json,
    /// What it says with includes and variables.
    pub resolved: Json,
    /// Whether it can be used.
    pub valid: bool,
    /// What holds, defaults included.
    pub config: Json,
    /// SHA-256 of the text, in hex.
    pub hash: String,
    /// What stops it from being used.
    pub issues: Vec<Issue>,
    /// What has no effect or deserves a look.
    pub warnings: Vec<Issue>,
    /// Keys that were given up.
    pub legacy_issues: Vec<Issue>,
    /// The same as `resolved`.
    pub source_config: Json,
    /// The same as `config`.
    pub runtime_config: Json,
    /// SHA-256 over the file and all it includes.
    pub config_revision_hash: String,
    /// The revision that the Gateway runs with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied_config_hash: Option<String>,
    /// The included files.
    pub included_paths: Vec<String>,
    /// Which key each of them was included at.
    pub include_provenance: Vec<IncludeProvenance>,
    /// Whether the list of agents comes from an included file.
    pub agent_roster_include_owned: bool,
    /// Whether the bindings come from an included file.
    pub bindings_include_owned: bool,
}

/// One line about a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Issue {
    /// The key path.
    pub path: String,
    /// What is wrong with it, and what to do.
    pub message: String,
}

/// Where a file was included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IncludeProvenance {
    /// The key that holds the `$include`.
    pub key_path: String,
    /// The file.
    pub path: String,
}

impl ConfigSnapshot {
    /// Reads what stands in the file now, valid or not.
    #[must_use]
    pub fn read(paths: &Paths, env: &Environment) -> Self {
        let mut problems = Vec::new();
        let source = Source::read(paths, env, &mut problems);
        let config = check::check(&source, &mut problems);
        Self::build(&source, paths, &Report::new(problems), config.as_ref())
    }

    /// Names the revision that the Gateway runs with.
    #[must_use]
    pub fn with_applied(mut self, revision: impl Into<String>) -> Self {
        self.applied_config_hash = Some(revision.into());
        self
    }

    fn build(source: &Source, paths: &Paths, report: &Report, config: Option<&Config>) -> Self {
        let empty = || Json::Object(serde_json::Map::new());
        let shown = |node: Option<&_>, stage| node.map_or_else(empty, |n| redact::json(n, stage));
        let parsed = shown(source.document.as_ref().map(|document| &document.root), Stage::Written);
        let resolved = shown(source.resolved.as_ref(), Stage::Resolved);
        let defaults = config.and_then(|config| serde_json::to_value(config).ok());
        let full = match defaults {
            Some(defaults) => overlay(without_null(defaults), &resolved),
            None => empty(),
        };
        let raw = match (source.text(), &source.document) {
            (Some(text), Some(document)) => Some(redact::text(text, document)),
            _ => None,
        };
        let (legacy, warnings): (Vec<&Problem>, Vec<&Problem>) = report
            .warnings()
            .partition(|p| FORMER_KEYS.iter().any(|(former, _)| *former == p.path));
        let owned = |key: &str| {
            let inside =
                |at: &str| at.is_empty() || at == key || key.starts_with(&format!("{at}."));
            source.includes.iter().any(|include| inside(&include.at))
        };
        Self {
            path: paths.config_file().display().to_string(),
            exists: source.exists,
            raw,
            parsed,
            valid: !report.has_errors(),
            hash: source.hash(),
            issues: report.errors().map(Issue::of).collect(),
            warnings: warnings.into_iter().map(Issue::of).collect(),
            legacy_issues: legacy.into_iter().map(Issue::of).collect(),
            source_config: resolved.clone(),
            resolved,
            runtime_config: full.clone(),
            config: full,
            config_revision_hash: source.revision(),
            applied_config_hash: None,
            included_paths: source.includes.iter().map(|i| i.path.display().to_string()).collect(),
            include_provenance: source.includes.iter().map(IncludeProvenance::of).collect(),
            agent_roster_include_owned: owned("agents.list") || owned("agents.entries"),
            bindings_include_owned: owned("bindings"),
        }
    }
}

impl Loaded {
    /// What `config.get` answers about this configuration, secrets hidden.
    #[must_use]
    pub fn snapshot(&self) -> ConfigSnapshot {
        let report = Report::new(self.warnings.clone());
        ConfigSnapshot::build(self.source(), self.paths(), &report, Some(&self.config))
    }
}

impl Issue {
    fn of(problem: &Problem) -> Self {
        let mut message = problem.message.clone();
        if let (Some(line), Some(column)) = (problem.line, problem.column) {
            message = format!("line {line}, column {column}: {message}");
        }
        if !problem.allowed.is_empty() {
            message.push_str(&format!(" (allowed: {})", problem.allowed.join(", ")));
        }
        if let Some(hint) = &problem.hint {
            message.push_str(&format!(" ({hint})"));
        }
        Self { path: problem.path.clone(), message }
    }
}

impl IncludeProvenance {
    fn of(include: &crate::source::IncludeUse) -> Self {
        Self { key_path: include.at.clone(), path: include.path.display().to_string() }
    }
}

/// Keys that are unset are left out rather than shown as null.
fn without_null(value: Json) -> Json {
    match value {
        Json::Object(map) => {
            let kept = map.into_iter().filter(|(_, value)| !value.is_null());
            Json::Object(kept.map(|(key, value)| (key, without_null(value))).collect())
        }
        Json::Array(items) => Json::Array(items.into_iter().map(without_null).collect()),
        other => other,
    }
}

/// What the file says on top of the defaults, keys included that are not used here.
fn overlay(base: Json, over: &Json) -> Json {
    match (base, over) {
        (Json::Object(mut base), Json::Object(over)) => {
            for (key, value) in over {
                let merged = match base.remove(key) {
                    Some(inner) => overlay(inner, value),
                    None => value.clone(),
                };
                base.insert(key.clone(), merged);
            }
            Json::Object(base)
        }
        (Json::Array(base), Json::Array(over)) if base.len() == over.len() => Json::Array(
            base.into_iter().zip(over).map(|(base, over)| overlay(base, over)).collect(),
        ),
        (_, over) => over.clone(),
    }
}
