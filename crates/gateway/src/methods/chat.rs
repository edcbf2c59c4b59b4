//! A conversation in a session: send, read, stop.

use openclaw_agent::AbortReason;
use openclaw_protocol::{ids::RunId, methods::chat::*};

use crate::{
    router::{Cx, Failure, Handle, Methods},
    shape::{failure, target::Target},
};

pub(crate) mod expect;
pub(crate) mod history;
pub(crate) mod metadata;
mod one;
pub(crate) mod send;
mod startup;

impl Handle<ChatSend> for Methods {
    async fn handle(cx: Cx, params: ChatSendParams) -> Result<ChatSendResult, Failure> {
        let order = send::chat_order(&cx, params).await?;
        let started = send::start(&cx, order).await?;
        Ok(send::ack(started)?)
    }
}

impl Handle<ChatHistory> for Methods {
    async fn handle(cx: Cx, params: ChatHistoryParams) -> Result<ChatHistoryResult, Failure> {
        history::read(&cx, history::Ask::from(params)).await
    }
}

impl Handle<ChatMessageGet> for Methods {
    async fn handle(cx: Cx, params: ChatMessageGetParams) -> Result<ChatMessageGetResult, Failure> {
        one::read(&cx, params).await
    }
}

impl Handle<ChatAbort> for Methods {
    async fn handle(cx: Cx, params: ChatAbortParams) -> Result<ChatAbortResult, Failure> {
        let target = Target::named(&cx.state, &params.session_key, params.agent_id.as_deref())?;
        let run = params.run_id.as_deref().map(RunId::from);
        let stopped = cx.state.agent.abort(&target.key, run.as_ref(), AbortReason::Rpc).await;
        let run_ids = stopped.map_err(|error| failure::agent(&cx.state, &error))?;
        Ok(ChatAbortResult { ok: true, aborted: !run_ids.is_empty(), run_ids })
    }
}

impl Handle<ChatStartup> for Methods {
    async fn handle(cx: Cx, params: ChatStartupParams) -> Result<ChatHistoryResult, Failure> {
        startup::read(&cx, params).await
    }
}

impl Handle<ChatMetadata> for Methods {
    async fn handle(cx: Cx, params: ChatMetadataParams) -> Result<ChatMetadataResult, Failure> {
        let agent = params.agent_id.as_deref();
        match params.session_key.as_deref() {
            Some(key) => drop(Target::named(&cx.state, key, agent)?),
            None => drop(crate::shape::target::agent_or_default(&cx.state, agent)?),
        }
        Ok(metadata::of(&cx.state))
    }
}
