//! What a session looks like: in lists and events as a row, after a change as the stored entry.

use crate::{
    ids::{AgentId, RunId, SessionId, SessionKey},
    list::{Auto, OpenObject, Switch},
    macros::{names, record},
    methods::{
        models::{AgentRuntime, ThinkingLevel},
        sessions::settings::{
            GroupActivation, PermissionMode, ResponseUsage, SendPolicy, SessionVisibility,
            ToolOverrides,
        },
    },
};

record! {
    /// A session in a list or an event.
    SessionRow {
        /// Its key.
        key: SessionKey,
        /// Its kind.
        kind: SessionKind,
        /// Its transcript.
        session_id?: SessionId,
        /// Its agent.
        agent_id?: AgentId,
        /// Its label.
        label?: String,
        /// Its name.
        display_name?: String,
        /// A title made up from what was said.
        derived_title?: String,
        /// Beginning of the last message.
        last_message_preview?: String,
        /// Sign.
        icon?: String,
        /// Colour.
        color?: String,
        /// Heading it is listed under.
        category?: String,
        /// Channel it came over.
        channel?: String,
        /// Kind of conversation.
        chat_type?: ChatType,
        /// What it is for.
        classification?: String,
        /// Subject of the group.
        subject?: String,
        /// Channel of the group.
        group_channel?: String,
        /// Space of the group.
        space?: String,
        /// Whether it is its agent's main session.
        is_main?: bool,
        /// Whether it works by itself.
        is_background?: bool,
        /// Last change, in milliseconds since 1970.
        #[serde(default)]
        updated_at: Option<u64>,
        /// When it was made, in milliseconds since 1970.
        created_at?: u64,
        /// Last time somebody wrote, in milliseconds since 1970.
        last_interaction_at?: u64,
        /// Last time anything happened, in milliseconds since 1970.
        last_activity_at?: u64,
        /// How it was made.
        created_via?: CreatedVia,
        /// Session it belongs to.
        parent_session_key?: SessionKey,
        /// Session that started it.
        spawned_by?: SessionKey,
        /// How deep it was started.
        spawn_depth?: u64,
        /// Whether it is put away.
        archived?: bool,
        /// When it was put away, in milliseconds since 1970.
        archived_at?: u64,
        /// Whether it stays on top.
        pinned?: bool,
        /// Since when, in milliseconds since 1970.
        pinned_at?: u64,
        /// Whether it counts as unread.
        unread?: bool,
        /// When it was last read, in milliseconds since 1970.
        last_read_at?: u64,
        /// When it was marked unread, in milliseconds since 1970.
        marked_unread_at?: u64,
        /// Who may see it.
        visibility?: SessionVisibility,
        /// What the caller is to it.
        sharing_role?: SharingRole,
        /// How the last run stands.
        status?: SessionStatusKind,
        /// When the last run began, in milliseconds since 1970.
        started_at?: u64,
        /// When it ended, in milliseconds since 1970.
        ended_at?: u64,
        /// How long it took, in milliseconds.
        runtime_ms?: u64,
        /// Which run it was.
        last_run_id?: RunId,
        /// What went wrong in it.
        last_run_error?: String,
        /// Whether it was cut.
        aborted_last_run?: bool,
        /// Whether a run is busy now.
        has_active_run?: bool,
        /// Which.
        active_run_ids?: Vec<RunId>,
        /// The last message of the transcript; `null` on an empty one.
        active_leaf_entry_id?: String,
        /// Whether the system prompt was sent.
        system_sent?: bool,
        /// How hard the model thinks.
        thinking_level?: String,
        /// How hard it can think.
        thinking_levels?: Vec<ThinkingLevel>,
        /// The ids of these.
        thinking_options?: Vec<String>,
        /// How hard it thinks when nobody says otherwise.
        thinking_default?: String,
        /// Whether the model answers fast rather than well.
        effective_fast_mode?: Switch<Auto>,
        /// How much of its tools it shows.
        verbose_level?: String,
        /// How much is recorded.
        trace_level?: String,
        /// Whether thoughts are shown.
        reasoning_level?: String,
        /// What it may do beyond the sandbox.
        elevated_level?: String,
        /// Whether answers go out.
        send_policy?: SendPolicy,
        /// When it speaks in a group.
        group_activation?: GroupActivation,
        /// Whether answers end with what they used, as set.
        response_usage?: ResponseUsage,
        /// The same, as it applies.
        effective_response_usage?: ResponseUsage,
        /// What happens to messages while a run is busy.
        effective_queue_mode?: crate::methods::chat::QueueMode,
        /// What it may do.
        permission_mode?: PermissionMode,
        /// Whether a change of that waits for the run to end.
        permission_mode_pending?: bool,
        /// Settings of tools.
        tool_overrides?: ToolOverrides,
        /// Tokens read.
        input_tokens?: u64,
        /// Tokens written.
        output_tokens?: u64,
        /// Tokens in the context.
        total_tokens?: u64,
        /// Whether that number is of the last turn.
        total_tokens_fresh?: bool,
        /// The model's context, in tokens.
        context_tokens?: u64,
        /// Price so far, in US dollars.
        estimated_cost_usd?: f64,
        /// Provider that applies.
        model_provider?: String,
        /// Model that applies.
        model?: String,
        /// Who chose it; `null` when nobody did.
        #[serde(default)]
        model_override_source: Option<ModelOverrideSource>,
        /// What runs it.
        agent_runtime?: AgentRuntime,
        /// Whether that can be changed.
        runtime_selection_locked?: bool,
        /// Folder it works in.
        session_root?: String,
        /// When this row was made, in milliseconds since 1970.
        snapshot_at?: u64,
    }

