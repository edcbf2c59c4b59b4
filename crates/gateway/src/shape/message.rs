//! A stored message as clients get it: bounded, without what only the Gateway needs.
//!
//! * A text is cut at a number of characters and says so.
//! * Pictures are replaced by the fact that there was one, and its size, unless one message is asked
//!   for as a [`whole`].
//! * Proofs of thoughts and details of tools stay here.
//! * A message that is still larger than [`MAX_MESSAGE_BYTES`] becomes a placeholder.

use openclaw_agent::Checkpoint;
use openclaw_agent::model::Usage as TokenUse;
use openclaw_protocol::limits::MAX_PAYLOAD_BYTES;
use openclaw_protocol::transcript::{
    AbortMark, Content, ContentBlock, Cost, MessageMark, MessageRole, TranscriptMessage,
    TranscriptPosition, Usage,
};
use openclaw_store::transcripts::{MessageRole as StoredRole, MessageRow};
use serde::{Deserialize as _, de::DeserializeOwned};
use serde_json::{Map, Value};

/// Longest text of a message unless the client asks for another length, in characters.
pub const MAX_TEXT_CHARS: usize = 12_000;
/// Largest message on the wire, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 128 * 1024;
/// Largest message with its pictures, in bytes: what a client must be able to take in.
pub const MAX_WHOLE_BYTES: usize = MAX_PAYLOAD_BYTES - 64 * 1024;
/// What follows a text that was cut.
const CUT: &str = "\n...(truncated)...";
/// What stands for a message that is too large.
const OMITTED: &str = "[chat.history omitted: message too large]";

/// How a message is shown.
#[derive(Clone, Copy, Debug)]
pub struct Show {
    /// Longest text, in characters.
    pub max_chars: usize,
    /// Whether tokens are shown; protocol 3 clients do not get them.
    pub usage: bool,
}

impl Show {
    /// As clients of this protocol get it.
    #[must_use]
    pub const fn for_protocol(protocol: u32) -> Self {
        Self { max_chars: MAX_TEXT_CHARS, usage: protocol >= 4 }
    }
}

/// Shows a stored message.
#[must_use]
pub fn shown(row: &MessageRow, show: Show) -> TranscriptMessage {
    let mut message = bare(row, show, false);
    let size = serde_json::to_vec(&message).map_or(usize::MAX, |json| json.len());
    if size > MAX_MESSAGE_BYTES {
        message.content = Content::text(OMITTED);
        message.error_message = None;
        if let Some(mark) = &mut message.mark {
            mark.truncated = Some(true);
            mark.reason = Some("oversized".to_owned());
        }
    }
    message
}

/// Shows a stored message with its pictures; `None` when it is too large for an answer.
#[must_use]
pub fn whole(row: &MessageRow, show: Show) -> Option<TranscriptMessage> {
    let message = bare(row, show, true);
    let size = serde_json::to_vec(&message).map_or(usize::MAX, |json| json.len());
    (size <= MAX_WHOLE_BYTES).then_some(message)
}

fn bare(row: &MessageRow, show: Show, pictures: bool) -> TranscriptMessage {
    let meta = &row.meta;
    TranscriptMessage {
        role: role(row.role),
        content: Content::Blocks(
            row.content.iter().filter_map(|raw| block(raw, show, pictures)).collect(),
        ),
        timestamp: row.created_at_ms,
        api: field(meta, "api"),
        provider: field(meta, "provider"),
        model: field(meta, "model"),
        stop_reason: field(meta, "stopReason"),
        error_message: field::<String>(meta, "errorMessage").map(|text| cut(text, show.max_chars)),
        usage: field(meta, "usage").filter(|_| show.usage).map(|tokens| {
            let cost =
                meta.get("usage").and_then(|usage| Cost::deserialize(usage.get("cost")?).ok());
            Usage { cost, ..usage(tokens) }
        }),
        response_id: field(meta, "responseId"),
        tool_call_id: field(meta, "toolCallId"),
        tool_name: field(meta, "toolName"),
        is_error: field(meta, "isError"),
        idempotency_key: row.idempotency_key.clone(),
        openclaw_abort: field::<AbortMark>(meta, "openclawAbort"),
        mark: Some(mark(row)),
    }
}

fn mark(row: &MessageRow) -> MessageMark {
    MessageMark {
        id: row.message_id.clone(),
        seq: row.seq,
        record_timestamp_ms: row.created_at_ms,
        run_id: row.run_id.clone(),
        idempotency_key: row.idempotency_key.clone(),
        transcript_position: Some(TranscriptPosition {
            source: "sqlite".to_owned(),
            raw_seq: row.seq,
        }),
        kind: Checkpoint::of(row).map(|_| "compaction".to_owned()),
        ..MessageMark::default()
    }
}

/// Who wrote it, on the wire.
#[must_use]
pub const fn role(role: StoredRole) -> MessageRole {
    match role {
        StoredRole::User => MessageRole::User,
        StoredRole::Assistant => MessageRole::Assistant,
        StoredRole::ToolResult => MessageRole::ToolResult,
        StoredRole::System => MessageRole::System,
    }
}

/// Tokens, on the wire.
#[must_use]
pub fn usage(tokens: TokenUse) -> Usage {
    Usage {
        input: tokens.input,
        output: tokens.output,
        cache_read: tokens.cache_read,
        cache_write: tokens.cache_write,
        total_tokens: tokens.total(),
        cost: None,
    }
}

/// All that a stored message says in words.
#[must_use]
pub fn plain_text(row: &MessageRow) -> String {
    let texts = row.content.iter().filter(|block| kind(block) == Some("text"));
    let texts = texts.filter_map(|block| block.get("text").and_then(Value::as_str));
    texts.collect::<Vec<_>>().join("\n")
}

