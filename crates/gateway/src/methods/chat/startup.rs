//! `chat.startup`: all that a chat page needs at once.

use openclaw_protocol::{
    RpcError,
    ids::SessionId,
    methods::chat::{ChatHistoryResult, ChatStartupParams},
    text::Text,
};

use super::{
    history::{self, Ask},
    metadata,
};
use crate::{
    methods::{agent, sessions::resolve},
    router::{Cx, Failure},
};

/// Reads history, models, commands and agents.
///
/// # Errors
/// When no session is named or found, or the store cannot be read.
pub(super) async fn read(cx: &Cx, params: ChatStartupParams) -> Result<ChatHistoryResult, Failure> {
    let agent_id = params.agent_id.map(Text::into_string);
    let session_key = match (params.session_key, params.short_id) {
        (Some(key), None) => key.into_string(),
        (None, Some(short_id)) => {
            resolve::only_by_short_id(cx, &short_id, agent_id.as_deref()).await?.into_string()
        }
        (Some(_), Some(_)) => {
            let text = "invalid chat.startup params: sessionKey and shortId exclude each other";
            return Err(RpcError::invalid(text).into());
        }
        (None, None) => {
            let text = "invalid chat.startup params: must have required property 'sessionKey'";
            return Err(RpcError::invalid(text).into());
        }
    };
    let ask = Ask {
        session_key,
        agent_id,
        cursor: params.cursor,
        limit: params.limit.map(|limit| limit.as_usize()),
        offset: params.offset.map_or(0, |offset| offset.get()),
        pending_before: None,
        input_run_ids: Vec::new(),
        message_id: None,
        session_id: params.session_id.map(|id| SessionId::new(id.into_string())),
        max_chars: params.max_chars.map(|chars| chars.as_usize()),
        max_bytes: params.max_bytes.map(|bytes| bytes.as_usize()),
    };
    let result = history::read(cx, ask).await?;
    Ok(ChatHistoryResult {
        metadata: Some(metadata::of(&cx.state)),
        agents_list: Some(agent::list::of(&cx.state)),
        ..result
    })
}
