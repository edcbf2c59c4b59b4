//! What requests about agents carry.

use serde_json::Value;

use crate::{
    list::OpenObject,
    macros::{names, params},
    methods::sessions::SessionLabel,
    text::{Int0, Int1, NonEmpty},
};

params! {
    /// Params of `agent`.
    AgentParams {
        /// What the person says.
        message: NonEmpty,
        /// Which agent; absent means the session's or the default one.
        agent_id?: NonEmpty,
        /// Provider for this run.
        provider?: String,
        /// Model for this run.
        model?: String,
        /// Whom the answer is for.
        to?: String,
        /// Whom replies are for, if not the same.
        reply_to?: String,
        /// Transcript to go on with.
        session_id?: String,
        /// Session to run in.
        session_key?: String,
        /// Refuse unless the session's transcript is this one.
        expected_existing_session_id?: NonEmpty,
        /// How hard the model thinks in this run.
        thinking?: String,
        /// Whether the answer goes out over a channel.
        deliver?: bool,
        /// Files.
        attachments?: Vec<Value>,
        /// Channel.
        channel?: String,
        /// Channel of replies, if not the same.
        reply_channel?: String,
        /// Account.
        account_id?: String,
        /// Account of replies, if not the same.
        reply_account_id?: String,
        /// Thread.
        thread_id?: String,
        /// Group.
        group_id?: String,
        /// Channel of the group.
        group_channel?: String,
        /// Space of the group.
        group_space?: String,
        /// Longest run, in seconds; 0 means no limit.
        timeout?: Int0,
        /// Whether a delivery that fails leaves the run successful.
        best_effort_deliver?: bool,
        /// Queue the run waits in.
        lane?: String,
        /// Folder to work in.
        cwd?: NonEmpty,
        /// Whether tool servers started for the run end with it.
        cleanup_bundle_mcp_on_run_end?: bool,
        /// Whether only the model is asked, without an agent's prompt and tools.
        model_run?: bool,
        /// How much of the system prompt is sent.
        prompt_mode?: PromptMode,
        /// Text added to the system prompt.
        extra_system_prompt?: String,
        /// How much of the workspace files is sent.
        bootstrap_context_mode?: BootstrapContextMode,
        /// Why the run is made.
        bootstrap_context_run_kind?: BootstrapRunKind,
        /// Where an editor's turn came from.
        acp_turn_source?: AcpTurnSource,
        /// Kept for the contract.
        internal_runtime_handoff_id?: NonEmpty,
        /// Kept for the contract.
        internal_execution_identity_retry?: bool,
        /// Kept for the contract.
        internal_execution_identity_recovery_attempt?: Int1,
        /// Kept for the contract.
        exec_approval_followup_expected_session_id?: NonEmpty,
        /// Results of background work that the run is told of.
        internal_events?: Vec<InternalEvent>,
        /// Where the message came from.
        input_provenance?: InputProvenance,
        /// Whether the message stays out of the transcript.
        suppress_prompt_persistence?: bool,
        /// Whether the run shows in the session list.
        session_effects?: SessionEffects,
        /// How replies reach their source.
        source_reply_delivery_mode?: SourceReplyDeliveryMode,
        /// Whether the message tool is switched off.
        disable_message_tool?: bool,
        /// Whether the run collects a swarm's results.
        swarm_collector?: bool,
        /// Shape of a swarm's result.
        swarm_output_schema?: OpenObject,
        /// Whether only tools that survive a restart are offered.
        force_restart_safe_tools?: bool,
        /// Whether only code tools are offered.
        force_code_mode_tools?: bool,
        /// The words that woke a voice client.
        voice_wake_trigger?: String,
        /// Names the request; becomes the run's id.
        idempotency_key: NonEmpty,
        /// Label for the session.
        label?: SessionLabel,
        /// Protocol 3: the session that started this one.
        spawned_by?: String,
    }

    /// Result of background work that a run is told of.
    InternalEvent {
        /// What happened.
        #[serde(rename = "type")]
        kind: InternalEventKind,
        /// What kind of work it was.
        source: InternalEventSource,
        /// Session it was done in.
        child_session_key: String,
        /// Its transcript.
        child_session_id?: String,
        /// Kept for the contract.
        announce_type: String,
        /// What the work was called.
        task_label: String,
        /// How it ended.
        status: InternalEventStatus,
        /// The same for people.
        status_label: String,
        /// What came out.
        result: String,
        /// Another model was used.
        model_route_change?: String,
        /// Files that came out.
        attachments?: Vec<InternalAttachment>,
        /// Addresses of files that came out.
        media_urls?: Vec<String>,
        /// One line of figures.
        stats_line?: String,
        /// What the agent is to do with it.
        reply_instruction: String,
    }

    /// A file that came out of background work.
    #[derive(Default)]
    InternalAttachment {
        /// Its kind.
        #[serde(rename = "type")]
        kind?: AttachmentKind,
        /// Where it lies.
        path?: String,
        /// Its address.
        url?: String,
        /// Its address, older name.
        media_url?: String,
        /// Where it lies, older name.
        file_path?: String,
        /// Its type.
        mime_type?: String,
        /// Its name.
        name?: String,
        /// Its size.
        size_bytes?: f64,
        /// Its length in time.
        duration_ms?: f64,
        /// Its width.
        width?: f64,
        /// Its height.
        height?: f64,
    }

    /// Where a message came from.
    InputProvenance {
        /// Coarse.
        kind: InputProvenanceKind,
        /// Transcript.
        origin_session_id?: String,
        /// Session.
        source_session_key?: String,
        /// Channel.
        source_channel?: String,
        /// Tool.
        source_tool?: String,
    }

    /// Params of `agent.wait`.
    AgentWaitParams {
        /// Which run.
        run_id: NonEmpty,
        /// How long to wait, in milliseconds; 30 000 if absent.
        timeout_ms?: Int0,
    }

    /// Params of `agent.identity.get`.
    #[derive(Default)]
    AgentIdentityParams {
        /// Which agent.
        agent_id?: NonEmpty,
        /// Or: the agent of this session.
        session_key?: String,
    }
}

