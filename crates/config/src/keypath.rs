//! Dotted key paths: `gateway.auth.token`, `agents.list[0].id`, `models.providers["my.host"]`.

use std::fmt;

use crate::error::ConfigError;

/// Longest path and most segments that are accepted from outside.
const MAX_LENGTH: usize = 1024;
const MAX_SEGMENTS: usize = 64;

/// One step of a key path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    Key(String),
    Index(usize),
}

/// A parsed key path; the empty one is the whole document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyPath(pub(crate) Vec<Segment>);

impl KeyPath {
    /// Reads a path as people type it. `a.0` and `a[0]` are the same for a list; quotes, in or
    /// without brackets, protect dots.
    pub(crate) fn parse(path: &str) -> Result<Self, ConfigError> {
        let bad = |reason| ConfigError::BadKeyPath { path: path.to_owned(), reason };
        if path.len() > MAX_LENGTH {
            return Err(bad("it is too long"));
        }
        let mut segments = Vec::new();
        let mut rest = path.trim();
        while !rest.is_empty() {
            let (segment, left) = next_segment(rest).map_err(bad)?;
            segments.push(segment);
            rest = match left.strip_prefix('.') {
                Some("") => return Err(bad("a key is missing after the last dot")),
                Some(after) => after,
                None if left.is_empty() || left.starts_with('[') => left,
                None => return Err(bad("a dot or a bracket is missing")),
            };
            if segments.len() > MAX_SEGMENTS {
                return Err(bad("it has too many parts"));
            }
        }
        Ok(Self(segments))
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for segment in &self.0 {
            match segment {
                Segment::Key(key) => push(&mut text, key),
                Segment::Index(index) => push_index(&mut text, *index),
            }
        }
        f.write_str(&text)
    }
}

/// Appends a key, in brackets and quotes where a bare one would be misread.
pub(crate) fn push(path: &mut String, key: &str) {
    let bare = !key.is_empty()
        && !key.chars().all(|c| c.is_ascii_digit())
        && key
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '/' | ':' | '*'));
    if bare {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key);
    } else {
        path.push('[');
        path.push_str(&crate::syntax::quote(key));
        path.push(']');
    }
}

/// Appends a place in a list.
pub(crate) fn push_index(path: &mut String, index: usize) {
    path.push('[');
    path.push_str(&index.to_string());
    path.push(']');
}

fn next_segment(text: &str) -> Result<(Segment, &str), &'static str> {
    if let Some(inside) = text.strip_prefix('[') {
        if inside.starts_with(['"', '\'']) {
            let (key, left) = quoted(inside)?;
            let left = left.strip_prefix(']').ok_or("a closing bracket is missing")?;
            return Ok((Segment::Key(key), left));
        }
        let (inner, left) = inside.split_once(']').ok_or("a closing bracket is missing")?;
        return match inner.parse() {
            Ok(index) => Ok((Segment::Index(index), left)),
            Err(_) => Ok((Segment::Key(non_empty(inner)?), left)),
        };
    }
    if text.starts_with(['"', '\'']) {
        let (key, left) = quoted(text)?;
        return Ok((Segment::Key(key), left));
    }
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (key, left) = text.split_at_checked(end).unwrap_or((text, ""));
    Ok((Segment::Key(non_empty(key)?), left))
}

fn non_empty(key: &str) -> Result<String, &'static str> {
    match key {
        "" => Err("a key is empty"),
        key => Ok(key.to_owned()),
    }
}

/// A quoted key as JSON5 writes it, and what follows.
fn quoted(text: &str) -> Result<(String, &str), &'static str> {
    let quote = text.chars().next().ok_or("a quote is missing")?;
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            let (literal, left) = text.split_at_checked(at + 1).unwrap_or((text, ""));
            let document =
                crate::syntax::parse(literal, 0).map_err(|_| "a quoted key is broken")?;
            let key = document.root.as_str().ok_or("a quoted key is broken")?;
            return Ok((key.to_owned(), left));
        }
    }
    Err("a closing quote is missing")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(path: &str, shown: &str, count: usize) {
        let parsed = KeyPath::parse(path).unwrap();
        assert_eq!((parsed.to_string().as_str(), parsed.0.len()), (shown, count), "{path}");
    }

    #[test]
    fn paths_are_read_as_people_type_them() {
        check("", "", 0);
        check("gateway.auth.token", "gateway.auth.token", 3);
        check("agents.list[0].id", "agents.list[0].id", 4);
        check("a[\"b.c\"].d", "a[\"b.c\"].d", 3);
        check("a['b\\'c']", "a[\"b'c\"]", 2);
        check("a.\"b.c\".d", "a[\"b.c\"].d", 3);
        check("agents.defaults.models[\"x/y\"]", "agents.defaults.models.x/y", 4);
        check("a[b]", "a.b", 2);
        check("a.0", "a[\"0\"]", 2);
        check("[\"\"]", "[\"\"]", 1);
        for bad in ["a.", ".a", "a..b", "a[", "a[]", "a[0", "a['x]", "a['x'", "a[0]b", "\"a\"b"] {
            assert!(KeyPath::parse(bad).is_err(), "{bad}");
        }
        assert!(KeyPath::parse(&"a.".repeat(600)).is_err());
        assert!(KeyPath::parse(&"a.".repeat(100)).is_err());
    }

    proptest! {
        #[test]
        fn what_is_shown_can_be_typed(keys in prop::collection::vec(any::<String>(), 1..5), index in 0..9_usize) {
            let mut path = KeyPath(keys.into_iter().map(Segment::Key).collect());
            path.0.push(Segment::Index(index));
            let shown = path.to_string();
            prop_assume!(shown.len() <= MAX_LENGTH);
            prop_assert_eq!(KeyPath::parse(&shown).unwrap(), path);
        }

        #[test]
        fn never_panics(path in any::<String>()) {
            KeyPath::parse(&path).ok();
        }
    }
}
