//! The client against a Gateway that is played by the test and writes down every byte it is sent.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "the helpers of a test may fail it, and read best when called with values"
)]

mod fake;

mod calls;
mod liveness;
mod pairing;
mod reconnect;
mod refusals;
mod secrets;
