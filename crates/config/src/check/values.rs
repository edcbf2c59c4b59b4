//! Single values against a schema without alternatives.

use serde_json::Value as Json;

use crate::problem::Problem;
use crate::syntax::{Node, Value};

/// Whether the value is of the schema's type; closed lists and limits are looked at later.
pub(super) fn fits(node: &Node, schema: &Json) -> bool {
    match schema.get("type").and_then(Json::as_str) {
        None => true,
        Some("string") => matches!(node.value, Value::String(_)),
        Some("boolean") => matches!(node.value, Value::Bool(_)),
        Some("number" | "integer") => matches!(node.value, Value::Number(_) | Value::NonFinite),
        Some("array") => matches!(node.value, Value::Array(_)),
        Some("object") => matches!(node.value, Value::Object(_)),
        Some(_) => false,
    }
}

/// The key and value that tell one kind of object from its alternatives.
pub(super) fn tag(schema: &Json) -> Option<(&str, &str)> {
    let properties = schema.get("properties")?.as_object()?;
    properties
        .iter()
        .find_map(|(name, property)| Some((name.as_str(), property.get("const")?.as_str()?)))
}

/// A value of another type than any of these.
pub(super) fn wrong_type(node: &Node, schemas: &[&Json], path: &str) -> Problem {
    let mut words: Vec<&str> = schemas.iter().map(|schema| word(schema)).collect();
    words.dedup();
    let message = format!("expected {}, found {}", words.join(" or "), node.kind());
    let problem = Problem::error(path, message);
    let allowed: Vec<String> = schemas.iter().flat_map(|schema| listed(schema)).collect();
    match &node.value {
        Value::Null => problem.allowing(allowed).hint("leave the key out for its default"),
        Value::String(text) if words == ["a whole number"] && text.parse::<u64>().is_ok() => {
            problem.hint("take the quotes away")
        }
        Value::String(text)
            if words == ["true or false"] && matches!(text.as_str(), "true" | "false") =>
        {
            problem.hint("take the quotes away")
        }
        _ => problem.allowing(allowed),
    }
}

fn word(schema: &Json) -> &'static str {
    match schema.get("type").and_then(Json::as_str) {
        Some("string") => "a string",
        Some("boolean") => "true or false",
        Some("number") => "a number",
        Some("integer") => "a whole number",
        Some("array") => "a list",
        _ => "an object",
    }
}

fn listed(schema: &Json) -> Vec<String> {
    let values = schema.get("enum").and_then(Json::as_array);
    values.into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
}

/// What is wrong with a value of the right type.
pub(super) fn fault(node: &Node, schema: &Json, path: &str) -> Option<Problem> {
    match &node.value {
        Value::String(text) => text_fault(text, schema, path),
        Value::NonFinite => Some(Problem::error(path, "must be a finite number")),
        Value::Number(number) => {
            let value = number.as_f64()?;
            let whole = schema.get("type").and_then(Json::as_str) == Some("integer");
            if whole && !(number.is_u64() || number.is_i64()) {
                return Some(Problem::error(path, "must be a whole number"));
            }
            let least = schema.get("minimum").and_then(Json::as_f64);
            let most = schema.get("maximum").and_then(Json::as_f64);
            let inside =
                least.is_none_or(|least| value >= least) && most.is_none_or(|most| value <= most);
            (!inside)
                .then(|| Problem::error(path, "is out of range").allowing(vec![range(least, most)]))
        }
        _ => None,
    }
}

fn text_fault(text: &str, schema: &Json, path: &str) -> Option<Problem> {
    let allowed = listed(schema);
    if !allowed.is_empty() && !allowed.iter().any(|value| value == text) {
        let near = crate::known::near(text, allowed.iter().map(String::as_str)).map(str::to_owned);
        let problem = Problem::error(path, "has an unknown value").allowing(allowed);
        return Some(match near {
            Some(meant) => problem.hint(format!("did you mean {meant}?")),
            None => problem,
        });
    }
    let length = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
    let limit = |name: &str| schema.get(name).and_then(Json::as_u64);
    if limit("minLength").is_some_and(|least| length < least) {
        return Some(Problem::error(path, "must not be empty"));
    }
    let most = limit("maxLength").filter(|most| length > *most)?;
    Some(Problem::error(path, format!("must have at most {most} characters")))
}

fn range(least: Option<f64>, most: Option<f64>) -> String {
    match (least, most) {
        (Some(least), Some(most)) => format!("{least} to {most}"),
        (Some(least), None) => format!("{least} or more"),
        (None, Some(most)) => format!("{most} or less"),
        (None, None) => "any number".to_owned(),
    }
}
