//! Sessions: list, watch, describe, change, and talk to.
//!
//! What requests carry is in [`params`], what a session looks like in [`row`], and what can be set
//! about it in [`settings`].

pub mod params;
pub mod row;
pub mod settings;

pub use params::*;
pub use row::*;
pub use settings::*;

use crate::{
    ids::{AgentId, RunId, SessionId, SessionKey},
    macros::{names, record},
    methods::{chat::ChatSendResult, queue_on},
    row::{BaseScope, Idempotency, Since, methods},
    scope::Scope,
    transcript::TranscriptMessage,
};

record! {
    /// Result of `sessions.list`.
    SessionsListResult {
        /// When, in milliseconds since 1970.
        ts: u64,
        /// Where sessions are stored.
        path: String,
        /// How many are in this answer.
        count: u64,
        /// How many there are.
        total_count?: u64,
        /// Most sessions of one answer.
        limit_applied?: u64,
        /// Where to go on.
        #[serde(default)]
        next_offset: Option<u64>,
        /// Whether there are more.
        has_more?: bool,
        /// What a new session uses.
        defaults: SessionListDefaults,
        /// Latest first.
        sessions: Vec<SessionRow>,
    }

    /// Result of `sessions.subscribe`.
    SessionsSubscribeResult {
        /// Always true.
        subscribed: bool,
        /// The list, if params of `sessions.list` were given.
        list?: SessionsListResult,
    }

    /// Result of `sessions.messages.subscribe` and `.unsubscribe`.
    MessagesSubscribeResult {
        /// Whether messages come from now on.
        subscribed: bool,
        /// The session.
        key: SessionKey,
    }

    /// Result of `sessions.describe`.
    SessionsDescribeResult {
        /// The session, or `null`.
        session: Option<SessionRow>,
    }

    /// Result of `sessions.preview`.
    SessionsPreviewResult {
        /// When, in milliseconds since 1970.
        ts: u64,
        /// One per key.
        previews: Vec<SessionPreview>,
    }

    /// The end of one session.
    SessionPreview {
        /// The session.
        key: String,
        /// Whether there is something to show.
        status: PreviewStatus,
        /// Oldest first.
        items: Vec<PreviewItem>,
    }

    /// One message of a preview.
    PreviewItem {
        /// Who wrote it.
        role: PreviewRole,
        /// Its beginning.
        text: String,
    }

    /// Result of `sessions.resolve`.
    SessionsResolveResult {
        /// Whether exactly one session was found.
        ok: bool,
        /// The session.
        key?: SessionKey,
        /// Its agent.
        agent_id?: AgentId,
        /// Its name.
        display_name?: String,
        /// What it could have been, at most ten.
        candidates?: Vec<ResolveCandidate>,
    }

    /// A session that could have been meant.
    ResolveCandidate {
        /// The session.
        key: SessionKey,
        /// Its agent.
        agent_id: AgentId,
        /// Its name.
        display_name?: String,
    }

    /// Result of `sessions.patch`.
    SessionsPatchResult {
        /// Always true.
        ok: bool,
        /// Where sessions are stored.
        path: String,
        /// The session.
        key: SessionKey,
        /// What is stored now.
        entry: SessionEntry,
        /// What applies now.
        resolved: ResolvedModel,
    }

    /// The model that applies to a session.
    ResolvedModel {
        /// Provider.
        model_provider: String,
        /// Model.
        model: String,
        /// How hard it thinks.
        thinking_level?: String,
    }

    /// Result of `sessions.reset`.
    SessionsResetResult {
        /// Always true.
        ok: bool,
        /// The session.
        key: SessionKey,
        /// What is stored now, with a new transcript.
        entry: SessionEntry,
        /// What applies now.
        resolved?: ResolvedModel,
    }

    /// Result of `sessions.compact`.
    SessionsCompactResult {
        /// Always true.
        ok: bool,
        /// The session.
        key: SessionKey,
        /// Whether there is a new summary.
        compacted: bool,
        /// How many messages stay as they are.
        kept?: u64,
        /// Why there is none.
        reason?: String,
    }

    /// Result of `sessions.delete`.
    SessionsDeleteResult {
        /// Always true.
        ok: bool,
        /// The session.
        key: SessionKey,
        /// Whether it was there.
        deleted: bool,
        /// Where its transcript was put.
        archived: Vec<String>,
    }

    /// Result of `sessions.create`.
    SessionsCreateResult {
        /// Always true.
        ok: bool,
        /// The session.
        key: SessionKey,
        /// Its transcript.
        session_id?: SessionId,
        /// What is stored.
        entry?: SessionEntry,
        /// Whether the message started a run.
        run_started?: bool,
        /// The run.
        run_id?: RunId,
        /// Place of the message in the transcript.
        message_seq?: u64,
        /// Why no run was started.
        run_error?: crate::error::RpcError,
        /// What applies.
        resolved?: ResolvedModel,
    }

    /// Result of `sessions.abort`.
    SessionsAbortResult {
        /// Always true.
        ok: bool,
        /// The run that was stopped.
        aborted_run_id: Option<RunId>,
        /// Whether there was one.
        status: AbortStatus,
    }

    /// Result of `sessions.get`.
    SessionsGetResult {
        /// Oldest first.
        messages: Vec<TranscriptMessage>,
    }
}

