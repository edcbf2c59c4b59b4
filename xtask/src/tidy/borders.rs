//! Who may know what: each foreign library and each kind of access has its owners.

use cargo_metadata::{DependencyKind, Metadata};

use super::{
    Problem, floors,
    source::Source,
    tokens::{Spot, after_colons},
};

/// Libraries that belong to some of our packages. Tests and what never ships may use them too, except
/// where `strict` says that nobody else may.
struct Owned {
    libraries: &'static [&'static str],
    owners: &'static [&'static str],
    strict: bool,
    why: &'static str,
}

const OWNED: &[Owned] = &[
    Owned {
        libraries: &["axum", "hyper", "hyper-util"],
        owners: &["openclaw-gateway"],
        strict: false,
        why: "only the Gateway serves HTTP",
    },
    Owned {
        libraries: &["rusqlite", "libsqlite3-sys"],
        owners: &["openclaw-store"],
        strict: true,
        why: "the store is the only SQL",
    },
    Owned {
        libraries: &["clap", "clap_complete"],
        owners: &["openclaw-cli", "xtask"],
        strict: true,
        why: "arguments are read in cli and xtask only",
    },
    Owned {
        libraries: &["reqwest", "eventsource-stream"],
        owners: &[
            "openclaw-mcp",
            "openclaw-providers",
            "openclaw-remote",
            "openclaw-web",
            "openclaw-channel-telegram",
            "openclaw-channel-webhook",
        ],
        strict: false,
        why: "providers speak a vendor's HTTP, remote Tailscale's, and web fetches pages",
    },
    Owned {
        libraries: &["rmcp"],
        owners: &["openclaw-mcp"],
        strict: false,
        why: "servers of tools are asked in one place",
    },
    Owned {
        libraries: &["sd-notify", "listenfd"],
        owners: &["openclaw-cli"],
        strict: false,
        why: "they read the environment",
    },
    Owned {
        libraries: &["tokio-tungstenite", "tungstenite"],
        owners: &["openclaw-client", "openclaw-gateway"],
        strict: false,
        why: "the two ends of the wire are client and gateway",
    },
    Owned {
        libraries: &["ratatui", "ratatui-textarea", "crossterm"],
        owners: &["openclaw-tui"],
        strict: false,
        why: "the screen is drawn in one place",
    },
    Owned {
        libraries: &["mdns-sd", "hickory-resolver"],
        owners: &["openclaw-remote"],
        strict: false,
        why: "Gateways are found in one place",
    },
    Owned {
        libraries: &["anyhow"],
        owners: &["openclaw-cli", "openclaw-daemon"],
        strict: false,
        why: "a library has an error enum of its own",
    },
];

/// Libraries that do I/O or are asynchronous, and so never reach these packages.
const PURE: &[(&str, &[&str])] = &[(
    "openclaw-protocol",
    &["tokio", "tokio-util", "futures-util", "async-trait", "mio", "socket2", "rustix", "tracing"],
)];

/// Parts of the standard library that a pure package does not use.
const IMPURE_STD: &[&str] = &["fs", "net", "env", "process", "thread", "io"];

/// Packages that start other programs, and why.
const STARTS_PROGRAMS: &[(&str, &str)] = &[
    ("openclaw-remote", "ssh, and a proxy to test"),
    ("openclaw-service", "systemctl and launchctl"),
    ("openclaw-config", "secret references of the kind exec"),
    ("openclaw-exec", "what the agent and a node are asked to run"),
];

/// Packages that read the environment and the arguments; everybody else is handed values. Cargo tells the
/// build script of `openclaw-control-ui` this way where to write.
const READS_ENVIRONMENT: &[&str] = &["openclaw-cli", "openclaw-config", "openclaw-control-ui"];

/// What of `std::env` reads or writes them.
const ENVIRONMENT: &[&str] =
    &["var", "var_os", "vars", "vars_os", "set_var", "remove_var", "args", "args_os"];

/// Checks the manifests.
pub(crate) fn check_packages(metadata: &Metadata) -> Vec<Problem> {
    let mut problems = Vec::new();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        let place = package.manifest_path.strip_prefix(&metadata.workspace_root);
        let place = place.unwrap_or(&package.manifest_path).to_string();
        for dependency in &package.dependencies {
            let in_tests = dependency.kind == DependencyKind::Development || floors::is_dev(name);
            if let Some(why) = refusal(name, &dependency.name, in_tests) {
                let message = format!("`{name}` may not depend on `{}`: {why}", dependency.name);
                problems.push(Problem::new(place.clone(), message));
            }
        }
    }
    problems
}

