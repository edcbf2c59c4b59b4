//! Our shapes against the recorded shapes of the peer's answers: key paths and types.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use crate::{
    contract::{CONTRACT, repository},
    samples::Schema,
    tables::{NESTED, OMITTED, OURS, REPEATING},
};

/// A recorded answer.
#[derive(Deserialize)]
struct Recording {
    #[serde(default)]
    result: Option<Recorded>,
}

/// Key paths of an answer, each with its types joined by `|`.
#[derive(Deserialize)]
pub(crate) struct Recorded {
    paths: BTreeMap<String, String>,
}

/// The recorded answer of a method, or the recorded payload of `event.NAME`.
pub(crate) fn recorded(name: &str) -> Option<Recorded> {
    let path = repository().join(format!("fixtures/peer/{name}.json"));
    let text = std::fs::read_to_string(path).ok()?;
    serde_json::from_str::<Recording>(&text).expect("a recording").result
}

/// What stands at a path of ours.
#[derive(Default)]
struct Place {
    types: BTreeSet<&'static str>,
    /// Anything may stand here.
    open: bool,
    /// The contract defines what stands here, as part of a named type.
    defined: bool,
}

type Shape = BTreeMap<String, Place>;

fn walk(path: &str, schema: Schema<'_>, defined: bool, shape: &mut Shape) {
    for choice in schema.choices() {
        walk(path, choice, defined, shape);
    }
    if !schema.choices().is_empty() {
        return;
    }
    let place = shape.entry(path.to_owned()).or_default();
    place.open |= schema.is_open();
    place.defined |= defined;
    place.types.extend(types(schema));
    let definition = definition(schema);
    for (name, property) in schema.properties() {
        let named = definition.is_some_and(|all| all["properties"].get(name).is_some());
        walk(&format!("{path}.{name}"), property, defined || named, shape);
    }
    if let Some(values) = schema.values() {
        walk(&format!("{path}.*"), values, defined, shape);
    }
    if let Some(items) = schema.items() {
        walk(&format!("{path}[]"), items, defined, shape);
    }
}

/// What the contract says about a type of ours.
fn definition(schema: Schema<'_>) -> Option<&'static Value> {
    let (_, name) = NESTED.iter().find(|(ours, _)| schema.name() == Some(ours))?;
    CONTRACT.definition(name)
}

fn types(schema: Schema<'_>) -> Vec<&'static str> {
    let named = schema.types().into_iter().map(|name| match name {
        "integer" | "number" => "number",
        "string" => "string",
        "boolean" => "boolean",
        "array" => "array",
        "null" => "null",
        _ => "object",
    });
    let constant = schema.node().get("const").map(|value| match value {
        Value::String(_) => "string",
        Value::Bool(_) => "boolean",
        _ => "number",
    });
    named.chain(constant).collect()
}

/// Lines of the tables that match nothing any more.
pub(crate) fn idle_lines(names: &[String]) -> Vec<&'static str> {
    let mut keys: Vec<&'static str> =
        OURS.iter().chain(OMITTED).flat_map(|(keys, _)| *keys).copied().collect();
    keys.retain(|key| {
        let method = key.split_once(" $").map(|(method, _)| method);
        method.is_some_and(|method| !names.iter().any(|name| name == method))
    });
    keys
}

/// The paths above a path, the nearest first.
fn above(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(parent(path), |path| parent(path))
}

fn parent(path: &str) -> Option<&str> {
    if let Some(list) = path.strip_suffix("[]") {
        return Some(list);
    }
    path.rsplit_once('.').map(|(parent, _)| parent)
}

/// Whether a table has the path, one above it, or a property that it leads through.
fn listed(table: &[(&[&str], &str)], name: &str, path: &str) -> bool {
    let whole = format!("{name} {path}");
    let leads_through =
        |key: &str| path.split('.').any(|segment| segment.trim_end_matches("[]") == key);
    let is_below = |key: &str| {
        whole.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    table.iter().flat_map(|(keys, _)| *keys).any(|key| leads_through(key) || is_below(key))
}

/// Whether the peer repeats beside `session` what stands in it.
fn repeats_row(name: &str, path: &str, theirs: &BTreeMap<String, String>) -> bool {
    let field = path.trim_start_matches("$.").split(['.', '[']).next().unwrap_or_default();
    let row = CONTRACT.definition("SessionRow").expect("SessionRow");
    let in_row = theirs.contains_key(&format!("$.session.{field}"))
        || row["properties"].get(field).is_some();
    REPEATING.contains(&name) && in_row
}

/// Where our shape and the recorded one differ without a line in the tables.
pub(crate) fn faults(name: &str, own: &Value, recorded: &Recorded) -> Vec<String> {
    let mut ours = Shape::new();
    walk("$", Schema::new(own), false, &mut ours);
    let theirs = &recorded.paths;
    let mut faults = vec![];
    for (path, place) in &ours {
        match theirs.get(path) {
            Some(types) => {
                let same = types.split('|').any(|name| place.types.contains(name));
                if !same && !place.open && !types.split('|').all(|name| name == "null") {
                    faults.push(format!("{name} {path}: {types} there, {:?} here", place.types));
                }
            }
            None if place.defined || unproven(theirs, path) || listed(OURS, name, path) => {}
            None => faults.push(format!("{name} {path}: only here")),
        }
    }
    for path in theirs.keys().filter(|path| !ours.contains_key(*path)) {
        let open = above(path).any(|above| ours.get(above).is_some_and(|place| place.open));
        if !open && !listed(OMITTED, name, path) && !repeats_row(name, path, theirs) {
            faults.push(format!("{name} {path}: only there"));
        }
    }
    faults
}

/// Whether the recording says nothing about a path, because what is above it was empty.
fn unproven(theirs: &BTreeMap<String, String>, path: &str) -> bool {
    let Some(nearest) = above(path).find(|above| theirs.contains_key(*above)) else { return false };
    !theirs.keys().any(|other| parent(other) == Some(nearest))
}
