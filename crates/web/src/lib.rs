//! Pages of the public web, for somebody who may name any address and must not reach ours.
//!
//! Only public addresses are connected to. A name is resolved once, by the connection itself, and what it
//! resolves to is what is checked and dialled, so a name cannot mean one thing while it is looked at and
//! another when it is used. Every redirect is a new request with the same checks. Size, time and the number
//! of redirects are limited; no proxy, cookie or credential is used.

mod address;
mod fetch;
mod readable;

pub use address::is_public;
pub use fetch::{FetchError, Fetcher, Limits, Page};
pub use readable::readable;
