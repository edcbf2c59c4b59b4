//! Markdown as Telegram shows it: a small subset of HTML, in messages of limited length.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// Most UTF-16 units of one message.
pub(crate) const MAX_UNITS: usize = 4096;

/// Telegram's count of a text.
pub(crate) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The beginning of a text that is no longer than so many units.
pub(crate) fn head(text: &str, most: usize) -> &str {
    let mut count = 0;
    for (at, letter) in text.char_indices() {
        count += letter.len_utf16();
        if count > most {
            return text.get(..at).unwrap_or_default();
        }
    }
    text
}

/// Cuts a Markdown text into pieces of at most `most` units, where a person would: between
/// paragraphs, lines, words. A fenced block that is cut is closed and opened again.
pub(crate) fn split(text: &str, most: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text.trim().to_owned();
    while units(&rest) > most {
        // Room for the marks that close a block and open it again.
        let window = head(&rest, most.saturating_sub(16).max(1)).to_owned();
        let half = window.len() / 2;
        let at = |mark: &str| window.rfind(mark).filter(|at| *at > half);
        let end = at("\n\n").or_else(|| at("\n")).or_else(|| at(" ")).unwrap_or(window.len());
        let end = if end == 0 { rest.chars().next().map_or(1, char::len_utf8) } else { end };
        let piece = rest.get(..end).unwrap_or_default().trim_end().to_owned();
        let remains =
            rest.get(end..).unwrap_or_default().trim_start_matches(['\n', ' ']).to_owned();
        match open_fence(&piece) {
            Some(fence) => {
                pieces.push(format!("{piece}\n```"));
                rest = format!("{}\n{remains}", head(&fence, 12));
            }
            None => {
                pieces.push(piece);
                rest = remains;
            }
        }
    }
    if !rest.trim().is_empty() {
        pieces.push(rest);
    }
    pieces
}

/// The line that opens the fenced block in which a text ends.
fn open_fence(text: &str) -> Option<String> {
    let mut open = None;
    for line in text.lines().map(str::trim_start).filter(|line| line.starts_with("```")) {
        open = if open.is_some() { None } else { Some(line.trim_end().to_owned()) };
    }
    open
}

/// Markdown as Telegram's HTML.
pub(crate) fn html(markdown: &str) -> String {
    let options =
        Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS;
    let mut writer = Writer::default();
    for event in Parser::new_ext(markdown, options) {
        writer.event(event);
    }
    writer.out.trim().to_owned()
}

#[derive(Default)]
struct Writer {
    out: String,
    /// The number of the next item of each list we are in; `None` for bullets.
    lists: Vec<Option<u64>>,
    /// Whether a block quote is open: Telegram nests none.
    quotes: usize,
    cell: usize,
    links: Vec<bool>,
    in_code: bool,
}

impl Writer {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => {
                escape(&text, &mut self.out);
            }
            Event::Code(code) => {
                self.out.push_str("<code>");
                escape(&code, &mut self.out);
                self.out.push_str("</code>");
            }
            Event::SoftBreak | Event::HardBreak => self.out.push('\n'),
            Event::Rule => {
                self.blank();
                self.out.push_str("———");
            }
            Event::TaskListMarker(done) => self.out.push_str(if done { "☑ " } else { "☐ " }),
            Event::FootnoteReference(_) | Event::InlineMath(_) | Event::DisplayMath(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph if self.lists.is_empty() => self.blank(),
            Tag::Heading { .. } => {
                self.blank();
                self.out.push_str("<b>");
            }
            Tag::BlockQuote(_) => {
                self.blank();
                if self.quotes == 0 {
                    self.out.push_str("<blockquote>");
                }
                self.quotes += 1;
            }
            Tag::CodeBlock(kind) => {
                self.blank();
                self.in_code = true;
                match kind {
                    CodeBlockKind::Fenced(language) if !language.is_empty() => {
                        self.out.push_str("<pre><code class=\"language-");
                        escape(
                            language.split_whitespace().next().unwrap_or_default(),
                            &mut self.out,
                        );
                        self.out.push_str("\">");
                    }
                    CodeBlockKind::Fenced(_) | CodeBlockKind::Indented => {
                        self.out.push_str("<pre><code>");
                    }
                }
            }
            Tag::List(first) => {
                if self.lists.is_empty() {
                    self.blank();
                }
                self.lists.push(first);
            }
            Tag::Item => self.item(),
            Tag::Table(_) => {
                self.blank();
                self.out.push_str("<pre>");
            }
            Tag::TableHead | Tag::TableRow => self.cell = 0,
            Tag::TableCell => {
                if self.cell > 0 {
                    self.out.push_str(" | ");
                }
                self.cell += 1;
            }
            Tag::Emphasis => self.out.push_str("<i>"),
            Tag::Strong => self.out.push_str("<b>"),
            Tag::Strikethrough => self.out.push_str("<s>"),
            Tag::Link { dest_url, .. } => {
                let usable = ["http://", "https://", "tg://", "mailto:"];
                let usable = usable.iter().any(|scheme| dest_url.starts_with(scheme));
                self.links.push(usable);
                if usable {
                    self.out.push_str("<a href=\"");
                    escape(&dest_url, &mut self.out);
                    self.out.push_str("\">");
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) | TagEnd::Strong => self.out.push_str("</b>"),
            TagEnd::BlockQuote(_) => {
                self.quotes = self.quotes.saturating_sub(1);
                if self.quotes == 0 {
                    self.out.push_str("</blockquote>");
                }
            }
            TagEnd::CodeBlock => {
                self.in_code = false;
                let end = self.out.trim_end_matches('\n').len();
                self.out.truncate(end);
                self.out.push_str("</code></pre>");
            }
            TagEnd::List(_) => {
                self.lists.pop();
            }
            TagEnd::Table => {
                let end = self.out.trim_end_matches('\n').len();
                self.out.truncate(end);
                self.out.push_str("</pre>");
            }
            TagEnd::TableHead | TagEnd::TableRow => self.out.push('\n'),
            TagEnd::Emphasis => self.out.push_str("</i>"),
            TagEnd::Strikethrough => self.out.push_str("</s>"),
            TagEnd::Link if self.links.pop() == Some(true) => self.out.push_str("</a>"),
            _ => {}
        }
    }

