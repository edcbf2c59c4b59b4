//! Runs of an agent, and the agents themselves.

use serde_json::Value;

use crate::{
    ids::{AgentId, RunId, SessionKey},
    list::OpenObject,
    macros::{names, params, record},
    methods::{
        models::{AgentRuntime, ThinkingLevel},
        queue_on,
        sessions::{PermissionMode, SessionLabel},
        system::NoParams,
    },
    row::{BaseScope, Idempotency, Since, methods},
    scope::Scope,
    text::{Int0, Int1, NonEmpty},
    transcript::Usage,
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

    /// How far a run has come.
    RunStatus = Accepted {
        /// It will run; the final answer follows.
        Accepted = "accepted",
        /// Protocol word for accepted by `chat.send`.
        Started = "started",
        /// The same request is running already.
        InFlight = "in_flight",
        /// It ended well.
        Ok = "ok",
        /// It failed.
        Error = "error",
        /// It was not over in time.
        Timeout = "timeout",
    }
}

record! {
    /// Result of `agent`: first `accepted`, then the outcome.
    AgentResult {
        /// The run; equal to the idempotency key.
        run_id: RunId,
        /// How far it has come.
        status: RunStatus,
        /// First answer: when, in milliseconds since 1970.
        accepted_at?: u64,
        /// First answer: the session it runs in.
        session_key?: SessionKey,
        /// First answer: the agent.
        agent_id?: AgentId,
        /// Last answer: one word or sentence.
        summary?: String,
        /// Last answer: what came out.
        result?: AgentRunResult,
    }

    /// What came out of a run.
    AgentRunResult {
        /// What the agent said.
        payloads: Vec<ReplyPayload>,
        /// About the run.
        meta: AgentRunMeta,
    }

    /// One message of an agent.
    ReplyPayload {
        /// Text.
        text?: String,
        /// Address of a file.
        media_url: Option<String>,
        /// Addresses of files.
        media_urls?: Vec<String>,
    }

    /// About a run.
    AgentRunMeta {
        /// How long it took, in milliseconds.
        duration_ms: u64,
        /// What it used.
        agent_meta?: AgentMeta,
        /// Whether it was cut.
        aborted?: bool,
        /// Why the model stopped.
        stop_reason?: String,
    }

    /// What a run used.
    AgentMeta {
        /// Its transcript.
        session_id: String,
        /// Provider.
        provider: String,
        /// Model.
        model: String,
        /// The model's context, in tokens.
        context_tokens?: u64,
        /// Tokens.
        usage?: RunUsage,
    }

    /// Tokens of a run.
    RunUsage {
        /// Read by the model.
        input: u64,
        /// Written by the model.
        output: u64,
        /// Read from the provider's cache.
        cache_read: u64,
        /// Written to the provider's cache.
        cache_write: u64,
        /// All together.
        total: u64,
    }

    /// Result of `agent.wait`.
    AgentWaitResult {
        /// The run.
        run_id: RunId,
        /// How it ended, or `timeout`.
        status: RunStatus,
        /// When it began, in milliseconds since 1970.
        started_at?: u64,
        /// When it ended, in milliseconds since 1970.
        ended_at?: u64,
        /// What went wrong.
        error?: String,
        /// Why the model stopped.
        stop_reason?: String,
        /// What it said last.
        terminal_reply?: TerminalReply,
    }

    /// What a run said last.
    TerminalReply {
        /// What became of it.
        disposition: String,
        /// The text.
        text?: String,
    }

    /// Result of `agent.identity.get`.
    AgentIdentityResult {
        /// The agent.
        agent_id: AgentId,
        /// Its name for people.
        name?: String,
        /// Where the name comes from.
        name_source?: NameSource,
        /// Its picture: an address, a text of one sign, or a data address.
        avatar?: String,
        /// Where the picture comes from.
        avatar_source?: String,
        /// Kind of picture.
        avatar_status?: AvatarStatus,
        /// Why there is none.
        avatar_reason?: String,
        /// Its sign.
        emoji?: String,
    }

    /// Result of `agents.list`.
    AgentsListResult {
        /// The agent that answers when nobody names another.
        default_id: AgentId,
        /// Who chose it.
        ownership?: AgentOwnership,
        /// Whether a person must choose one.
        selection_required?: bool,
        /// Last part of a main session's key.
        main_key: String,
        /// Who shares a session.
        scope: SessionScope,
        /// Every agent.
        agents: Vec<AgentSummary>,
    }

    /// One agent.
    AgentSummary {
        /// The agent.
        id: AgentId,
        /// Its name for people.
        name?: String,
        /// What it looks like.
        identity?: AgentIdentity,
        /// Its folder.
        workspace?: String,
        /// Whether the folder is a Git checkout.
        workspace_git?: bool,
        /// Its model; clients ask for a provider when it has none.
        model?: AgentModel,
        /// What runs it.
        agent_runtime?: AgentRuntime,
        /// How hard its model can think.
        thinking_levels?: Vec<ThinkingLevel>,
        /// The ids of these.
        thinking_options?: Vec<String>,
        /// What applies when nobody says otherwise.
        thinking_default?: String,
        /// What it may do when nobody says otherwise.
        default_permission_mode?: PermissionMode,
    }

