//! Tokens and money, by day.

use crate::{
    macros::{params, record},
    row::{Since, methods},
    text::{Int, Text},
};

params! {
    /// Params of `usage.cost`: the last `days`, or from one date to another.
    #[derive(Default)]
    UsageCostParams {
        /// How many days, today included; 30 if nothing is said.
        days?: Int<1, 366>,
        /// First day, as `2026-09-30`, in the Gateway's time zone.
        start_date?: Text<10, 10>,
        /// Last day; today if absent.
        end_date?: Text<10, 10>,
    }
}

record! {
    /// Result of `usage.cost`.
    UsageCostResult {
        /// Now, in milliseconds since 1970.
        updated_at: u64,
        /// How many days were looked at.
        days: u64,
        /// Days on which tokens were used, oldest first.
        daily: Vec<DayOfUsage>,
        /// All of them together.
        totals: UsageTotals,
    }

    /// What one day took.
    DayOfUsage {
        /// The day, as `2026-09-30`, in the Gateway's time zone.
        date: String,
        /// What it took.
        #[serde(flatten)]
        totals: UsageTotals,
    }

    /// Tokens, and what they cost in US dollars.
    UsageTotals {
        /// Read by models, neither from nor into a cache.
        input: u64,
        /// Written by models.
        output: u64,
        /// Read from a cache.
        cache_read: u64,
        /// Written to a cache.
        cache_write: u64,
        /// All together.
        total_tokens: u64,
        /// What all cost.
        total_cost: f64,
        /// What those read cost.
        input_cost: f64,
        /// What those written cost.
        output_cost: f64,
        /// What those from a cache cost.
        cache_read_cost: f64,
        /// What those into a cache cost.
        cache_write_cost: f64,
        /// Answers of models whose price nobody wrote down.
        missing_cost_entries: u64,
    }
}

methods! {
    /// Sums up tokens and money by day, of all conversations that are still kept.
    UsageCost = "usage.cost", Read, UsageCostParams => UsageCostResult { since: Since::V3 };
}
