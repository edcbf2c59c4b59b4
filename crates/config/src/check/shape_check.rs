//! The shape: types, limits, closed lists, and keys that do not belong.

use serde_json::Value as Json;

use super::keys;
use super::values::{self, fits};
use crate::keypath;
use crate::known::Known;
use crate::problem::Problem;
use crate::secret::{SENSITIVE, SecretInput};
use crate::shape;
use crate::source::Source;
use crate::syntax::{Member, Node, Value};

/// Checks a tree against the schema of the whole configuration.
pub(super) fn check(source: &Source, root: &Node, problems: &mut Vec<Problem>) {
    let mut checker = Checker { source, root, path: String::new(), problems };
    checker.node(root, shape::schema(), Below::Top);
}

/// The original's names below the current key, looked up only when they are needed.
#[derive(Clone, Copy)]
enum Below<'p> {
    Top,
    Key(&'p Below<'p>, &'p str),
}

impl Below<'_> {
    fn known(self) -> Option<&'static Known> {
        match self {
            Self::Top => Some(Known::list()),
            Self::Key(above, key) => above.known()?.below(key),
        }
    }
}

struct Checker<'a> {
    source: &'a Source,
    root: &'a Node,
    path: String,
    problems: &'a mut Vec<Problem>,
}

impl Checker<'_> {
    fn node(&mut self, node: &Node, schema: &Json, below: Below<'_>) {
        if schema.get(SENSITIVE).is_some() {
            self.secret(node);
        }
        let Some(schema) = self.choose(node, schema) else { return };
        match &node.value {
            Value::Object(members) => self.object(node, members, schema, below),
            Value::Array(items) => {
                let Some(inner) = schema.get("items") else { return };
                let before = self.path.len();
                for (index, item) in items.iter().enumerate() {
                    keypath::push_index(&mut self.path, index);
                    self.node(item, inner, Below::Key(&below, "[]"));
                    self.path.truncate(before);
                }
            }
            _ => {
                if let Some(problem) = values::fault(node, schema, &self.path) {
                    self.note(problem, node);
                }
            }
        }
    }

    /// The alternative of a schema that the value is meant for; notes a value that fits none.
    fn choose<'s>(&mut self, node: &Node, schema: &'s Json) -> Option<&'s Json> {
        if shape::branches(schema).next().is_none() {
            if fits(node, schema) {
                return Some(schema);
            }
            let problem = values::wrong_type(node, &[schema], &self.path);
            self.note(problem, node);
            return None;
        }
        let fitting: Vec<&Json> =
            shape::branches(schema).filter(|branch| fits(node, branch)).collect();
        match fitting.as_slice() {
            [] => {
                let all: Vec<&Json> = shape::branches(schema).collect();
                let problem = values::wrong_type(node, &all, &self.path);
                self.note(problem, node);
                None
            }
            [only] => Some(only),
            several => self.tagged(node, several),
        }
    }

    /// Several kinds of objects, told apart by one key whose value is fixed in each.
    fn tagged<'s>(&mut self, node: &Node, branches: &[&'s Json]) -> Option<&'s Json> {
        let tag = branches.iter().find_map(|branch| values::tag(branch));
        let Some((name, _)) = tag else { return branches.first().copied() };
        let names: Vec<String> = branches
            .iter()
            .filter_map(|branch| values::tag(branch))
            .map(|(_, value)| value.to_owned())
            .collect();
        let given = node.get(name);
        let chosen = given.and_then(|member| member.node.as_str()).and_then(|given| {
            branches.iter().find(|branch| values::tag(branch).is_some_and(|(_, v)| v == given))
        });
        if chosen.is_none() {
            let before = self.path.len();
            keypath::push(&mut self.path, name);
            let message = if given.is_some() { "has an unknown value" } else { "is missing" };
            let problem = Problem::error(self.path.clone(), message).allowing(names);
            self.path.truncate(before);
            self.note(problem, given.map_or(node, |member| &member.node));
        }
        chosen.copied()
    }

    fn object(&mut self, node: &Node, members: &[Member], schema: &Json, below: Below<'_>) {
        let properties = schema.get("properties").and_then(Json::as_object);
        let additional = schema.get("additionalProperties");
        let before = self.path.len();
        for member in members {
            let typed = properties.and_then(|properties| properties.get(&member.key));
            keypath::push(&mut self.path, &member.key);
            match (typed, additional) {
                (Some(schema), _) | (None, Some(schema @ Json::Object(_))) => {
                    self.unserved(member, schema);
                    self.node(&member.node, schema, Below::Key(&below, &member.key));
                }
                (None, Some(Json::Bool(true))) => {}
                (None, _) => {
                    let names = properties.into_iter().flat_map(|properties| properties.keys());
                    let problem = keys::judge(
                        &self.path,
                        &member.key,
                        below.known(),
                        names.map(String::as_str),
                    );
                    let problem = problem.map(|p| self.source.locate(p, member.key_span));
                    self.problems.extend(problem);
                }
            }
            self.path.truncate(before);
        }
        let required = schema.get("required").and_then(Json::as_array);
        for name in required.into_iter().flatten().filter_map(Json::as_str) {
            if node.get(name).is_none() {
                keypath::push(&mut self.path, name);
                let problem = Problem::error(self.path.clone(), "is missing");
                self.path.truncate(before);
                self.note(problem, node);
            }
        }
    }

    /// A key that nothing uses yet is told, unless what is written there is how it works anyway.
    fn unserved(&mut self, member: &Member, schema: &Json) {
        let usual = || schema.get("default") == Some(&member.node.to_json());
        if schema.get(shape::UNSERVED).is_some() && !usual() {
            let problem = keys::unserved(&self.path);
            self.problems.push(self.source.locate(problem, member.key_span));
        }
    }

    /// A reference that can never be resolved is told at once.
    fn secret(&mut self, node: &Node) {
        let Ok(secret) = serde_json::from_value::<SecretInput>(node.to_json()) else { return };
        let Some(reference) = secret.as_reference() else { return };
        let fault = reference.fault().map(str::to_owned).or_else(|| {
            let needs_provider = matches!(reference.source.as_str(), "file" | "exec");
            let default = || {
                let defaults = self.root.get("secrets")?.node.get("defaults")?;
                defaults.node.get(reference.source.as_str())?.node.as_str()
            };
            let name = reference.provider.as_deref().or_else(default).unwrap_or("default");
            let providers = self.root.get("secrets").and_then(|s| s.node.get("providers"));
            let known = providers.is_some_and(|providers| providers.node.get(name).is_some());
            (needs_provider && !known)
                .then(|| format!("secrets.providers.{name} is not configured"))
        });
        if let Some(fault) = fault {
            let problem = Problem::error(self.path.clone(), format!("secret reference: {fault}"));
            self.note(problem, node);
        }
    }

    fn note(&mut self, problem: Problem, node: &Node) {
        self.problems.push(self.source.locate(problem, node.span));
    }
}
