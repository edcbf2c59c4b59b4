//! `POST /v1/chat/completions`.

use std::sync::Arc;

use axum::{extract::Request, http::StatusCode, response::Response};
use openclaw_agent::{RunOutcome, model::Usage};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    asked::{Conversation, Family, Said, Who, order, place},
    body,
    reply::{DONE, Fault, answer, event},
    running::{Form, Running},
};
use crate::state::State;

/// Where it is.
pub(super) const PATH: &str = "/v1/chat/completions";
/// Longest body, in bytes.
const MAX_BODY: usize = 1024 * 1024;
const FAMILY: Family = Family { session: "openai", run: "chatcmpl" };

#[derive(Debug, Deserialize)]
struct ChatRequest {
    model: Option<String>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    messages: Vec<Message>,
    user: Option<String>,
    stream_options: Option<StreamOptions>,
    n: Option<u64>,
    tools: Option<Vec<Value>>,
}

#[derive(Debug, Default, Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Message {
    role: String,
    content: Option<Content>,
}

/// What a message says: plain text, or parts of it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Debug, Deserialize)]
struct Part {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    image_url: Option<Picture>,
}

/// A picture's address, bare or wrapped.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Picture {
    Bare(String),
    Wrapped { url: String },
}

pub(super) async fn serve(state: &Arc<State>, request: Request) -> Result<Response, Fault> {
    let (parts, body) = request.into_parts();
    let headers = &parts.headers;
    let asked: ChatRequest = body::read(state, headers, body, MAX_BODY).await?;
    if asked.n.is_some_and(|n| n > 1) {
        return Err(Fault::invalid("`n` above 1 is not supported: an agent answers once"));
    }
    if asked.tools.as_ref().is_some_and(|tools| !tools.is_empty()) {
        return Err(Fault::invalid(
            "`tools` of the caller are not supported: the agent has its own",
        ));
    }
    let conversation = conversation(asked.messages)?;
    let place = place(state, headers, FAMILY, asked.model.as_deref(), asked.user.as_deref())?;
    let order = order(headers, &place, conversation)?;
    let form = Chunks {
        id: place.run_id.to_string(),
        model: asked.model.unwrap_or_else(|| "openclaw".to_owned()),
        created: state.clock.now_ms() / 1_000,
        with_usage: asked.stream_options.unwrap_or_default().include_usage == Some(true),
    };
    let running = Running::start(state, place, order).await?;
    if asked.stream == Some(true) {
        return Ok(running.stream(form));
    }
    let ended = running.whole().await?;
    let choice = json!({
        "index": 0,
        "message": {"role": "assistant", "content": ended.text},
        "finish_reason": finish_reason(&ended.outcome),
    });
    let mut whole = form.envelope("chat.completion", &json!([choice]));
    if let Some(whole) = whole.as_object_mut() {
        whole.insert("usage".to_owned(), usage(ended.outcome.usage));
    }
    Ok(answer(StatusCode::OK, &whole))
}

fn conversation(messages: Vec<Message>) -> Result<Conversation, Fault> {
    let mut conversation = Conversation::default();
    for message in messages {
        let (text, pictures) = content(message.content)?;
        let who = match message.role.as_str() {
            "system" | "developer" => {
                conversation.system.push(text);
                continue;
            }
            "user" => Who::User,
            "assistant" => Who::Assistant,
            "tool" | "function" => Who::Tool,
            other => return Err(Fault::invalid(format!("unknown role \"{other}\" in `messages`"))),
        };
        conversation.said.push(Said { who, text, pictures });
    }
    Ok(conversation)
}

fn content(content: Option<Content>) -> Result<(String, Vec<String>), Fault> {
    let parts = match content {
        None => return Ok((String::new(), Vec::new())),
        Some(Content::Text(text)) => return Ok((text, Vec::new())),
        Some(Content::Parts(parts)) => parts,
    };
    let (mut texts, mut pictures) = (Vec::new(), Vec::new());
    for part in parts {
        match (part.kind.as_str(), part.text, part.image_url) {
            ("text" | "refusal", text, _) => texts.extend(text),
            ("image_url", _, Some(Picture::Bare(url) | Picture::Wrapped { url })) => {
                pictures.push(url);
            }
            (kind, _, _) => {
                return Err(Fault::invalid(format!("content of type \"{kind}\" is not supported")));
            }
        }
    }
    Ok((texts.join("\n"), pictures))
}

fn finish_reason(outcome: &RunOutcome) -> &'static str {
    match outcome.stop_reason.as_str() {
        "length" => "length",
        "refusal" => "content_filter",
        _ => "stop",
    }
}

fn usage(usage: Usage) -> Value {
    json!({
        "prompt_tokens": usage.prompt(),
        "completion_tokens": usage.output,
        "total_tokens": usage.total(),
    })
}

/// The answer in chunks.
struct Chunks {
    id: String,
    model: String,
    created: u64,
    with_usage: bool,
}

impl Chunks {
    fn envelope(&self, object: &str, choices: &Value) -> Value {
        json!({
            "id": self.id,
            "object": object,
            "created": self.created,
            "model": self.model,
            "choices": choices,
        })
    }

    fn chunk(&self, delta: &Value, finish_reason: Option<&str>) -> String {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish_reason});
        event(None, &self.envelope("chat.completion.chunk", &json!([choice])))
    }
}

impl Form for Chunks {
    fn begin(&mut self) -> String {
        self.chunk(&json!({"role": "assistant", "content": ""}), None)
    }

    fn more(&mut self, text: &str) -> String {
        self.chunk(&json!({"content": text}), None)
    }

    fn end(&mut self, _: &str, outcome: &RunOutcome) -> String {
        let mut last = self.chunk(&json!({}), Some(finish_reason(outcome)));
        if self.with_usage {
            let mut chunk = self.envelope("chat.completion.chunk", &json!([]));
            if let Some(chunk) = chunk.as_object_mut() {
                chunk.insert("usage".to_owned(), usage(outcome.usage));
            }
            last.push_str(&event(None, &chunk));
        }
        last + DONE
    }

    fn failed(&mut self, fault: &Fault) -> String {
        event(None, &fault.body()) + DONE
    }
}
