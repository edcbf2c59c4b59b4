//! Setting a value: in place of another, or as a new entry in the style of its neighbours.

use super::{index, splice, step};
use crate::error::ConfigError;
use crate::keypath::{KeyPath, Segment};
use crate::syntax::{Document, Node, Value, quote, skip_trivia};

/// The text with `value` at the path.
pub(super) fn set(
    text: &str,
    document: &Document,
    path: &KeyPath,
    value: &str,
) -> Result<String, ConfigError> {
    let style = Style::of(text, document);
    let mut node = &document.root;
    for (depth, segment) in path.0.iter().enumerate() {
        if let Some(next) = step(node, segment) {
            node = next;
            continue;
        }
        let stop = |reason| {
            let passed = path.0.get(..=depth).unwrap_or_default().to_vec();
            ConfigError::NotSettable { path: KeyPath(passed).to_string(), reason }
        };
        let rest = path.0.get(depth + 1..).unwrap_or_default();
        let inner = style.indent_at(text, node.span.range().start) + &style.unit;
        let nested =
            style.nest(rest, value, &inner).ok_or_else(|| stop("a new list begins at 0"))?;
        let entry = match (&node.value, segment) {
            (Value::Object(_), Segment::Key(key)) => {
                format!("{}: {nested}", style.key(text, node, key))
            }
            (Value::Object(_), Segment::Index(_)) => {
                return Err(stop("it is an object, not a list"));
            }
            (Value::Array(items), segment) => match index(segment) {
                Some(index) if index == items.len() => nested,
                Some(_) => return Err(stop("it is past the end of the list")),
                None => return Err(stop("it is a list, and this is no index")),
            },
            _ => return Err(stop("it holds a single value")),
        };
        return Ok(add_entry(text, node, &entry, &style));
    }
    Ok(splice(text, vec![(node.span.range(), value.to_owned())]))
}

/// How the text is written.
struct Style {
    newline: &'static str,
    unit: String,
    quoted: bool,
}

impl Style {
    fn of(text: &str, document: &Document) -> Self {
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let first = document.root.members().first();
        let unit = first.and_then(|member| own_line_indent(text, member.key_span.range().start));
        let unit = unit.filter(|unit| !unit.is_empty()).unwrap_or("  ").to_owned();
        let quoted = first.is_some_and(|member| is_quoted(text, member.key_span.range().start));
        Self { newline, unit, quoted }
    }

    /// The white space at the start of the line that holds this place.
    fn indent_at(&self, text: &str, at: usize) -> String {
        let before = text.get(..at).unwrap_or("");
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = text.get(start..).unwrap_or("");
        let length = line.find(|c| !matches!(c, ' ' | '\t')).unwrap_or(line.len());
        line.get(..length.min(at.saturating_sub(start))).unwrap_or("").to_owned()
    }

    /// A key, quoted if its neighbours are or if it has to be.
    fn key(&self, text: &str, object: &Node, key: &str) -> String {
        let neighbour = object.members().last();
        let quoted =
            neighbour.map_or(self.quoted, |member| is_quoted(text, member.key_span.range().start));
        let plain = key.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '$'))
            && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '$'));
        if plain && !quoted { key.to_owned() } else { quote(key) }
    }

    /// The value inside the objects and lists that are still missing around it; `None` for a list
    /// that would begin with a gap.
    fn nest(&self, rest: &[Segment], value: &str, indent: &str) -> Option<String> {
        let Some((segment, rest)) = rest.split_first() else { return Some(value.to_owned()) };
        let inner = format!("{indent}{}", self.unit);
        let nested = self.nest(rest, value, &inner)?;
        let newline = self.newline;
        match segment {
            Segment::Key(key) => {
                let plain = !self.quoted
                    && key.starts_with(|c: char| c.is_ascii_alphabetic())
                    && key.chars().all(|c| c.is_ascii_alphanumeric());
                let key = if plain { key.clone() } else { quote(key) };
                Some(format!("{{{newline}{inner}{key}: {nested}{newline}{indent}}}"))
            }
            Segment::Index(0) => Some(format!("[{newline}{inner}{nested}{newline}{indent}]")),
            Segment::Index(_) => None,
        }
    }
}

fn is_quoted(text: &str, at: usize) -> bool {
    text.get(at..).is_some_and(|key| key.starts_with(['"', '\'']))
}

/// The indent of something that is the first on its line.
fn own_line_indent(text: &str, at: usize) -> Option<&str> {
    let before = text.get(..at)?;
    let line = before.get(before.rfind('\n')? + 1..)?;
    line.chars().all(|c| matches!(c, ' ' | '\t')).then_some(line)
}

/// Adds an entry at the end of an object or list.
fn add_entry(text: &str, container: &Node, entry: &str, style: &Style) -> String {
    let last = match &container.value {
        Value::Object(members) => members
            .last()
            .map(|member| (member.key_span.range().start, member.node.span.range().end)),
        Value::Array(items) => {
            items.last().map(|item| (item.span.range().start, item.span.range().end))
        }
        _ => None,
    };
    match last {
        Some((start, end)) => add_after(text, start, end, entry, style),
        None => add_first(text, container, entry, style),
    }
}

fn add_after(text: &str, start: usize, end: usize, entry: &str, style: &Style) -> String {
    let after = skip_trivia(text, end);
    let comma = text.get(after..).is_some_and(|rest| rest.starts_with(','));
    let from = if comma { after + 1 } else { end };
    let Some(indent) = own_line_indent(text, start) else {
        let addition = if comma { format!(" {entry},") } else { format!(", {entry}") };
        return splice(text, vec![(from..from, addition)]);
    };
    // The comment at the end of the line belongs to the entry that stands there.
    let place = end_of_remarks(text, from);
    let newline = style.newline;
    let mut cuts = Vec::new();
    if comma {
        cuts.push((place..place, format!("{newline}{indent}{entry},")));
    } else if place == end {
        cuts.push((end..end, format!(",{newline}{indent}{entry}")));
    } else {
        cuts.push((end..end, ",".to_owned()));
        cuts.push((place..place, format!("{newline}{indent}{entry}")));
    }
    splice(text, cuts)
}

/// The end of the comments on the same line, or the given place if there is none.
fn end_of_remarks(text: &str, from: usize) -> usize {
    let mut end = from;
    let mut at = from;
    while let Some(rest) = text.get(at..) {
        if rest.starts_with([' ', '\t']) {
            at += 1;
            continue;
        }
        let length = if rest.starts_with("//") {
            rest.find(['\n', '\r', '\u{2028}', '\u{2029}']).unwrap_or(rest.len())
        } else if let Some(inside) = rest.strip_prefix("/*") {
            match inside
                .find("*/")
                .filter(|close| !inside.get(..*close).unwrap_or("").contains('\n'))
            {
                Some(close) => close + 4,
                None => break,
            }
        } else {
            break;
        };
        at += length;
        end = at;
    }
    end
}

fn add_first(text: &str, container: &Node, entry: &str, style: &Style) -> String {
    let range = container.span.range();
    let inside = text.get(range.start + 1..range.end.saturating_sub(1)).unwrap_or("");
    let outer = style.indent_at(text, range.start);
    let newline = style.newline;
    let mut addition = format!("{newline}{outer}{}{entry}", style.unit);
    if !inside.contains('\n') {
        addition.push_str(newline);
        addition.push_str(&outer);
    }
    let place = range.start + 1;
    splice(text, vec![(place..place, addition)])
}
