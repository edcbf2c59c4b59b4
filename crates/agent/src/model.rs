//! What the agent asks of a language model: one request in, one stream of events out.
//!
//! A [`Model`] is one model of one provider. It turns a [`ModelRequest`] into a stream that ends with
//! [`ModelEvent::Stop`] or with an error, whichever comes first; a stream that ends with neither was
//! cut. Dropping the stream, or cancelling its token, closes the connection to the provider. Retrying,
//! falling back, and the time limit of a run belong to the turn loop, never to a model.

use std::{fmt, sync::Arc};

use futures_util::stream::BoxStream;
use openclaw_base::CancellationToken;
use openclaw_protocol::transcript::Cost;
use serde::{Deserialize, Serialize};
use serde_json::Value;

mod error;

pub use error::{ErrorKind, ModelError};

/// The stream of one answer.
pub type ModelStream = BoxStream<'static, Result<ModelEvent, ModelError>>;

/// One model that can be asked.
pub trait Model: Send + Sync {
    /// Which model this is.
    fn id(&self) -> &ModelRef;

    /// Its context window in tokens, where that is known.
    fn context_window(&self) -> Option<u64> {
        None
    }

    /// What its tokens cost, where that is known.
    fn price(&self) -> Option<Price> {
        None
    }

    /// Asks; nothing is sent before the stream is polled.
    fn stream(&self, request: Arc<ModelRequest>, cancel: CancellationToken) -> ModelStream;
}

/// A model's name, spelled `provider/model`. The model part may itself contain slashes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ModelRef {
    /// Lower-case provider id, such as `anthropic`.
    pub provider: String,
    /// The provider's own name of the model.
    pub model: String,
}

impl ModelRef {
    /// Joins both parts.
    pub fn new(provider: impl Into<String>, model: impl Into<String>) -> Self {
        Self { provider: provider.into(), model: model.into() }
    }

    /// Reads `provider/model`; `None` when either part is missing.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let (provider, model) = raw.trim().split_once('/')?;
        let known = !provider.is_empty() && !model.is_empty();
        known.then(|| Self::new(provider.to_ascii_lowercase(), model))
    }
}

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.model)
    }
}

/// Everything a model is given for one answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelRequest {
    /// Standing instructions; dialects may ask the provider to cache them.
    pub system: String,
    /// The conversation, oldest first.
    pub messages: Vec<ModelMessage>,
    /// Tools the model may call.
    pub tools: Vec<ToolSpec>,
    /// How much the model should think before it answers.
    pub thinking: ThinkingLevel,
    /// A limit on the answer's length; the provider's own when absent.
    pub max_output_tokens: Option<u64>,
}

/// One entry of a conversation. Dialects bring roles into the order their provider insists on.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelMessage {
    /// From the person.
    User(Vec<Part>),
    /// From a model.
    Assistant {
        /// Text, thinking and tool calls in the order they were produced.
        parts: Vec<Part>,
        /// Which model said it; signed thinking is only returned to that one.
        origin: Option<ModelRef>,
    },
    /// What a tool call gave.
    ToolResult {
        /// The call that is answered.
        call_id: String,
        /// The tool's name.
        name: String,
        /// The result as text.
        text: String,
        /// Whether the tool failed.
        is_error: bool,
    },
}

/// A piece of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Plain text.
    Text(String),
    /// A picture.
    Image {
        /// Such as `image/png`.
        mime_type: String,
        /// The bytes in standard base64.
        data: String,
    },
    /// Thinking that was shown.
    Thinking {
        /// The thoughts; empty when they were redacted.
        text: String,
        /// The provider's proof, to be returned unchanged.
        signature: Option<String>,
        /// Whether `signature` is the redacted thought itself.
        redacted: bool,
    },
    /// A call of a tool.
    ToolCall {
        /// The provider's id of the call.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments, an object.
        arguments: Value,
    },
}

/// A tool as a model sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolSpec {
    /// Name to call it by.
    pub name: String,
    /// When to use it.
    pub description: String,
    /// JSON Schema of its arguments.
    pub schema: Value,
}

/// One step of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelEvent {
    /// More text.
    TextDelta(String),
    /// More thinking.
    ThinkingDelta(String),
    /// The proof that closes the current thinking block.
    ThinkingSignature(String),
    /// A whole thinking block that the provider keeps to itself.
    RedactedThinking(String),
    /// A tool call begins.
    ToolCallStart {
        /// The provider's number of the call within this answer.
        index: u64,
        /// The provider's id of the call.
        id: String,
        /// The tool.
        name: String,
    },
    /// More of a tool call's arguments.
    ToolCallDelta {
        /// Which call.
        index: u64,
        /// A piece of JSON text.
        json: String,
    },
    /// Tokens used so far by this answer; later values replace earlier ones.
    Usage(Usage),
    /// The answer is whole.
    Stop(StopReason),
}

