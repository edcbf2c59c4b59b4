//! Servers of tools that speak the Model Context Protocol, as the agent sees them.
//!
//! [`Servers`] is a [`openclaw_agent::ToolSource`]: it starts a server when a turn first may use its tools,
//! keeps it while it is used, lets it rest after that, and starts one that ended again, with growing pauses.
//! The protocol itself is the library's. What is ours: who starts when, how long anything may take, how
//! much may come back, and that nothing outlives its owner.

mod capped;
mod connect;
mod listed;
mod names;
mod result;
mod secrets;
mod server;
mod servers;
mod settings;
mod stdio;
mod tool;

pub use names::tool_name;
pub use servers::Servers;
pub use settings::{McpSettings, ServerSetting, ToolFilter, Way};
