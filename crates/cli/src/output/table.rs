//! Tables: left-aligned columns, two spaces apart, no lines drawn.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::harmless;

/// Space between two columns.
const GAP: usize = 2;
/// No column is cut below this.
const LEAST: usize = 8;

/// Rows under a heading.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub(crate) fn new<const N: usize>(headings: [&str; N]) -> Self {
        Self { rows: vec![headings.iter().map(|heading| (*heading).to_owned()).collect()] }
    }

    /// Adds a row; what came from a peer is made harmless, and stays on one line.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells = cells.into_iter().map(|cell| harmless(&cell).replace(['\n', '\t'], " "));
        self.rows.push(cells.collect());
    }

    /// Whether there is nothing but the headings.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.len() < 2
    }

    /// The lines. With a width, the widest columns are cut until a row fits. The first column never
    /// is: it names the row, and a name that is cut cannot be typed.
    pub(crate) fn lines(&self, width: Option<usize>) -> Vec<String> {
        let mut widths = self.natural_widths();
        if let (Some(limit), Some((name, others))) = (width, widths.split_first_mut()) {
            shrink(others, limit.saturating_sub(*name + GAP));
        }
        self.rows.iter().map(|row| line(row, &widths)).collect()
    }

    fn natural_widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width_of = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max()
        };
        (0..columns).map(|column| width_of(column).unwrap_or(0)).collect()
    }
}

/// Takes from the widest column until the sum fits or nothing may be taken any more.
fn shrink(widths: &mut [usize], limit: usize) {
    let gaps = GAP * widths.len().saturating_sub(1);
    let mut excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(limit);
    while excess > 0 {
        let Some(widest) = widths.iter_mut().max() else { return };
        if *widest <= LEAST {
            return;
        }
        *widest -= 1;
        excess -= 1;
    }
}

fn line(row: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (cell, width) in row.iter().zip(widths) {
        let cut = cut(cell, *width);
        let used = cut.width();
        text.push_str(&cut);
        text.extend(std::iter::repeat_n(' ', width.saturating_sub(used) + GAP));
    }
    text.truncate(text.trim_end().len());
    text
}

/// Cuts text to a width, with an ellipsis as the last character.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut used = 1;
    let kept = text.chars().take_while(|c| {
        used += c.width().unwrap_or(0);
        used <= width
    });
    kept.chain(std::iter::once('…')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table::new(["KEY", "MODEL", "AGE"]);
        table.row(["agent:main:main".into(), "a\nb".into(), "3 s".into()]);
        table.row(["agent:main:日本語".into(), "offline/assistant".into(), "2 h".into()]);
        table
    }

    #[test]
    fn columns_line_up_also_with_wide_characters() {
        let lines = sample().lines(None);
        assert_eq!(
            lines,
            [
                "KEY                MODEL              AGE",
                "agent:main:main    a b                3 s",
                "agent:main:日本語  offline/assistant  2 h",
            ]
        );
    }

    #[test]
    fn a_narrow_terminal_cuts_the_widest_columns() {
        let lines = sample().lines(Some(36));
        assert!(lines.iter().all(|line| line.width() <= 36), "{lines:#?}");
        assert_eq!(lines[2], "agent:main:日本語  offline/ass…  2 h");
    }

    #[test]
    fn the_first_column_stays_whole() {
        let lines = sample().lines(Some(20));
        assert_eq!(lines[2], "agent:main:日本語  offline…  2 h");
    }
}
