//! The `.env` format: `NAME=value` lines, `export`, comments, single and double quotes.
//!
//! Quoted values may span lines; in double quotes `\n`, `\r`, `\t`, `\"` and `\\` are escapes. A
//! line that is none of this is left out with a warning that names its number, never its text.

use std::collections::BTreeMap;

use crate::problem::{Place, Problem};

pub(super) fn parse(
    text: &str,
    file: &str,
    warnings: &mut Vec<Problem>,
) -> BTreeMap<String, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut found = BTreeMap::new();
    let mut rest = text;
    let mut line = 1;
    while !rest.is_empty() {
        let (taken, entry) = next_entry(rest);
        match entry {
            Entry::Blank => {}
            Entry::Pair(name, value) => {
                found.insert(name, value);
            }
            Entry::Bad => {
                let place = Place { file: file.to_owned(), line, column: 1 };
                warnings.push(Problem::warning("", "line is not NAME=value, left out").at(place));
            }
        }
        let (used, left) = rest.split_at_checked(taken.max(1)).unwrap_or((rest, ""));
        line += used.matches('\n').count();
        rest = left;
    }
    found
}

enum Entry {
    Blank,
    Pair(String, String),
    Bad,
}

/// Reads one entry and says how many bytes it took, its line ends included.
fn next_entry(text: &str) -> (usize, Entry) {
    let line_end = text.find('\n').map_or(text.len(), |at| at + 1);
    let line = text.get(..line_end).unwrap_or(text);
    let trimmed = line.trim();
    if trimmed.is_empty() || trimmed.starts_with('#') {
        return (line_end, Entry::Blank);
    }
    let Some((left, right)) = line.split_once('=') else {
        return (line_end, Entry::Bad);
    };
    let name = left.trim();
    let name = name.strip_prefix("export ").map_or(name, str::trim);
    if !is_name(name) {
        return (line_end, Entry::Bad);
    }
    let value_at = left.len() + 1 + (right.len() - right.trim_start().len());
    let value_text = text.get(value_at.min(text.len())..).unwrap_or("");
    let quote = right.trim_start().chars().next().filter(|c| matches!(c, '"' | '\'' | '`'));
    if let Some(quote) = quote
        && let Some((length, value)) = quoted(value_text, quote)
    {
        let after = value_at + length;
        let tail = text.get(after..).unwrap_or("");
        let tail_end = tail.find('\n').map_or(tail.len(), |at| at + 1);
        return (after + tail_end, Entry::Pair(name.to_owned(), value));
    }
    let value = right.trim();
    let value = match value.find(" #") {
        Some(at) => value.get(..at).unwrap_or(value).trim_end(),
        None if value.starts_with('#') => "",
        None => value,
    };
    (line_end, Entry::Pair(name.to_owned(), value.to_owned()))
}

/// Reads a quoted value; `None` if the quote is never closed.
fn quoted(text: &str, quote: char) -> Option<(usize, String)> {
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Some((at + c.len_utf8(), value)),
            '\\' if quote == '"' => match chars.next()?.1 {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                c @ ('"' | '\\') => value.push(c),
                other => {
                    value.push('\\');
                    value.push(other);
                }
            },
            c => value.push(c),
        }
    }
    None
}

fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let mut warnings = Vec::new();
        let found = parse(text, ".env", &mut warnings);
        let found: Vec<(&str, &str)> =
            found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, expected, "{text:?}");
        assert_eq!(warnings, [], "{text:?}");
    }

    #[test]
    fn lines_are_read_as_people_write_them() {
        check("", &[]);
        check("A=1", &[("A", "1")]);
        check("\u{feff}A=1\r\nB=2\r\n", &[("A", "1"), ("B", "2")]);
        check(
            "# note\n\n export A = 1 # one\nB=a#b\nC=#none\n",
            &[("A", "1"), ("B", "a#b"), ("C", "")],
        );
        check(
            "A='x # y'  # note\nB=\"l1\\nl2\\t\\\"q\\\\\"",
            &[("A", "x # y"), ("B", "l1\nl2\t\"q\\")],
        );
        check("A=\"one\ntwo\"\nB=2", &[("A", "one\ntwo"), ("B", "2")]);
        check("A=\"open\nB=2", &[("A", "\"open"), ("B", "2")]);
        check("URL=https://h/p?a=b&c=d", &[("URL", "https://h/p?a=b&c=d")]);
    }

    #[test]
    fn a_bad_line_is_named_by_number_only() {
        let mut warnings = Vec::new();
        let found = parse("A=1\nsecret words\n1B=2\n", "f", &mut warnings);
        assert_eq!(found.len(), 1);
        let lines: Vec<_> = warnings.iter().map(|warning| warning.line).collect();
        assert_eq!(lines, [Some(2), Some(3)]);
        assert!(warnings.iter().all(|warning| !warning.to_string().contains("secret")));
    }

    proptest! {
        #[test]
        fn never_panics(text in any::<String>()) {
            parse(&text, "f", &mut Vec::new());
        }
    }
}
