//! One row of a transcript, as history answers and message events carry it.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use crate::{
    ids::{MessageId, RunId},
    list::OpenObject,
    macros::{names, record},
};

names! {
    /// Who wrote a message.
    MessageRole = User {
        /// A person.
        User = "user",
        /// The model.
        Assistant = "assistant",
        /// A tool's answer to a call.
        ToolResult = "toolResult",
        /// The Gateway.
        System = "system",
    }
}

record! {
    /// One message of a transcript.
    TranscriptMessage {
        /// Who wrote it.
        role: MessageRole,
        /// What it says.
        content: Content,
        /// When, in milliseconds since 1970.
        timestamp: u64,
        /// Assistant: dialect that was spoken.
        api?: String,
        /// Assistant: provider that answered.
        provider?: String,
        /// Assistant: model that answered.
        model?: String,
        /// Assistant: why it stopped.
        stop_reason?: String,
        /// Assistant: what went wrong, if the turn failed.
        error_message?: String,
        /// Assistant: tokens.
        usage?: Usage,
        /// Assistant: the provider's id of the response.
        response_id?: String,
        /// Tool result: which call it answers.
        tool_call_id?: String,
        /// Tool result: which tool ran.
        tool_name?: String,
        /// Tool result: whether the tool failed.
        is_error?: bool,
        /// The key of the request that brought the message.
        idempotency_key?: String,
        /// How the turn was cut, if it was.
        openclaw_abort?: AbortMark,
        /// The Gateway's own marks.
        #[serde(rename = "__openclaw")]
        mark?: MessageMark,
    }

    /// What the Gateway knows about a stored message.
    MessageMark {
        /// The row's id; clients key messages by it.
        id: MessageId,
        /// Place in the transcript, from 1.
        seq: u64,
        /// When it was stored, in milliseconds since 1970.
        record_timestamp_ms: u64,
        /// The run it belongs to.
        run_id?: RunId,
        /// The key of the request that brought it.
        idempotency_key?: String,
        /// Whether the owner wrote it.
        sender_is_owner?: bool,
        /// Where it stands in the stored transcript.
        transcript_position?: TranscriptPosition,
        /// The message was too large and is replaced by a placeholder.
        truncated?: bool,
        /// Why it was replaced.
        reason?: String,
        /// `compaction`: the message is a summary of what is before it.
        kind?: String,
    }

    /// Where a message stands in the stored transcript.
    TranscriptPosition {
        /// Which store.
        source: String,
        /// Place there.
        raw_seq: u64,
    }

    /// A turn that was cut.
    AbortMark {
        /// Always true.
        aborted: bool,
        /// Who cut it: `rpc`, `stop`, or `timeout`.
        origin: String,
        /// The run.
        run_id: RunId,
    }

    /// Tokens of one answer.
    Usage {
        /// Read by the model.
        input: u64,
        /// Written by the model.
        output: u64,
        /// Read from the provider's cache.
        cache_read: u64,
        /// Written to the provider's cache.
        cache_write: u64,
        /// All together.
        total_tokens: u64,
        /// Price in US dollars, where it is known.
        cost?: Cost,
    }

    /// Price of one answer, in US dollars.
    Cost {
        /// Tokens read.
        input: f64,
        /// Tokens written.
        output: f64,
        /// Tokens read from the cache.
        cache_read: f64,
        /// Tokens written to the cache.
        cache_write: f64,
        /// All together.
        total: f64,
    }
}

impl TranscriptMessage {
    /// A message of one text.
    #[must_use]
    pub fn text(role: MessageRole, text: impl Into<String>, timestamp: u64) -> Self {
        Self { role, content: Content::text(text), timestamp, ..Self::default() }
    }
}

/// What a message says: a bare text, or blocks.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A bare text.
    Text(String),
    /// Blocks in order.
    Blocks(Vec<ContentBlock>),
}

impl Content {
    /// One text block.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Blocks(vec![ContentBlock::Text { text: text.into() }])
    }

    /// All text together, in order.
    #[must_use]
    pub fn plain_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Blocks(blocks) => blocks.iter().filter_map(ContentBlock::as_text).collect(),
        }
    }
}

impl Default for Content {
    fn default() -> Self {
        Self::Blocks(Vec::new())
    }
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Blocks(blocks) => blocks.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Content;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a sequence of blocks")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Content, E> {
                Ok(Content::Text(text.to_owned()))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Content, A::Error> {
                let mut blocks = Vec::new();
                while let Some(block) = items.next_element()? {
                    blocks.push(block);
                }
                Ok(Content::Blocks(blocks))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Content {
    fn schema_name() -> Cow<'static, str> {
        "Content".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let blocks = generator.subschema_for::<Vec<ContentBlock>>();
        json_schema!({"anyOf": [{"type": "string"}, blocks]})
    }
}

/// One part of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ContentBlock {
    /// Text for people.
    Text {
        /// The text.
        text: String,
    },
    /// What the model thought.
    Thinking {
        /// The thought.
        thinking: String,
    },
    /// The model calls a tool.
    ToolCall {
        /// Names the call; the result refers to it.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments.
        arguments: OpenObject,
    },
    /// A picture, or the fact that one was left out.
    Image {
        /// Its type.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mime_type: Option<String>,
        /// The picture, base64.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data: Option<String>,
        /// Whether the data was left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        omitted: Option<bool>,
        /// How large the data is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
    },
    /// Something a newer Gateway sent.
    #[serde(other)]
    Other,
}

impl ContentBlock {
    /// The text of a text block.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text { text } => Some(text),
            Self::Thinking { .. } | Self::ToolCall { .. } | Self::Image { .. } | Self::Other => {
                None
            }
        }
    }

    /// A tool call whose arguments are whatever JSON the model wrote; anything but an object counts
    /// as no arguments.
    #[must_use]
    pub fn tool_call(id: impl Into<String>, name: impl Into<String>, arguments: Value) -> Self {
        let arguments = match arguments {
            Value::Object(arguments) => arguments,
            _ => OpenObject::new(),
        };
        Self::ToolCall { id: id.into(), name: name.into(), arguments }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_reads_as_it_was_written() {
        let mut message = TranscriptMessage::text(MessageRole::Assistant, "hello", 7);
        message.mark = Some(MessageMark { id: MessageId::new("m1"), seq: 2, ..Default::default() });
        let json = serde_json::to_string(&message).expect("JSON");
        assert_eq!(
            json,
            r#"{"role":"assistant","content":[{"type":"text","text":"hello"}],"timestamp":7,"__openclaw":{"id":"m1","seq":2,"recordTimestampMs":0}}"#
        );
        assert_eq!(serde_json::from_str::<TranscriptMessage>(&json).expect("decodes"), message);
    }

    #[test]
    fn strange_blocks_do_not_spoil_a_message() {
        let json = r#"{"role":"user","content":[{"type":"hologram","x":1},{"type":"text","text":"a"}],"timestamp":1}"#;
        let message: TranscriptMessage = serde_json::from_str(json).expect("decodes");
        assert_eq!(message.content.plain_text(), "a");
        let bare = r#"{"role":"user","content":"b","timestamp":1}"#;
        let message: TranscriptMessage = serde_json::from_str(bare).expect("decodes");
        assert_eq!(message.content, Content::Text("b".to_owned()));
    }
}
