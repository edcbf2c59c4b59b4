//! Runs of an agent, and the agents themselves.
//!
//! What requests carry is in [`params`].

pub mod params;

pub use params::*;

use crate::{
    ids::{AgentId, RunId, SessionKey},
    macros::{names, record},
    methods::{
        models::{AgentRuntime, ThinkingLevel},
        queue_on,
        sessions::PermissionMode,
        system::NoParams,
    },
    row::{BaseScope, Idempotency, Since, methods},
    scope::Scope,
    transcript::Usage,
};

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
            scope: BaseScope::Dynamic(Scope::Write), idempotency: Idempotency::Run,
            interim: true, queued: true, unbounded: true,
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
    AgentWait = "agent.wait", Write, AgentWaitParams => AgentWaitResult { unbounded: true };
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
