//! What a tool of a server gave, as a model reads it.

use openclaw_agent::{ToolOutcome, fenced};
use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};
use serde_json::{Value, json};

/// Characters that are kept of one result; the loop has a limit of its own over all of it.
const MAX_CHARS: usize = 100_000;
/// Bytes of a structured result that programs are given.
const MAX_DETAILS: usize = 64 * 1024;

/// The outcome of a call.
pub(crate) fn outcome(server: &str, tool: &str, result: &CallToolResult) -> ToolOutcome {
    let mut parts: Vec<String> = result.content.iter().map(block).collect();
    if parts.is_empty()
        && let Some(value) = &result.structured_content
    {
        parts.push(value.to_string());
    }
    let text = parts.join("\n");
    let total = text.chars().count();
    let mut shown: String = text.chars().take(MAX_CHARS).collect();
    if total > MAX_CHARS {
        shown.push_str(&format!("\n[{} characters left out]", total - MAX_CHARS));
    }
    if shown.is_empty() {
        shown.push_str("(nothing)");
    }
    let text = fenced(&format!("answer of {server}"), &shown);
    let failed = result.is_error == Some(true);
    let outcome = if failed { ToolOutcome::error(text) } else { ToolOutcome::ok(text) };
    let structured = result.structured_content.as_ref().filter(|value| is_small(value));
    outcome.with_details(json!({
        "mcpServer": server, "mcpTool": tool, "chars": total, "truncated": total > MAX_CHARS,
        "structured": structured,
    }))
}

fn is_small(value: &Value) -> bool {
    value.to_string().len() <= MAX_DETAILS
}

fn block(block: &ContentBlock) -> String {
    match block {
        ContentBlock::Text(text) => text.text.clone(),
        ContentBlock::Image(image) => left_out("picture", &image.mime_type, image.data.len()),
        ContentBlock::Audio(audio) => left_out("recording", &audio.mime_type, audio.data.len()),
        ContentBlock::Resource(embedded) => resource(&embedded.resource),
        ContentBlock::ResourceLink(link) => format!("[{}: {}]", link.name, link.uri),
        #[allow(unreachable_patterns, clippy::allow_attributes, reason = "the list may grow")]
        _ => "[something that cannot be shown]".to_owned(),
    }
}

fn resource(contents: &ResourceContents) -> String {
    match contents {
        ResourceContents::TextResourceContents { uri, text, .. } => format!("[{uri}]\n{text}"),
        ResourceContents::BlobResourceContents { uri, mime_type, blob, .. } => {
            let kind = mime_type.as_deref().unwrap_or("of unknown kind");
            format!("[{uri}] {}", left_out("file", kind, blob.len()))
        }
        #[allow(unreachable_patterns, clippy::allow_attributes, reason = "the list may grow")]
        _ => "[something that cannot be shown]".to_owned(),
    }
}

/// What is not text is not shown to a model; it is told so.
fn left_out(what: &str, kind: &str, base64: usize) -> String {
    format!("[a {what}, {kind}, {} bytes, is not shown]", base64 / 4 * 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(value: Value) -> CallToolResult {
        serde_json::from_value(value).expect("a result")
    }

    #[test]
    fn every_kind_of_content_is_told_of() {
        let result = result(json!({"content": [
            {"type": "text", "text": "hello"},
            {"type": "image", "data": "AAAA", "mimeType": "image/png"},
            {"type": "audio", "data": "AAAAAAAA", "mimeType": "audio/wav"},
            {"type": "resource", "resource": {"uri": "file:///a", "text": "inside"}},
            {"type": "resource", "resource": {"uri": "file:///b", "blob": "AAAA"}},
            {"type": "resource_link", "uri": "file:///c", "name": "c"},
        ]}));
        let outcome = outcome("docs", "read", &result);
        for part in [
            "hello",
            "[a picture, image/png, 3 bytes, is not shown]",
            "[a recording, audio/wav, 6 bytes, is not shown]",
            "[file:///a]\ninside",
            "[file:///b] [a file, of unknown kind, 3 bytes, is not shown]",
            "[c: file:///c]",
        ] {
            assert!(outcome.text.contains(part), "{part}: {}", outcome.text);
        }
        assert!(!outcome.is_error);
    }

    #[test]
    fn failures_structure_and_size_are_told() {
        let failed =
            result(json!({"isError": true, "content": [{"type": "text", "text": "no such page"}]}));
        assert!(outcome("docs", "read", &failed).is_error);
        let structured = result(json!({"content": [], "structuredContent": {"n": 42}}));
        let structured = outcome("docs", "read", &structured);
        assert!(structured.text.contains("{\"n\":42}"), "{}", structured.text);
        assert_eq!(structured.details.expect("details")["structured"], json!({"n": 42}));
        let long =
            result(json!({"content": [{"type": "text", "text": "é".repeat(MAX_CHARS + 7)}]}));
        let long = outcome("docs", "read", &long);
        assert!(long.text.contains("[7 characters left out]"));
        let details = long.details.expect("details");
        assert_eq!((&details["truncated"], &details["chars"]), (&json!(true), &json!(100_007)));
        assert!(
            outcome("docs", "read", &result(json!({"content": []}))).text.contains("(nothing)")
        );
    }
}
