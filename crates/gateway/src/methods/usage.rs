//! Tokens and money, by day.

use jiff::{ToSpan, Zoned, civil::Date};
use openclaw_protocol::{RpcError, methods::usage::*};
use openclaw_store::transcripts::DayUsage;

use crate::{
    router::{Cx, Failure, Handle, Methods},
    shape::failure,
};

/// Days that are summed up when nothing is said.
const DEFAULT_DAYS: i64 = 30;
/// Days that are summed up at most.
const MAX_DAYS: i64 = 366;

impl Handle<UsageCost> for Methods {
    async fn handle(cx: Cx, params: UsageCostParams) -> Result<UsageCostResult, Failure> {
        let now = Zoned::now();
        let (first, last) = span(&params, now.date()).map_err(RpcError::invalid)?;
        let start = |date: Date| date.to_zoned(now.time_zone().clone()).map(|at| at.timestamp());
        let ends = start(first).and_then(|from| Ok((from, start(last.tomorrow()?)?)));
        let ends = ends.ok().and_then(|(from, until)| {
            let ms = |at: jiff::Timestamp| u64::try_from(at.as_millisecond()).ok();
            Some((ms(from)?, ms(until)?))
        });
        let (from, until) =
            ends.ok_or_else(|| RpcError::invalid("invalid usage.cost params: no such days"))?;
        let offset = i64::from(now.offset().seconds()) * 1_000;
        let rows = cx.state.store.transcripts().usage_by_day(from, until, offset).await;
        let rows = rows.map_err(|error| failure::store(&cx.state, &error))?;
        let mut totals = UsageTotals::default();
        for row in &rows {
            add(&mut totals, row);
        }
        let days = (last - first).get_days() + 1;
        Ok(UsageCostResult {
            updated_at: cx.now_ms(),
            days: u64::try_from(days).unwrap_or_default(),
            daily: rows.iter().filter_map(day).collect(),
            totals,
        })
    }
}

/// First and last day.
fn span(params: &UsageCostParams, today: Date) -> Result<(Date, Date), String> {
    let read = |name: &str, text: &Option<_>| -> Result<Option<Date>, String> {
        let text: &Option<openclaw_protocol::text::Text<10, 10>> = text;
        let Some(text) = text else { return Ok(None) };
        let date = text.as_str().parse().ok();
        let why = || format!("invalid usage.cost params: {name} must be a day, as 2026-09-30");
        date.map(Some).ok_or_else(why)
    };
    let last = read("endDate", &params.end_date)?.unwrap_or(today);
    let first = match (read("startDate", &params.start_date)?, params.days) {
        (Some(first), _) => first,
        (None, days) => {
            let days = days.map_or(DEFAULT_DAYS, |days| i64::try_from(days.get()).unwrap_or(1));
            last.checked_sub((days - 1).days()).map_err(|error| error.to_string())?
        }
    };
    if first > last || i64::from((last - first).get_days()) >= MAX_DAYS {
        return Err(format!("invalid usage.cost params: 1 to {MAX_DAYS} days"));
    }
    Ok((first, last))
}

fn day(row: &DayUsage) -> Option<DayOfUsage> {
    let date = Date::constant(1970, 1, 1).checked_add(row.day.days()).ok()?;
    let mut totals = UsageTotals::default();
    add(&mut totals, row);
    Some(DayOfUsage { date: date.to_string(), totals })
}

fn add(totals: &mut UsageTotals, row: &DayUsage) {
    let [input, output, cache_read, cache_write] = row.tokens;
    totals.input += input;
    totals.output += output;
    totals.cache_read += cache_read;
    totals.cache_write += cache_write;
    totals.total_tokens += input + output + cache_read + cache_write;
    let [input, output, cache_read, cache_write] = row.cost;
    totals.input_cost += input;
    totals.output_cost += output;
    totals.cache_read_cost += cache_read;
    totals.cache_write_cost += cache_write;
    totals.total_cost += input + output + cache_read + cache_write;
    totals.missing_cost_entries += row.unpriced;
}
