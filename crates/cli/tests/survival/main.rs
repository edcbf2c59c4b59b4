//! What a Gateway loses when it is killed, or when its disk is full: nothing that it acknowledged.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test may fail it"
)]

mod disk;
mod kills;
#[path = "../e2e/machine.rs"]
#[expect(dead_code, reason = "shared with the other end-to-end tests, which use all of it")]
mod machine;
