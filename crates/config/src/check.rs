//! Every check of a configuration: the shape against the schema, then the rules between keys.
//!
//! Unknown keys are errors when they look like a slip of the finger for a known one, and warnings
//! otherwise; keys of the original that have no effect here are warnings. Nothing is checked twice,
//! and nothing stops the checks.

mod keys;
mod rules;
mod shape_check;
mod values;

use serde_json::Value as Json;

use crate::keypath::{KeyPath, Segment};
use crate::problem::Problem;
use crate::schema::Config;
use crate::source::Source;
use crate::syntax::{Node, Value};

/// Checks what was read, and gives the typed configuration if it can be used.
///
/// The problems of reading are already in `problems`; a configuration is given only when neither
/// they nor the checks hold an error.
pub(crate) fn check(source: &Source, problems: &mut Vec<Problem>) -> Option<Config> {
    let Some(root) = &source.resolved else {
        let sound = problems.iter().all(|problem| !is_error(problem));
        return (sound && !source.exists).then(Config::default);
    };
    shape_check::check(source, root, problems);
    if problems.iter().any(is_error) {
        // The rules still look at what can be understood, so that all faults come in one report.
        if let Ok(config) = decode(root) {
            rules::check(&config, source, root, problems);
        }
        return None;
    }
    match decode(root) {
        Ok(config) => {
            rules::check(&config, source, root, problems);
            (!problems.iter().any(is_error)).then_some(config)
        }
        Err(problem) => {
            problems.push(locate(source, root, *problem));
            None
        }
    }
}

fn is_error(problem: &Problem) -> bool {
    problem.severity == crate::problem::Severity::Error
}

fn decode(root: &Node) -> Result<Config, Box<Problem>> {
    let json: Json = root.to_json();
    serde_path_to_error::deserialize(&json).map_err(|error| {
        let path = error.path().to_string();
        // The inner text could quote the value, which could be a secret.
        Box::new(Problem::error(path, "has a value that cannot be used here"))
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
