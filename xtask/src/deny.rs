//! `cargo xtask deny`: licences, bans, duplicate versions and sources of all dependencies.
//!
//! With cargo-deny installed it is asked. Without it the same `deny.toml` is read and the same
//! questions are answered from what cargo knows, so that the check never passes by being absent.

use anyhow::{Context as _, bail};
use cargo_metadata::{MetadataCommand, Package, PackageId};
use std::collections::{BTreeMap, BTreeSet};

use crate::shell;

mod checks;
mod licence;
mod policy;

use policy::Policy;

/// All packages that are built for any of our targets, and who depends on whom.
pub(crate) struct Graph {
    /// Every package once.
    pub(crate) packages: BTreeMap<PackageId, Package>,
    /// The packages that depend on a package directly.
    pub(crate) dependents: BTreeMap<PackageId, BTreeSet<PackageId>>,
}

/// Runs cargo-deny, or our own checks.
pub(crate) fn run() -> anyhow::Result<()> {
    if shell::answers("cargo", &["deny", "--version"]) {
        return shell::run(shell::cargo().args(["deny", "check", "bans", "licenses", "sources"]));
    }
    shell::say("cargo-deny is not installed; checking deny.toml against cargo's own graph")?;
    let text = std::fs::read_to_string(shell::root().join("deny.toml"))
        .context("failed to read deny.toml")?;
    let policy: Policy = toml::from_str(&text).context("failed to read deny.toml")?;
    let graph = graph(&policy.graph.targets)?;
    let mut problems = checks::licences(&graph, &policy.licenses);
    problems.extend(checks::bans(&graph, &policy.bans));
    problems.extend(checks::duplicates(&graph, &policy.bans));
    problems.extend(checks::wildcards(&graph));
    problems.extend(checks::sources(&graph, &policy.sources));
    for problem in &problems {
        shell::say(problem)?;
    }
    if !problems.is_empty() {
        bail!("deny: {} problems", problems.len());
    }
    shell::say(format_args!("deny: {} packages, no problems", graph.packages.len()))
}

fn graph(targets: &[String]) -> anyhow::Result<Graph> {
    let mut graph = Graph { packages: BTreeMap::new(), dependents: BTreeMap::new() };
    for target in targets {
        let metadata = MetadataCommand::new()
            .current_dir(shell::root())
            .other_options(["--locked", "--filter-platform", target].map(str::to_owned))
            .exec()
            .with_context(|| format!("failed to ask cargo for the graph of {target}"))?;
        let resolve = metadata.resolve.context("cargo resolved nothing")?;
        let built = built(target)?;
        let used: BTreeSet<PackageId> = metadata
            .packages
            .iter()
            .filter(|package| built.contains(&format!("{} v{}", package.name, package.version)))
            .map(|package| package.id.clone())
            .collect();
        for node in resolve.nodes.iter().filter(|node| used.contains(&node.id)) {
            for dependency in &node.dependencies {
                let users = graph.dependents.entry(dependency.clone()).or_default();
                users.insert(node.id.clone());
            }
        }
        let packages = metadata.packages.into_iter().filter(|package| used.contains(&package.id));
        graph.packages.extend(packages.map(|package| (package.id.clone(), package)));
    }
    Ok(graph)
}

/// What is built for a target, as `name vVERSION`. `cargo metadata` also lists what no enabled feature
/// asks for; `cargo tree` does not.
fn built(target: &str) -> anyhow::Result<BTreeSet<String>> {
    let printed = shell::read(shell::cargo().args([
        "tree",
        "--locked",
        "--workspace",
        "--prefix=none",
        "--format={p}",
        "--target",
        target,
    ]))?;
    Ok(printed.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect())
}
