//! One file per family of methods. A handler decodes nothing and checks no right: the router did.

pub mod agent;
pub mod agent_files;
pub mod approvals;
pub mod channels;
pub mod chat;
pub mod config;
pub mod devices;
pub mod models;
pub mod node_pairing;
mod node_pending;
mod nodes;
pub mod pending;
pub mod security;
pub mod sessions;
mod setup;
pub mod skills;
pub mod system;
pub mod tools;
pub mod usage;
mod voicewake;
