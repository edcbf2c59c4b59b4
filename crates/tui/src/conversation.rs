//! One conversation: what is stored, what is being said, and what is on its way.

use std::collections::BTreeMap;

use openclaw_client::Event;
use openclaw_protocol::{
    events::{
        chat::{
            Agent, AgentPayload, AssistantData, Chat, ChatPayload, ChatState, SessionTool,
            ToolData, ToolPhase, stream,
        },
        sessions::{SessionMessage, SessionsChanged},
    },
    methods::{chat::ChatHistoryResult, sessions::SessionRow},
    transcript::{Content, ContentBlock, MessageRole, TranscriptMessage},
};
use serde_json::Value;

/// A call of a tool that is not stored yet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LiveTool {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) arguments: Value,
    pub(crate) output: String,
    pub(crate) done: bool,
    pub(crate) failed: bool,
}

/// What is being said.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Live {
    pub(crate) run: String,
    pub(crate) text: String,
    pub(crate) thinking: String,
    pub(crate) tools: Vec<LiveTool>,
}

/// A message that is not stored yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sending {
    pub(crate) id: String,
    pub(crate) text: String,
    /// Why the Gateway did not take it.
    pub(crate) refused: Option<String>,
}

/// What an event means beyond what it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing.
    Shown,
    /// The stored conversation has to be read again.
    Reload,
    /// It was about something else.
    NotMine,
}

/// A session as it is shown.
#[derive(Debug, Default)]
pub(crate) struct Conversation {
    /// What was asked for: a key, or `main`.
    pub(crate) name: String,
    /// The session's own key, once the Gateway has said it.
    pub(crate) key: Option<String>,
    /// By place in the transcript.
    pub(crate) messages: BTreeMap<u64, TranscriptMessage>,
    pub(crate) live: Option<Live>,
    pub(crate) sending: Vec<Sending>,
    /// A run that ended without a stored answer.
    pub(crate) failure: Option<String>,
    pub(crate) info: Option<SessionRow>,
    /// Whether the transcript begins earlier than what is shown.
    pub(crate) has_older: bool,
    /// Whether the stored conversation was read.
    pub(crate) opened: bool,
}

impl Conversation {
    pub(crate) fn new(name: String) -> Self {
        Self { name, ..Self::default() }
    }

    /// The name the Gateway understands.
    pub(crate) fn address(&self) -> &str {
        self.key.as_deref().unwrap_or(&self.name)
    }

    /// Takes the stored conversation. It was asked for after events began to come, so it is added to
    /// what they brought.
    pub(crate) fn read(&mut self, key: String, history: ChatHistoryResult) {
        let transcript =
            |info: &Option<SessionRow>| info.as_ref().and_then(|row| row.session_id.clone());
        let anew = history.session_info.as_ref().and_then(|row| row.session_id.clone());
        if anew.is_some() && transcript(&self.info).is_some() && transcript(&self.info) != anew {
            self.messages.clear();
        }
        self.key = Some(key);
        self.opened = true;
        self.has_older = history.has_more.unwrap_or(false);
        for message in history.messages.into_iter().flatten() {
            self.insert(message);
        }
        self.info = history.session_info.or_else(|| self.info.take());
        self.live = match (history.in_flight_run, self.live.take()) {
            (None, _) => None,
            (Some(run), live) => {
                let text = self.beyond_stored(run.run_id.as_str(), &run.text.unwrap_or_default());
                let mut live =
                    live.filter(|live| live.run == run.run_id.as_str()).unwrap_or_default();
                run.run_id.as_str().clone_into(&mut live.run);
                if text.len() > live.text.len() {
                    live.text = text;
                }
                Some(live)
            }
        };
        self.settle();
    }

    /// Takes an event of the Gateway.
    pub(crate) fn hear(&mut self, event: &Event) -> Outcome {
        let mine = |key: &str| self.key.as_deref() == Some(key);
        if let Some(payload) = event.decode::<SessionMessage>() {
            if !mine(payload.session_key.as_str()) {
                return Outcome::NotMine;
            }
            if payload.session.is_some() {
                self.info = payload.session;
            }
            let run = payload.run_id.as_ref().map(|run| run.as_str().to_owned());
            self.stored(payload.message, run.as_deref());
        } else if let Some(payload) = event.decode::<Chat>() {
            if !mine(payload.session_key.as_str()) {
                return Outcome::NotMine;
            }
            return self.said(&payload);
        } else if let Some(payload) = event.decode::<SessionTool>() {
            if !payload.session_key.as_ref().is_some_and(|key| mine(key.as_str())) {
                return Outcome::NotMine;
            }
            self.worked(payload);
        } else if let Some(payload) = event.decode::<Agent>() {
            let ours = payload.session_key.as_ref().is_some_and(|key| mine(key.as_str()));
            if ours && payload.stream == stream::THINKING {
                let data = serde_json::from_value::<AssistantData>(Value::Object(payload.data));
                if let Ok(data) = data {
                    self.current(payload.run_id.as_str()).thinking = data.text;
                }
            }
        } else if let Some(payload) = event.decode::<SessionsChanged>() {
            if !mine(payload.session_key.as_str()) {
                return Outcome::NotMine;
            }
            if payload.session.is_some() {
                self.info = payload.session;
            }
            if matches!(payload.reason.as_deref(), Some("reset" | "delete")) {
                self.messages.clear();
                self.live = None;
                return Outcome::Reload;
            }
        } else {
            return Outcome::NotMine;
        }
        Outcome::Shown
    }

    /// Whether a run is busy.
    pub(crate) const fn is_busy(&self) -> bool {
        self.live.is_some()
    }

