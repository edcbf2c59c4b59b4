//! What people would read of a page.

/// Columns that text is broken at.
const WIDTH: usize = 100;

/// The text of a page; what is no text is none.
#[must_use]
pub fn readable(content_type: &str, body: &[u8]) -> Option<String> {
    let is_html = matches!(content_type, "text/html" | "application/xhtml+xml");
    let is_text = content_type.starts_with("text/")
        || content_type.ends_with("+json")
        || content_type.ends_with("+xml")
        || matches!(
            content_type,
            "" | "application/json" | "application/xml" | "application/javascript"
        );
    if is_html {
        let text = html2text::config::plain().string_from_read(body, WIDTH);
        return Some(visible(&text.unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned())));
    }
    let text = is_text.then(|| String::from_utf8_lossy(body))?;
    (!text.contains('\0')).then(|| visible(&text))
}

/// Without the characters that hide text from people and not from models.
fn visible(text: &str) -> String {
    text.chars()
        .filter(|c| {
            let hidden = matches!(c,
                '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
                | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}');
            !hidden && (!c.is_control() || matches!(c, '\n' | '\t'))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_become_text() {
        let page = "<html><head><title>T</title><style>x{}</style><script>evil()</script></head>\
                    <body><h1>Head</h1><p>One <b>two</b>.</p><ul><li>a</li></ul></body></html>";
        let text = readable("text/html", page.as_bytes()).expect("text");
        assert!(
            text.contains("Head") && text.contains("One **two**.") || text.contains("One two."),
            "{text}"
        );
        assert!(!text.contains("evil") && !text.contains("x{}"), "{text}");
        assert_eq!(readable("text/plain", b"a\xffb").as_deref(), Some("a\u{fffd}b"));
        assert_eq!(readable("application/json", b"{}").as_deref(), Some("{}"));
        assert_eq!(readable("image/png", b"\x89PNG"), None);
        assert_eq!(readable("", b"a\0b"), None);
    }

    #[test]
    fn nothing_invisible_is_handed_on() {
        let hidden = "a\u{200b}b\u{e0041}\u{e0042}\u{202e}c\u{1b}[2J";
        assert_eq!(readable("text/plain", hidden.as_bytes()).as_deref(), Some("abc[2J"));
        let deep = "<div>".repeat(20_000);
        assert!(readable("text/html", deep.as_bytes()).is_some());
    }
}
