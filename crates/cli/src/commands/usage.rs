//! `openclaw gateway usage-cost`: tokens and money, by day.

use clap::Args;
use openclaw_protocol::methods::usage::{UsageCost, UsageCostParams, UsageCostResult, UsageTotals};
use openclaw_protocol::text::Int;

use super::Outcome;
use crate::args::{OutputArgs, TargetArgs};
use crate::context::Context;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::link::{Link, block_on};
use crate::output::{Printer, Table};

/// Which Gateway, and how far back.
#[derive(Args, Debug)]
pub(crate) struct UsageArgs {
    /// How many days, today included
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=366))]
    days: u64,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Asks once.
pub(crate) fn run(context: &Context, args: &UsageArgs) -> Outcome {
    block_on(async {
        let link = Link::open(context, &args.target).await?;
        let params =
            UsageCostParams { days: Int::new(args.days).ok(), ..UsageCostParams::default() };
        let answer = link.ask::<UsageCost>(&params).await?;
        link.close().await;
        answer.show(context.printer, print)?;
        Ok(ExitCode::Done)
    })
}

fn print(printer: Printer, usage: &UsageCostResult) -> Result<(), Failure> {
    if usage.daily.is_empty() {
        return printer.line(format!("No tokens were used in {} days.", usage.days));
    }
    let mut table = Table::new(["DAY", "READ", "CACHED", "WRITTEN", "COST"]);
    for day in &usage.daily {
        table.row(row(&day.date, &day.totals));
    }
    if usage.daily.len() > 1 {
        table.row(row("all", &usage.totals));
    }
    printer.table(&table)?;
    if usage.totals.missing_cost_entries > 0 {
        let hint = format!(
            "{} answers have no price: write it down as models.providers.NAME.models[].cost, in US \
             dollars per million tokens.",
            usage.totals.missing_cost_entries
        );
        printer.hint(hint);
    }
    Ok(())
}

fn row(name: &str, totals: &UsageTotals) -> [String; 5] {
    let cost = match totals.total_cost {
        cost if cost > 0.0 => format!("${cost:.4}"),
        _ => "-".to_owned(),
    };
    let cached = totals.cache_read + totals.cache_write;
    [name.to_owned(), totals.input.to_string(), cached.to_string(), totals.output.to_string(), cost]
}
