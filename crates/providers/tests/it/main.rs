//! Both dialects on the wire: against a stand-in by somebody else, and against a server made by hand
//! that does what no decent server does.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test code: a failed expectation is the result"
)]

mod aimock;
mod asking;
mod byhand;
mod rotating;
mod wire;
