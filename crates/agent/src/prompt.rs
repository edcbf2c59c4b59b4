//! What a model is given: standing instructions, and the conversation out of the transcript.

use openclaw_protocol::ids::SessionKey;
use openclaw_store::transcripts::{MessageRole, MessageRow};
use serde_json::{Map, Value, json};

use crate::{
    attach::LINE,
    model::{ModelMessage, ModelRef, Part},
    settings::AgentProfile,
    skills::{self, SkillSettings},
};

mod workspace;

/// Context window where a model does not tell its own.
const DEFAULT_CONTEXT: u64 = 200_000;
/// Tokens kept free for the answer, where the window is large enough.
const RESERVE: u64 = 20_000;
/// Bytes that count as one token; real text has a few more.
const BYTES_PER_TOKEN: u64 = 3;
/// Tokens that a picture counts as.
const PICTURE_TOKENS: u64 = 1_600;

/// What goes into the standing instructions.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) agent: AgentProfile,
    pub(crate) model: ModelRef,
    pub(crate) session_key: SessionKey,
    pub(crate) version: String,
    pub(crate) extra: Option<String>,
    pub(crate) max_chars: usize,
    pub(crate) total_max_chars: usize,
    pub(crate) skills: SkillSettings,
    pub(crate) time_zone: Option<String>,
}

/// The standing instructions. Nothing in them changes from turn to turn unless a file or a setting
/// does, so that a provider's cache can hold them.
pub(crate) async fn system(facts: &Facts) -> String {
    let (folder, max, total) =
        (facts.agent.workspace.clone(), facts.max_chars, facts.total_max_chars);
    let settings = facts.skills.clone();
    let (files, skills) = match folder {
        None => (Vec::new(), None),
        Some(folder) => tokio::task::spawn_blocking(move || {
            let skills = skills::list(&skills::scan(&settings, Some(&folder)));
            (workspace::read(&folder, max, total), skills)
        })
        .await
        .unwrap_or_default(),
    };
    write_system(facts, &files, skills.as_deref())
}

fn write_system(facts: &Facts, files: &[workspace::WorkspaceFile], skills: Option<&str>) -> String {
    let agent = &facts.agent;
    let mut text = match &agent.name {
        Some(name) => format!("You are {name}, a personal assistant reached through OpenClaw."),
        None => String::from("You are a personal assistant reached through OpenClaw."),
    };
    if let Some(theme) = &agent.theme {
        text.push_str(&format!(" Your manner: {theme}."));
    }
    text.push_str(
        "\n\nAnswer in the language you are addressed in, briefly unless more is asked for. Use a tool \
         when it helps, without announcing it. Never invent the result of a tool.\n\n\
         When there is nothing to say at all, answer with exactly NO_REPLY and nothing else; the \
         person is then shown nothing. [[reply_to_current]] at the beginning of an answer shows it as a \
         reply to the message it answers, [[reply_to:ID]] to another one. A line of its own that \
         begins with MEDIA: and goes on with a path in the workspace, or an address of the web, sends \
         that file with the answer.",
    );
    if let Some(folder) = &agent.workspace {
        text.push_str(&format!("\n\n# Workspace\n{}", folder.display()));
    }
    if let Some(skills) = skills {
        text.push_str(
            "\n\n# Skills\nWhen one of these fits what is asked, read its file first and go by it.",
        );
        text.push_str(skills);
    }
    for file in files {
        text.push_str(&format!("\n\n## {}\n{}", file.name, file.text));
    }
    if let Some(extra) = facts.extra.as_deref().map(str::trim).filter(|extra| !extra.is_empty()) {
        text.push_str(&format!("\n\n# For this message\n{extra}"));
    }
    text.push_str(&format!(
        "\n\n# Runtime\nagent {}, session {}, model {}, OpenClaw {} on {}",
        agent.id,
        facts.session_key,
        facts.model,
        facts.version,
        std::env::consts::OS,
    ));
    // The zone alone: a time of day would be new with every message.
    if let Some(zone) = &facts.time_zone {
        text.push_str(&format!(", time zone {zone}"));
    }
    text
}

/// Rows as models are shown them, oldest first, without commands and their answers.
pub(crate) fn messages<'a>(rows: impl IntoIterator<Item = &'a MessageRow>) -> Vec<ModelMessage> {
    rows.into_iter().filter_map(message).collect()
}

/// Tokens that a conversation may have beside the standing instructions and the answer.
pub(crate) fn budget(context_window: Option<u64>, system_bytes: usize) -> u64 {
    let window = context_window.unwrap_or(DEFAULT_CONTEXT);
    let reserve = RESERVE.min(window / 4) + tokens_of(system_bytes);
    window.saturating_sub(reserve)
}

/// Tokens of a conversation, by estimate.
pub(crate) fn weigh(messages: &[ModelMessage]) -> u64 {
    messages.iter().map(weight).sum()
}

