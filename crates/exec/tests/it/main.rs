//! The commands of the operating system, really run.
#![expect(clippy::expect_used, reason = "test code: a failed expectation is the result")]

mod bypass;
mod hiding;
mod place;
mod running;
mod tricks;
