//! Colours, from the terminal's own sixteen: readable on light and on dark.

use ratatui::style::{Color, Modifier, Style};

/// How kinds of text look. Colour is never the only sign of anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Theme {
    pub(crate) strong: Style,
    pub(crate) faint: Style,
    pub(crate) person: Style,
    pub(crate) agent: Style,
    pub(crate) code: Style,
    pub(crate) good: Style,
    pub(crate) warn: Style,
    pub(crate) bad: Style,
    pub(crate) chosen: Style,
}

impl Theme {
    pub(crate) fn new(colour: bool) -> Self {
        let strong = Style::new().add_modifier(Modifier::BOLD);
        let faint = Style::new().add_modifier(Modifier::DIM);
        let chosen = Style::new().add_modifier(Modifier::REVERSED);
        let tint = |style: Style, tint| if colour { style.fg(tint) } else { style };
        Self {
            strong,
            faint,
            person: tint(strong, Color::Green),
            agent: tint(strong, Color::Cyan),
            code: tint(Style::new(), Color::Yellow),
            good: tint(Style::new(), Color::Green),
            warn: tint(Style::new(), Color::Yellow),
            bad: tint(Style::new(), Color::Red),
            chosen,
        }
    }
}
