use std::fs::{create_dir_all, write};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::*;
use crate::paths::PathOptions;

struct Bench {
    home: TempDir,
    env: Environment,
}

impl Bench {
    fn new(files: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().to_str().unwrap();
        let env = Environment::from_pairs([("HOME", root), ("A", "x"), ("B", "y")]);
        for (name, text) in files {
            let path = home.path().join(".openclaw").join(name);
            create_dir_all(path.parent().unwrap()).unwrap();
            write(path, text).unwrap();
        }
        Self { home, env }
    }

    fn read(&self) -> (Source, Vec<Problem>) {
        let paths = Paths::resolve(&self.env, &PathOptions::default()).unwrap();
        let mut problems = Vec::new();
        let source = Source::read(&paths, &self.env, &mut problems);
        (source, problems)
    }
}

fn check(files: &[(&str, &str)], expected: &Json) {
    let bench = Bench::new(files);
    let (source, problems) = bench.read();
    assert_eq!(problems, [], "{files:?}");
    assert_eq!(&source.resolved.unwrap().to_json(), expected, "{files:?}");
}

/// Each expectation is `line:column message`, the file's folder left out.
fn refuse(files: &[(&str, &str)], expected: &[&str]) {
    let bench = Bench::new(files);
    let (_, problems) = bench.read();
    let folder = format!("{}/.openclaw/", bench.home.path().display());
    let shown: Vec<String> = problems.iter().map(|p| p.to_string().replace(&folder, "")).collect();
    assert_eq!(shown.len(), expected.len(), "{shown:#?}");
    for (shown, expected) in shown.iter().zip(expected) {
        assert!(shown.starts_with(expected), "{shown:?} does not start with {expected:?}");
    }
}

#[test]
fn no_file_is_an_empty_configuration() {
    let (source, problems) = Bench::new(&[]).read();
    assert!(!source.exists && problems.is_empty() && source.resolved.is_none());
    assert_eq!(source.hash(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

#[test]
fn includes_merge_left_to_right_and_siblings_win() {
    check(
        &[
            (
                "openclaw.json",
                "{a: {$include: ['one.json', 'sub/two.json'], own: 1, list: [3]}, b: {$include: 'value.json'}}",
            ),
            ("one.json", "{x: {p: 1, q: 1}, list: [1], own: 0}"),
            (
                "sub/two.json",
                "{x: {q: 2}, list: [2], deep: {$include: '../value.json'}, deeper: {$include: 'three.json'}}",
            ),
            ("sub/three.json", "{three: '${A}'}"),
            ("value.json", "['v']"),
        ],
        &json!({
            "a": {"x": {"p": 1, "q": 2}, "list": [1, 2, 3], "own": 1, "deep": ["v"], "deeper": {"three": "x"}},
            "b": ["v"],
        }),
    );
}

#[test]
fn faulty_includes_are_all_told() {
    refuse(
        &[
            (
                "openclaw.json",
                "{\n a: {$include: 'none.json'},\n b: {$include: 7},\n c: {$include: 'list.json', k: 1},\n d: {$include: '../../outside.json'},\n e: {$include: 'loop.json'},\n f: {$include: 'bad.json'},\n}",
            ),
            ("list.json", "[1]"),
            ("loop.json", "{again: {$include: 'loop.json'}}"),
            ("bad.json", "{x:\n}"),
        ],
        &[
            "openclaw.json:2:16: a: none.json cannot be included",
            "openclaw.json:3:16: b: $include takes",
            "openclaw.json:4:5: c: what is included here is a list",
            "openclaw.json:5:16: d: ../../outside.json",
            "loop.json:1:20: e.again: loop.json includes itself",
            "bad.json:2:1: expected a value",
        ],
    );
}

#[test]
fn a_link_cannot_lead_outside() {
    let bench = Bench::new(&[("openclaw.json", "{$include: 'link.json'}")]);
    write(bench.home.path().join("secret.json"), "{}").unwrap();
    let link = bench.home.path().join(".openclaw/link.json");
    std::os::unix::fs::symlink("../secret.json", link).unwrap();
    let (_, problems) = bench.read();
    assert!(problems[0].message.contains("outside the folder"), "{problems:?}");
}

#[test]
fn a_long_chain_ends() {
    let names: Vec<String> = (0..15).map(|n| format!("f{n}.json")).collect();
    let texts: Vec<String> = (0..15).map(|n| format!("{{$include: 'f{}.json'}}", n + 1)).collect();
    let mut files: Vec<(&str, &str)> =
        names.iter().zip(&texts).map(|(name, text)| (name.as_str(), text.as_str())).collect();
    files.push(("openclaw.json", "{$include: 'f0.json'}"));
    let (_, problems) = Bench::new(&files).read();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].message.contains("more than 10"), "{problems:?}");
}

#[test]
fn the_env_block_is_last_and_variables_are_substituted() {
    let bench = Bench::new(&[(
        "openclaw.json",
        "{env: {C: 'direct ${A}', A: 'hidden', vars: {D: 'var'}, shellEnv: {enabled: true}}, a: '${A}${C}${D}', l: ['$${A}']}",
    )]);
    let (source, problems) = bench.read();
    assert_eq!(problems, []);
    let json = source.resolved.unwrap().to_json();
    assert_eq!(json["a"], "xdirect xvar");
    assert_eq!(json["l"][0], "${A}");
    assert_eq!(source.env.get("C"), Some("direct x"));
    assert_eq!(source.env.get("shellEnv"), None);
    assert_eq!(source.merged.unwrap().to_json()["a"], "${A}${C}${D}");
}

#[test]
fn faults_of_the_text_are_told_with_their_place() {
    refuse(
        &[("openclaw.json", "{\n  a: 1\n  b: 2\n}")],
        &["openclaw.json:3:3: expected ',' or '}'"],
    );
    refuse(&[("openclaw.json", "")], &["openclaw.json:1:1: the text holds no value"]);
    refuse(
        &[("openclaw.json", "{a: '${NONE}', b: [{c: '${NONE2}'}]}")],
        &[
            "openclaw.json:1:5: a: environment variable NONE is missing",
            "openclaw.json:1:24: b[0].c: environment variable NONE2",
        ],
    );
    refuse(
        &[("openclaw.json", "{a: {b: 1, b: 2}}")],
        &["openclaw.json:1:12: warning: a.b: stands twice"],
    );
}

#[test]
fn files_that_are_no_text_are_refused() {
    let bench = Bench::new(&[("openclaw.json", "")]);
    let file = bench.home.path().join(".openclaw/openclaw.json");
    write(&file, [0xff, 0xfe, b'{']).unwrap();
    assert!(bench.read().1[0].message.contains("not UTF-8"));
    File::create(&file).unwrap().set_len(MAX_BYTES + 1).unwrap();
    assert!(bench.read().1[0].message.contains("4 MiB"));
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let (source, problems) = bench.read();
    assert!(source.exists && problems[0].message.contains("not a regular file"), "{problems:?}");
}

#[test]
fn the_revision_covers_includes() {
    let bench = Bench::new(&[("openclaw.json", "{$include: 'a.json'}"), ("a.json", "{}")]);
    let first = bench.read().0;
    write(bench.home.path().join(".openclaw/a.json"), "{ }").unwrap();
    let second = bench.read().0;
    assert_eq!(first.hash(), second.hash());
    assert_ne!(first.revision(), second.revision());
}
