//! A whole Gateway and a stand-in for the Bot API: what a person on Telegram sees.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::allow_attributes,
    reason = "test code: a failed expectation is the result"
)]

mod accounts;
mod approvals;
mod chat;
mod deliver;
mod drafts;
mod files_out;
mod groups;
mod logout;
mod media;
mod proxy;
mod replies;
mod stage;
mod trouble;
mod webhook;
