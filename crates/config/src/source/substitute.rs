//! `${NAME}` in string values.
//!
//! A name is a capital or underscore, then capitals, digits and underscores; a variable that is
//! missing or empty is an error. `$${NAME}` yields `${NAME}`; any other `$` is left alone.

use super::Source;
use crate::env::Environment;
use crate::keypath;
use crate::problem::Problem;
use crate::secret::is_variable_name;
use crate::syntax::{Member, Node, Value};

/// Longest text that a value may become, in bytes.
const MAX_BYTES: usize = 1024 * 1024;

/// Substitutes in every string of a tree.
pub(super) fn apply(node: &Node, source: &Source, problems: &mut Vec<Problem>) -> Node {
    let mut path = String::new();
    walk(node, source, &mut path, problems)
}

fn walk(node: &Node, source: &Source, path: &mut String, problems: &mut Vec<Problem>) -> Node {
    let before = path.len();
    let value = match &node.value {
        Value::String(written) => {
            let (substituted, missing) = text(written, &source.env);
            for name in missing {
                let message = format!("environment variable {name} is missing or empty");
                let hint = format!("set {name}, or write $${{{name}}} for the text itself");
                let problem = Problem::error(path.clone(), message).hint(hint);
                problems.push(source.locate(problem, node.span));
            }
            if substituted.len() > MAX_BYTES {
                let problem = Problem::error(path.clone(), "is larger than 1 MiB");
                problems.push(source.locate(problem, node.span));
            }
            Value::String(substituted)
        }
        Value::Array(items) => Value::Array(
            items
                .iter()
                .enumerate()
                .map(|(index, item)| {
                    keypath::push_index(path, index);
                    let item = walk(item, source, path, problems);
                    path.truncate(before);
                    item
                })
                .collect(),
        ),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|member| {
                    keypath::push(path, &member.key);
                    let node = walk(&member.node, source, path, problems);
                    path.truncate(before);
                    Member { key: member.key.clone(), key_span: member.key_span, node }
                })
                .collect(),
        ),
        other => other.clone(),
    };
    Node { span: node.span, value }
}

/// The text with its variables, and the names that are missing.
pub(super) fn text<'t>(written: &'t str, env: &Environment) -> (String, Vec<&'t str>) {
    let mut out = String::with_capacity(written.len());
    let mut missing = Vec::new();
    let mut rest = written;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(before);
        if let Some((name, after)) = from.strip_prefix("$$").and_then(braced) {
            out.push_str(&format!("${{{name}}}"));
            rest = after;
        } else if let Some((name, after)) = from.strip_prefix('$').and_then(braced) {
            match env.get(name) {
                Some(value) => out.push_str(value),
                None => missing.push(name),
            }
            rest = after;
        } else {
            out.push('$');
            rest = from.strip_prefix('$').unwrap_or("");
        }
    }
    out.push_str(rest);
    (out, missing)
}

/// The name in `{NAME}` at the start of a text, and what follows.
fn braced(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix('{')?.split_once('}')?;
    is_variable_name(name).then_some((name, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_variables_are_replaced() {
        let env = Environment::from_pairs([("A", "x"), ("B_1", "${A}"), ("E", "")]);
        for (written, expected, missing) in [
            ("plain", "plain", &[][..]),
            ("${A}", "x", &[]),
            ("-${A}${A}-", "-xx-", &[]),
            ("${B_1}", "${A}", &[]),
            ("$${A}", "${A}", &[]),
            ("$$${A}", "$${A}", &[]),
            ("$A ${a} ${} ${A", "$A ${a} ${} ${A", &[]),
            ("$", "$", &[]),
            ("${E}${NONE}", "", &["E", "NONE"]),
            ("é$é${A}é", "é$éxé", &[]),
        ] {
            assert_eq!(text(written, &env), (expected.to_owned(), missing.to_vec()), "{written}");
        }
    }
}
