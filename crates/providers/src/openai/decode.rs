//! Chunks of a Chat Completions stream.

use std::collections::VecDeque;

use openclaw_agent::model::{ModelError, ModelEvent, StopReason, Usage};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    dialect::{self, Decode},
    http::Failure,
};

/// What has been seen of one answer.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    stop: Option<StopReason>,
    calls: Vec<Call>,
}

/// A tool call; its place in the list is the index we give it.
#[derive(Debug)]
struct Call {
    /// The server's index.
    index: u64,
    id: Option<String>,
    /// Arguments that came before the name did.
    early: String,
    started: bool,
}

#[derive(Debug, Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    #[serde(default)]
    usage: Option<Tokens>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Option<Delta>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    reasoning_content: Option<String>,
    #[serde(default)]
    reasoning: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<CallDelta>>,
}

#[derive(Debug, Deserialize)]
struct CallDelta {
    #[serde(default)]
    index: Option<u64>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    function: Option<FunctionDelta>,
}

#[derive(Debug, Deserialize)]
struct FunctionDelta {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    arguments: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Tokens {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    #[serde(default)]
    prompt_tokens_details: Option<PromptTokens>,
}

#[derive(Debug, Deserialize)]
struct PromptTokens {
    #[serde(default)]
    cached_tokens: Option<u64>,
    #[serde(default)]
    cache_write_tokens: Option<u64>,
}

impl Decode for Decoder {
    fn data(&mut self, data: &str, out: &mut VecDeque<ModelEvent>) -> Result<(), ModelError> {
        if data.trim() == "[DONE]" {
            return self.end(out);
        }
        let chunk: Chunk = serde_json::from_value(dialect::json(data)?)
            .map_err(|error| malformed(&format!("a chunk cannot be read: {error}")))?;
        if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
            let failure =
                Failure::from_value(&error).ok_or_else(|| malformed("an error without words"))?;
            return Err(failure.classify(0, None));
        }
        for choice in chunk.choices.unwrap_or_default().into_iter().take(1) {
            self.delta(choice.delta.unwrap_or_default(), out)?;
            if let Some(reason) = choice.finish_reason {
                // A refusal that was told as such outlives the plain stop that follows it.
                if self.stop != Some(StopReason::Refusal) {
                    self.stop = Some(stop_reason(&reason));
                }
            }
        }
        if let Some(tokens) = chunk.usage {
            out.push_back(ModelEvent::Usage(usage(&tokens)));
        }
        Ok(())
    }

    /// `[DONE]`, or the end of a stream whose server does not send it.
    fn end(&mut self, out: &mut VecDeque<ModelEvent>) -> Result<(), ModelError> {
        let stop = self.stop.ok_or(ModelError::Cut)?;
        if self.calls.iter().any(|call| !call.started) {
            return Err(malformed("a tool call without a name"));
        }
        out.push_back(ModelEvent::Stop(stop));
        Ok(())
    }
}

impl Decoder {
    fn delta(&mut self, delta: Delta, out: &mut VecDeque<ModelEvent>) -> Result<(), ModelError> {
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        if let Some(text) = some(delta.reasoning_content).or_else(|| some(delta.reasoning)) {
            out.push_back(ModelEvent::ThinkingDelta(text));
        }
        if let Some(text) = some(delta.content) {
            out.push_back(ModelEvent::TextDelta(text));
        }
        if let Some(text) = some(delta.refusal) {
            self.stop = Some(StopReason::Refusal);
            out.push_back(ModelEvent::TextDelta(text));
        }
        for call in delta.tool_calls.unwrap_or_default() {
            self.call(call, out)?;
        }
        Ok(())
    }

    fn call(&mut self, delta: CallDelta, out: &mut VecDeque<ModelEvent>) -> Result<(), ModelError> {
        let id = delta.id.filter(|id| !id.is_empty());
        let place = self.place(delta.index, id)?;
        let index = u64::try_from(place).unwrap_or(u64::MAX);
        let Some(call) = self.calls.get_mut(place) else { return Ok(()) };
        let Some(function) = delta.function else { return Ok(()) };
        let json = match function.arguments {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text,
            // Some servers send the object itself.
            Some(value) => value.to_string(),
        };
        if !call.started {
            call.early.push_str(&json);
            let Some(name) = function.name.filter(|name| !name.is_empty()) else { return Ok(()) };
            let id = call.id.clone().unwrap_or_else(|| format!("call_{index}"));
            call.started = true;
            out.push_back(ModelEvent::ToolCallStart { index, id, name });
            let json = std::mem::take(&mut call.early);
            if !json.is_empty() {
                out.push_back(ModelEvent::ToolCallDelta { index, json });
            }
        } else if !json.is_empty() {
            out.push_back(ModelEvent::ToolCallDelta { index, json });
        }
        Ok(())
    }

    /// Finds the call a piece belongs to. The same index with another id is another call.
    fn place(&mut self, index: Option<u64>, id: Option<String>) -> Result<usize, ModelError> {
        let last = self.calls.len().checked_sub(1);
        let known = match index {
            Some(index) => self.calls.iter().rposition(|call| call.index == index),
            None if id.is_some() => self.calls.iter().rposition(|call| call.id == id),
            None => last,
        };
        if let Some(place) = known
            && let Some(call) = self.calls.get_mut(place)
        {
            match (&call.id, &id) {
                (Some(old), Some(new)) if old != new => {}
                (None, Some(_)) if !call.started => {
                    call.id = id;
                    return Ok(place);
                }
                _ => return Ok(place),
            }
        }
        if index.is_none() && id.is_none() && last.is_none() {
            return Err(malformed("a piece of a tool call that did not start"));
        }
        let index = index.unwrap_or_else(|| u64::try_from(self.calls.len()).unwrap_or(u64::MAX));
        self.calls.push(Call { index, id, early: String::new(), started: false });
        Ok(self.calls.len() - 1)
    }
}

fn usage(tokens: &Tokens) -> Usage {
    let details = tokens.prompt_tokens_details.as_ref();
    let cache_read = details.and_then(|details| details.cached_tokens).unwrap_or(0);
    let cache_write = details.and_then(|details| details.cache_write_tokens).unwrap_or(0);
    Usage {
        input: tokens.prompt_tokens.saturating_sub(cache_read).saturating_sub(cache_write),
        output: tokens.completion_tokens,
        cache_read,
        cache_write,
    }
}

fn stop_reason(raw: &str) -> StopReason {
    match raw {
        "length" => StopReason::Length,
        "tool_calls" | "function_call" => StopReason::ToolUse,
        "content_filter" => StopReason::Refusal,
        _ => StopReason::Stop,
    }
}

fn malformed(message: &str) -> ModelError {
    ModelError::Malformed { message: message.to_owned() }
}

#[cfg(test)]
mod tests;
