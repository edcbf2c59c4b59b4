//! The questions of `deny.toml`, each a function from the graph to problems.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{Package, PackageId};

use super::{
    Graph, licence,
    policy::{Bans, Licenses, Sources},
};

/// Packages whose licence is not allowed, or not stated.
pub(crate) fn licences(graph: &Graph, policy: &Licenses) -> Vec<String> {
    let allowed = |name: &str| policy.allow.iter().any(|licence| licence == name);
    let mut problems = Vec::new();
    for package in graph.packages.values() {
        let expression = package.license.as_deref().unwrap_or_default();
        if !licence::satisfied(expression, &allowed) {
            problems.push(format!("licence of {} is not allowed: `{expression}`", shown(package)));
        }
    }
    problems
}

/// Banned crates, with who brings them.
pub(crate) fn bans(graph: &Graph, policy: &Bans) -> Vec<String> {
    let mut problems = Vec::new();
    for package in graph.packages.values() {
        let name = package.name.as_str();
        let Some(ban) = policy.deny.iter().find(|ban| ban.name == name) else { continue };
        let users = users(graph, &package.id);
        let strangers: Vec<&str> =
            users.into_iter().filter(|user| !ban.wrappers.iter().any(|ok| ok == user)).collect();
        if !strangers.is_empty() {
            let users = strangers.join(", ");
            problems.push(format!(
                "{} is banned ({}), used by {users}",
                shown(package),
                ban.reason
            ));
        }
    }
    problems
}

/// Crates that are there in several versions, without those the policy skips.
pub(crate) fn duplicates(graph: &Graph, policy: &Bans) -> Vec<String> {
    let mut versions: BTreeMap<&str, Vec<&Package>> = BTreeMap::new();
    for package in graph.packages.values() {
        let skipped = policy.skip.iter().any(|skip| {
            let (name, version) = skip.spec.split_once('@').unwrap_or((&skip.spec, ""));
            name == package.name.as_str()
                && (version.is_empty() || version_matches(version, &package.version.to_string()))
        });
        if !skipped {
            versions.entry(package.name.as_str()).or_default().push(package);
        }
    }
    versions
        .into_values()
        .filter(|packages| packages.len() > 1)
        .map(|packages| {
            let list: Vec<String> = packages
                .iter()
                .map(|package| {
                    let users: Vec<&str> = users(graph, &package.id).into_iter().collect();
                    format!("{} (used by {})", shown(package), users.join(", "))
                })
                .collect();
            format!("several versions: {}", list.join("; "))
        })
        .collect()
}

/// Our own packages' dependencies on any version at all.
pub(crate) fn wildcards(graph: &Graph) -> Vec<String> {
    let ours = graph.packages.values().filter(|package| package.source.is_none());
    ours.flat_map(|package| package.dependencies.iter().map(move |wanted| (package, wanted)))
        .filter(|(_, wanted)| wanted.path.is_none() && wanted.req.to_string() == "*")
        .map(|(package, wanted)| format!("{} takes any version of {}", package.name, wanted.name))
        .collect()
}

/// Packages from other places than the allowed ones.
pub(crate) fn sources(graph: &Graph, policy: &Sources) -> Vec<String> {
    let mut problems = Vec::new();
    for package in graph.packages.values() {
        let Some(source) = package.source.as_ref().map(ToString::to_string) else { continue };
        let known = |prefix: &str, list: &[String]| {
            let address = source.strip_prefix(prefix).unwrap_or_default();
            list.iter().any(|allowed| allowed == address)
        };
        if !known("registry+", &policy.allow_registry) && !known("git+", &policy.allow_git) {
            problems.push(format!("{} comes from {source}", shown(package)));
        }
    }
    problems
}

fn users<'g>(graph: &'g Graph, id: &PackageId) -> BTreeSet<&'g str> {
    let ids = graph.dependents.get(id).into_iter().flatten();
    ids.filter_map(|id| graph.packages.get(id)).map(|user| user.name.as_str()).collect()
}

/// `0.10` covers `0.10.7`.
fn version_matches(wanted: &str, version: &str) -> bool {
    version == wanted || version.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('.'))
}

fn shown(package: &Package) -> String {
    format!("{} {}", package.name, package.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_match_by_whole_parts() {
        for (wanted, version, expected) in [
            ("0.10", "0.10.7", true),
            ("0.10", "0.100.0", false),
            ("2", "2.0.1", true),
            ("1.2.3", "1.2.3", true),
        ] {
            assert_eq!(version_matches(wanted, version), expected, "{wanted} {version}");
        }
    }
}