    fn insert(&mut self, message: TranscriptMessage) {
        let last = self.messages.last_key_value().map_or(0, |(seq, _)| *seq);
        let place = message.mark.as_ref().map_or(last + 1, |mark| mark.seq);
        self.messages.insert(place, message);
    }

    fn stored(&mut self, message: TranscriptMessage, run: Option<&str>) {
        if let Some(live) = &mut self.live
            && message.role == MessageRole::Assistant
            && run.is_none_or(|run| run == live.run)
        {
            // What was being said is stored now; what comes next is said anew.
            live.text.clear();
            live.thinking.clear();
        }
        self.insert(message);
        self.settle();
    }

    fn said(&mut self, payload: &ChatPayload) -> Outcome {
        let run = payload.run_id.as_str();
        match payload.state {
            ChatState::Status => {
                self.current(run);
            }
            ChatState::Delta => {
                self.failure = None;
                let whole = match &payload.message {
                    Some(message) => message.content.plain_text(),
                    None if payload.replace == Some(true) => {
                        payload.delta_text.clone().unwrap_or_default()
                    }
                    None => {
                        let before = self.current(run).text.clone();
                        before + payload.delta_text.as_deref().unwrap_or_default()
                    }
                };
                let text = self.beyond_stored(run, &whole);
                let live = self.current(run);
                // An older picture of the same text says nothing new.
                if !live.text.starts_with(&text) || live.text.is_empty() {
                    live.text = text;
                }
            }
            ChatState::Final | ChatState::Aborted | ChatState::Error => {
                if self.live.as_ref().is_some_and(|live| live.run == run) {
                    self.live = None;
                }
                if payload.state == ChatState::Error {
                    let why = payload.error_message.clone();
                    self.failure = Some(why.unwrap_or_else(|| "the run failed".to_owned()));
                }
                if !self.has_answer_of(run) {
                    return Outcome::Reload;
                }
            }
        }
        Outcome::Shown
    }

    fn worked(&mut self, payload: AgentPayload) {
        let run = payload.run_id.as_str().to_owned();
        let Ok(data) = serde_json::from_value::<ToolData>(Value::Object(payload.data)) else {
            return;
        };
        // A result that comes after the end of its run belongs to what is stored.
        let begins = data.phase == ToolPhase::Start;
        if !begins && self.live.as_ref().is_none_or(|live| live.run != run) {
            return;
        }
        let tools = &mut self.current(&run).tools;
        let place = tools.iter().position(|tool| tool.id == data.tool_call_id);
        let mut tool = place.map_or_else(
            || LiveTool {
                id: data.tool_call_id.clone(),
                name: String::new(),
                arguments: Value::Null,
                output: String::new(),
                done: false,
                failed: false,
            },
            |place| tools.remove(place),
        );
        if let Some(name) = data.name {
            tool.name = name;
        }
        if let Some(arguments) = data.args {
            tool.arguments = arguments;
        }
        if let Some(output) = data.result.or(data.partial_result) {
            tool.output = output_of(&output);
        }
        tool.done = data.phase == ToolPhase::Result;
        tool.failed = data.is_error == Some(true);
        tools.insert(place.unwrap_or(tools.len()), tool);
        self.settle();
    }

    fn current(&mut self, run: &str) -> &mut Live {
        let fits = self.live.as_ref().is_some_and(|live| live.run == run);
        let live = if fits { self.live.take() } else { None };
        self.live.insert(live.unwrap_or_else(|| Live { run: run.to_owned(), ..Live::default() }))
    }

    fn has_answer_of(&self, run: &str) -> bool {
        let answers =
            self.messages.values().filter(|message| message.role == MessageRole::Assistant);
        answers.rev().any(|message| run_of(message) == Some(run))
    }

    /// A delta carries all that the run said; what is stored of it is shown already.
    fn beyond_stored(&self, run: &str, whole: &str) -> String {
        let mut rest = whole;
        for message in self.messages.values() {
            if message.role != MessageRole::Assistant || run_of(message) != Some(run) {
                continue;
            }
            let said = message.content.plain_text();
            rest = rest.strip_prefix(said.as_str()).unwrap_or(rest).trim_start();
        }
        rest.to_owned()
    }

    /// What is stored is neither on its way nor being said any more.
    fn settle(&mut self) {
        let messages = &self.messages;
        self.sending.retain(|sending| {
            let is_it = |message: &TranscriptMessage| {
                let marked = message.mark.as_ref().and_then(|mark| mark.idempotency_key.as_deref());
                message.role == MessageRole::User
                    && [message.idempotency_key.as_deref(), marked, run_of(message)]
                        .contains(&Some(sending.id.as_str()))
            };
            !messages.values().rev().any(is_it)
        });
        if let Some(live) = &mut self.live {
            live.tools.retain(|tool| {
                !messages.values().rev().any(|message| {
                    message.tool_call_id.as_deref() == Some(tool.id.as_str())
                        && message.role == MessageRole::ToolResult
                })
            });
        }
    }
}

fn run_of(message: &TranscriptMessage) -> Option<&str> {
    message.mark.as_ref()?.run_id.as_ref().map(openclaw_protocol::ids::RunId::as_str)
}

/// What a tool said, whatever shape it has.
fn output_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => {
            let content = other.get("content").cloned();
            let content =
                content.and_then(|content| serde_json::from_value::<Content>(content).ok());
            match content {
                Some(content) => lines_of(&content),
                None => serde_json::to_string_pretty(other).unwrap_or_default(),
            }
        }
    }
}

/// All text of a message, one block a line.
pub(crate) fn lines_of(content: &Content) -> String {
    match content {
        Content::Text(text) => text.clone(),
        Content::Blocks(blocks) => {
            blocks.iter().filter_map(ContentBlock::as_text).collect::<Vec<_>>().join("\n")
        }
    }
}
