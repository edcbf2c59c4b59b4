//! The Gateway as its clients meet it: whole, on a real port, over the wire.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::allow_attributes,
    missing_docs,
    reason = "test code: a failed expectation is the result"
)]

mod agent;
mod agent_files;
mod approvals;
mod audit;
mod chat;
mod config;
mod device;
mod door;
mod endpoints;
mod evidence;
mod handshake;
mod hostile;
mod hostile_nodes;
mod http;
mod invites;
mod limits;
mod node_pending;
mod nodes;
mod openai_client;
mod ours;
mod pairing;
mod pictures;
mod reload;
mod resume;
mod rights;
mod scripted;
mod sessions;
mod skills;
mod system;
mod tailscale;
mod tools;
mod trusted_proxy;
mod voicewake;
