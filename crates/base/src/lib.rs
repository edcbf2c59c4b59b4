//! What every other crate leans on: owned tasks, a clock, back-off, and careful file writing.
//!
//! Nothing here knows a word of the domain.

pub mod backoff;
pub mod clock;
pub mod fs;
pub mod tasks;
pub mod text;

pub use backoff::Backoff;
pub use clock::{Clock, ManualClock, SharedClock, SystemClock};
pub use tasks::Tasks;
pub use text::harmless;
pub use tokio_util::sync::CancellationToken;
