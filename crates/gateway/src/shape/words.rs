//! What was said, in few words.

use openclaw_store::transcripts::{Edges, MessageRow};

use crate::shape::message::plain_text;

/// Longest title made up from what was said, in characters.
const TITLE_CHARS: usize = 60;
/// Longest preview of the last message, in characters.
const PREVIEW_CHARS: usize = 240;

/// A title made up from the first thing a person said.
#[must_use]
pub fn title(edges: &Edges) -> Option<String> {
    let text = plain_text(edges.first_user.as_ref()?);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(shorten(line, TITLE_CHARS))
}

/// The beginning of the last message.
#[must_use]
pub fn preview(edges: &Edges) -> Option<String> {
    let words = one_line(edges.last.as_ref()?);
    (!words.is_empty()).then(|| shorten(&words, PREVIEW_CHARS))
}

/// All words of a message in one line.
#[must_use]
pub fn one_line(message: &MessageRow) -> String {
    plain_text(message).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The beginning of a text, with a sign that there was more.
#[must_use]
pub fn shorten(text: &str, max_chars: usize) -> String {
    if text.chars().count() <= max_chars {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(max_chars.saturating_sub(1)).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_short() {
        assert_eq!(shorten("abc", 3), "abc");
        assert_eq!(shorten("äbcd", 3), "äb…");
        assert_eq!(shorten("a bcd", 3), "a…");
    }
}
