//! `sessions.preview`: the end of several sessions, in short.

use std::collections::HashMap;

use openclaw_protocol::methods::sessions::{
    PreviewItem, PreviewRole, PreviewStatus, SessionPreview, SessionsPreviewParams,
    SessionsPreviewResult,
};
use openclaw_store::transcripts::{MessageRole, MessageRow};

use crate::{
    router::{Cx, Failure},
    shape::{
        failure,
        target::Target,
        words::{one_line, shorten},
    },
};

/// Sessions that one request is answered for.
const MAX_KEYS: usize = 64;
/// Messages of each unless the client says otherwise, and at most.
const DEFAULT_LIMIT: usize = 12;
const MAX_LIMIT: usize = 100;
/// Longest text unless the client says otherwise, and at most, in characters.
const DEFAULT_CHARS: usize = 240;
const MAX_CHARS: usize = 4_000;

/// Reads them.
///
/// # Errors
/// When the store cannot be read.
pub(super) async fn read(
    cx: &Cx,
    params: SessionsPreviewParams,
) -> Result<SessionsPreviewResult, Failure> {
    let limit = params.limit.map_or(DEFAULT_LIMIT, |limit| limit.as_usize()).min(MAX_LIMIT);
    let chars = params.max_chars.map_or(DEFAULT_CHARS, |chars| chars.as_usize()).min(MAX_CHARS);
    let asked: Vec<_> = params
        .keys
        .iter()
        .take(MAX_KEYS)
        .map(|raw| (raw.as_str(), Target::named(&cx.state, raw, None).ok()))
        .collect();
    let keys: Vec<_> = asked
        .iter()
        .filter_map(|(_, target)| target.as_ref())
        .map(|target| target.key.clone())
        .collect();
    let found = cx.state.store.transcripts().last_of(&keys, limit).await;
    let found: HashMap<_, _> = found.map_err(|error| failure::store(&cx.state, &error))?;
    let previews = asked.into_iter().map(|(raw, target)| {
        let rows = target.and_then(|target| found.get(&target.key));
        preview(raw, rows.map(Vec::as_slice), chars)
    });
    Ok(SessionsPreviewResult { ts: cx.now_ms(), previews: previews.collect() })
}

fn preview(key: &str, rows: Option<&[MessageRow]>, max_chars: usize) -> SessionPreview {
    let items: Vec<_> =
        rows.unwrap_or_default().iter().filter_map(|row| item(row, max_chars)).collect();
    let status = match rows {
        None => PreviewStatus::Missing,
        Some(_) if items.is_empty() => PreviewStatus::Empty,
        Some(_) => PreviewStatus::Ok,
    };
    SessionPreview { key: key.to_owned(), status, items }
}

fn item(row: &MessageRow, max_chars: usize) -> Option<PreviewItem> {
    let text = one_line(row);
    let role = match row.role {
        MessageRole::User => PreviewRole::User,
        MessageRole::Assistant => PreviewRole::Assistant,
        MessageRole::ToolResult => PreviewRole::Tool,
        MessageRole::System => PreviewRole::System,
    };
    (!text.is_empty()).then(|| PreviewItem { role, text: shorten(&text, max_chars) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::shape::message::tests::stored;

    #[test]
    fn a_preview_shows_words_only() {
        let text = |text: &str| json!({"type": "text", "text": text});
        let call = json!({"type": "toolCall", "id": "c", "name": "n", "arguments": {}});
        let rows = [
            stored(1, MessageRole::User, vec![text("hello\n  you")], json!({})),
            stored(2, MessageRole::Assistant, vec![call], json!({})),
            stored(3, MessageRole::ToolResult, vec![text("a long result")], json!({})),
        ];
        let shown = serde_json::to_value(preview("main", Some(&rows), 9)).expect("JSON");
        let expected = json!({
            "key": "main", "status": "ok",
            "items": [{"role": "user", "text": "hello you"}, {"role": "tool", "text": "a long r…"}],
        });
        assert_eq!(shown, expected);
        assert_eq!(preview("x", None, 9).status, PreviewStatus::Missing);
        assert_eq!(preview("x", Some(&[]), 9).status, PreviewStatus::Empty);
    }
}
