//! The audit on prepared machines: one deliberately bad configuration per check id.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

mod bad;
mod fixing;
mod machine;
mod reporting;
