//! A whole Gateway and a stand-in for the Bot API: what a person on Telegram sees.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::allow_attributes,
    reason = "test code: a failed expectation is the result"
)]

mod approvals;
mod chat;
mod files_out;
mod groups;
mod logout;
mod media;
mod stage;
mod trouble;
mod webhook;
