//! `POST /v1/responses`.

use std::sync::Arc;

use axum::{extract::Request, http::StatusCode, response::Response};
use openclaw_agent::RunOutcome;
use openclaw_protocol::ids::{RunId, SessionKey};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    asked::{Conversation, Family, Place, Said, Who, order, place},
    body,
    reply::{DONE, Fault, answer, event},
    running::{Form, Running},
};
use crate::{shape::target::Target, state::State};

/// Where it is.
pub(super) const PATH: &str = "/v1/responses";
/// Longest body, in bytes.
const MAX_BODY: usize = 20 * 1024 * 1024;
const FAMILY: Family = Family { session: "openresponses", run: "resp" };

#[derive(Debug, Deserialize)]
struct ResponsesRequest {
    model: Option<String>,
    input: Input,
    instructions: Option<String>,
    stream: Option<bool>,
    user: Option<String>,
    tools: Option<Vec<Value>>,
    previous_response_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Input {
    Text(String),
    Items(Vec<Item>),
}

/// One item; what it has depends on its type.
#[derive(Debug, Deserialize)]
struct Item {
    #[serde(rename = "type")]
    kind: Option<String>,
    role: Option<String>,
    content: Option<Content>,
    output: Option<Value>,
}

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
    image_url: Option<String>,
}

pub(super) async fn serve(state: &Arc<State>, request: Request) -> Result<Response, Fault> {
    let (parts, body) = request.into_parts();
    let headers = &parts.headers;
    let asked: ResponsesRequest = body::read(state, headers, body, MAX_BODY).await?;
    if asked.tools.as_ref().is_some_and(|tools| !tools.is_empty()) {
        return Err(Fault::invalid(
            "`tools` of the caller are not supported: the agent has its own",
        ));
    }
    let mut conversation = conversation(asked.input)?;
    conversation.system.splice(0..0, asked.instructions);
    let mut place = place(state, headers, FAMILY, asked.model.as_deref(), asked.user.as_deref())?;
    if let Some(previous) = asked.previous_response_id.filter(|id| !id.trim().is_empty()) {
        place = after(state, place, &previous).await?;
    }
    let order = order(headers, &place, conversation)?;
    let form = Events {
        id: place.run_id.to_string(),
        item: format!("msg_{}", uuid::Uuid::now_v7().simple()),
        model: asked.model.unwrap_or_else(|| "openclaw".to_owned()),
        created: state.clock.now_ms() / 1_000,
        number: 0,
        text: String::new(),
    };
    let running = Running::start(state, place, order).await?;
    if asked.stream == Some(true) {
        return Ok(running.stream(form));
    }
    let ended = running.whole().await?;
    Ok(answer(StatusCode::OK, &form.over(&ended.text, &ended.outcome)))
}

/// The session of an earlier answer of this endpoint.
async fn after(state: &State, place: Place, previous: &str) -> Result<Place, Fault> {
    let found = state.store.runs().get(&RunId::new(previous)).await;
    let found = found.map_err(|error| state.storage_error(&error))?;
    let ours = |key: &SessionKey| {
        let start = format!("agent:{}:{}", place.target.agent, FAMILY.session);
        key.as_str().starts_with(&start)
    };
    match found.filter(|run| ours(&run.session_key)) {
        Some(run) if place.fresh => {
            let target = Target { key: run.session_key, agent: run.agent_id };
            Ok(Place { target, fresh: false, ..place })
        }
        Some(run) if run.session_key == place.target.key => Ok(place),
        _ => {
            Err(Fault::invalid(format!("`previous_response_id` \"{previous}\" is not known here")))
        }
    }
}

fn conversation(input: Input) -> Result<Conversation, Fault> {
    let mut conversation = Conversation::default();
    let items = match input {
        Input::Text(text) => {
            conversation.said.push(Said { who: Who::User, text, pictures: Vec::new() });
            return Ok(conversation);
        }
        Input::Items(items) => items,
    };
    for item in items {
        match item.kind.as_deref().unwrap_or("message") {
            "message" => message(&mut conversation, item)?,
            "function_call_output" => {
                let text = item.output.map(|output| match output {
                    Value::String(text) => text,
                    other => other.to_string(),
                });
                let text = text.unwrap_or_default();
                conversation.said.push(Said { who: Who::Tool, text, pictures: Vec::new() });
            }
            // The agent knows its own thoughts and calls.
            "reasoning" | "item_reference" | "function_call" => {}
            other => {
                return Err(Fault::invalid(format!("input of type \"{other}\" is not supported")));
            }
        }
    }
    Ok(conversation)
}