    /// What an agent looks like.
    AgentIdentity {
        /// Its name.
        name?: String,
        /// Its theme.
        theme?: String,
        /// Its sign.
        emoji?: String,
        /// Its picture.
        avatar?: String,
        /// Address of its picture.
        avatar_url?: String,
    }

    /// An agent's model.
    AgentModel {
        /// First choice, `provider/model`.
        primary?: String,
        /// What follows when it fails.
        fallbacks?: Vec<String>,
    }
}

names! {
    /// Where an agent's name comes from.
    NameSource = Default {
        /// The configuration.
        Config = "config",
        /// The agent's own entry.
        Agent = "agent",
        /// A file in its workspace.
        Workspace = "workspace",
        /// Nowhere.
        Default = "default",
    }

    /// Kind of an agent's picture.
    AvatarStatus = None {
        /// There is none.
        None = "none",
        /// A file.
        Local = "local",
        /// An address.
        Remote = "remote",
        /// A data address.
        Data = "data",
    }

    /// Who chose the default agent.
    AgentOwnership = Sole {
        /// There is only one.
        Sole = "sole",
        /// An older configuration.
        Legacy = "legacy",
        /// A person.
        Explicit = "explicit",
    }

    /// Who shares a session.
    SessionScope = PerSender {
        /// Every sender has one.
        PerSender = "per-sender",
        /// All have the same.
        Global = "global",
    }
}

impl From<&Usage> for RunUsage {
    fn from(usage: &Usage) -> Self {
        Self {
            input: usage.input,
            output: usage.output,
            cache_read: usage.cache_read,
            cache_write: usage.cache_write,
            total: usage.total_tokens,
        }
    }
}

/// Whether a message is the command that starts a session anew, which only admins may give here.
#[must_use]
pub fn is_reset_command(message: &str) -> bool {
    let Some(word) = message.split_whitespace().next() else { return false };
    let word = word.trim_end_matches(':');
    word.eq_ignore_ascii_case("/new") || word.eq_ignore_ascii_case("/reset")
}

methods! {
    /// Runs an agent on a message. Answers twice: `accepted` at once, the outcome when it is over.
    Agent = "agent", Write, AgentParams => AgentResult
        {
            scope: BaseScope::Dynamic(Scope::Write), idempotency: Idempotency::Required,
            interim: true, queued: true,
        }
        [
            fn scope_for(params: &AgentParams) -> Scope {
                if is_reset_command(&params.message) { Scope::Admin } else { Scope::Write }
            }
            fn queue_key(params: &AgentParams) -> Option<String> {
                let elsewhere = params.session_id.is_some() || params.to.is_some();
                match params.session_key.as_deref() {
                    None if elsewhere => None,
                    key => queue_on(key.unwrap_or_default(), params.agent_id.as_deref()),
                }
            }
            fn idempotency_key(params: &AgentParams) -> Option<&str> {
                Some(&params.idempotency_key)
            }
        ];
    /// Waits for a run to end.
    AgentWait = "agent.wait", Write, AgentWaitParams => AgentWaitResult;
    /// What an agent is called and looks like.
    AgentIdentityGet = "agent.identity.get", Read, AgentIdentityParams => AgentIdentityResult;
    /// Lists the agents and their models.
    AgentsList = "agents.list", Read, NoParams => AgentsListResult { since: Since::V3 };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Rpc;

    fn params(json: &str) -> AgentParams {
        serde_json::from_str(json).expect(json)
    }

    #[test]
    fn starting_anew_needs_admin() {
        let scope = |message: &str| {
            let json = serde_json::json!({"message": message, "idempotencyKey": "k"});
            Agent::scope_for(&params(&json.to_string()))
        };
        for message in ["/new", " /RESET ", "/new: hello", "/reset now"] {
            assert_eq!(scope(message), Scope::Admin, "{message}");
        }
        for message in ["hello", "/newer", "say /new", "/status"] {
            assert_eq!(scope(message), Scope::Write, "{message}");
        }
    }

    #[test]
    fn runs_of_one_session_queue_together() {
        let key = |json: &str| Agent::queue_key(&params(json));
        let main = Some("agent:main:main".to_owned());
        assert_eq!(key(r#"{"message":"a","idempotencyKey":"k"}"#), main);
        assert_eq!(key(r#"{"message":"a","idempotencyKey":"k","sessionKey":"Main"}"#), main);
        assert_eq!(
            key(r#"{"message":"a","idempotencyKey":"k","agentId":"ops"}"#),
            Some("agent:ops:main".to_owned())
        );
        assert_eq!(key(r#"{"message":"a","idempotencyKey":"k","to":"+1"}"#), None);
    }
}
