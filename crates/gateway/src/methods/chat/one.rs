//! `chat.message.get`: one message, whole, with the pictures that histories leave out.

use openclaw_protocol::{
    ids::MessageId,
    methods::chat::{ChatMessageGetParams, ChatMessageGetResult, UnavailableReason},
};
use openclaw_store::StoreError;

use crate::{
    router::{Cx, Failure},
    shape::{
        failure,
        message::{Show, whole},
        target::Target,
    },
};

/// Reads the message, if it belongs to the session: to its transcript of today or to an older one.
///
/// # Errors
/// When the session's name is at fault or the store cannot be read.
pub(super) async fn read(
    cx: &Cx,
    params: ChatMessageGetParams,
) -> Result<ChatMessageGetResult, Failure> {
    let target = Target::named(&cx.state, &params.session_key, params.agent_id.as_deref())?;
    let failed = |error: StoreError| failure::store(&cx.state, &error);
    let transcripts = cx.state.store.transcripts();
    let id = MessageId::new(params.message_id.into_string());
    let Some(row) = transcripts.get(&id).await.map_err(failed)? else {
        return Ok(unavailable(UnavailableReason::NotFound));
    };
    // Whether a message of another session exists is not told.
    let transcript = transcripts.info(&row.session_id).await.map_err(failed)?;
    if transcript.is_none_or(|transcript| transcript.session_key != target.key) {
        return Ok(unavailable(UnavailableReason::NotFound));
    }
    let show = Show::for_protocol(cx.conn.protocol);
    let max_chars = params.max_chars.map_or(show.max_chars, |chars| chars.as_usize());
    Ok(match whole(&row, Show { max_chars, ..show }) {
        Some(message) => {
            ChatMessageGetResult { ok: true, message: Some(message), unavailable_reason: None }
        }
        None => unavailable(UnavailableReason::Oversized),
    })
}

fn unavailable(reason: UnavailableReason) -> ChatMessageGetResult {
    ChatMessageGetResult { unavailable_reason: Some(reason), ..ChatMessageGetResult::default() }
}