fn message(conversation: &mut Conversation, item: Item) -> Result<(), Fault> {
    let (mut texts, mut pictures) = (Vec::new(), Vec::new());
    match item.content {
        None => {}
        Some(Content::Text(text)) => texts.push(text),
        Some(Content::Parts(parts)) => {
            for part in parts {
                match (part.kind.as_str(), part.image_url) {
                    ("input_text" | "output_text" | "text" | "refusal", _) => {
                        texts.extend(part.text)
                    }
                    ("input_image", Some(url)) => pictures.push(url),
                    (kind, _) => {
                        let message = format!("content of type \"{kind}\" is not supported");
                        return Err(Fault::invalid(message));
                    }
                }
            }
        }
    }
    let text = texts.join("\n");
    let who = match item.role.as_deref().unwrap_or("user") {
        "system" | "developer" => {
            conversation.system.push(text);
            return Ok(());
        }
        "user" => Who::User,
        "assistant" => Who::Assistant,
        other => return Err(Fault::invalid(format!("unknown role \"{other}\" in `input`"))),
    };
    conversation.said.push(Said { who, text, pictures });
    Ok(())
}

/// The answer in named events.
struct Events {
    id: String,
    item: String,
    model: String,
    created: u64,
    number: u64,
    text: String,
}

impl Events {
    fn response(&self, status: &str, output: &Value, extra: Value) -> Value {
        let mut response = json!({
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": status,
            "model": self.model,
            "output": output,
        });
        if let (Some(response), Value::Object(extra)) = (response.as_object_mut(), extra) {
            response.extend(extra);
        }
        response
    }

    fn item(&self, status: &str, content: &Value) -> Value {
        json!({
            "type": "message",
            "id": self.item,
            "role": "assistant",
            "content": content,
            "status": status,
        })
    }

    /// The whole answer.
    fn over(&self, text: &str, outcome: &RunOutcome) -> Value {
        let short = is_short(outcome);
        let status = ending(short);
        let usage = outcome.usage;
        let mut extra = json!({"usage": {
            "input_tokens": usage.prompt(),
            "output_tokens": usage.output,
            "total_tokens": usage.total(),
        }});
        if let Some(extra) = extra.as_object_mut().filter(|_| short) {
            extra.insert("incomplete_details".to_owned(), json!({"reason": "max_output_tokens"}));
        }
        self.response(status, &json!([self.finished(text, short)]), extra)
    }

    /// What the agent said, as the one item of the answer.
    fn finished(&self, text: &str, short: bool) -> Value {
        self.item(ending(short), &json!([words(text)]))
    }

    fn say(&mut self, name: &str, mut data: Value) -> String {
        if let Some(data) = data.as_object_mut() {
            data.insert("type".to_owned(), name.into());
            data.insert("sequence_number".to_owned(), self.number.into());
        }
        self.number += 1;
        event(Some(name), &data)
    }

    /// Where in the answer an event belongs.
    fn at(&self, extra: Value) -> Value {
        let mut data = json!({"item_id": self.item, "output_index": 0, "content_index": 0});
        if let (Some(data), Value::Object(extra)) = (data.as_object_mut(), extra) {
            data.extend(extra);
        }
        data
    }
}

/// The model had no room for more.
fn is_short(outcome: &RunOutcome) -> bool {
    outcome.stop_reason == "length"
}

const fn ending(short: bool) -> &'static str {
    if short { "incomplete" } else { "completed" }
}

fn words(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": []})
}

impl Form for Events {
    fn begin(&mut self) -> String {
        let response = self.response("in_progress", &json!([]), json!({}));
        let item = self.item("in_progress", &json!([]));
        let mut said = self.say("response.created", json!({"response": response}));
        said += &self.say("response.in_progress", json!({"response": response}));
        said += &self.say("response.output_item.added", json!({"output_index": 0, "item": item}));
        let part = self.at(json!({"part": words("")}));
        said + &self.say("response.content_part.added", part)
    }

    fn more(&mut self, text: &str) -> String {
        self.text.push_str(text);
        let delta = self.at(json!({"delta": text}));
        self.say("response.output_text.delta", delta)
    }

    fn end(&mut self, text: &str, outcome: &RunOutcome) -> String {
        let whole = self.over(text, outcome);
        let short = is_short(outcome);
        let item = self.finished(text, short);
        let done = self.at(json!({"text": text}));
        let mut said = self.say("response.output_text.done", done);
        let part = self.at(json!({"part": words(text)}));
        said += &self.say("response.content_part.done", part);
        said += &self.say("response.output_item.done", json!({"output_index": 0, "item": item}));
        let name = if short { "response.incomplete" } else { "response.completed" };
        said += &self.say(name, json!({"response": whole}));
        said + DONE
    }

    fn failed(&mut self, fault: &Fault) -> String {
        let error = json!({"code": "api_error", "message": fault.message()});
        let item = self.item("incomplete", &json!([words(&self.text)]));
        let response = self.response("failed", &json!([item]), json!({"error": error}));
        self.say("response.failed", json!({"response": response})) + DONE
    }
}
