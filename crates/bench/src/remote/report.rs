//! The figures as one table, each beside what it may cost at most.

use std::{io::Write as _, time::Duration};

use anyhow::Context as _;

use crate::stats::Samples;

/// Everything measured under one delay, in milliseconds.
pub(crate) struct Weather {
    delay: Duration,
    pub(crate) bare: Samples,
    pub(crate) local: Samples,
    pub(crate) trips: Samples,
    pub(crate) held_trips: Samples,
    pub(crate) ssh: Samples,
    pub(crate) probe: Samples,
    pub(crate) held: Samples,
    pub(crate) restored: Samples,
}

impl Weather {
    pub(crate) fn new(delay: Duration) -> Self {
        let none = Samples::default;
        Self {
            delay,
            bare: none(),
            local: none(),
            trips: none(),
            held_trips: none(),
            ssh: none(),
            probe: none(),
            held: none(),
            restored: none(),
        }
    }

    fn rows(&self) -> Vec<Row> {
        let (bare, local, trip) = (self.bare.median(), self.local.median(), self.trips.median());
        let row = |name, samples: &Samples, limit| Row {
            name,
            median: samples.median(),
            tail: samples.percentile(95),
            limit,
        };
        vec![
            row("bare `ssh HOST true`", &self.bare, None),
            row("health on the server itself", &self.local, None),
            row("a round trip through a login", &self.trips, None),
            row("a round trip through the tunnel", &self.held_trips, None),
            row(
                "health --ssh",
                &self.ssh,
                Some((1.3 * bare + 3.0 * trip, "1.3 x bare + 3 round trips")),
            ),
            row(
                "health through the held tunnel",
                &self.held,
                Some((local + 4.0 * self.held_trips.median(), "local + 4 round trips")),
            ),
            row(
                "killed ssh to the next answer",
                &self.restored,
                Some((1.3 * bare + 100.0, "1.3 x bare + 100 ms")),
            ),
            row("gateway probe --ssh", &self.probe, None),
        ]
    }
}

struct Row {
    name: &'static str,
    median: f64,
    tail: f64,
    limit: Option<(f64, &'static str)>,
}

/// Prints the tables.
pub(crate) fn print(
    weathers: &[Weather],
    noticed: &Samples,
    original: Option<&Vec<(Duration, Samples)>>,
) -> anyhow::Result<()> {
    let mut text = String::new();
    for weather in weathers {
        text += &format!(
            "{} ms each way, {} runs; times in ms\n",
            weather.delay.as_millis(),
            weather.ssh.len()
        );
        text += &format!("{:<34}{:>9}{:>9}{:>9}\n", "", "median", "p95", "at most");
        for row in weather.rows() {
            text += &line(&row);
        }
        text.push('\n');
    }
    text += &format!(
        "a link that carries nothing, with a request pending: given up after {:.1} s, at most {:.1} s \
         (at most 15 s)\n",
        noticed.median() / 1e3,
        noticed.percentile(100) / 1e3,
    );
    for (delay, samples) in original.into_iter().flatten() {
        text += &format!(
            "the original's gateway probe --ssh, {} ms each way: median {:.0} ms\n",
            delay.as_millis(),
            samples.median()
        );
    }
    std::io::stdout().lock().write_all(text.as_bytes()).context("failed to print")
}

fn line(row: &Row) -> String {
    let Row { name, median, tail, limit } = row;
    let aim = limit.map_or_else(String::new, |(limit, rule)| {
        let verdict = if *median <= limit { "ok" } else { "MISSED" };
        format!("{limit:>9.1}  {verdict}: {rule}")
    });
    format!("{}\n", format!("{name:<34}{median:>9.1}{tail:>9.1}{aim}").trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_whether_its_limit_holds() {
        let mut weather = Weather::new(Duration::from_millis(50));
        for (samples, value) in [
            (&mut weather.bare, 1000.0),
            (&mut weather.local, 10.0),
            (&mut weather.trips, 100.0),
            (&mut weather.held_trips, 100.0),
            (&mut weather.ssh, 1599.0),
            (&mut weather.held, 411.0),
        ] {
            samples.push(value);
        }
        let rows: Vec<String> = weather.rows().iter().map(line).collect();
        let of = |name: &str| rows.iter().find(|row| row.starts_with(name)).unwrap();
        assert!(of("health --ssh").contains("1600.0  ok"), "{rows:?}");
        assert!(of("health through").contains("410.0  MISSED"), "{rows:?}");
    }
}
