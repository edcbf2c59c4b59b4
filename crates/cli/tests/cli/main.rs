//! The command line from outside: what it prints, and how it ends, with no Gateway anywhere.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

mod completion;
mod config;
mod links;
mod mcp;
mod models_auth;
mod sandbox;
mod usage;
