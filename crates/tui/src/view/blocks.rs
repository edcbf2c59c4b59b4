//! Messages as pieces of the picture, made once for each width.

use std::{collections::HashMap, rc::Rc};

use openclaw_base::harmless;
use openclaw_protocol::transcript::{Content, ContentBlock, MessageRole, TranscriptMessage};
use ratatui::{
    style::Style,
    text::{Line, Span},
    widgets::Paragraph,
};
use serde_json::Value;

use super::{Theme, markdown, wrapping};
use crate::{
    app::App,
    conversation::{Live, lines_of},
};

/// Lines of a tool's output that are shown of a folded one.
const FOLDED_LINES: usize = 1;
/// Lines of a tool's output that are shown of an unfolded one.
const UNFOLDED_LINES: usize = 200;
/// Characters of a call's arguments that are shown of a folded one.
const ARGUMENTS: usize = 120;

/// One message.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) paragraph: Paragraph<'static>,
    pub(crate) height: usize,
}

/// The pieces of stored messages, which never change.
#[derive(Default)]
pub(crate) struct Blocks {
    session: String,
    width: u16,
    unfolded: bool,
    /// By place in the transcript.
    stored: HashMap<u64, Rc<Piece>>,
}

impl Blocks {
    /// Forgets what was made of another session or for another width.
    pub(crate) fn fit(&mut self, session: &str, width: u16, unfolded: bool) {
        if self.session != session || self.width != width || self.unfolded != unfolded {
            self.stored.clear();
            session.clone_into(&mut self.session);
            self.width = width;
            self.unfolded = unfolded;
        }
    }

    /// Everything that is shown, oldest first.
    pub(crate) fn of(&mut self, app: &App, theme: Theme) -> Vec<Rc<Piece>> {
        let conversation = &app.conversation;
        let maker =
            Maker { theme, unfolded: self.unfolded, width: self.width, clock: app.options.clock };
        let known = &conversation.messages;
        self.stored.retain(|seq, _| known.contains_key(seq));
        let mut pieces = Vec::new();
        if !conversation.opened {
            pieces.push(maker.piece(vec![Line::styled("  …", theme.faint)]));
        } else if known.is_empty() && conversation.sending.is_empty() && !conversation.is_busy() {
            let text = "  Nothing was said yet.";
            pieces.push(maker.piece(vec![Line::styled(text, theme.faint), Line::default()]));
        }
        let mut before = None;
        for (seq, message) in known {
            let made = self.stored.entry(*seq);
            pieces.push(Rc::clone(made.or_insert_with(|| maker.message(message, before))));
            before = Some(message);
        }
        if let Some(live) = &conversation.live {
            pieces.push(maker.live(live, before));
        }
        for sending in &conversation.sending {
            let (state, style) = match &sending.refused {
                None => ("on its way".to_owned(), theme.faint),
                Some(why) => (format!("not sent: {}", harmless(why)), theme.bad),
            };
            let mut lines = vec![Line::from(vec![
                Span::styled("you  ", theme.person),
                Span::styled(state, style),
            ])];
            lines.extend(indented(plain(&sending.text, theme.faint)));
            lines.push(Line::default());
            pieces.push(maker.piece(lines));
        }
        if let Some(failure) = &conversation.failure {
            let text = format!("✗ {}", harmless(failure));
            pieces.push(maker.piece(vec![Line::styled(text, theme.bad), Line::default()]));
        }
        pieces
    }
}

struct Maker {
    theme: Theme,
    unfolded: bool,
    width: u16,
    clock: fn(u64) -> String,
}

impl Maker {
    fn piece(&self, lines: Vec<Line<'static>>) -> Rc<Piece> {
        let paragraph = wrapping(lines);
        let height = paragraph.line_count(self.width);
        Rc::new(Piece { paragraph, height })
    }

    /// A stored message. An answer that goes on after a tool has no head of its own.
    fn message(
        &self,
        message: &TranscriptMessage,
        before: Option<&TranscriptMessage>,
    ) -> Rc<Piece> {
        let theme = self.theme;
        let at = (self.clock)(message.timestamp);
        let mut lines = Vec::new();
        match message.role {
            MessageRole::User => {
                lines.push(head("you", theme.person, &at, theme));
                lines.extend(indented(plain(&lines_of(&message.content), Style::new())));
            }
            MessageRole::Assistant => {
                if !goes_on(before) {
                    let model = message.model.as_deref().unwrap_or_default();
                    lines.push(head("agent", theme.agent, &format!("{at}  {model}"), theme));
                }
                self.answer(message, &mut lines);
            }
            MessageRole::ToolResult => {
                let failed = message.is_error == Some(true);
                return self.piece(self.output(&lines_of(&message.content), failed, true));
            }
            MessageRole::System => {
                lines.push(head("system", theme.strong, &at, theme));
                lines.extend(indented(plain(&lines_of(&message.content), theme.faint)));
            }
        }
        if !calls_last(message) {
            lines.push(Line::default());
        }
        self.piece(lines)
    }

