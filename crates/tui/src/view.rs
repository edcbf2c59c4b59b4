//! The picture: a head line, the conversation, what waits, the input, a foot line.

mod blocks;
mod markdown;
mod over;
mod theme;

use openclaw_protocol::text::MAX_SAFE_INTEGER;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
    widgets::{Block, Borders, Paragraph, Wrap},
};

use self::blocks::Blocks;
pub(crate) use self::theme::Theme;
use crate::app::{App, Drawn, LinkState};

/// Most lines that the input takes.
const INPUT_LINES: u16 = 8;

/// Draws the chat, and keeps what was drawn of messages that do not change.
#[derive(Default)]
pub struct Picture {
    blocks: Blocks,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Picture").finish_non_exhaustive()
    }
}

impl Picture {
    /// Draws everything.
    pub fn draw(&mut self, app: &mut App, frame: &mut Frame<'_>) {
        let theme = Theme::new(app.options.colour);
        let area = frame.area();
        let wanted = u16::try_from(app.input_lines(area.width)).unwrap_or(INPUT_LINES);
        let strip = app.strip(theme);
        let rows = Layout::vertical([
            Constraint::Length(1),
            Constraint::Min(1),
            Constraint::Length(u16::from(strip.is_some())),
            Constraint::Length(wanted.clamp(1, INPUT_LINES) + 2),
            Constraint::Length(1),
        ]);
        let [head, body, between, input, foot] = rows.areas(area);
        frame.render_widget(app.head(theme, head.width), head);
        self.conversation(app, frame, theme, body);
        if let Some(strip) = strip {
            frame.render_widget(strip, between);
        }
        app.draw_input(frame, theme, input);
        frame.render_widget(app.foot(theme), foot);
        app.draw_overlay(frame, theme, body);
    }

    fn conversation(&mut self, app: &mut App, frame: &mut Frame<'_>, theme: Theme, area: Rect) {
        self.blocks.fit(app.conversation.address(), area.width, app.unfolded);
        let blocks = self.blocks.of(app, theme);
        let lines = blocks.iter().map(|block| block.height).sum();
        let height = usize::from(area.height);
        app.drawn = Drawn { lines, height };
        app.scroll = app.scroll.min(lines.saturating_sub(height));
        // From the top of the conversation to the top of the screen.
        let mut above = lines.saturating_sub(height + app.scroll);
        let mut y = area.y + u16::try_from(height.saturating_sub(lines)).unwrap_or_default();
        for block in blocks {
            if above >= block.height {
                above -= block.height;
                continue;
            }
            let left = area.bottom().saturating_sub(y);
            if left == 0 {
                break;
            }
            let height = u16::try_from(block.height - above).unwrap_or(u16::MAX).min(left);
            let place = Rect { y, height, ..area };
            let skipped = u16::try_from(above).unwrap_or(u16::MAX);
            frame.render_widget(block.paragraph.clone().scroll((skipped, 0)), place);
            y += height;
            above = 0;
        }
    }
}

impl App {
    fn head(&self, theme: Theme, width: u16) -> Line<'static> {
        let row = self.conversation.info.as_ref();
        let title = row.map_or(self.conversation.name.as_str(), crate::overlay::title);
        let left = format!(" {}  ", openclaw_base::harmless(title));
        let gateway = openclaw_base::harmless(&self.options.gateway);
        let (mark, style, state) = match &self.link {
            LinkState::Up => ("● ", theme.good, format!("{gateway} ")),
            LinkState::Down(_) => ("○ ", theme.bad, format!("{gateway}, reconnecting ")),
        };
        let taken = Span::raw(left.as_str()).width() + Span::raw(state.as_str()).width() + 2;
        let gap = usize::from(width).saturating_sub(taken);
        Line::from(vec![
            Span::styled(left, theme.strong),
            Span::raw(" ".repeat(gap)),
            Span::styled(mark, style),
            Span::styled(state, theme.faint),
        ])
    }

    /// What wants attention: one line above the input.
    fn strip(&self, theme: Theme) -> Option<Line<'static>> {
        if let LinkState::Down(why) = &self.link {
            let why = openclaw_base::harmless(why);
            return Some(Line::styled(format!(" {why}; dialling again"), theme.bad));
        }
        if let Some(notice) = &self.notice {
            return Some(Line::styled(format!(" {}", openclaw_base::harmless(notice)), theme.warn));
        }
        match self.approvals.len() {
            0 => {}
            1 => {
                let text = " A command waits for your word: Ctrl-R shows it";
                return Some(Line::styled(text, theme.warn));
            }
            several => {
                let text =
                    format!(" {several} commands wait for your word: Ctrl-R shows the first");
                return Some(Line::styled(text, theme.warn));
            }
        }
        if self.leaving {
            return Some(Line::styled(" Ctrl-C again leaves", theme.warn));
        }
        (self.scroll > 0).then(|| Line::styled(" ↓ there is more below: Ctrl-End", theme.faint))
    }

    fn input_lines(&self, width: u16) -> usize {
        let inner = usize::from(width.saturating_sub(2)).max(1);
        let lines = self.input.lines().iter();
        lines.map(|line| Span::raw(line.as_str()).width() / inner + 1).sum()
    }

    fn draw_input(&mut self, frame: &mut Frame<'_>, theme: Theme, area: Rect) {
        let block = Block::new().borders(Borders::TOP | Borders::BOTTOM).border_style(theme.faint);
        self.input.set_block(block);
        self.input.set_placeholder_text("Say something, or / for a command");
        self.input.set_placeholder_style(theme.faint);
        frame.render_widget(&self.input, area);
    }

    fn foot(&self, theme: Theme) -> Line<'static> {
        let keys = if self.is_busy() {
            " Esc stop  Enter send  ^P sessions  ^O unfold  F1 keys"
        } else {
            " Enter send  ^P sessions  ^O unfold  F1 keys  ^D leave"
        };
        let row = self.conversation.info.as_ref();
        let model = row.and_then(|row| row.model.as_deref()).unwrap_or_default();
        let tokens =
            row.and_then(|row| row.total_tokens).filter(|tokens| *tokens <= MAX_SAFE_INTEGER);
        let tokens = tokens.map(|tokens| format!("  {tokens} tokens")).unwrap_or_default();
        Line::from(vec![
            Span::styled(keys, theme.faint),
            Span::styled(format!("   {}{tokens}", openclaw_base::harmless(model)), theme.faint),
        ])
    }
}

/// Text that wraps at the right edge.
fn wrapping(lines: Vec<Line<'static>>) -> Paragraph<'static> {
    Paragraph::new(lines).wrap(Wrap { trim: false })
}
