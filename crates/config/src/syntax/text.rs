//! The alphabet of JSON5: white space, comments, lines, and how a string is written.

/// Where the lines of a text begin.
#[derive(Clone, Debug)]
pub(crate) struct Lines(Vec<usize>);

impl Lines {
    pub(crate) fn of(text: &str) -> Self {
        let starts = text.match_indices('\n').map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(starts).collect())
    }

    /// Line and column of a byte, both from 1; the column counts characters.
    pub(crate) fn position(&self, text: &str, offset: usize) -> (usize, usize) {
        let offset = offset.min(text.len());
        let line = self.0.partition_point(|start| *start <= offset).max(1);
        let start = self.0.get(line - 1).copied().unwrap_or_default();
        let column = text.get(start..offset).map_or(1, |before| before.chars().count() + 1);
        (line, column)
    }
}

pub(super) fn is_white_space(c: char) -> bool {
    matches!(
        c,
        '\t' | '\n'
            | '\u{b}'
            | '\u{c}'
            | '\r'
            | ' '
            | '\u{a0}'
            | '\u{feff}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{1680}'
            | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

pub(super) fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

pub(super) fn starts_name(c: char) -> bool {
    c.is_alphabetic() || matches!(c, '$' | '_')
}

pub(super) fn continues_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '$' | '_' | '\u{200c}' | '\u{200d}' | '\u{203f}')
}

/// The length of the comment at the start of `text`: `Some(None)` is one that never ends.
pub(super) fn comment_length(text: &str) -> Option<Option<usize>> {
    if let Some(inside) = text.strip_prefix("//") {
        return Some(Some(2 + inside.find(is_line_end).unwrap_or(inside.len())));
    }
    let inside = text.strip_prefix("/*")?;
    Some(inside.find("*/").map(|at| at + 4))
}

/// The next byte at or after `from` that is neither white space nor comment.
pub(crate) fn skip_trivia(text: &str, from: usize) -> usize {
    let mut at = from;
    while let Some(rest) = text.get(at..) {
        let Some(c) = rest.chars().next() else { break };
        if is_white_space(c) {
            at += c.len_utf8();
        } else if let Some(Some(length)) = comment_length(rest) {
            at += length;
        } else {
            break;
        }
    }
    at
}

/// A string as JSON writes it.
pub(crate) fn quote(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}
