//! The floors of the house: a crate uses what is on lower floors, never sideways, never up.

use cargo_metadata::{DependencyKind, Metadata};

use super::Problem;

/// Every package and its floor. A new crate needs a row here.
pub(crate) const FLOORS: &[(&str, u8)] = &[
    ("openclaw-base", 0),
    ("openclaw-identity", 0),
    ("openclaw-protocol", 0),
    ("openclaw-config", 1),
    ("openclaw-store", 1),
    ("openclaw-client", 1),
    ("openclaw-remote", 1),
    ("openclaw-service", 1),
    ("openclaw-exec", 1),
    ("openclaw-web", 1),
    ("openclaw-control-ui", 1),
    ("openclaw-agent", 2),
    ("openclaw-node", 2),
    ("openclaw-audit", 2),
    ("openclaw-channels", 2),
    ("openclaw-tui", 2),
    ("openclaw-channel-telegram", 3),
    ("openclaw-channel-webhook", 3),
    ("openclaw-mcp", 3),
    ("openclaw-providers", 3),
    ("openclaw-gateway", 4),
    ("openclaw-daemon", 5),
    ("openclaw-cli", 5),
    ("openclaw-testkit", DEV),
    ("openclaw-bench", DEV),
    ("openclaw-docgen", DEV),
    ("xtask", DEV),
];

/// The only edges inside a floor, with the reason.
const SIDE_EDGES: &[(&str, &str, &str)] = &[
    ("openclaw-remote", "openclaw-client", "implements its `Dial`"),
    ("openclaw-cli", "openclaw-daemon", "starts it"),
];

/// The floor of what never ships.
const DEV: u8 = u8::MAX;

/// Checks every edge between our own packages.
pub(crate) fn check(metadata: &Metadata) -> Vec<Problem> {
    let mut problems = Vec::new();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        let place = package.manifest_path.strip_prefix(&metadata.workspace_root);
        let place = place.unwrap_or(&package.manifest_path).to_string();
        if floor(name).is_none() {
            problems.push(Problem::new(place, format!("`{name}` has no floor in xtask's table")));
            continue;
        }
        for dependency in package.dependencies.iter().filter(|dep| dep.path.is_some()) {
            let in_tests = dependency.kind == DependencyKind::Development;
            if !allowed(name, &dependency.name, in_tests) {
                let message = format!("`{name}` may not depend on `{}`", dependency.name);
                problems.push(Problem::new(place.clone(), message));
            }
        }
    }
    problems
}

/// Whether a package never ships.
pub(crate) fn is_dev(name: &str) -> bool {
    floor(name) == Some(DEV)
}

fn floor(name: &str) -> Option<u8> {
    FLOORS.iter().find(|(package, _)| *package == name).map(|(_, floor)| *floor)
}

fn allowed(from: &str, to: &str, in_tests: bool) -> bool {
    let (Some(above), Some(below)) = (floor(from), floor(to)) else {
        return false;
    };
    let side = SIDE_EDGES.iter().any(|(a, b, _)| (*a, *b) == (from, to));
    above == DEV || (in_tests && below == DEV) || below < above || side
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floors_hold() {
        for (from, to, in_tests, expected) in [
            ("openclaw-store", "openclaw-protocol", false, true),
            ("openclaw-protocol", "openclaw-base", false, false),
            ("openclaw-protocol", "openclaw-store", false, false),
            ("openclaw-store", "openclaw-config", false, false),
            ("openclaw-remote", "openclaw-client", false, true),
            ("openclaw-client", "openclaw-remote", false, false),
            ("openclaw-cli", "openclaw-daemon", false, true),
            ("openclaw-daemon", "openclaw-cli", false, false),
            ("openclaw-gateway", "openclaw-testkit", true, true),
            ("openclaw-gateway", "openclaw-testkit", false, false),
            ("openclaw-gateway", "openclaw-daemon", true, false),
            ("openclaw-testkit", "openclaw-daemon", false, true),
            ("openclaw-gateway", "somebody-else", false, false),
        ] {
            assert_eq!(allowed(from, to, in_tests), expected, "{from} -> {to}");
        }
    }
}