names! {
    /// Whether a session has something to show.
    PreviewStatus = Empty {
        /// It has.
        Ok = "ok",
        /// Nothing was said yet.
        Empty = "empty",
        /// There is no such session.
        Missing = "missing",
        /// It cannot be read.
        Error = "error",
        /// It is stored away.
        Cold = "cold",
    }

    /// Who wrote a message of a preview.
    PreviewRole = Other {
        /// A person.
        User = "user",
        /// The model.
        Assistant = "assistant",
        /// A tool.
        Tool = "tool",
        /// The Gateway.
        System = "system",
        /// Somebody else.
        Other = "other",
    }

    /// Whether a run was stopped.
    AbortStatus = NoActiveRun {
        /// It was.
        Aborted = "aborted",
        /// None was running.
        NoActiveRun = "no-active-run",
    }
}

methods! {
    /// Lists sessions, latest first.
    SessionsList = "sessions.list", Read, SessionsListParams => SessionsListResult;
    /// Sends `sessions.changed` to this connection from now on.
    SessionsSubscribe = "sessions.subscribe", Read, SessionsListParams => SessionsSubscribeResult
        { since: Since::V4 };
    /// Sends a session's messages to this connection from now on.
    SessionsMessagesSubscribe = "sessions.messages.subscribe", Read, MessagesSubscribeParams
        => MessagesSubscribeResult { since: Since::V4 };
    /// Ends that.
    SessionsMessagesUnsubscribe = "sessions.messages.unsubscribe", Read, MessagesUnsubscribeParams
        => MessagesSubscribeResult { since: Since::V4 };
    /// Describes one session.
    SessionsDescribe = "sessions.describe", Read, SessionsDescribeParams => SessionsDescribeResult
        { since: Since::V4 };
    /// Shows the end of several sessions.
    SessionsPreview = "sessions.preview", Read, SessionsPreviewParams => SessionsPreviewResult;
    /// Finds the session that is meant by a key, an id, or a label.
    SessionsResolve = "sessions.resolve", Read, SessionsResolveParams => SessionsResolveResult
        { advertised: false };
    /// Changes settings of a session, which need not exist yet.
    SessionsPatch = "sessions.patch", Write, SessionsPatchParams => SessionsPatchResult
        { scope: BaseScope::Dynamic(Scope::Write), queued: true }
        [
            fn scope_for(params: &SessionsPatchParams) -> Scope {
                if params.only_organises() { Scope::Write } else { Scope::Admin }
            }
            fn queue_key(params: &SessionsPatchParams) -> Option<String> {
                queue_on(&params.key, params.agent_id.as_deref())
            }
        ];
    /// Starts a session anew; its settings stay.
    SessionsReset = "sessions.reset", Admin, SessionsResetParams => SessionsResetResult
        { queued: true }
        [
            fn queue_key(params: &SessionsResetParams) -> Option<String> {
                queue_on(&params.key, params.agent_id.as_deref())
            }
        ];
    /// Makes the beginning of a conversation into a summary.
    SessionsCompact = "sessions.compact", Admin, SessionsCompactParams => SessionsCompactResult
        { queued: true }
        [
            fn queue_key(params: &SessionsCompactParams) -> Option<String> {
                queue_on(&params.key, params.agent_id.as_deref())
            }
        ];
    /// Forgets a session and its transcript.
    SessionsDelete = "sessions.delete", Write, SessionsDeleteParams => SessionsDeleteResult
        { scope: BaseScope::Dynamic(Scope::Write), queued: true }
        [
            fn scope_for(params: &SessionsDeleteParams) -> Scope {
                if params.archived_only == Some(true) { Scope::Write } else { Scope::Admin }
            }
            fn queue_key(params: &SessionsDeleteParams) -> Option<String> {
                queue_on(&params.key, params.agent_id.as_deref())
            }
        ];
    /// Makes a session, and sends its first message if one is given.
    SessionsCreate = "sessions.create", Write, SessionsCreateParams => SessionsCreateResult
        {
            scope: BaseScope::Dynamic(Scope::Write), since: Since::V4, queued: true,
            idempotency: Idempotency::Optional,
        }
        [
            fn scope_for(params: &SessionsCreateParams) -> Scope {
                if params.is_guarded() { Scope::Admin } else { Scope::Write }
            }
            fn queue_key(params: &SessionsCreateParams) -> Option<String> {
                let key = params.key.as_deref()?;
                queue_on(key, params.agent_id.as_deref())
            }
            fn idempotency_key(params: &SessionsCreateParams) -> Option<&str> {
                params.idempotency_key.as_deref()
            }
        ];
    /// Sends a message to a session and starts a run.
    SessionsSend = "sessions.send", Write, SessionsSendParams => ChatSendResult
        { since: Since::V4, queued: true, idempotency: Idempotency::Run }
        [
            fn queue_key(params: &SessionsSendParams) -> Option<String> {
                queue_on(&params.key, params.agent_id.as_deref())
            }
            fn idempotency_key(params: &SessionsSendParams) -> Option<&str> {
                params.idempotency_key.as_deref()
            }
        ];
    /// Stops a run, named by itself or by its session.
    SessionsAbort = "sessions.abort", Write, SessionsAbortParams => SessionsAbortResult
        { since: Since::V4, queued: true }
        [
            fn queue_key(params: &SessionsAbortParams) -> Option<String> {
                let key = params.key.as_deref()?;
                queue_on(key, params.agent_id.as_deref())
            }
        ];
    /// Reads the end of a session's transcript.
    SessionsGet = "sessions.get", Read, SessionsGetParams => SessionsGetResult
        { since: Since::V4, advertised: false };
}
