//! The Gateway about itself: health, status, presence, logs, identity.

pub mod status;

pub use status::*;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    ids::{AgentId, DeviceId, SessionKey},
    list::OpenObject,
    macros::{names, params, record},
    presence::PresenceEntry,
    row::{Since, methods},
    text::{Int, Int0},
};

params! {
    /// Params of methods that take none.
    #[derive(Default)]
    NoParams {}

    /// Params of `health`.
    #[derive(Default)]
    HealthParams {
        /// Ask every channel now instead of answering from the cache.
        probe?: bool,
    }

    /// Params of `status`.
    #[derive(Default)]
    StatusParams {
        /// Whether channels are summarised.
        include_channel_summary?: bool,
        /// Whether what only the command line shows is added.
        include_cli_projection?: bool,
    }

    /// Params of `logs.tail`.
    #[derive(Default)]
    LogsTailParams {
        /// Byte offset to go on from; absent means the end of the file.
        cursor?: Int0,
        /// Most lines; 500 if absent.
        limit?: Int<1, 5_000>,
        /// Most bytes; 250 000 if absent.
        max_bytes?: Int<1, 1_000_000>,
    }

    /// Params of `update.status`.
    #[derive(Default)]
    UpdateStatusParams {
        /// Whether a source checkout is compared with its upstream first.
        refresh_checkout?: bool,
    }
}

record! {
    /// Result of `health`, and payload of the `health` event.
    HealthSnapshot {
        /// Always true: a Gateway that answers is up.
        ok: bool,
        /// When it was taken, in milliseconds since 1970.
        ts: u64,
        /// How long it took, in milliseconds.
        duration_ms: u64,
        /// What was loaded beside the core.
        #[serde(default)]
        plugins: PluginHealth,
        /// Whether configuration changes are applied while running.
        #[serde(default)]
        config_reload: ConfigReloadHealth,
        /// Channels by id; the shape is the channel's own.
        #[serde(default)]
        channels: OpenObject,
        /// Channel ids in the order to show them.
        #[serde(default)]
        channel_order: Vec<String>,
        /// Channel names for people.
        #[serde(default)]
        channel_labels: BTreeMap<String, String>,
        /// Interval of the default agent's heartbeat; 0 when it is off.
        #[serde(default)]
        heartbeat_seconds: u64,
        /// The agent that answers when nobody names another.
        #[serde(default)]
        default_agent_id: AgentId,
        /// Every agent.
        #[serde(default)]
        agents: Vec<AgentHealth>,
        /// Sessions of the default agent.
        #[serde(default)]
        sessions: SessionsHealth,
    }

    /// What was loaded beside the core.
    PluginHealth {
        /// Names.
        #[serde(default)]
        loaded: Vec<String>,
        /// What failed to load.
        #[serde(default)]
        errors: Vec<Value>,
        /// What is configured but not there.
        #[serde(default)]
        unavailable: Vec<Value>,
    }

    /// Whether configuration changes are applied while running.
    ConfigReloadHealth {
        /// The state.
        hot_reload_status: HotReloadStatus,
    }

    /// One agent in the health snapshot.
    AgentHealth {
        /// The agent.
        agent_id: AgentId,
        /// Its name for people.
        name?: String,
        /// Whether it answers when nobody names another.
        is_default: bool,
        /// Its heartbeat.
        heartbeat: AgentHeartbeat,
        /// Its sessions.
        sessions: SessionsHealth,
    }

    /// An agent's heartbeat.
    AgentHeartbeat {
        /// Whether it beats.
        enabled: bool,
        /// Interval as configured, such as `30m`.
        every: String,
        /// Interval in milliseconds.
        every_ms: Option<u64>,
        /// What the agent is asked.
        prompt: String,
        /// Where answers go.
        target: String,
        /// Longest answer that counts as a bare acknowledgement, in characters.
        ack_max_chars: u64,
    }

    /// Sessions in the health snapshot.
    SessionsHealth {
        /// Where they are stored.
        path: String,
        /// How many there are.
        count: u64,
        /// The latest.
        recent: Vec<RecentSession>,
    }

    /// One recently used session.
    RecentSession {
        /// Its key.
        key: SessionKey,
        /// Last change, in milliseconds since 1970.
        updated_at: Option<u64>,
        /// Time since then, in milliseconds.
        age: Option<u64>,
    }
}

names! {
    /// Whether configuration changes are applied while running.
    HotReloadStatus = Active {
        /// They are.
        Active = "active",
        /// They need a restart.
        Disabled = "disabled",
    }
}

