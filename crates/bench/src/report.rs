//! The figures as one table: this Gateway, the original, and what we aim at.

use std::io::Write as _;

use anyhow::Context as _;

use crate::stats::Samples;

/// Everything that was measured of one program.
#[derive(Default)]
pub(crate) struct Figures {
    pub(crate) start_ms: Samples,
    pub(crate) rest_mib: Samples,
    pub(crate) command_ms: Samples,
    pub(crate) command_mib: Samples,
    pub(crate) rate_1: Samples,
    pub(crate) bare_1: Samples,
    pub(crate) rate_32: Samples,
    pub(crate) bare_32: Samples,
    pub(crate) client_kib: Samples,
    /// Length of one health response.
    pub(crate) answer_bytes: usize,
}

/// Whether less or more is better, which says where the bad tail is.
#[derive(Clone, Copy)]
enum Better {
    Less,
    More,
}

type Pick = fn(&Figures) -> &Samples;

const ROWS: &[(&str, Pick, Better, &str)] = &[
    ("exec to first health, ms", |f| &f.start_ms, Better::Less, "25"),
    ("memory at rest, MiB", |f| &f.rest_mib, Better::Less, "13"),
    ("health --json, ms", |f| &f.command_ms, Better::Less, "20"),
    ("health --json, peak MiB", |f| &f.command_mib, Better::Less, "12"),
    ("health a second, 1 in flight", |f| &f.rate_1, Better::More, "bare / 1.3"),
    ("  bare WebSocket", |f| &f.bare_1, Better::More, ""),
    ("health a second, 32 in flight", |f| &f.rate_32, Better::More, "bare / 1.5"),
    ("  bare WebSocket", |f| &f.bare_32, Better::More, ""),
    ("memory per idle client, KiB", |f| &f.client_kib, Better::Less, "20"),
];

/// Prints the table.
pub(crate) fn print(ours: &Figures, original: Option<&Figures>) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(table(ours, original).as_bytes()).context("failed to print")
}

fn table(ours: &Figures, original: Option<&Figures>) -> String {
    let mut text = line(["", "this Gateway", "", "the original", "", "aim"].map(str::to_owned));
    text += &line(["", "median", "p95", "median", "p95", ""].map(str::to_owned));
    for (name, pick, better, aim) in ROWS {
        let (median, tail) = cells(pick(ours), *better);
        let (their_median, their_tail) =
            original.map_or_else(Default::default, |figures| cells(pick(figures), *better));
        text +=
            &line([(*name).to_owned(), median, tail, their_median, their_tail, (*aim).to_owned()]);
    }
    let ratio = |bare: &Samples, rate: &Samples| bare.median() / rate.median();
    text += &format!(
        "\nbare / ours: {:.2} at 1 in flight (aim 1.3), {:.2} at {} in flight (aim 1.5)\n",
        ratio(&ours.bare_1, &ours.rate_1),
        ratio(&ours.bare_32, &ours.rate_32),
        32,
    );
    text += &format!(
        "runs: {} of this Gateway{}; a health response has {} bytes; p95 of a rate is what 95 % of \
         the runs reach\n",
        ours.start_ms.len(),
        original.map_or_else(String::new, |figures| format!(
            ", {} of the original",
            figures.start_ms.len()
        )),
        ours.answer_bytes,
    );
    text
}

fn cells(samples: &Samples, better: Better) -> (String, String) {
    let tail = match better {
        Better::Less => samples.percentile(95),
        Better::More => samples.percentile(5),
    };
    (number(samples.median()), number(tail))
}

fn number(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

fn line(cells: [String; 6]) -> String {
    let [name, median, tail, their_median, their_tail, aim] = cells;
    let text = format!("{name:<31}{median:>13}{tail:>9}{their_median:>14}{their_tail:>9}   {aim}");
    format!("{}\n", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_both_sides() {
        let mut ours = Figures::default();
        ours.start_ms.push(20.0);
        let mut original = Figures::default();
        original.start_ms.push(13_000.0);
        let text = table(&ours, Some(&original));
        let first = text.lines().find(|line| line.starts_with("exec to first")).unwrap();
        assert_eq!(
            first.split_whitespace().skip(5).collect::<Vec<_>>(),
            ["20.0", "20.0", "13000", "13000", "25"]
        );
        assert!(text.contains("1 of this Gateway, 1 of the original"));
    }
}
