//! The command line against a real Gateway: the built program on both sides, each test with a home
//! folder and a port of its own.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test may fail it"
)]

mod approvals;
mod audit;
mod browser;
mod codes;
mod commands;
mod conversation;
mod cuts;
mod devices;
mod discover;
mod expose;
mod flow;
mod kills;
mod lifecycle;
mod machine;
mod model;
mod node_host;
mod nodes;
mod packaging;
mod profiles;
mod remote;
mod remote_install;
mod secrets;
mod security;
mod service;
mod squatter;
mod ssh;
mod supervised;
mod tailscale;
mod telegram;
mod terminal;
mod tls;
mod tui;
mod tunnel;
