//! Every check of a configuration: the shape against the schema, then the rules between keys.
//!
//! Unknown keys are errors when they look like a slip of the finger for a known one, and warnings
//! otherwise; keys of the original that have no effect here are warnings. Nothing is checked twice,
//! and nothing stops the checks.

mod keys;
mod rules;
mod shape_check;
mod values;

use std::collections::HashSet;

use serde_json::Value as Json;

use crate::keypath::{KeyPath, Segment};
use crate::problem::{Problem, Severity};
use crate::schema::Config;
use crate::source::Source;
use crate::syntax::{Node, Value};

/// Checks what was read, and gives the typed configuration if it can be used.
///
/// The problems of reading are already in `problems`; a configuration is given only when neither
/// they nor the checks hold an error.
pub(crate) fn check(source: &Source, problems: &mut Vec<Problem>) -> Option<Config> {
    let Some(root) = &source.resolved else {
        let usable = !source.exists && !problems.iter().any(is_error);
        return usable.then(Config::default);
    };
    let mut shape = Vec::new();
    shape_check::check(source, root, &mut shape);
    add(problems, shape);

    // What is faulty is taken out before the rules look, so that all faults come in one report.
    let faulty: Vec<KeyPath> = problems
        .iter()
        .filter(|problem| is_error(problem))
        .filter_map(|problem| KeyPath::parse(&problem.path).ok())
        .collect();
    let mut json = root.to_json();
    faulty.iter().for_each(|path| remove(&mut json, path));
    match serde_path_to_error::deserialize::<_, Config>(&json) {
        Ok(config) => {
            let mut rules = rules::check(&config);
            rules.retain(|problem| !depends_on_faulty(problem, &faulty));
            add(problems, rules.into_iter().map(|p| locate(source, root, p)).collect());
            (!problems.iter().any(is_error)).then_some(config)
        }
        Err(error) if faulty.is_empty() => {
            // The inner text could quote the value, which could be a secret.
            let problem =
                Problem::error(error.path().to_string(), "has a value that cannot be used here");
            problems.push(locate(source, root, problem));
            None
        }
        Err(_) => None,
    }
}

fn is_error(problem: &Problem) -> bool {
    problem.severity == Severity::Error
}

/// One fault of a key is enough: what comes after it is most likely a consequence.
fn add(problems: &mut Vec<Problem>, mut more: Vec<Problem>) {
    let told: HashSet<&str> = problems
        .iter()
        .filter(|known| is_error(known) && !known.path.is_empty())
        .map(|known| known.path.as_str())
        .collect();
    more.retain(|problem| !told.contains(problem.path.as_str()));
    problems.append(&mut more);
    // Whoever has to repair a key need not hear as well that it has no effect.
    let faulty: HashSet<String> =
        problems.iter().filter(|p| is_error(p)).map(|p| p.path.clone()).collect();
    problems.retain(|problem| {
        is_error(problem) || problem.path.is_empty() || !faulty.contains(&problem.path)
    });
}

/// Takes a faulty value out; a faulty item takes its whole list with it.
fn remove(json: &mut Json, path: &KeyPath) {
    let Some(last) = path.0.iter().rposition(|segment| matches!(segment, Segment::Key(_))) else {
        return;
    };
    let mut at = json;
    for segment in path.0.iter().take(last) {
        let next = match segment {
            Segment::Key(key) => at.get_mut(key),
            Segment::Index(index) => at.get_mut(*index),
        };
        let Some(next) = next else { return };
        at = next;
    }
    if let (Json::Object(map), Some(Segment::Key(key))) = (at, path.0.get(last)) {
        map.remove(key);
    }
}

/// Whether a rule may have been broken only because a faulty key beside or below was taken out.
fn depends_on_faulty(problem: &Problem, faulty: &[KeyPath]) -> bool {
    let Ok(path) = KeyPath::parse(&problem.path) else { return false };
    let parent = path.0.split_last().map_or(&[][..], |(_, parent)| parent);
    faulty.iter().any(|faulty| {
        let beside = faulty.0.split_last().is_some_and(|(_, above)| above == parent);
        beside || faulty.0.starts_with(&path.0)
    })
}

/// Puts the place of the problem's key path into it.
pub(crate) fn locate(source: &Source, root: &Node, problem: Problem) -> Problem {
    let span = KeyPath::parse(&problem.path).ok().and_then(|path| find(root, &path));
    match span {
        Some(node) => source.locate(problem, node.span),
        None => problem,
    }
}

/// The node at a path, or the nearest one above it that exists.
fn find<'n>(root: &'n Node, path: &KeyPath) -> Option<&'n Node> {
    let mut node = root;
    for segment in &path.0 {
        let next = match (segment, &node.value) {
            (Segment::Key(key), Value::Object(_)) => node.get(key).map(|member| &member.node),
            (Segment::Index(index), Value::Array(items)) => items.get(*index),
            _ => None,
        };
        match next {
            Some(next) => node = next,
            None => break,
        }
    }
    Some(node)
}

#[cfg(test)]
mod tests;
