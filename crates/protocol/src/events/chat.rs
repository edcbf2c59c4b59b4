//! A run as it happens: coarse for chat pages (`chat`), fine for everybody else (`agent`).

use serde::Serialize;
use serde_json::Value;

use crate::{
    ids::{AgentId, RunId, SessionId, SessionKey},
    list::OpenObject,
    macros::{names, record},
    row::{Gate, Since, events},
    scope::Scope,
    transcript::{TranscriptMessage, Usage},
};

record! {
    /// Payload of `chat`.
    ///
    /// A delta carries both what is new (`deltaText`, protocol 4) and the whole text so far
    /// (`message`, protocol 3). Whoever drops a delta in favour of a later one of the same run marks
    /// the later one with `replace`.
    ChatPayload {
        /// The run.
        run_id: RunId,
        /// Its session.
        session_key: SessionKey,
        /// Its agent.
        agent_id?: AgentId,
        /// Session that started it.
        spawned_by?: SessionKey,
        /// Grows with every event of the run.
        seq: u64,
        /// What happened.
        state: ChatState,
        /// Status: what is being done before the model answers.
        phase?: ChatPhase,
        /// Delta: what the assistant said since the last one.
        delta_text?: String,
        /// Delta: whether `deltaText` is the whole text.
        replace?: bool,
        /// Delta: the text so far; afterwards: what was said in the end.
        message?: TranscriptMessage,
        /// Tokens.
        usage?: Usage,
        /// Why the model stopped, or who stopped it: `rpc`, `stop`, `timeout`.
        stop_reason?: String,
        /// What went wrong.
        error_message?: String,
        /// What kind of failure it was.
        error_kind?: ChatErrorKind,
        /// Its particulars.
        error_detail?: ChatErrorDetail,
    }

    /// Particulars of a failed run. Texts have at most 300 characters.
    ChatErrorDetail {
        /// Provider that failed.
        provider?: String,
        /// Model that failed.
        model?: String,
        /// Why another model was tried.
        failover_reason?: String,
        /// The provider's own name for the failure.
        provider_error_type?: String,
        /// HTTP status, 100 to 599.
        http_status?: u16,
        /// Beginning of what the provider said.
        provider_error_message_preview?: String,
    }

    /// Payload of `agent` and of `session.tool`.
    AgentPayload {
        /// The run.
        run_id: RunId,
        /// Grows with every event of the run.
        seq: u64,
        /// What kind of data it is, see [`stream`].
        stream: String,
        /// When, in milliseconds since 1970.
        ts: u64,
        /// The data; [`object`] makes it from one of the types below.
        data: OpenObject,
        /// Its session.
        session_key?: SessionKey,
        /// Its agent.
        agent_id?: AgentId,
        /// Its transcript.
        session_id?: SessionId,
        /// Whether it is a heartbeat.
        is_heartbeat?: bool,
        /// Session that started it.
        spawned_by?: SessionKey,
    }

    /// Data of the stream `lifecycle`.
    LifecycleData {
        /// How far the run has come.
        phase: LifecyclePhase,
        /// When it began, in milliseconds since 1970.
        started_at?: u64,
        /// When it ended, in milliseconds since 1970.
        ended_at?: u64,
        /// Provider that answers.
        provider?: String,
        /// Model that answers.
        model?: String,
        /// What went wrong.
        error?: String,
        /// Why the model stopped.
        stop_reason?: String,
        /// Whether the run was cut.
        aborted?: bool,
    }

    /// Data of the streams `assistant` and `thinking`.
    AssistantData {
        /// The text so far.
        text: String,
        /// What is new.
        delta: String,
        /// Addresses of files.
        media_urls?: Vec<String>,
    }

    /// Data of the stream `tool`.
    ToolData {
        /// How far the call has come.
        phase: ToolPhase,
        /// The tool.
        name?: String,
        /// The call.
        tool_call_id: String,
        /// Start: its arguments.
        args?: Value,
        /// Update: what came out so far.
        partial_result?: Value,
        /// Result: what came out.
        result?: Value,
        /// Result: whether it failed.
        is_error?: bool,
        /// One line about it.
        meta?: String,
    }

    /// Data of the stream `usage`.
    UsageData {
        /// Tokens written so far.
        output_tokens: u64,
        /// Tokens read.
        input_tokens?: u64,
    }

    /// Data of the stream `run_status`, and of `retry` while a provider is asked again.
    RunStatusData {
        /// What is being done.
        phase: ChatPhase,
        /// Which attempt.
        attempt?: u64,
        /// Why there is more than one.
        reason?: String,
        /// When the next one starts, in milliseconds from now.
        after_ms?: u64,
    }

    /// Data of the stream `compaction`.
    CompactionData {
        /// `start` or `end`.
        phase: String,
        /// At the end: whether the model is asked again.
        will_retry?: bool,
        /// At the end: whether there is a summary now.
        completed?: bool,
    }

    /// Payload of `chat.metadata.changed`: read it again.
    ChatMetadataChangedPayload {}
}

