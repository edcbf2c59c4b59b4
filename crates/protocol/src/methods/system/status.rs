//! The answer to `status`: sessions, models, heartbeats and tasks in short.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    ids::{AgentId, SessionId, SessionKey},
    macros::record,
};

record! {
    /// Result of `status`.
    StatusSummary {
        /// Version of the Gateway.
        runtime_version: String,
        /// Process id.
        pid?: u32,
        /// Memory of the process.
        process_memory?: ProcessMemory,
        /// Heartbeats.
        heartbeat: HeartbeatStatus,
        /// One line per channel.
        #[serde(default)]
        channel_summary: Vec<String>,
        /// System events that wait for the main session.
        #[serde(default)]
        queued_system_events: Vec<String>,
        /// Sessions.
        sessions: SessionsStatus,
        /// Background tasks.
        #[serde(default)]
        tasks: TaskCounts,
        /// Findings about background tasks.
        #[serde(default)]
        task_audit: TaskAudit,
        /// Who waits for a secret that cannot be read.
        #[serde(default)]
        degraded_secret_owners: Vec<Value>,
        /// Plugins that work in part.
        #[serde(default)]
        degraded_plugins: Vec<Value>,
    }

    /// Memory of the process.
    ProcessMemory {
        /// Resident bytes.
        rss_bytes: u64,
    }

    /// Heartbeats in the status.
    HeartbeatStatus {
        /// The agent that answers when nobody names another.
        default_agent_id: AgentId,
        /// Every agent.
        agents: Vec<AgentHeartbeatStatus>,
    }

    /// One agent's heartbeat in the status.
    AgentHeartbeatStatus {
        /// The agent.
        agent_id: AgentId,
        /// Whether it beats.
        enabled: bool,
        /// Interval as configured.
        every: String,
        /// Interval in milliseconds.
        every_ms: Option<u64>,
    }

    /// Sessions in the status.
    SessionsStatus {
        /// Where they are stored; only for admins.
        #[serde(default)]
        paths: Vec<String>,
        /// How many there are.
        count: u64,
        /// What a new session uses.
        defaults: ModelDefaults,
        /// The latest of all agents.
        recent: Vec<SessionStatus>,
        /// The same for each agent.
        by_agent: Vec<AgentSessionsStatus>,
    }

    /// What a new session uses.
    ModelDefaults {
        /// The model.
        model: Option<String>,
        /// Its context, in tokens.
        context_tokens: Option<u64>,
    }

    /// Sessions of one agent in the status.
    AgentSessionsStatus {
        /// The agent.
        agent_id: AgentId,
        /// Where they are stored.
        path: String,
        /// How many there are.
        count: u64,
        /// The latest.
        recent: Vec<SessionStatus>,
    }

    /// One session in the status.
    SessionStatus {
        /// The agent.
        agent_id?: AgentId,
        /// Its key.
        key: SessionKey,
        /// Its kind: `direct`, `group`, `global`, or `unknown`.
        kind: String,
        /// Its transcript.
        session_id?: SessionId,
        /// Last change, in milliseconds since 1970.
        updated_at: Option<u64>,
        /// Time since then, in milliseconds.
        age: Option<u64>,
        /// How hard the model thinks.
        thinking_level?: String,
        /// How much of its tools it shows.
        verbose_level?: String,
        /// Whether thoughts are shown.
        reasoning_level?: String,
        /// What it may do beyond the sandbox.
        elevated_level?: String,
        /// Whether the system prompt was sent.
        system_sent?: bool,
        /// Whether the last run was cut.
        aborted_last_run?: bool,
        /// Tokens read.
        input_tokens?: u64,
        /// Tokens written.
        output_tokens?: u64,
        /// Tokens in the context.
        total_tokens: Option<u64>,
        /// Whether that number is of the last turn.
        total_tokens_fresh: bool,
        /// Tokens read from the cache.
        cache_read?: u64,
        /// Tokens written to the cache.
        cache_write?: u64,
        /// Tokens left.
        remaining_tokens: Option<u64>,
        /// Share of the context that is used.
        percent_used: Option<u64>,
        /// The model.
        model: Option<String>,
        /// The model's context, in tokens.
        context_tokens: Option<u64>,
        /// Settings that differ from the default, in short.
        flags: Vec<String>,
    }

    /// Background tasks in the status.
    TaskCounts {
        /// All.
        total: u64,
        /// Running or waiting.
        active: u64,
        /// Ended.
        terminal: u64,
        /// Ended badly.
        failures: u64,
        /// By status.
        by_status: BTreeMap<String, u64>,
        /// By runtime.
        by_runtime: BTreeMap<String, u64>,
    }

    /// Findings about background tasks.
    TaskAudit {
        /// All.
        total: u64,
        /// Warnings.
        warnings: u64,
        /// Errors.
        errors: u64,
        /// By code.
        by_code: BTreeMap<String, u64>,
    }
}
