//! Sentences broken into lines.

use unicode_width::UnicodeWidthStr;

/// The lines of a text, indented, none wider than `width` unless a single word is.
pub(crate) fn wrapped(text: &str, indent: usize, width: usize) -> Vec<String> {
    let margin = " ".repeat(indent);
    let mut lines = Vec::new();
    let mut line = margin.clone();
    for word in text.split_whitespace() {
        let is_first = line.len() == indent;
        if !is_first && line.width() + 1 + word.width() > width {
            lines.push(std::mem::replace(&mut line, margin.clone()));
        } else if !is_first {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrapped("one two three", 2, 9), ["  one two", "  three"]);
        assert_eq!(wrapped("incomprehensible it is", 1, 6), [" incomprehensible", " it is"]);
        assert_eq!(wrapped("", 2, 9), ["  "]);
    }
}