/// Names of an agent's streams.
pub mod stream {
    /// [`super::LifecycleData`].
    pub const LIFECYCLE: &str = "lifecycle";
    /// [`super::AssistantData`].
    pub const ASSISTANT: &str = "assistant";
    /// [`super::AssistantData`], of thoughts.
    pub const THINKING: &str = "thinking";
    /// [`super::ToolData`].
    pub const TOOL: &str = "tool";
    /// [`super::UsageData`].
    pub const USAGE: &str = "usage";
    /// [`super::RunStatusData`].
    pub const RUN_STATUS: &str = "run_status";
    /// [`super::CompactionData`].
    pub const COMPACTION: &str = "compaction";
}

names! {
    /// What happened to a run.
    ChatState = Status {
        /// The model does not answer yet.
        Status = "status",
        /// The assistant said more.
        Delta = "delta",
        /// It is over.
        Final = "final",
        /// It was cut.
        Aborted = "aborted",
        /// It failed.
        Error = "error",
    }

    /// What is being done before the model answers.
    ChatPhase = PreparingContext {
        /// The workspace is made ready.
        PreparingWorkspace = "preparing_workspace",
        /// A worktree gets a name.
        NamingWorktree = "naming_worktree",
        /// A worktree is made.
        CreatingWorktree = "creating_worktree",
        /// The project's set-up runs.
        RunningSetup = "running_setup",
        /// A machine is made ready.
        ProvisioningEnvironment = "provisioning_environment",
        /// The prompt is put together.
        PreparingContext = "preparing_context",
        /// The provider is asked.
        StartingModel = "starting_model",
    }

    /// What kind of failure ended a run.
    ChatErrorKind = Unknown {
        /// The model will not answer.
        Refusal = "refusal",
        /// It took too long.
        Timeout = "timeout",
        /// The provider's limit is reached.
        RateLimit = "rate_limit",
        /// The conversation is too long.
        ContextLength = "context_length",
        /// Anything else.
        Unknown = "unknown",
    }

    /// How far a run has come.
    LifecyclePhase = Start {
        /// It begins.
        Start = "start",
        /// The model is known.
        Model = "model",
        /// The model is done.
        Finishing = "finishing",
        /// It is over.
        End = "end",
        /// It failed.
        Error = "error",
    }

    /// How far a tool call has come.
    ToolPhase = Start {
        /// It begins.
        Start = "start",
        /// Something came out.
        Update = "update",
        /// It is over.
        Result = "result",
    }
}

/// The data of an agent event as the open object the contract wants.
#[must_use]
pub fn object(data: &impl Serialize) -> OpenObject {
    match serde_json::to_value(data) {
        Ok(Value::Object(object)) => object,
        Ok(_) | Err(_) => OpenObject::new(),
    }
}

events! {
    /// A run as chat pages show it.
    Chat = "chat", Gate::Session(Scope::Read), ChatPayload { coalesces: true }
        [
            fn session_key(payload: &ChatPayload) -> Option<&SessionKey> {
                Some(&payload.session_key)
            }
            fn coalesce_key(payload: &ChatPayload) -> Option<String> {
                (payload.state == ChatState::Delta).then(|| payload.run_id.to_string())
            }
        ];
    /// A run in detail: its life, what the assistant says, its tools.
    Agent = "agent", Gate::Session(Scope::Read), AgentPayload
        [
            fn session_key(payload: &AgentPayload) -> Option<&SessionKey> {
                payload.session_key.as_ref()
            }
        ];
    /// A tool call of a session that the connection watches.
    SessionTool = "session.tool", Gate::SessionMessages(Scope::Read), AgentPayload
        { since: Since::V4 }
        [
            fn session_key(payload: &AgentPayload) -> Option<&SessionKey> {
                payload.session_key.as_ref()
            }
        ];
    /// Models or commands changed.
    ChatMetadataChanged = "chat.metadata.changed", Gate::Scope(Scope::SessionsRead),
        ChatMetadataChangedPayload { since: Since::V4, coalesces: true }
        [
            fn coalesce_key(_: &ChatMetadataChangedPayload) -> Option<String> {
                Some(String::new())
            }
        ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Event;

    #[test]
    fn only_deltas_give_way() {
        let mut payload = ChatPayload { run_id: RunId::new("r"), ..Default::default() };
        payload.state = ChatState::Delta;
        assert_eq!(Chat::coalesce_key(&payload), Some("r".to_owned()));
        for state in [ChatState::Final, ChatState::Aborted, ChatState::Error, ChatState::Status] {
            payload.state = state;
            assert_eq!(Chat::coalesce_key(&payload), None, "{state}");
        }
    }

    #[test]
    fn data_becomes_an_object() {
        let data = LifecycleData { started_at: Some(1), ..Default::default() };
        let json = Value::Object(object(&data)).to_string();
        assert_eq!(json, r#"{"phase":"start","startedAt":1}"#);
    }
}
