//! Telegram, over the Bot API.
//!
//! The few methods that are used have types of our own in [`api`]: of the two maintained crates one has
//! a licence that is not allowed here, the other brings a second HTTP client.
//!
//! Updates are polled for, or posted by Telegram to a webhook. An update counts as read only after it is on
//! disk, so none is lost and none is handled twice, whenever the process ends.

mod api;
mod bot;
mod channel;
mod files;
mod format;
mod listen;
mod poll;
mod reaction;
mod types;
mod update;
mod upload;
mod webhook;

pub use self::bot::{Hook, ReplyMode, Settings, Telegram, check};
