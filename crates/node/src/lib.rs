//! What a node can do, and how it does it when a Gateway asks.
//!
//! A [`Registry`] holds the commands; each is a file in `commands` and a line of its table. [`host::run`]
//! answers the calls that come over one link that comes back, as often as it breaks. Nothing here
//! decides how a Gateway is reached, and nothing here listens.

mod command;
mod commands;
mod desk;
pub mod host;
mod journal;
mod output;
mod report;
mod roots;

pub use command::{Call, CommandError, NodeCommand, Registry};
pub use commands::{Machine, registry};
pub use journal::{Journal, JournalError};
pub use output::Output;
pub use roots::{RootError, Roots};
