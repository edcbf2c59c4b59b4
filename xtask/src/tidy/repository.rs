//! What must not be committed: paths of one machine, download addresses, links that lead nowhere.

use std::{fs, path::Path, process::Command};

use anyhow::Context as _;

use super::Problem;
use crate::shell;

/// Folders that exist on one machine only. Written in two halves, so that this file may say them.
const MACHINE_PATHS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/tmp/", "plan"),
    concat!("../sh", "ared"),
];

/// Files that npm and cargo write and that name addresses by nature.
const WRITTEN_BY_TOOLS: &[&str] = &["Cargo.lock"];

/// Checks every text file that git tracks.
pub(crate) fn check() -> anyhow::Result<Vec<Problem>> {
    let root = shell::root();
    let listed = shell::read(Command::new("git").args(["ls-files"]).current_dir(&root))?;
    let mut problems = Vec::new();
    for path in listed.lines().filter(|path| !WRITTEN_BY_TOOLS.contains(path)) {
        let full = root.join(path);
        if !full.is_file() {
            continue;
        }
        let bytes = fs::read(&full).with_context(|| format!("failed to read {path}"))?;
        let Ok(text) = String::from_utf8(bytes) else { continue };
        problems.extend(check_text(path, &text));
        if path.ends_with(".md") {
            problems.extend(dead_links(&root, path, &text));
        }
    }
    Ok(problems)
}

fn check_text(path: &str, text: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let place = || format!("{path}:{}", at + 1);
        for needle in MACHINE_PATHS.iter().filter(|needle| line.contains(**needle)) {
            problems.push(Problem::new(place(), format!("names a path of one machine: {needle}")));
        }
        if path.ends_with("package-lock.json") && line.contains("\"resolved\": \"http") {
            problems.push(Problem::new(place(), "a lock file holds a download address"));
        }
    }
    problems
}

/// Relative links of a Markdown file that lead to no file.
fn dead_links(root: &Path, path: &str, text: &str) -> Vec<Problem> {
    let folder = root.join(path).parent().map(Path::to_owned).unwrap_or_default();
    let mut problems = Vec::new();
    for (at, line) in text.lines().enumerate() {
        for target in link_targets(line) {
            let file = target.split('#').next().unwrap_or_default();
            let elsewhere = target.contains("://") || target.starts_with("mailto:");
            if !elsewhere && !file.is_empty() && !folder.join(file).exists() {
                let place = format!("{path}:{}", at + 1);
                problems.push(Problem::new(place, format!("link to `{target}` leads nowhere")));
            }
        }
    }
    problems
}

fn link_targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_must_not_be_committed() {
        let machine = format!("see {}main", MACHINE_PATHS.first().unwrap());
        assert_eq!(check_text("docs/a.md", &machine).len(), 1);
        let locked = r#"  "resolved": "https://example.org/x.tgz","#;
        assert_eq!(check_text("tests-js/package-lock.json", locked).len(), 1);
        assert_eq!(check_text("docs/a.md", locked).len(), 0);
    }

    #[test]
    fn reads_links() {
        let targets: Vec<_> =
            link_targets("see [a](A.md), [b](b.md#c) and [d](https://x/y)").collect();
        assert_eq!(targets, ["A.md", "b.md#c", "https://x/y"]);
        let found =
            dead_links(&shell::root(), "README.md", "[x](no-such-file.md) [y](Cargo.toml) [z](#z)");
        assert_eq!(found.len(), 1);
    }
}
