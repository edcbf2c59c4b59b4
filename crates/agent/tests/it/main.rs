//! The agent as a whole, over a real store, with a model that follows a script.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "test code: a failed expectation is the result"
)]

mod bench;
/// The test kit's model, taken as a file: the test kit itself stands on top of everything.
#[path = "../../../testkit/src/scripted_model.rs"]
#[expect(dead_code, unreachable_pub, reason = "others use more of it")]
mod scripted_model;

mod aborting;
mod commands;
mod compacting;
mod failures;
mod overlapping;
mod queueing;
mod recovering;
mod resetting;
mod sending;
mod sessions;
mod tools;
mod turns;
