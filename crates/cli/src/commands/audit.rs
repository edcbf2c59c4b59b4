//! `openclaw audit`: who connected, who was refused, and what was changed about rights.

use clap::Args;
use openclaw_protocol::methods::security::{
    SecurityTrail, SecurityTrailParams, SecurityTrailResult, TrailKindName,
};
use openclaw_protocol::text::Int;

use super::Outcome;
use crate::args::{OutputArgs, TargetArgs};
use crate::context::Context;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::link::{Link, block_on};
use crate::output::{Printer, Table, short_id};

/// How much of the trail.
#[derive(Args, Debug)]
pub(crate) struct AuditArgs {
    /// Only this: connect, refusal, lockout, pairing, secret, approval, config,
    /// gateway
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Option<TrailKindName>,
    /// Entries, the newest ones
    #[arg(long, value_name = "ENTRIES", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1000))]
    limit: u64,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

fn kind(raw: &str) -> Result<TrailKindName, String> {
    serde_json::from_value(raw.into()).map_err(|_| {
        "expected connect, refusal, lockout, pairing, secret, approval, config or gateway"
            .to_owned()
    })
}

/// Prints the newest entries, the newest last.
pub(crate) fn run(context: &Context, args: &AuditArgs) -> Outcome {
    block_on(async {
        let link = Link::open(context, &args.target).await?;
        let limit = Int::new(args.limit).map_err(Failure::usage)?;
        let params = SecurityTrailParams { kind: args.kind, before: None, limit: Some(limit) };
        let answer = link.ask::<SecurityTrail>(&params).await?;
        link.close().await;
        answer.show(context.printer, print)?;
        Ok(ExitCode::Done)
    })
}

fn print(printer: Printer, result: &SecurityTrailResult) -> Result<(), Failure> {
    let mut table = Table::new(["WHEN", "WHAT", "OUTCOME", "WHO", "FROM", "TIMES", "MORE"]);
    for entry in result.entries.iter().rev() {
        table.row([
            clock(entry.last_ms),
            entry.kind.clone(),
            entry.outcome.clone(),
            who(&entry.who),
            entry.origin.clone(),
            entry.count.to_string(),
            entry.detail.clone(),
        ]);
    }
    if table.is_empty() {
        printer.note("nothing is on record");
        return Ok(());
    }
    printer.table(&table)
}

/// Device ids are long, and their beginning tells them apart.
fn who(text: &str) -> String {
    let is_id = text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit());
    if is_id { short_id(text) } else { text.to_owned() }
}

fn clock(at_ms: u64) -> String {
    let at = i64::try_from(at_ms).ok().and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
    at.map_or_else(|| at_ms.to_string(), |at| format!("{at:.0}"))
}
