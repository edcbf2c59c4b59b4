//! The part of `deny.toml` that we read. Field names are cargo-deny's.

use serde::Deserialize;

/// The whole file.
#[derive(Debug, Deserialize)]
pub(crate) struct Policy {
    pub(crate) graph: Graph,
    pub(crate) licenses: Licenses,
    pub(crate) bans: Bans,
    pub(crate) sources: Sources,
}

/// For which targets the graph is looked at.
#[derive(Debug, Deserialize)]
pub(crate) struct Graph {
    pub(crate) targets: Vec<String>,
}

/// Allowed licences.
#[derive(Debug, Deserialize)]
pub(crate) struct Licenses {
    pub(crate) allow: Vec<String>,
}

/// Banned crates and duplicates that are let through.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Bans {
    #[serde(default)]
    pub(crate) deny: Vec<Banned>,
    #[serde(default)]
    pub(crate) skip: Vec<Skipped>,
}

/// A crate nobody may use, or only its `wrappers`.
#[derive(Debug, Deserialize)]
pub(crate) struct Banned {
    #[serde(rename = "crate")]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) wrappers: Vec<String>,
    #[serde(default)]
    pub(crate) reason: String,
}

/// A version that may stand beside others: `name` or `name@version`.
#[derive(Debug, Deserialize)]
pub(crate) struct Skipped {
    #[serde(rename = "crate")]
    pub(crate) spec: String,
}

/// Where packages may come from.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Sources {
    pub(crate) allow_registry: Vec<String>,
    pub(crate) allow_git: Vec<String>,
}
