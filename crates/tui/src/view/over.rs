//! Boxes over the conversation.

use openclaw_base::harmless;
use openclaw_protocol::methods::approvals::{ApprovalDecision, ExecApprovalRequested as Waiting};
use ratatui::{
    Frame,
    layout::{Constraint, Rect},
    text::{Line, Span},
    widgets::{Block, Clear, List, ListState, Padding},
};

use super::{Theme, wrapping};
use crate::{
    app::App,
    overlay::{Overlay, decisions, title},
};

/// Columns of a box, its frame included.
const WIDTH: u16 = 76;

const KEYS: &[(&str, &str)] = &[
    ("Enter", "send"),
    ("Alt-Enter, Ctrl-J", "new line"),
    ("Esc, Ctrl-C", "stop the run"),
    ("Ctrl-R", "decide about a command that waits"),
    ("Ctrl-P", "choose a session"),
    ("Ctrl-O", "show outputs and thoughts whole, or not"),
    ("PgUp, PgDn", "scroll; Ctrl-Home and Ctrl-End go all the way"),
    ("Up, Down", "what was said before"),
    ("Tab", "complete a /command"),
    ("Ctrl-D", "leave; the run goes on"),
];

impl App {
    pub(super) fn draw_overlay(&self, frame: &mut Frame<'_>, theme: Theme, area: Rect) {
        match &self.overlay {
            None => {}
            Some(Overlay::Help) => help(frame, theme, area),
            Some(Overlay::Sessions { filter, at }) => {
                self.sessions(frame, theme, area, filter, *at)
            }
            Some(Overlay::Review { .. }) => {
                if let Some((waiting, at)) = self.reviewed() {
                    review(frame, theme, area, waiting, at);
                }
            }
        }
    }

    fn sessions(&self, frame: &mut Frame<'_>, theme: Theme, area: Rect, filter: &str, at: usize) {
        let fitting = self.fitting(filter);
        let rows: Vec<Line<'static>> = fitting
            .iter()
            .map(|row| {
                let key = row.key.to_string();
                let name = harmless(title(row));
                let mark =
                    if self.conversation.key.as_deref() == Some(&key) { "● " } else { "  " };
                let mut spans = vec![Span::raw(mark), Span::raw(name.clone())];
                if name != key {
                    spans.push(Span::styled(format!("  {}", harmless(&key)), theme.faint));
                }
                Line::from(spans)
            })
            .collect();
        let heading = if filter.is_empty() {
            " Sessions: type to search, Enter opens ".to_owned()
        } else {
            format!(" Sessions with \"{}\" ", harmless(filter))
        };
        let area = centred(area, 72, rows.len().max(1) + 2);
        let block = Block::bordered().title(heading).border_style(theme.faint);
        frame.render_widget(Clear, area);
        if rows.is_empty() {
            let none = wrapping(vec![Line::styled("none is like that", theme.faint)]);
            frame.render_widget(none.block(block), area);
            return;
        }
        let list = List::new(rows).block(block).highlight_style(theme.chosen);
        let mut state = ListState::default().with_selected(Some(at.min(fitting.len() - 1)));
        frame.render_stateful_widget(list, area, &mut state);
    }
}

fn help(frame: &mut Frame<'_>, theme: Theme, area: Rect) {
    let line = |(keys, what): &(&'static str, &'static str)| {
        Line::from(vec![Span::styled(format!("{keys:<19}"), theme.strong), Span::raw(*what)])
    };
    let lines: Vec<Line<'static>> = KEYS.iter().map(line).collect();
    boxed(frame, theme, area, " Keys ", lines);
}

fn review(frame: &mut Frame<'_>, theme: Theme, area: Rect, waiting: &Waiting, at: usize) {
    let request = &waiting.request;
    let mut lines = vec![Line::default()];
    let facts = [
        ("on", request.node_id.as_deref().or(request.host.as_deref())),
        ("in", request.cwd.as_deref()),
        ("program", request.resolved_path.as_deref()),
        ("session", request.session_key.as_deref()),
    ];
    for (name, value) in facts {
        if let Some(value) = value {
            lines.push(Line::from(vec![
                Span::styled(format!("{name:<9}"), theme.faint),
                Span::raw(harmless(value)),
            ]));
        }
    }
    if let Some(warning) = &request.warning_text {
        lines.push(Line::styled(harmless(warning), theme.warn));
    }
    lines.push(Line::default());
    let mut choices = Vec::new();
    for (index, decision) in decisions(waiting).into_iter().enumerate() {
        let text = match decision {
            ApprovalDecision::AllowOnce => "allow Once",
            ApprovalDecision::AllowAlways => "allow Always",
            ApprovalDecision::Deny => "Deny",
        };
        choices.push(if index == at {
            Span::styled(format!("[{text}]"), theme.chosen)
        } else {
            Span::styled(format!(" {text} "), theme.strong)
        });
        choices.push(Span::raw("  "));
    }
    lines.push(Line::from(choices));
    lines.push(Line::styled(
        "arrows or o, a, d choose; Enter decides; Esc leaves it open",
        theme.faint,
    ));
    let width = usize::from(inner_width(area));
    let taken = wrapping(lines.clone()).line_count(inner_width(area)) + 2;
    let room = usize::from(area.height).saturating_sub(taken);
    let mut all = command(&request.command, width, room, theme);
    all.append(&mut lines);
    boxed(frame, theme, area, " May this run? ", all);
}

/// A command in as many lines as there is room for. What is left out is said: nobody should allow the
/// half of a command without knowing.
fn command(text: &str, width: usize, room: usize, theme: Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for line in harmless(text).lines() {
        let mut begun = String::new();
        for letter in line.chars() {
            if Span::raw(begun.as_str()).width() + 2 > width {
                lines.push(std::mem::take(&mut begun));
            }
            begun.push(letter);
        }
        lines.push(begun);
    }
    let hidden = lines.len().saturating_sub(room);
    if hidden > 0 {
        lines.truncate(room.saturating_sub(1));
    }
    let mut lines: Vec<Line<'static>> =
        lines.into_iter().map(|line| Line::styled(line, theme.code)).collect();
    if hidden > 0 {
        let text = format!("… {} lines more: `openclaw approvals list --json`", hidden + 1);
        lines.push(Line::styled(text, theme.bad));
    }
    lines
}

fn boxed(
    frame: &mut Frame<'_>,
    theme: Theme,
    area: Rect,
    heading: &'static str,
    lines: Vec<Line<'static>>,
) {
    let paragraph = wrapping(lines);
    let area = centred(area, WIDTH, paragraph.line_count(inner_width(area)) + 2);
    let block =
        Block::bordered().title(heading).border_style(theme.warn).padding(Padding::horizontal(1));
    frame.render_widget(Clear, area);
    frame.render_widget(paragraph.block(block), area);
}

/// Columns for text in a box.
fn inner_width(area: Rect) -> u16 {
    area.width.min(WIDTH).saturating_sub(4)
}

fn centred(area: Rect, width: u16, height: usize) -> Rect {
    let height = u16::try_from(height).unwrap_or(u16::MAX).min(area.height);
    area.centered(Constraint::Length(width.min(area.width)), Constraint::Length(height))
}
