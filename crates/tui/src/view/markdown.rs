//! Markdown as lines of a terminal.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use ratatui::{
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::Theme;

/// Renders a text. Raw HTML is shown as it is written; addresses of links stand behind their text.
pub(super) fn lines(text: &str, theme: Theme) -> Vec<Line<'static>> {
    let options =
        Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS;
    let mut writer = Writer::new(theme);
    for event in Parser::new_ext(text, options) {
        writer.event(event);
    }
    writer.end()
}

struct Writer {
    theme: Theme,
    lines: Vec<Line<'static>>,
    line: Vec<Span<'static>>,
    styles: Vec<Style>,
    /// Numbers of the lists around; `None` is a list of bullets.
    lists: Vec<Option<u64>>,
    quotes: usize,
    in_code: bool,
    /// Address of the link around, and its text so far.
    link: Option<(String, String)>,
    /// Whether the next cell is not the first of its row.
    in_row: bool,
}

impl Writer {
    const fn new(theme: Theme) -> Self {
        Self {
            theme,
            lines: Vec::new(),
            line: Vec::new(),
            styles: Vec::new(),
            lists: Vec::new(),
            quotes: 0,
            in_code: false,
            link: None,
            in_row: false,
        }
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.stop(tag),
            Event::Text(text) if self.in_code => self.code(&text),
            Event::Text(text) => self.text(&text),
            Event::Code(text) => self.push(text.into_string(), self.theme.code),
            Event::Html(text) | Event::InlineHtml(text) => self.text(&text),
            Event::SoftBreak | Event::HardBreak => self.flush(),
            Event::Rule => {
                self.block();
                self.push("────────".to_owned(), self.theme.faint);
                self.flush();
            }
            Event::TaskListMarker(done) => self.text(if done { "[x] " } else { "[ ] " }),
            Event::InlineMath(text) | Event::DisplayMath(text) => self.text(&text),
            Event::FootnoteReference(name) => self.text(&format!("[{name}]")),
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph if self.lists.is_empty() => self.block(),
            Tag::Heading { level, .. } => {
                self.block();
                let underlined = level == HeadingLevel::H1;
                let style = self.theme.strong;
                let line = Modifier::UNDERLINED;
                self.styles.push(if underlined { style.add_modifier(line) } else { style });
            }
            Tag::BlockQuote(_) => {
                self.block();
                self.quotes += 1;
            }
            Tag::CodeBlock(kind) => {
                self.block();
                if let CodeBlockKind::Fenced(language) = kind
                    && !language.is_empty()
                {
                    self.push(language.into_string(), self.theme.faint);
                    self.flush();
                }
                self.in_code = true;
            }
            Tag::List(first) => {
                if self.lists.is_empty() {
                    self.block();
                } else {
                    self.flush();
                }
                self.lists.push(first);
            }
            Tag::Item => self.item(),
            Tag::Table(_) => self.block(),
            Tag::TableRow | Tag::TableHead => self.in_row = false,
            Tag::TableCell => {
                if self.in_row {
                    self.push(" │ ".to_owned(), self.theme.faint);
                }
                self.in_row = true;
            }
            Tag::Emphasis => self.styles.push(Style::new().add_modifier(Modifier::ITALIC)),
            Tag::Strong => self.styles.push(Style::new().add_modifier(Modifier::BOLD)),
            Tag::Strikethrough => {
                self.styles.push(Style::new().add_modifier(Modifier::CROSSED_OUT))
            }
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.link = Some((dest_url.into_string(), String::new()));
                self.styles.push(Style::new().add_modifier(Modifier::UNDERLINED));
            }
            _ => {}
        }
    }

    fn stop(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::Item | TagEnd::TableRow => self.flush(),
            TagEnd::TableHead => {
                self.flush();
                self.push("────────".to_owned(), self.theme.faint);
                self.flush();
            }
            TagEnd::Heading(_) => {
                self.styles.pop();
                self.flush();
            }
            TagEnd::BlockQuote(_) => {
                self.flush();
                self.quotes = self.quotes.saturating_sub(1);
            }
            TagEnd::CodeBlock => {
                self.flush();
                self.in_code = false;
            }
            TagEnd::List(_) => {
                self.flush();
                self.lists.pop();
            }
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => drop(self.styles.pop()),
            TagEnd::Link | TagEnd::Image => {
                self.styles.pop();
                if let Some((address, text)) = self.link.take()
                    && !address.is_empty()
                    && address != text
                {
                    self.push(format!(" ({address})"), self.theme.faint);
                }
            }
            _ => {}
        }
    }

    fn item(&mut self) {
        self.flush();
        let depth = "  ".repeat(self.lists.len().saturating_sub(1));
        let mark = match self.lists.last_mut() {
            Some(Some(number)) => {
                let mark = format!("{depth}{number}. ");
                *number = number.saturating_add(1);
                mark
            }
            Some(None) | None => format!("{depth}• "),
        };
        self.push(mark, self.theme.faint);
    }

    fn text(&mut self, text: &str) {
        if let Some((_, shown)) = &mut self.link {
            shown.push_str(text);
        }
        let style = self.styles.iter().fold(Style::new(), |all, style| all.patch(*style));
        for (index, part) in text.split('\n').enumerate() {
            if index > 0 {
                self.flush();
            }
            if !part.is_empty() {
                self.push(part.to_owned(), style);
            }
        }
    }

    fn code(&mut self, text: &str) {
        for line in text.trim_end_matches('\n').split('\n') {
            self.push("▏ ".to_owned(), self.theme.faint);
            self.push(line.replace('\t', "    "), self.theme.code);
            self.flush();
        }
    }

    fn push(&mut self, text: String, style: Style) {
        if self.line.is_empty() {
            for _ in 0..self.quotes {
                self.line.push(Span::styled("▎ ", self.theme.faint));
            }
        }
        self.line.push(Span::styled(text, style));
    }

    /// Ends the line, if anything stands on it.
    fn flush(&mut self) {
        if !self.line.is_empty() {
            self.lines.push(Line::from(std::mem::take(&mut self.line)));
        }
    }

    /// A new paragraph begins: one empty line sets it off.
    fn block(&mut self) {
        self.flush();
        if self.lines.last().is_some_and(|line| !line.spans.is_empty()) {
            self.lines.push(Line::default());
        }
    }

    fn end(mut self) -> Vec<Line<'static>> {
        self.flush();
        self.lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        lines(text, Theme::new(false)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn blocks_are_set_off_and_lists_are_marked() {
        let text = "# Title\nText *with* `code`\nand more.\n\n- one\n- two\n  1. deep\n\n> said\n\n```rust\nfn a() {\n\tb\n}\n```\n";
        assert_eq!(
            shown(text),
            [
                "Title",
                "",
                "Text with code",
                "and more.",
                "",
                "• one",
                "• two",
                "  1. deep",
                "",
                "▎ said",
                "",
                "rust",
                "▏ fn a() {",
                "▏     b",
                "▏ }",
            ]
        );
    }

    #[test]
    fn where_a_link_leads_is_always_seen() {
        assert_eq!(shown("[bank](https://evil.example)"), ["bank (https://evil.example)"]);
        assert_eq!(shown("<https://a.example>"), ["https://a.example"]);
    }

    #[test]
    fn tables_and_html_are_text() {
        assert_eq!(shown("|a|b|\n|-|-|\n|1|2|"), ["a │ b", "────────", "1 │ 2"]);
        assert_eq!(shown("<b>x</b>"), ["<b>x</b>"]);
        assert_eq!(shown(""), Vec::<String>::new());
    }
}
