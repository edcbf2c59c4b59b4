//! Every method of the table is named by a test somewhere: by its name on the wire as a string, or by
//! its type in a call such as `client.call::<ChatSend>(…)`.

use std::collections::BTreeSet;

use anyhow::Context as _;
use serde::Deserialize;

use super::{Problem, source::Source, tokens::Token};
use crate::shell;

#[derive(Deserialize)]
struct Protocol {
    methods: Vec<Method>,
}

#[derive(Deserialize)]
struct Method {
    name: String,
    #[serde(rename = "type")]
    row: String,
}

/// Reads the rows from the generated table and looks for each name among the string literals of tests.
pub(crate) fn check(sources: &[Source]) -> anyhow::Result<Vec<Problem>> {
    let path = "docs/protocol.json";
    let text = std::fs::read_to_string(shell::root().join(path))
        .with_context(|| format!("failed to read {path}; `cargo xtask gen` writes it"))?;
    let protocol: Protocol =
        serde_json::from_str(&text).with_context(|| format!("failed to read {path}"))?;
    let mut named: BTreeSet<String> = literals(sources).map(str::to_owned).collect();
    named.extend(javascript_literals()?);
    Ok(missing(&protocol.methods, &named, &type_arguments(sources)))
}

fn missing(methods: &[Method], named: &BTreeSet<String>, called: &BTreeSet<&str>) -> Vec<Problem> {
    methods
        .iter()
        .filter(|method| !named.contains(&method.name) && !called.contains(method.row.as_str()))
        .map(|method| {
            let message = format!("no test names the method `{}`", method.name);
            Problem::new("docs/protocol.json", message)
        })
        .collect()
}

/// Names that end a type argument in tests: `Row` of `::<Row>` and of `::<methods::chat::Row>`.
fn type_arguments(sources: &[Source]) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for spots in sources.iter().map(|source| &source.test) {
        for [before, spot, after] in spots.array_windows() {
            let starts = before.is_punct('<') || before.is_punct(':');
            if let Some(name) = spot.ident().filter(|_| starts && after.is_punct('>')) {
                found.insert(name);
            }
        }
    }
    found
}

fn literals(sources: &[Source]) -> impl Iterator<Item = &str> {
    sources.iter().flat_map(|source| &source.test).filter_map(|spot| match &spot.token {
        Token::Literal(text) => Some(text.trim_matches('"')),
        _ => None,
    })
}

/// The words in double quotes of the tests that run in Node.
fn javascript_literals() -> anyhow::Result<BTreeSet<String>> {
    let listed = shell::read(
        std::process::Command::new("git")
            .args(["ls-files", "tests-js/*.mjs"])
            .current_dir(shell::root()),
    )?;
    let mut found = BTreeSet::new();
    for path in listed.lines().filter(|path| !path.contains("peer")) {
        let text = std::fs::read_to_string(shell::root().join(path))
            .with_context(|| format!("failed to read {path}"))?;
        found.extend(text.split('"').skip(1).step_by(2).map(str::to_owned));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::{super::source::parsed, *};

    #[test]
    fn only_tests_count() {
        let sources = [
            parsed("x", "src/a.rs", r#"const A: &str = "ships"; fn f() { call::<Ships>() }"#),
            parsed("x", "tests/it.rs", r#"#[test] fn t() { call("tried"); call::<m::Typed>() }"#),
        ];
        let named = literals(&sources).map(str::to_owned).collect();
        let methods = [("ships", "Ships"), ("tried", "Tried"), ("typed", "Typed")]
            .map(|(name, row)| Method { name: name.to_owned(), row: row.to_owned() });
        let found = missing(&methods, &named, &type_arguments(&sources));
        assert_eq!(found.len(), 1);
        assert!(found.iter().all(|problem| problem.message.contains("`ships`")));
    }
}
