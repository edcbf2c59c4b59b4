//! Edits of configuration text that leave every other byte as it was.
//!
//! An edit finds the place in the parsed tree and cuts the text there; nothing is printed anew. Only
//! the value itself, the comma beside it, and the white space of a line that is left empty change.
//! Comments outside a removed value stay. The functions are pure, and never panic on any text.

mod insert;
mod remove;

use serde_json::Value as Json;

use crate::error::ConfigError;
use crate::keypath::{KeyPath, Segment};
use crate::secret::REDACTED;
use crate::syntax::{self, Document, Lines, Node, Value};

/// The value at a key path, as the text says it; `None` when the key is not there.
///
/// # Errors
/// The text or the path cannot be parsed.
pub fn get(text: &str, path: &str) -> Result<Option<Json>, ConfigError> {
    let path = KeyPath::parse(path)?;
    let Some(document) = parse(text)? else { return Ok(None) };
    let mut node = &document.root;
    for segment in &path.0 {
        match step(node, segment) {
            Some(next) => node = next,
            None => return Ok(None),
        }
    }
    Ok(Some(node.to_json()))
}

/// The text with a value (JSON5) at a key path; what is missing on the way is made.
///
/// An index may name an item of a list, or the place right after the last one.
///
/// # Errors
/// The text, the path or the value cannot be parsed, or the path leads through something that
/// holds no keys.
pub fn set(text: &str, path: &str, value: &str) -> Result<String, ConfigError> {
    put(text, path, value_text(value)?)
}

/// The same for a value that may hold placeholders; whoever calls it puts the secrets back.
pub(crate) fn set_shown(text: &str, path: &str, value: &str) -> Result<String, ConfigError> {
    put(text, path, value)
}

fn put(text: &str, path: &str, value: &str) -> Result<String, ConfigError> {
    let keys = KeyPath::parse(path)?;
    if keys.0.is_empty() {
        return Err(ConfigError::BadKeyPath { path: path.to_owned(), reason: "it is empty" });
    }
    let edited = match parse(text)? {
        Some(document) => insert::set(text, &document, &keys, value)?,
        None => {
            let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            let text = format!("{text}{newline}{{}}\n");
            match parse(&text)? {
                Some(document) => insert::set(&text, &document, &keys, value)?,
                None => text,
            }
        }
    };
    // A value may be fine by itself and too deep where it stands now.
    parse(&edited)?;
    Ok(edited)
}

/// The text without a key or item; `None` when it is not there.
///
/// # Errors
/// The text or the path cannot be parsed.
pub fn unset(text: &str, path: &str) -> Result<Option<String>, ConfigError> {
    let keys = KeyPath::parse(path)?;
    if keys.0.is_empty() {
        return Err(ConfigError::BadKeyPath { path: path.to_owned(), reason: "it is empty" });
    }
    let mut edited: Option<String> = None;
    loop {
        let current = edited.as_deref().unwrap_or(text);
        let Some(document) = parse(current)? else { return Ok(edited) };
        match remove::unset(current, &document, &keys) {
            Some(next) => edited = Some(next),
            None => return Ok(edited),
        }
        // A key may stand several times, and then every one of them goes; an item only once.
        if matches!(keys.0.last(), Some(Segment::Index(_))) || ends_at_item(&document, &keys) {
            return Ok(edited);
        }
    }
}

/// Whether the path's last part, written as a key, names an item of a list.
fn ends_at_item(document: &Document, keys: &KeyPath) -> bool {
    let Some((_, above)) = keys.0.split_last() else { return false };
    let parent = above.iter().try_fold(&document.root, |node, segment| step(node, segment));
    parent.is_some_and(|node| matches!(node.value, Value::Array(_)))
}

/// One step down the tree. In a list a number is an index, however it was written.
fn step<'n>(node: &'n Node, segment: &Segment) -> Option<&'n Node> {
    match (&node.value, segment) {
        (Value::Object(_), Segment::Key(key)) => node.get(key).map(|member| &member.node),
        (Value::Array(items), segment) => items.get(index(segment)?),
        _ => None,
    }
}

fn index(segment: &Segment) -> Option<usize> {
    match segment {
        Segment::Index(index) => Some(*index),
        Segment::Key(key) => key.parse().ok(),
    }
}

/// The tree of a text, or none if it holds nothing but white space and comments.
fn parse(text: &str) -> Result<Option<Document>, ConfigError> {
    let start = syntax::skip_trivia(text, 0);
    if start == text.len() {
        return Ok(None);
    }
    syntax::parse(text, 0).map(Some).map_err(|error| {
        let (line, column) = Lines::of(text).position(text, error.offset);
        ConfigError::BadText { reason: error.message, line, column }
    })
}

/// A value that was given, as a tree.
pub(crate) fn parse_value(value: &str) -> Result<Node, ConfigError> {
    let document = syntax::parse(value, 0).map_err(|error| {
        let (line, column) = Lines::of(value).position(value, error.offset);
        ConfigError::BadValue { reason: error.message, line, column }
    })?;
    Ok(document.root)
}

/// The value alone, without what stands around it.
fn value_text(value: &str) -> Result<&str, ConfigError> {
    let root = parse_value(value)?;
    if holds_placeholder(&root) {
        return Err(ConfigError::RedactedValue);
    }
    Ok(value.get(root.span.range()).unwrap_or(value))
}

fn holds_placeholder(node: &Node) -> bool {
    node.as_str().is_some_and(|text| text.contains(REDACTED))
        || node.items().iter().any(holds_placeholder)
        || node.members().iter().any(|member| holds_placeholder(&member.node))
}

/// Replaces stretches of a text; they must not overlap.
pub(crate) fn splice(text: &str, mut cuts: Vec<(std::ops::Range<usize>, String)>) -> String {
    cuts.sort_by_key(|(range, _)| (range.start, range.end));
    let mut out = String::with_capacity(text.len() + 64);
    let mut at = 0;
    for (range, instead) in cuts {
        out.push_str(text.get(at..range.start).unwrap_or(""));
        out.push_str(&instead);
        at = range.end;
    }
    out.push_str(text.get(at..).unwrap_or(""));
    out
}

#[cfg(test)]
mod tests;
