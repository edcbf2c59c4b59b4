//! `mcp.*`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::choices::McpTransport;
use crate::secret::SecretInput;

/// Servers of tools that speak the Model Context Protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Mcp {
    /// The servers by name; their tools are called `name__tool`.
    pub servers: BTreeMap<String, McpServer>,
    /// How long a server that nobody uses is kept, in milliseconds; 0 keeps it for ever.
    pub session_idle_ttl_ms: u64,
}

impl Default for Mcp {
    fn default() -> Self {
        Self { servers: BTreeMap::new(), session_idle_ttl_ms: 600_000 }
    }
}

/// One server: a program of this machine (`command`) or an address (`url`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct McpServer {
    /// Whether it is used.
    pub enabled: bool,
    /// The program to start.
    pub command: Option<String>,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables that it gets beside the harmless ones of the Gateway's own environment.
    pub env: BTreeMap<String, SecretInput>,
    /// The folder it runs in. Left out: the default agent's workspace.
    pub cwd: Option<String>,
    /// Another spelling of `cwd`.
    pub working_directory: Option<String>,
    /// The address to reach it at.
    pub url: Option<String>,
    /// How it is spoken to at its address. Left out: `streamable-http`.
    pub transport: Option<McpTransport>,
    /// Headers sent with every request.
    pub headers: BTreeMap<String, SecretInput>,
    /// The longest wait for the result of a call, in seconds. Left out: 60.
    #[schemars(range(min = 1, max = 3600))]
    pub timeout: Option<u64>,
    /// The same in milliseconds; it goes before `timeout`.
    #[schemars(range(min = 100, max = 3_600_000))]
    pub request_timeout_ms: Option<u64>,
    /// The longest wait for it to be there and to name its tools, in seconds. Left out: 30.
    #[schemars(range(min = 1, max = 600))]
    pub connect_timeout: Option<u64>,
    /// The same in milliseconds; it goes before `connectTimeout`.
    #[schemars(range(min = 100, max = 600_000))]
    pub connection_timeout_ms: Option<u64>,
    /// Whether several of its tools may be called at once.
    pub supports_parallel_tool_calls: bool,
    /// Which of its tools count.
    pub tool_filter: McpToolFilter,
}

impl Default for McpServer {
    fn default() -> Self {
        Self {
            enabled: true,
            command: None,
            args: Vec::new(),
            env: BTreeMap::new(),
            cwd: None,
            working_directory: None,
            url: None,
            transport: None,
            headers: BTreeMap::new(),
            timeout: None,
            request_timeout_ms: None,
            connect_timeout: None,
            connection_timeout_ms: None,
            supports_parallel_tool_calls: false,
            tool_filter: McpToolFilter::default(),
        }
    }
}

/// Which tools of a server count; names with or without the server's, `*` for any characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct McpToolFilter {
    /// If not empty, only these.
    pub include: Vec<String>,
    /// Never these.
    pub exclude: Vec<String>,
}
