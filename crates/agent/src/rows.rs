//! The rows a run writes into its transcript.
//!
//! Their time is filled in when they are appended. Those with a key are appended once, so that a run
//! taken up again does not repeat them.

use openclaw_protocol::ids::RunId;
use openclaw_store::transcripts::{MessageRole, NewMessage};
use serde_json::{Map, Value, json};

use crate::{
    live::LiveRun,
    model::{ModelRef, Part, Price, Usage},
    prompt,
    run::Attachment,
    tool::ToolOutcome,
};

/// The row of a person's message. Only the first append of it counts.
pub(crate) fn user(
    run_id: &RunId,
    text: &str,
    attachments: &[Attachment],
    command: bool,
    now_ms: u64,
) -> NewMessage {
    let mut content = Vec::new();
    if !text.is_empty() {
        content.push(json!({"type": "text", "text": text}));
    }
    for picture in attachments {
        let mut block = Map::new();
        block.insert("type".into(), json!("image"));
        block.insert("mimeType".into(), json!(picture.mime_type));
        block.insert("data".into(), json!(picture.data));
        if let Some(name) = &picture.file_name {
            block.insert("fileName".into(), json!(name));
        }
        content.push(Value::Object(block));
    }
    let mut meta = Map::new();
    if command {
        meta.insert("command".into(), json!(true));
    }
    NewMessage::new(MessageRole::User, content, now_ms)
        .in_run(run_id)
        .with_meta(meta)
        .once(format!("{run_id}:user"))
}

/// The row of an answer, or of what there is of one.
pub(crate) fn assistant(
    run: &LiveRun,
    model: Option<&ModelRef>,
    parts: &[Part],
    (usage, price): (&Usage, Option<Price>),
    stop_reason: &str,
) -> NewMessage {
    let mut meta = Map::new();
    if let Some(model) = model {
        meta.insert("provider".into(), json!(model.provider));
        meta.insert("model".into(), json!(model.model));
    }
    meta.insert("usage".into(), usage_json(usage, price));
    meta.insert("stopReason".into(), json!(stop_reason));
    if let Some(reason) = run.abort_reason() {
        let origin = json!({"aborted": true, "origin": reason.as_str(), "runId": run.run_id});
        meta.insert("openclawAbort".into(), origin);
    }
    let content = parts.iter().map(prompt::block).collect();
    NewMessage::new(MessageRole::Assistant, content, 0).with_meta(meta)
}

/// The row of a tool's result.
pub(crate) fn tool_result(call_id: &str, name: &str, outcome: &ToolOutcome) -> NewMessage {
    let mut meta = Map::new();
    meta.insert("toolCallId".into(), json!(call_id));
    meta.insert("toolName".into(), json!(name));
    meta.insert("isError".into(), json!(outcome.is_error));
    if let Some(details) = &outcome.details {
        meta.insert("details".into(), details.clone());
    }
    NewMessage::text(MessageRole::ToolResult, outcome.text.clone(), 0).with_meta(meta)
}

/// The row of a command's answer; models are not shown it.
pub(crate) fn command_reply(run: &LiveRun, text: &str, now_ms: u64) -> NewMessage {
    let mut meta = Map::new();
    meta.insert("command".into(), json!(true));
    meta.insert("provider".into(), json!("openclaw"));
    meta.insert("model".into(), json!("command"));
    meta.insert("stopReason".into(), json!("stop"));
    NewMessage::text(MessageRole::Assistant, text, now_ms)
        .with_meta(meta)
        .once(format!("{}:assistant", run.run_id))
}

/// Usage as transcripts keep it.
fn usage_json(usage: &Usage, price: Option<Price>) -> Value {
    let cost = price.filter(|_| usage.total() > 0).map(|price| price.of(usage));
    let mut whole = Map::new();
    let counts = [
        ("input", usage.input),
        ("output", usage.output),
        ("cacheRead", usage.cache_read),
        ("cacheWrite", usage.cache_write),
        ("totalTokens", usage.total()),
    ];
    whole.extend(counts.map(|(name, count)| (name.to_owned(), json!(count))));
    whole.extend(cost.map(|cost| ("cost".to_owned(), json!(cost))));
    Value::Object(whole)
}

/// Tells the model of messages that lost their own turn.
pub(crate) fn dropped_note(run: &LiveRun, lines: &[String], now_ms: u64) -> NewMessage {
    let mut text = String::from("[Messages that were sent meanwhile and not answered one by one:]");
    for line in lines {
        text.push_str("\n- ");
        text.push_str(line);
    }
    let mut meta = Map::new();
    meta.insert("queueSummary".into(), json!(true));
    NewMessage::text(MessageRole::User, text, now_ms)
        .with_meta(meta)
        .once(format!("{}:dropped", run.run_id))
}
