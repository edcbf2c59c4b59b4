//! Sessions: list, watch, describe, change, and talk to.

use openclaw_protocol::{
    RpcError,
    methods::{chat::ChatSendResult, sessions::*},
};

use crate::{
    router::{Cx, Failure, Handle, Methods},
    shape::{
        failure,
        history::{self, DEFAULT_LIMIT, MAX_HISTORY_BYTES, MAX_LIMIT, Window},
        message::Show,
        session,
        target::Target,
    },
};

mod announce;
mod create;
mod end;
mod list;
mod patch;
mod preview;
pub(crate) mod resolve;
mod send;

impl Handle<SessionsList> for Methods {
    async fn handle(cx: Cx, params: SessionsListParams) -> Result<SessionsListResult, Failure> {
        list::read(&cx, params).await
    }
}

impl Handle<SessionsSubscribe> for Methods {
    async fn handle(
        cx: Cx,
        params: SessionsListParams,
    ) -> Result<SessionsSubscribeResult, Failure> {
        // First watched, then read: what changes meanwhile is told rather than missed.
        cx.conn.subscribe_session_list();
        let wants_list = params != SessionsListParams::default();
        let list = if wants_list { Some(list::read(&cx, params).await?) } else { None };
        Ok(SessionsSubscribeResult { subscribed: true, list })
    }
}

impl Handle<SessionsMessagesSubscribe> for Methods {
    async fn handle(
        cx: Cx,
        params: MessagesSubscribeParams,
    ) -> Result<MessagesSubscribeResult, Failure> {
        let key = Target::named(&cx.state, &params.key, params.agent_id.as_deref())?.key;
        if !cx.conn.subscribe_messages(&key, true) {
            return Err(RpcError::unavailable("too many sessions are watched already").into());
        }
        Ok(MessagesSubscribeResult { subscribed: true, key })
    }
}

impl Handle<SessionsMessagesUnsubscribe> for Methods {
    async fn handle(
        cx: Cx,
        params: MessagesUnsubscribeParams,
    ) -> Result<MessagesSubscribeResult, Failure> {
        let key = Target::named(&cx.state, &params.key, params.agent_id.as_deref())?.key;
        cx.conn.subscribe_messages(&key, false);
        Ok(MessagesSubscribeResult { subscribed: false, key })
    }
}

impl Handle<SessionsDescribe> for Methods {
    async fn handle(
        cx: Cx,
        params: SessionsDescribeParams,
    ) -> Result<SessionsDescribeResult, Failure> {
        let target = Target::named(&cx.state, &params.key, params.agent_id.as_deref())?;
        let failed = |error| failure::store(&cx.state, &error);
        let entry = cx.state.store.sessions().get(&target.key).await.map_err(failed)?;
        let entries: Vec<_> = entry.into_iter().collect();
        let titles = params.include_derived_titles == Some(true);
        let previews = params.include_last_message == Some(true);
        let rows = session::rows(&cx.state, &entries, titles, previews).await.map_err(failed)?;
        Ok(SessionsDescribeResult { session: rows.into_iter().next() })
    }
}

impl Handle<SessionsPreview> for Methods {
    async fn handle(
        cx: Cx,
        params: SessionsPreviewParams,
    ) -> Result<SessionsPreviewResult, Failure> {
        preview::read(&cx, params).await
    }
}

impl Handle<SessionsResolve> for Methods {
    async fn handle(
        cx: Cx,
        params: SessionsResolveParams,
    ) -> Result<SessionsResolveResult, Failure> {
        resolve::find(&cx, params).await
    }
}

impl Handle<SessionsPatch> for Methods {
    async fn handle(cx: Cx, params: SessionsPatchParams) -> Result<SessionsPatchResult, Failure> {
        patch::apply(&cx, params).await
    }
}

impl Handle<SessionsCompact> for Methods {
    async fn handle(
        cx: Cx,
        params: SessionsCompactParams,
    ) -> Result<SessionsCompactResult, Failure> {
        end::compact(&cx, params).await
    }
}

impl Handle<SessionsReset> for Methods {
    async fn handle(cx: Cx, params: SessionsResetParams) -> Result<SessionsResetResult, Failure> {
        end::reset(&cx, params).await
    }
}

impl Handle<SessionsDelete> for Methods {
    async fn handle(cx: Cx, params: SessionsDeleteParams) -> Result<SessionsDeleteResult, Failure> {
        end::delete(&cx, params).await
    }
}

impl Handle<SessionsCreate> for Methods {
    async fn handle(cx: Cx, params: SessionsCreateParams) -> Result<SessionsCreateResult, Failure> {
        create::make(&cx, params).await
    }
}

impl Handle<SessionsSend> for Methods {
    async fn handle(cx: Cx, params: SessionsSendParams) -> Result<ChatSendResult, Failure> {
        send::to_existing(&cx, params).await
    }
}

impl Handle<SessionsAbort> for Methods {
    async fn handle(cx: Cx, params: SessionsAbortParams) -> Result<SessionsAbortResult, Failure> {
        end::abort(&cx, params).await
    }
}

impl Handle<SessionsGet> for Methods {
    async fn handle(cx: Cx, params: SessionsGetParams) -> Result<SessionsGetResult, Failure> {
        let target = Target::named(&cx.state, &params.key, params.agent_id.as_deref())?;
        let failed = |error| failure::store(&cx.state, &error);
        let entry = cx.state.store.sessions().get(&target.key).await.map_err(failed)?;
        let Some(entry) = entry else { return Ok(SessionsGetResult::default()) };
        let window = Window {
            limit: params.limit.map_or(DEFAULT_LIMIT, |limit| limit.as_usize()).min(MAX_LIMIT),
            offset: 0,
            max_bytes: MAX_HISTORY_BYTES,
            show: Show::for_protocol(cx.conn.protocol),
        };
        let page = history::page(cx.state.store.transcripts(), &entry.session_id, window).await;
        Ok(SessionsGetResult { messages: page.map_err(failed)?.messages })
    }
}
