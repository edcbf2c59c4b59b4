//! JSON5 text as a tree that remembers where everything stands.
//!
//! The published parsers either give positions of errors only, or a tree without them; checks need
//! the place of every value and the editor the place of every byte. Whatever is put in, parsing
//! neither panics nor recurses deeper than [`MAX_DEPTH`]. A property test holds this parser
//! against the `json5` crate.

mod parser;
mod text;

use serde_json::{Map, Number, Value as Json};

pub(crate) use self::parser::parse;
pub(crate) use self::text::{Lines, quote, skip_trivia};

/// Deepest nesting of objects and arrays.
pub(crate) const MAX_DEPTH: usize = 64;
/// Largest file, in bytes.
pub(crate) const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// A stretch of one file, in bytes; the end is not part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) file: u16,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    /// `Infinity` and `NaN`, which JSON has no word for.
    NonFinite,
    String(String),
    Array(Vec<Node>),
    Object(Vec<Member>),
}

/// A key, its value, and where the key stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) node: Node,
}

/// A whole file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Document {
    pub(crate) root: Node,
    pub(crate) comments: Vec<Span>,
}

/// Text that is not JSON5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub(crate) offset: usize,
    pub(crate) message: String,
}

impl Node {
    /// The last member of this name: that one counts when a key stands twice.
    pub(crate) fn get(&self, key: &str) -> Option<&Member> {
        self.members().iter().rev().find(|member| member.key == key)
    }

    pub(crate) fn members(&self) -> &[Member] {
        match &self.value {
            Value::Object(members) => members,
            _ => &[],
        }
    }

    pub(crate) fn items(&self) -> &[Self] {
        match &self.value {
            Value::Array(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The same value as JSON; numbers that JSON cannot write become null.
    pub(crate) fn to_json(&self) -> Json {
        match &self.value {
            Value::Null | Value::NonFinite => Json::Null,
            Value::Bool(flag) => Json::Bool(*flag),
            Value::Number(number) => Json::Number(number.clone()),
            Value::String(text) => Json::String(text.clone()),
            Value::Array(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            Value::Object(members) => {
                let pairs = members.iter().map(|m| (m.key.clone(), m.node.to_json()));
                Json::Object(pairs.collect::<Map<_, _>>())
            }
        }
    }

    /// What kind of value it is, in a person's words.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) | Value::NonFinite => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        }
    }
}

#[cfg(test)]
mod tests;
