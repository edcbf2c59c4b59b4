//! The published contract against our tables: same names, same scopes, params refused alike, results
//! valid; and what the contract leaves open against the recorded shapes of the peer's answers.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail as the test does"
)]

mod agreement;
mod codes;
mod contract;
mod events;
mod figures;
mod names;
mod params;
mod peer;
mod results;
mod samples;
mod tables;
