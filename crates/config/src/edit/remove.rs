//! Removing a key or an item, its comma, and the line if nothing else stands on it.

use std::ops::Range;

use super::{index, splice, step};
use crate::keypath::{KeyPath, Segment};
use crate::syntax::{Document, Value, skip_trivia};

/// The text without the entry at the path, or `None` if there is none.
pub(super) fn unset(text: &str, document: &Document, path: &KeyPath) -> Option<String> {
    let (last, above) = path.0.split_last()?;
    let parent = above.iter().try_fold(&document.root, |node, segment| step(node, segment))?;
    let entries: Vec<Range<usize>> = match &parent.value {
        Value::Object(members) => members
            .iter()
            .map(|member| member.key_span.range().start..member.node.span.range().end)
            .collect(),
        Value::Array(items) => items.iter().map(|item| item.span.range()).collect(),
        _ => return None,
    };
    let position = match (&parent.value, last) {
        (Value::Object(members), Segment::Key(key)) => {
            members.iter().rposition(|member| member.key == *key)?
        }
        (Value::Array(_), segment) => index(segment)?,
        _ => return None,
    };
    let entry = entries.get(position)?.clone();
    let previous = position.checked_sub(1).and_then(|before| entries.get(before));
    Some(cut(text, entry, previous))
}

fn cut(text: &str, entry: Range<usize>, previous: Option<&Range<usize>>) -> String {
    let after = skip_trivia(text, entry.end);
    if text.get(after..).is_some_and(|rest| rest.starts_with(',')) {
        let comma = after..after + 1;
        return if comma.start == entry.end {
            splice(text, vec![(widen(text, entry.start..comma.end), String::new())])
        } else {
            splice(text, vec![(entry, String::new()), (comma, String::new())])
        };
    }
    // The last entry has no comma; the one before it must not keep a dangling one.
    let comma = previous.map(|previous| skip_trivia(text, previous.end));
    match comma.filter(|comma| text.get(*comma..).is_some_and(|rest| rest.starts_with(','))) {
        Some(comma) => {
            let between = text.get(comma + 1..entry.start).unwrap_or("/");
            if between.chars().all(|c| matches!(c, ' ' | '\t')) {
                return splice(text, vec![(comma..entry.end, String::new())]);
            }
            let entry = widen(text, entry);
            splice(text, vec![(comma..comma + 1, String::new()), (entry, String::new())])
        }
        None => splice(text, vec![(widen(text, entry), String::new())]),
    }
}

/// Takes the whole line when nothing else stands on it, else the blanks up to the next entry.
fn widen(text: &str, range: Range<usize>) -> Range<usize> {
    let blank = |c: char| matches!(c, ' ' | '\t');
    let before = text.get(..range.start).unwrap_or("");
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let alone = before.get(line_start..).is_some_and(|indent| indent.chars().all(blank));
    let rest = text.get(range.end..).unwrap_or("");
    let blanks = rest.find(|c| !blank(c)).unwrap_or(rest.len());
    let tail = rest.get(blanks..).unwrap_or("");
    let newline = ["\r\n", "\n"].into_iter().find(|newline| tail.starts_with(newline));
    match newline {
        Some(newline) if alone && line_start > 0 => line_start..range.end + blanks + newline.len(),
        None if !tail.starts_with(['}', ']', '/']) => range.start..range.end + blanks,
        _ => range,
    }
}