    /// What a new session uses.
    SessionListDefaults {
        /// Provider.
        model_provider: Option<String>,
        /// Model.
        model: Option<String>,
        /// Its context, in tokens.
        context_tokens: Option<u64>,
        /// What runs it.
        agent_runtime?: AgentRuntime,
        /// How hard it can think.
        thinking_levels?: Vec<ThinkingLevel>,
        /// The ids of these.
        thinking_options?: Vec<String>,
        /// How hard it thinks when nobody says otherwise.
        thinking_default?: String,
    }

    /// What is stored of a session.
    SessionEntry {
        /// Its transcript.
        session_id: SessionId,
        /// Last change, in milliseconds since 1970.
        updated_at: u64,
        /// When it was made, in milliseconds since 1970.
        created_at?: u64,
        /// How it was made.
        created_via?: CreatedVia,
        /// When the transcript began, in milliseconds since 1970.
        session_started_at?: u64,
        /// Last time somebody wrote, in milliseconds since 1970.
        last_interaction_at?: u64,
        /// Kind of conversation.
        chat_type?: ChatType,
        /// Label.
        label?: String,
        /// Name.
        display_name?: String,
        /// Sign.
        icon?: String,
        /// Colour.
        color?: String,
        /// Heading it is listed under.
        category?: String,
        /// Whether it is put away.
        archived?: bool,
        /// Whether it stays on top.
        pinned?: bool,
        /// Whether it counts as unread.
        unread?: bool,
        /// How hard the model thinks.
        thinking_level?: String,
        /// Whether the model answers fast rather than well.
        fast_mode?: Switch<Auto>,
        /// How much of its tools it shows.
        verbose_level?: String,
        /// How much is recorded.
        trace_level?: String,
        /// Whether thoughts are shown.
        reasoning_level?: String,
        /// What it may do beyond the sandbox.
        elevated_level?: String,
        /// Whether answers end with what they used.
        response_usage?: ResponseUsage,
        /// Whether answers go out.
        send_policy?: SendPolicy,
        /// When it speaks in a group.
        group_activation?: GroupActivation,
        /// What it may do.
        permission_mode?: PermissionMode,
        /// Settings of tools.
        tool_overrides?: ToolOverrides,
        /// Provider chosen for it.
        provider_override?: String,
        /// Model chosen for it.
        model_override?: String,
        /// Who chose it.
        model_override_source?: ModelOverrideSource,
        /// Where commands run.
        exec_host?: String,
        /// Which commands may run.
        exec_security?: String,
        /// When somebody is asked.
        exec_ask?: String,
        /// On which node commands run.
        exec_node?: String,
        /// Session it belongs to.
        parent_session_key?: SessionKey,
        /// Session that started it.
        spawned_by?: SessionKey,
        /// How deep it was started.
        spawn_depth?: u64,
        /// Provider of the last turn.
        model_provider?: String,
        /// Model of the last turn.
        model?: String,
        /// Its context, in tokens.
        context_tokens?: u64,
        /// Whether the system prompt was sent.
        system_sent?: bool,
        /// Whether the last run was cut.
        aborted_last_run?: bool,
        /// How the last run stands.
        status?: SessionStatusKind,
        /// Tokens read.
        input_tokens?: u64,
        /// Tokens written.
        output_tokens?: u64,
        /// Tokens in the context.
        total_tokens?: u64,
        /// Whether that number is of the last turn.
        total_tokens_fresh?: bool,
        /// Tokens read from the cache.
        cache_read?: u64,
        /// Tokens written to the cache.
        cache_write?: u64,
        /// How often it was compacted.
        compaction_count?: u64,
        /// Settings that are kept and not used yet, by their name in `sessions.patch`.
        kept?: OpenObject,
    }
}

names! {
    /// Kind of a session.
    SessionKind = Direct {
        /// One person.
        Direct = "direct",
        /// Several.
        Group = "group",
        /// All.
        Global = "global",
        /// Nobody knows.
        Unknown = "unknown",
    }

    /// Kind of a conversation.
    ChatType = Direct {
        /// One person.
        Direct = "direct",
        /// Several.
        Group = "group",
        /// A channel.
        Channel = "channel",
    }

    /// How a session was made.
    CreatedVia = Operator {
        /// By a client.
        Operator = "operator",
        /// By another session.
        Spawn = "spawn",
        /// By a message over a channel.
        Channel = "channel",
        /// By a schedule.
        Cron = "cron",
        /// By voice.
        Talk = "talk",
        /// By a run.
        Run = "run",
        /// By a plugin.
        Plugin = "plugin",
        /// By the Gateway.
        Internal = "internal",
    }

    /// What a caller is to a session.
    SharingRole = Owner {
        /// May do everything.
        Admin = "admin",
        /// Owns it.
        Owner = "owner",
        /// Takes part.
        Member = "member",
        /// Looks on.
        Viewer = "viewer",
    }

    /// How the last run of a session stands.
    SessionStatusKind = Done {
        /// It waits.
        Queued = "queued",
        /// It is busy.
        Running = "running",
        /// It ended well.
        Done = "done",
        /// It failed.
        Failed = "failed",
        /// It was stopped.
        Killed = "killed",
        /// It took too long.
        Timeout = "timeout",
    }

    /// Who chose a session's model.
    ModelOverrideSource = User {
        /// A person.
        User = "user",
        /// The Gateway.
        Auto = "auto",
    }
}