record! {
    /// Result of `system.info`.
    SystemInfoResult {
        /// The machine's name for people.
        machine_name: String,
        /// Its host name.
        hostname: String,
        /// `linux` or `darwin`.
        platform: String,
        /// Kernel release.
        release: String,
        /// Processor architecture.
        arch: String,
        /// Operating system for people.
        os_label: String,
        /// Address in the local network.
        lan_address?: String,
        /// Port of the Gateway.
        port?: u16,
        /// What the Gateway runs on; the contract's name for it comes from the original.
        node_version: String,
        /// Process id.
        pid: u32,
        /// Changes with every start.
        process_instance_id?: String,
        /// Age of the process, in milliseconds.
        uptime_ms: u64,
        /// Processors.
        cpu_count: u64,
        /// Processor model.
        cpu_model?: String,
        /// Load of the last 1, 5 and 15 minutes.
        load_average?: [f64; 3],
        /// Memory of the machine.
        memory_total_bytes: u64,
        /// Memory that is free.
        memory_free_bytes: u64,
        /// Size of the disk with the state folder.
        disk_total_bytes?: u64,
        /// What is left on it.
        disk_available_bytes?: u64,
        /// Where it is mounted.
        disk_path?: String,
        /// Memory of the process.
        process_memory?: ProcessMemory,
    }

    /// Result of `logs.tail`.
    LogsTailResult {
        /// The log file.
        file: String,
        /// Where to go on.
        cursor: u64,
        /// Size of the file.
        size: u64,
        /// Whole lines.
        lines: Vec<String>,
        /// Whether older lines were left out.
        truncated?: bool,
        /// Whether the cursor was of no use, because the file was replaced.
        reset?: bool,
        /// Bytes left out.
        skipped_bytes?: u64,
    }

    /// Result of `last-heartbeat`.
    Heartbeat {
        /// When, in milliseconds since 1970.
        ts: u64,
        /// `sent`, `ok-empty`, `ok-token`, `skipped`, or `failed`.
        status: String,
        /// Why.
        reason?: String,
        /// Where the answer went.
        to?: String,
        /// Beginning of the answer.
        preview?: String,
        /// How long it took, in milliseconds.
        duration_ms?: u64,
        /// Channel.
        channel?: String,
        /// Account.
        account_id?: String,
    }

    /// Result of `update.status`.
    UpdateStatusResult {
        /// What the last update left behind.
        sentinel: Option<Value>,
        /// A newer version, if one is known.
        update_available: Option<UpdateAvailable>,
        /// Where updates come from.
        effective_channel?: UpdateChannel,
    }

    /// A newer version.
    UpdateAvailable {
        /// What runs.
        current_version: String,
        /// What there is.
        latest_version: String,
        /// Where it comes from.
        channel: String,
    }

    /// Result of `gateway.identity.get`.
    GatewayIdentity {
        /// Lowercase hex SHA-256 of the raw key.
        device_id: DeviceId,
        /// Raw Ed25519 key, unpadded base64url.
        public_key: String,
    }
}

names! {
    /// Where updates come from.
    UpdateChannel = Stable {
        /// Releases.
        Stable = "stable",
        /// Releases with longer support.
        ExtendedStable = "extended-stable",
        /// Before a release.
        Beta = "beta",
        /// Every change.
        Dev = "dev",
    }
}

methods! {
    /// Reports whether the Gateway is up and what it looks after.
    Health = "health", Read, HealthParams => HealthSnapshot;
    /// Sums up sessions, models, heartbeats and tasks. Paths are for admins only.
    Status = "status", Read, StatusParams => StatusSummary;
    /// Lists who is connected, the Gateway itself included.
    SystemPresence = "system-presence", Read, NoParams => Vec<PresenceEntry>;
    /// Describes the machine and the process.
    SystemInfo = "system.info", Read, NoParams => SystemInfoResult { since: Since::V4 };
    /// Reads the end of the log, or what came after a cursor.
    LogsTail = "logs.tail", Read, LogsTailParams => LogsTailResult;
    /// The last heartbeat, or `null`.
    LastHeartbeat = "last-heartbeat", Read, NoParams => Option<Heartbeat>;
    /// Says whether a newer version is known.
    UpdateStatus = "update.status", Admin, UpdateStatusParams => UpdateStatusResult
        { since: Since::V4 };
    /// The Gateway's own key.
    GatewayIdentityGet = "gateway.identity.get", Read, NoParams => GatewayIdentity
        { since: Since::V4 };
}