/// Keeps the newest messages that fit, from a message of the person on; the last of those always.
pub(crate) fn fit(messages: Vec<ModelMessage>, budget: u64) -> Vec<ModelMessage> {
    let mut left = budget;
    let mut start = None;
    for (index, message) in messages.iter().enumerate().rev() {
        let fits = left.checked_sub(weight(message));
        if fits.is_none() && start.is_some() {
            break;
        }
        left = fits.unwrap_or(0);
        if matches!(message, ModelMessage::User(_)) {
            start = Some(index);
        }
    }
    let start = start.unwrap_or(0);
    if start > 0 {
        tracing::debug!(left_out = start, "conversation shortened to fit the model");
    }
    messages.into_iter().skip(start).collect()
}

pub(crate) fn tokens_of(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX) / BYTES_PER_TOKEN
}

pub(crate) fn weight(message: &ModelMessage) -> u64 {
    let part = |part: &Part| match part {
        Part::Text(text) => tokens_of(text.len()),
        Part::Image { .. } => PICTURE_TOKENS,
        Part::Thinking { text, signature, .. } => {
            tokens_of(text.len() + signature.as_ref().map_or(0, String::len))
        }
        Part::ToolCall { name, arguments, .. } => {
            tokens_of(name.len() + arguments.to_string().len())
        }
    };
    let content = match message {
        ModelMessage::User(parts) | ModelMessage::Assistant { parts, .. } => {
            parts.iter().map(part).sum()
        }
        ModelMessage::ToolResult { text, .. } => tokens_of(text.len()),
    };
    content + 8
}

/// An answer as the next request carries it.
pub(crate) fn assistant(parts: Vec<Part>, origin: Option<ModelRef>) -> ModelMessage {
    ModelMessage::Assistant { parts, origin }
}

/// A row as a model is shown it, if it is shown it.
pub(crate) fn message(row: &MessageRow) -> Option<ModelMessage> {
    let meta = |name: &str| row.meta.get(name);
    let text = |name: &str| meta(name).and_then(Value::as_str);
    if meta("command").and_then(Value::as_bool) == Some(true) {
        return None;
    }
    let own = row.role == MessageRole::Assistant;
    let as_read =
        |block| if own { named_again(block).or_else(|| part(block)) } else { part(block) };
    let parts: Vec<Part> = row.content.iter().filter_map(as_read).collect();
    match row.role {
        MessageRole::User => (!parts.is_empty()).then_some(ModelMessage::User(parts)),
        MessageRole::Assistant => {
            let origin = text("provider")
                .zip(text("model"))
                .map(|(provider, model)| ModelRef::new(provider, model));
            (!parts.is_empty()).then_some(ModelMessage::Assistant { parts, origin })
        }
        MessageRole::ToolResult => Some(ModelMessage::ToolResult {
            call_id: text("toolCallId")?.to_owned(),
            name: text("toolName").unwrap_or_default().to_owned(),
            text: crate::answer::text_of(&parts),
            is_error: meta("isError").and_then(Value::as_bool).unwrap_or(false),
        }),
        MessageRole::System => None,
    }
}

/// A picture that an answer named, as the line that named it: models take no pictures from themselves.
fn named_again(block: &Value) -> Option<Part> {
    let named = block.get("named").and_then(Value::as_str)?;
    Some(Part::Text(format!("\n{LINE}{named}")))
}

/// A block of a row as a part of a message.
fn part(block: &Value) -> Option<Part> {
    let field = |name: &str| block.get(name).and_then(Value::as_str);
    let owned = |name: &str| field(name).map(str::to_owned);
    match field("type")? {
        "text" => Some(Part::Text(owned("text")?)),
        "image" => Some(Part::Image { mime_type: owned("mimeType")?, data: owned("data")? }),
        "thinking" => Some(Part::Thinking {
            text: owned("thinking")?,
            signature: owned("thinkingSignature"),
            redacted: block.get("redacted").and_then(Value::as_bool).unwrap_or(false),
        }),
        "toolCall" => Some(Part::ToolCall {
            id: owned("id")?,
            name: owned("name")?,
            arguments: block.get("arguments").cloned().unwrap_or_else(|| json!({})),
        }),
        _ => None,
    }
}

/// A part of a message as a block of a row.
pub(crate) fn block(part: &Part) -> Value {
    match part {
        Part::Text(text) => json!({"type": "text", "text": text}),
        Part::Image { mime_type, data } => {
            json!({"type": "image", "mimeType": mime_type, "data": data})
        }
        Part::Thinking { text, signature, redacted } => {
            let mut block = Map::new();
            block.insert("type".into(), json!("thinking"));
            block.insert("thinking".into(), json!(text));
            if let Some(signature) = signature {
                block.insert("thinkingSignature".into(), json!(signature));
            }
            if *redacted {
                block.insert("redacted".into(), json!(true));
            }
            Value::Object(block)
        }
        Part::ToolCall { id, name, arguments } => {
            json!({"type": "toolCall", "id": id, "name": name, "arguments": arguments})
        }
    }
}

#[cfg(test)]
mod tests;