/// Cuts a text to so many characters; one that is short enough stays as it is.
#[must_use]
pub fn cut(mut text: String, max_chars: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(max_chars) {
        text.truncate(end);
        text.push_str(CUT);
    }
    text
}

fn kind(block: &Value) -> Option<&str> {
    block.get("type").and_then(Value::as_str)
}

fn block(raw: &Value, show: Show, pictures: bool) -> Option<ContentBlock> {
    if kind(raw) == Some("image") {
        let data = raw.get("data").and_then(Value::as_str).unwrap_or_default();
        return Some(ContentBlock::Image {
            mime_type: raw.get("mimeType").and_then(Value::as_str).map(str::to_owned),
            data: pictures.then(|| data.to_owned()),
            omitted: (!pictures).then_some(true),
            bytes: Some((data.trim_end_matches('=').len() / 4 * 3 + tail_bytes(data)) as u64),
        });
    }
    match serde_json::from_value(raw.clone()).ok()? {
        ContentBlock::Text { text } => Some(ContentBlock::Text { text: cut(text, show.max_chars) }),
        ContentBlock::Thinking { thinking } => {
            let thinking = cut(thinking, show.max_chars);
            (!thinking.is_empty()).then_some(ContentBlock::Thinking { thinking })
        }
        other @ (ContentBlock::ToolCall { .. } | ContentBlock::Image { .. }) => Some(other),
        ContentBlock::Other => None,
    }
}

/// Bytes in the last, incomplete group of base64.
fn tail_bytes(data: &str) -> usize {
    (data.trim_end_matches('=').len() % 4).saturating_sub(1)
}

fn field<T: DeserializeOwned>(meta: &Map<String, Value>, name: &str) -> Option<T> {
    meta.get(name).and_then(|value| T::deserialize(value).ok())
}

#[cfg(test)]
pub(crate) mod tests {
    use openclaw_protocol::ids::{MessageId, RunId, SessionId};
    use serde_json::json;

    use super::*;

    /// A stored message of these blocks.
    pub(crate) fn stored(
        seq: u64,
        role: StoredRole,
        content: Vec<Value>,
        meta: Value,
    ) -> MessageRow {
        let Value::Object(meta) = meta else { panic!("meta is an object") };
        MessageRow {
            session_id: SessionId::new("s"),
            seq,
            message_id: MessageId::new(format!("m{seq}")),
            role,
            content,
            meta,
            run_id: Some(RunId::new("r")),
            idempotency_key: None,
            created_at_ms: 1_000 + seq,
        }
    }

    fn text(text: &str) -> Value {
        json!({"type": "text", "text": text})
    }

    const SHOW: Show = Show { max_chars: 10, usage: true };

    #[test]
    fn what_clients_need_is_there_and_nothing_else() {
        let content = vec![
            json!({"type": "thinking", "thinking": "hm", "signature": "proof"}),
            json!({"type": "thinking", "thinking": "", "signature": "redacted", "redacted": true}),
            text("0123456789abc"),
            json!({"type": "image", "mimeType": "image/png", "data": "QUJDRA=="}),
            json!({"type": "toolCall", "id": "c", "name": "read", "arguments": {"path": "/a"}}),
            json!({"type": "hologram"}),
        ];
        let meta = json!({
            "provider": "p", "model": "m", "stopReason": "stop", "details": {"secret": 1},
            "usage": {"input": 1, "output": 2, "cacheRead": 3, "cacheWrite": 4},
        });
        let row = stored(7, StoredRole::Assistant, content, meta);
        let json = serde_json::to_value(shown(&row, SHOW)).expect("JSON");
        let expected = json!({
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm"},
                {"type": "text", "text": "0123456789\n...(truncated)..."},
                {"type": "image", "mimeType": "image/png", "omitted": true, "bytes": 4},
                {"type": "toolCall", "id": "c", "name": "read", "arguments": {"path": "/a"}},
            ],
            "timestamp": 1007,
            "provider": "p", "model": "m", "stopReason": "stop",
            "usage": {"input": 1, "output": 2, "cacheRead": 3, "cacheWrite": 4, "totalTokens": 10},
            "__openclaw": {
                "id": "m7", "seq": 7, "recordTimestampMs": 1007, "runId": "r",
                "transcriptPosition": {"source": "sqlite", "rawSeq": 7},
            },
        });
        assert_eq!(json, expected);
        assert_eq!(shown(&row, Show { usage: false, ..SHOW }).usage, None);
        assert_eq!(plain_text(&row), "0123456789abc");
        let whole = serde_json::to_value(whole(&row, SHOW)).expect("JSON");
        let picture =
            json!({"type": "image", "mimeType": "image/png", "data": "QUJDRA==", "bytes": 4});
        assert_eq!(whole["content"][2], picture);
    }

    #[test]
    fn a_message_that_is_too_large_is_only_mentioned() {
        let many = vec![text(&"x".repeat(12_000)); 12];
        let row = stored(1, StoredRole::User, many, json!({}));
        let message = shown(&row, Show::for_protocol(4));
        assert_eq!(message.content.plain_text(), OMITTED);
        let mark = message.mark.expect("marked");
        assert_eq!((mark.truncated, mark.reason.as_deref()), (Some(true), Some("oversized")));
        let few = stored(1, StoredRole::User, vec![text(&"x".repeat(12_000)); 2], json!({}));
        assert_eq!(shown(&few, Show::for_protocol(4)).content.plain_text().len(), 24_000);
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("äöü".to_owned(), 3), "äöü");
        assert_eq!(cut("äöü".to_owned(), 2), "äö\n...(truncated)...");
        assert_eq!(cut(String::new(), 0), "");
    }
}
