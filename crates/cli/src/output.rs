//! Everything the program prints: data on standard output, all else on standard error.
//!
//! [`Printer`] decides once about colour and JSON. Colour is never the only carrier of a fact; it is
//! used on a terminal only, and not with `NO_COLOR` or `--no-color`.

mod table;
mod time;
mod wrap;

use std::io::{self, IsTerminal, Write};

pub(crate) use openclaw_base::harmless;
use serde::Serialize;

pub(crate) use self::table::Table;
pub(crate) use self::time::{age, clock, duration};
pub(crate) use self::wrap::wrapped;
use crate::failure::Failure;

/// Colour or weight of a piece of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// A heading.
    Bold,
    /// Something of little weight.
    Dim,
    /// All is well.
    Good,
    /// Worth a look.
    Warn,
    /// Wrong.
    Bad,
}

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Self::Bold => "\x1b[1m",
            Self::Dim => "\x1b[2m",
            Self::Good => "\x1b[32m",
            Self::Warn => "\x1b[33m",
            Self::Bad => "\x1b[31m",
        }
    }
}

/// What the command line and the environment say about output.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OutputOptions {
    /// `--json`.
    pub(crate) json: bool,
    /// `--no-color` or `NO_COLOR`.
    pub(crate) plain: bool,
}

/// Where and how to print.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printer {
    json: bool,
    colour_out: bool,
    colour_err: bool,
    width: Option<usize>,
}

/// Width of a table when the terminal does not say.
const USUAL_WIDTH: usize = 80;

impl Printer {
    /// Looks at the streams once.
    pub(crate) fn new(options: OutputOptions) -> Self {
        let terminal = io::stdout().is_terminal();
        Self {
            json: options.json,
            colour_out: terminal && !options.plain && !options.json,
            colour_err: io::stderr().is_terminal() && !options.plain,
            width: terminal.then(terminal_width),
        }
    }

    /// Whether data is printed as JSON.
    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// The same, and it keeps to itself what it would tell a person in passing.
    pub(crate) const fn silent(self) -> Self {
        Self { json: true, ..self }
    }

    /// Whether colours may be used.
    pub(crate) const fn is_coloured(self) -> bool {
        self.colour_out
    }

    /// Whether a person looks at standard output.
    pub(crate) const fn is_terminal(self) -> bool {
        self.width.is_some()
    }

    /// One line of data.
    pub(crate) fn line(self, text: impl AsRef<str>) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        writeln!(out, "{}", text.as_ref())?;
        Ok(())
    }

    /// A piece of data without a line end, shown at once.
    pub(crate) fn piece(self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()?;
        Ok(())
    }

    /// A whole value as indented JSON.
    pub(crate) fn json<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Failure> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        serde_json::to_writer_pretty(&mut out, value).map_err(io::Error::from)?;
        out.write_all(b"\n")?;
        out.flush()?;
        Ok(())
    }

    /// A value as one line of JSON, for streams of records.
    pub(crate) fn json_line<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Failure> {
        let mut text = serde_json::to_vec(value).map_err(io::Error::from)?;
        text.push(b'\n');
        let mut out = io::stdout().lock();
        out.write_all(&text)?;
        out.flush()?;
        Ok(())
    }

    /// A table, cut to the terminal's width; a pipe gets every cell whole.
    pub(crate) fn table(self, table: &Table) -> Result<(), Failure> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        for (index, line) in table.lines(self.width).into_iter().enumerate() {
            let line = if index == 0 { self.paint(Style::Bold, &line) } else { line };
            writeln!(out, "{line}")?;
        }
        out.flush()?;
        Ok(())
    }

    /// Two aligned columns, `Name  value`.
    pub(crate) fn fields(self, fields: &[(&str, String)]) -> Result<(), Failure> {
        let width = fields.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let mut out = io::BufWriter::new(io::stdout().lock());
        for (name, value) in fields {
            let padded = format!("{name:<width$}");
            writeln!(out, "{}  {value}", self.paint(Style::Dim, &padded))?;
        }
        out.flush()?;
        Ok(())
    }

    /// A line for a person on standard error. A closed standard error is nobody's loss.
    pub(crate) fn note(self, text: impl AsRef<str>) {
        let mut err = io::stderr().lock();
        drop(writeln!(err, "{}", text.as_ref()));
    }

    /// What is being done, for a person who waits: nothing where nobody looks.
    pub(crate) fn step(self, text: &str) {
        if !self.json && io::stderr().is_terminal() {
            self.note(self.paint_err(Style::Dim, &format!("… {text}")));
        }
    }

    /// A warning on standard error.
    pub(crate) fn warning(self, text: impl AsRef<str>) {
        self.note(format!("{} {}", self.paint_err(Style::Warn, "warning:"), text.as_ref()));
    }

    /// What to type next, on standard error.
    pub(crate) fn hint(self, text: impl AsRef<str>) {
        self.note(format!("{} {}", self.paint_err(Style::Good, "hint:"), text.as_ref()));
    }

    /// Prints a failure in the face that was asked for.
    pub(crate) fn failure(self, failure: &Failure) {
        if failure.is_silent() {
            return;
        }
        // Standard output may be what failed; then at least a person hears of it.
        if self.json && self.json(&failure.envelope()).is_ok() {
            return;
        }
        let lines = failure.lines().join("\n");
        self.note(format!("{} {lines}", self.paint_err(Style::Bad, "error:")));
        if let Some(hint) = failure.next_step() {
            self.note("");
            self.hint(hint);
        }
    }

    /// Text for standard output in a style.
    pub(crate) fn paint(self, style: Style, text: &str) -> String {
        paint(self.colour_out, style, text)
    }

    fn paint_err(self, style: Style, text: &str) -> String {
        paint(self.colour_err, style, text)
    }
}

fn paint(colour: bool, style: Style, text: &str) -> String {
    if colour { format!("{}{text}\x1b[0m", style.code()) } else { text.to_owned() }
}

fn terminal_width() -> usize {
    terminal_size::terminal_size().map_or(USUAL_WIDTH, |(width, _)| usize::from(width.0).max(40))
}

/// The first characters of a long identifier; commands take any unambiguous beginning.
pub(crate) fn short_id(id: &str) -> String {
    id.chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_colour_means_no_escape_at_all() {
        assert_eq!(paint(false, Style::Bad, "x"), "x");
        assert_eq!(paint(true, Style::Bad, "x"), "\x1b[31mx\x1b[0m");
    }
}
