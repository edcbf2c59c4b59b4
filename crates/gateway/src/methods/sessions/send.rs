//! `sessions.send`: a message to a session that is there.

use openclaw_agent::StartRun;
use openclaw_protocol::{
    RpcError,
    ids::RunId,
    methods::{chat::ChatSendResult, sessions::SessionsSendParams},
};
use uuid::Uuid;

use crate::{
    methods::chat::send::{ack, milliseconds, start, thinking},
    router::{Cx, Failure},
    shape::{attachments::pictures, failure, target::Target},
};

/// Starts a run.
///
/// # Errors
/// When there is no such session, or the agent refuses.
pub(super) async fn to_existing(
    cx: &Cx,
    params: SessionsSendParams,
) -> Result<ChatSendResult, Failure> {
    let target = Target::writable(&cx.state, &params.key, params.agent_id.as_deref())?;
    let entry = cx.state.store.sessions().get(&target.key).await;
    let entry = entry.map_err(|error| failure::store(&cx.state, &error))?;
    // The main session is there for everybody, even before its first message.
    if entry.is_none() && !target.key.is_main() && target.key.as_str() != "global" {
        return Err(RpcError::invalid(format!("No session found: {}", target.key)).into());
    }
    let order = StartRun {
        agent_id: Some(target.agent),
        attachments: pictures(params.attachments)?,
        thinking: thinking(params.thinking.as_deref())?,
        timeout: milliseconds(params.timeout_ms.map(|limit| limit.get())),
        owner: cx.is_admin(),
        ..StartRun::new(
            run_id(params.idempotency_key.as_deref()),
            target.key,
            params.message,
            cx.conn.principal.id.as_str(),
        )
    };
    Ok(ack(start(cx, order).await?)?)
}

/// The id of the run: the request's key, or a new one.
pub(super) fn run_id(key: Option<&str>) -> RunId {
    key.map_or_else(|| RunId::new(Uuid::now_v7().to_string()), RunId::from)
}
