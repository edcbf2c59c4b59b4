//! Servers of tools, as the agent uses them: real processes, well and badly behaved.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::allow_attributes,
    reason = "test code: a failed expectation is the result"
)]

mod http;
mod lives;
mod place;
mod results;