    fn item(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
        let depth = self.lists.len().saturating_sub(1);
        self.out.push_str(&"  ".repeat(depth));
        match self.lists.last_mut() {
            Some(Some(number)) => {
                self.out.push_str(&format!("{number}. "));
                *number += 1;
            }
            Some(None) | None => self.out.push_str("• "),
        }
    }

    /// An empty line before a block, unless it is the first.
    fn blank(&mut self) {
        if self.out.is_empty() || self.out.ends_with("<blockquote>") {
            return;
        }
        let end = self.out.trim_end_matches('\n').len();
        self.out.truncate(end);
        self.out.push_str("\n\n");
    }
}

fn escape(text: &str, out: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_what_telegram_knows() {
        for (markdown, expected) in [
            ("a **b** *c* ~~d~~ `e<f`", "a <b>b</b> <i>c</i> <s>d</s> <code>e&lt;f</code>"),
            ("# Title\n\ntext", "<b>Title</b>\n\ntext"),
            ("- one\n- two\n  - three", "• one\n• two\n  • three"),
            ("3. one\n4. two", "3. one\n4. two"),
            ("[x](https://a.b/?c=\"&d)", "<a href=\"https://a.b/?c=&quot;&amp;d\">x</a>"),
            ("[x](javascript:alert)", "x"),
            (
                "```rust\nlet a = 1 < 2;\n```",
                "<pre><code class=\"language-rust\">let a = 1 &lt; 2;</code></pre>",
            ),
            ("> said\n>> more", "<blockquote>said\n\nmore</blockquote>"),
            ("| a | b |\n|---|---|\n| 1 | 2 |", "<pre>a | b\n1 | 2</pre>"),
            ("<script>x</script>", "&lt;script&gt;x&lt;/script&gt;"),
            ("one\n\ntwo\nthree", "one\n\ntwo\nthree"),
        ] {
            assert_eq!(html(markdown), expected, "{markdown}");
        }
    }

    #[test]
    fn long_texts_are_cut_where_a_person_would() {
        assert_eq!(split("short", 40), ["short"]);
        assert!(split("  \n ", 40).is_empty());
        let text = "first paragraph here\n\nsecond paragraph here, which is longer";
        assert_eq!(split(text, 40)[0], "first paragraph here");
        for text in ["😀".repeat(500), "word ".repeat(300), "x".repeat(999)] {
            let pieces = split(&text, 100);
            assert!(pieces.iter().all(|piece| units(piece) <= 100));
            let kept: String = pieces.concat().replace(' ', "");
            assert_eq!(kept, text.replace(' ', ""), "nothing is lost");
        }
    }

    #[test]
    fn a_block_that_is_cut_is_closed_and_opened() {
        let text = format!("look:\n```rust\n{}```\ndone", "let a = 1;\n".repeat(20));
        let pieces = split(&text, 100);
        assert!(pieces.len() > 2);
        for piece in &pieces {
            assert!(units(piece) <= 100, "{piece}");
            assert_eq!(open_fence(piece), None, "{piece}");
        }
        assert!(pieces[1].starts_with("```rust\n"), "{}", pieces[1]);
    }

    #[test]
    fn the_limit_counts_units_and_no_letter_is_torn() {
        assert_eq!(head("a😀b", 2), "a");
        assert_eq!(head("a😀b", 3), "a😀");
        assert_eq!(units("a😀b"), 4);
    }
}