fn refusal(package: &str, library: &str, in_tests: bool) -> Option<&'static str> {
    let owned = OWNED.iter().find(|owned| owned.libraries.contains(&library));
    if let Some(owned) = owned
        && !owned.owners.contains(&package)
        && (owned.strict || !in_tests)
    {
        return Some(owned.why);
    }
    let pure = PURE.iter().any(|(pure, barred)| *pure == package && barred.contains(&library));
    (pure && !in_tests).then_some("the protocol is data, with no I/O and no async")
}

/// Checks the production part of every file.
pub(crate) fn check_sources(sources: &[Source]) -> Vec<Problem> {
    sources
        .iter()
        .filter(|source| !floors::is_dev(&source.package))
        .flat_map(|source| {
            let mut found = pure_problems(source);
            found.extend(process_problems(source));
            found.extend(environment_problems(source));
            found
        })
        .collect()
}

fn pure_problems(source: &Source) -> Vec<Problem> {
    if !PURE.iter().any(|(pure, _)| *pure == source.package) {
        return Vec::new();
    }
    let spots = &source.production;
    let mut problems = Vec::new();
    for (at, spot) in spots.iter().enumerate() {
        let std_part = spot
            .is_ident("std")
            .then(|| after_colons(spots, at + 1))
            .into_iter()
            .flatten()
            .find(|part| part.ident().is_some_and(|name| IMPURE_STD.contains(&name)));
        if let Some(part) = std_part {
            let message = format!("a pure crate uses `std::{}`", part.ident().unwrap_or_default());
            problems.push(Problem::new(source.place(part.line), message));
        }
        if spot.is_ident("async") {
            problems.push(Problem::new(source.place(spot.line), "a pure crate is asynchronous"));
        }
    }
    problems
}

fn environment_problems(source: &Source) -> Vec<Problem> {
    if READS_ENVIRONMENT.contains(&source.package.as_str()) {
        return Vec::new();
    }
    let message = "the environment and the arguments are read in cli and config only";
    members(&source.production, "env", ENVIRONMENT)
        .map(|spot| Problem::new(source.place(spot.line), message))
        .collect()
}

fn process_problems(source: &Source) -> Vec<Problem> {
    if STARTS_PROGRAMS.iter().any(|(package, _)| *package == source.package) {
        return Vec::new();
    }
    let message = "only these start other programs: ";
    let names: Vec<String> =
        STARTS_PROGRAMS.iter().map(|(package, why)| format!("{package} ({why})")).collect();
    members(&source.production, "process", &["Command"])
        .map(|spot| Problem::new(source.place(spot.line), format!("{message}{}", names.join(", "))))
        .collect()
}

/// Every `module::member`, in a path or in a `use`.
fn members<'s>(
    spots: &'s [Spot],
    module: &str,
    members: &[&str],
) -> impl Iterator<Item = &'s Spot> {
    spots.iter().enumerate().filter_map(move |(at, spot)| {
        let named = spot.is_ident(module)
            && after_colons(spots, at + 1)
                .iter()
                .any(|name| name.ident().is_some_and(|name| members.contains(&name)));
        named.then_some(spot)
    })
}

#[cfg(test)]
mod tests {
    use super::{super::source::parsed, *};

    #[test]
    fn libraries_have_owners() {
        for (package, library, in_tests, refused) in [
            ("openclaw-gateway", "axum", false, false),
            ("openclaw-daemon", "axum", false, true),
            ("openclaw-daemon", "axum", true, false),
            ("openclaw-agent", "rusqlite", true, true),
            ("openclaw-bench", "clap", true, true),
            ("openclaw-cli", "clap", false, false),
            ("openclaw-protocol", "tokio", false, true),
            ("openclaw-protocol", "serde", false, false),
            ("openclaw-store", "anyhow", false, true),
        ] {
            assert_eq!(
                refusal(package, library, in_tests).is_some(),
                refused,
                "{package} {library}"
            );
        }
    }

    #[test]
    fn sources_keep_to_their_side() {
        for (package, text, problems) in [
            ("openclaw-protocol", "use std::{fmt, fs};", 1),
            ("openclaw-protocol", "async fn f() {}", 1),
            ("openclaw-protocol", "use std::fmt;", 0),
            ("openclaw-gateway", "use tokio::process::Command;", 1),
            ("openclaw-gateway", "fn f() { std::process::Command::new(x) }", 1),
            ("openclaw-gateway", "use std::process::ExitCode;", 0),
            ("openclaw-remote", "use tokio::process::{Child, Command};", 0),
            ("openclaw-testkit", "use std::process::Command;", 0),
            ("openclaw-store", "fn f() { std::env::var(x) }", 1),
            ("openclaw-store", "fn f() { std::env::temp_dir() }", 0),
            ("openclaw-cli", "fn f() { std::env::args_os() }", 0),
        ] {
            let found = check_sources(&[parsed(package, "src/a.rs", text)]);
            assert_eq!(found.len(), problems, "{package}: {text}");
        }
    }
}