    fn answer(&self, message: &TranscriptMessage, lines: &mut Vec<Line<'static>>) {
        let theme = self.theme;
        let blocks = match &message.content {
            Content::Text(text) => {
                lines.extend(self.markdown(text));
                &[][..]
            }
            Content::Blocks(blocks) => blocks.as_slice(),
        };
        for block in blocks {
            match block {
                ContentBlock::Text { text } => lines.extend(self.markdown(text)),
                ContentBlock::Thinking { thinking } => lines.extend(self.thought(thinking)),
                ContentBlock::ToolCall { name, arguments, .. } => {
                    lines.push(self.call(name, &Value::Object(arguments.clone())));
                }
                ContentBlock::Image { .. } | ContentBlock::Other => {
                    lines.push(Line::styled("  [attachment]", theme.faint));
                }
            }
        }
        if let Some(error) = &message.error_message {
            lines.push(Line::styled(format!("  ✗ {}", harmless(error)), theme.bad));
        }
        if let Some(cut) = &message.openclaw_abort {
            let how = if cut.origin == "timeout" { "took too long, stopped" } else { "stopped" };
            lines.push(Line::styled(format!("  ■ {how}"), theme.warn));
        }
    }

    fn live(&self, live: &Live, before: Option<&TranscriptMessage>) -> Rc<Piece> {
        let theme = self.theme;
        let mut lines = Vec::new();
        if !goes_on(before) {
            lines.push(head("agent", theme.agent, "", theme));
        }
        if !live.thinking.is_empty() {
            lines.extend(self.thought(&live.thinking));
        }
        lines.extend(self.markdown(&live.text));
        for tool in &live.tools {
            lines.push(self.call(&tool.name, &tool.arguments));
            if tool.done || !tool.output.is_empty() {
                lines.extend(self.output(&tool.output, tool.failed, tool.done));
            } else {
                lines.push(Line::styled("    …", theme.faint));
            }
        }
        if live.tools.iter().all(|tool| tool.done) {
            lines.push(Line::styled("  ▌", theme.agent));
        }
        lines.push(Line::default());
        self.piece(lines)
    }

    fn markdown(&self, text: &str) -> Vec<Line<'static>> {
        indented(markdown::lines(&harmless(text.trim()), self.theme))
    }

    fn thought(&self, thinking: &str) -> Vec<Line<'static>> {
        if !self.unfolded {
            return vec![Line::styled("  ▸ thought about it", self.theme.faint)];
        }
        let mut lines = vec![Line::styled("  ▾ thought about it", self.theme.faint)];
        lines.extend(indented(indented(plain(thinking, self.theme.faint))));
        lines
    }

    fn call(&self, name: &str, arguments: &Value) -> Line<'static> {
        let said = summary(arguments);
        let said = harmless(&said).replace('\n', " ");
        let said = if self.unfolded { said } else { shortened(&said, ARGUMENTS) };
        Line::from(vec![
            Span::styled("  ▸ ", self.theme.faint),
            Span::styled(harmless(name), self.theme.strong),
            Span::styled(format!("  {said}"), self.theme.code),
        ])
    }

    fn output(&self, text: &str, failed: bool, done: bool) -> Vec<Line<'static>> {
        let style = if failed { self.theme.bad } else { self.theme.faint };
        let text = harmless(text.trim_end()).replace('\t', "    ");
        let all = text.lines().count();
        let most = if self.unfolded { UNFOLDED_LINES } else { FOLDED_LINES };
        // What runs shows its latest line, what is done its first.
        let skipped = if done { 0 } else { all.saturating_sub(most) };
        let shown = text.lines().skip(skipped).take(most);
        let mut lines: Vec<Line<'static>> =
            shown.map(|line| Line::styled(format!("    {line}"), style)).collect();
        let hidden = all.saturating_sub(most);
        if hidden > 0 {
            let how = if self.unfolded { "" } else { ", Ctrl-O shows them" };
            let lines_word = if hidden == 1 { "line" } else { "lines" };
            let more = format!("    … {hidden} more {lines_word}{how}");
            lines.push(Line::styled(more, self.theme.faint));
        }
        if all == 0 {
            let word = if failed { "    failed" } else { "    done" };
            lines.push(Line::styled(word, style));
        }
        if done {
            lines.push(Line::default());
        }
        lines
    }
}

fn head(who: &'static str, style: Style, rest: &str, theme: Theme) -> Line<'static> {
    Line::from(vec![
        Span::styled(who, style),
        Span::styled(format!("  {}", harmless(rest)), theme.faint),
    ])
}

/// Whether an answer was interrupted by a tool only.
fn goes_on(before: Option<&TranscriptMessage>) -> bool {
    before.is_some_and(|before| {
        matches!(before.role, MessageRole::Assistant | MessageRole::ToolResult)
    })
}

/// Whether a message ends with a call, whose output follows.
fn calls_last(message: &TranscriptMessage) -> bool {
    let Content::Blocks(blocks) = &message.content else { return false };
    matches!(blocks.last(), Some(ContentBlock::ToolCall { .. }))
}

fn plain(text: &str, style: Style) -> Vec<Line<'static>> {
    let text = harmless(text.trim_end()).replace('\t', "    ");
    text.lines().map(|line| Line::styled(line.to_owned(), style)).collect()
}

fn indented(lines: Vec<Line<'static>>) -> Vec<Line<'static>> {
    let indent = |mut line: Line<'static>| {
        if !line.spans.is_empty() {
            line.spans.insert(0, Span::raw("  "));
        }
        line
    };
    lines.into_iter().map(indent).collect()
}

/// The one argument that says most, or all of them.
fn summary(arguments: &Value) -> String {
    let Value::Object(fields) = arguments else {
        return if arguments.is_null() { String::new() } else { arguments.to_string() };
    };
    let telling = ["command", "path", "url", "query"];
    let first = telling.iter().find_map(|name| fields.get(*name).and_then(Value::as_str));
    match (first, fields.len()) {
        (Some(text), _) => text.to_owned(),
        (None, 0) => String::new(),
        (None, _) => arguments.to_string(),
    }
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let begun: String = text.chars().take(most).collect();
    format!("{begun}…")
}