/// Tokens of one answer or of a whole run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Usage {
    /// Prompt tokens that were neither read from nor written to a cache.
    pub input: u64,
    /// Answer tokens, thinking included.
    pub output: u64,
    /// Prompt tokens read from a cache.
    pub cache_read: u64,
    /// Prompt tokens written to a cache.
    pub cache_write: u64,
}

impl Usage {
    /// All tokens together.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.prompt().saturating_add(self.output)
    }

    /// All prompt tokens: what the conversation takes of the context window.
    #[must_use]
    pub const fn prompt(&self) -> u64 {
        self.input.saturating_add(self.cache_read).saturating_add(self.cache_write)
    }

    /// Adds another answer's tokens.
    pub const fn add(&mut self, other: &Self) {
        self.input = self.input.saturating_add(other.input);
        self.output = self.output.saturating_add(other.output);
        self.cache_read = self.cache_read.saturating_add(other.cache_read);
        self.cache_write = self.cache_write.saturating_add(other.cache_write);
    }
}

/// What tokens cost, in US dollars per million.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price {
    /// Prompt tokens.
    pub input: f64,
    /// Answer tokens.
    pub output: f64,
    /// Prompt tokens read from a cache.
    pub cache_read: f64,
    /// Prompt tokens written to a cache.
    pub cache_write: f64,
}

impl Price {
    /// What these tokens cost.
    #[must_use]
    pub fn of(&self, usage: &Usage) -> Cost {
        // Beyond 2^53 tokens a few more do not matter.
        #[expect(clippy::cast_precision_loss, reason = "a sum of money, not a count")]
        let cost = |tokens: u64, price: f64| tokens as f64 * price / 1e6;
        let (input, output) = (cost(usage.input, self.input), cost(usage.output, self.output));
        let cache_read = cost(usage.cache_read, self.cache_read);
        let cache_write = cost(usage.cache_write, self.cache_write);
        let total = input + output + cache_read + cache_write;
        Cost { input, output, cache_read, cache_write, total }
    }
}

/// Why a model stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// It was done.
    Stop,
    /// It reached a length limit.
    Length,
    /// It wants tools to be run.
    ToolUse,
    /// It, or its provider, declined to go on.
    Refusal,
}

impl StopReason {
    /// The name in transcripts and events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolUse => "toolUse",
            Self::Refusal => "refusal",
        }
    }
}

/// How much a model should think.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThinkingLevel {
    /// Not at all.
    #[default]
    Off,
    /// As little as the model can.
    Minimal,
    /// A little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
    /// As much as it can; few models know this level.
    Xhigh,
}

impl ThinkingLevel {
    /// Every level, from none to most.
    pub const ALL: [Self; 6] =
        [Self::Off, Self::Minimal, Self::Low, Self::Medium, Self::High, Self::Xhigh];

    /// Reads a level as a person or client spells it.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let lower = raw.trim().to_ascii_lowercase();
        Self::ALL.into_iter().find(|level| level.as_str() == lower)
    }

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Xhigh => "xhigh",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_names_split_at_the_first_slash() {
        let parsed = ModelRef::parse(" OpenRouter/meta/llama-4 ").unwrap();
        assert_eq!(parsed, ModelRef::new("openrouter", "meta/llama-4"));
        assert_eq!(parsed.to_string(), "openrouter/meta/llama-4");
        for bad in ["", "opus", "/opus", "anthropic/"] {
            assert_eq!(ModelRef::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn thinking_levels_have_one_spelling() {
        for level in ThinkingLevel::ALL {
            assert_eq!(ThinkingLevel::parse(&level.as_str().to_uppercase()), Some(level));
        }
        assert_eq!(ThinkingLevel::parse("hard"), None);
    }

    #[test]
    fn usage_adds_up() {
        let mut sum = Usage { input: 1, output: 2, cache_read: 3, cache_write: 4 };
        sum.add(&Usage { input: 10, output: u64::MAX, cache_read: 0, cache_write: 0 });
        assert_eq!(sum, Usage { input: 11, output: u64::MAX, cache_read: 3, cache_write: 4 });
        assert_eq!(sum.prompt(), 18);
        assert_eq!(sum.total(), u64::MAX);
    }
}