names! {
    /// How much of the system prompt is sent.
    PromptMode = Full {
        /// All.
        Full = "full",
        /// The least.
        Minimal = "minimal",
        /// Nothing.
        None = "none",
    }

    /// How much of the workspace files is sent.
    BootstrapContextMode = Full {
        /// All.
        Full = "full",
        /// A little.
        Lightweight = "lightweight",
    }

    /// Why a run is made.
    BootstrapRunKind = Default {
        /// Somebody wrote.
        Default = "default",
        /// A heartbeat.
        Heartbeat = "heartbeat",
        /// A scheduled job.
        Cron = "cron",
    }

    /// Where an editor's turn came from.
    AcpTurnSource {
        /// A person started it.
        ManualSpawn = "manual_spawn",
    }

    /// What happened in the background.
    InternalEventKind {
        /// A task ended.
        TaskCompletion = "task_completion",
    }

    /// What kind of background work it was.
    InternalEventSource {
        /// Another agent.
        Subagent = "subagent",
        /// A scheduled job.
        Cron = "cron",
        /// A picture.
        ImageGeneration = "image_generation",
        /// A film.
        VideoGeneration = "video_generation",
        /// Music.
        MusicGeneration = "music_generation",
    }

    /// How background work ended.
    InternalEventStatus {
        /// Well.
        Ok = "ok",
        /// Too late.
        Timeout = "timeout",
        /// Badly.
        Error = "error",
        /// Nobody knows.
        Unknown = "unknown",
    }

    /// Kind of a file.
    AttachmentKind {
        /// A picture.
        Image = "image",
        /// Sound.
        Audio = "audio",
        /// A film.
        Video = "video",
        /// Anything else.
        File = "file",
    }

    /// Where a message came from.
    InputProvenanceKind {
        /// A person.
        ExternalUser = "external_user",
        /// Another session.
        InterSession = "inter_session",
        /// The Gateway.
        InternalSystem = "internal_system",
    }

    /// Whether a run shows in the session list.
    SessionEffects = Visible {
        /// It does.
        Visible = "visible",
        /// It does not.
        Internal = "internal",
    }

    /// How replies reach their source.
    SourceReplyDeliveryMode = Automatic {
        /// By themselves.
        Automatic = "automatic",
        /// Only when the agent sends them.
        MessageToolOnly = "message_tool_only",
    }
}
