//! The `message` tool: something said to the chat beside the answer, with files or without.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use openclaw_store::outbox::{NewDelivery, ShownAs};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    attach::{MAX_FILES, open_file},
    settings::AgentSettings,
    tool::{Tool, ToolContext, ToolOutcome},
};

/// Sends what is put into its hands: it is on disk first.
pub trait Postman: Send + Sync {
    /// Gives what the channel calls the last message of it.
    ///
    /// # Errors
    /// Why it was not sent, or not yet.
    fn post(&self, delivery: NewDelivery) -> BoxFuture<'_, Result<String, String>>;
}

/// The tool.
pub struct MessageTool {
    settings: watch::Receiver<Arc<AgentSettings>>,
    postman: Arc<dyn Postman>,
}

impl MessageTool {
    /// A tool that sends this way.
    #[must_use]
    pub fn new(settings: watch::Receiver<Arc<AgentSettings>>, postman: Arc<dyn Postman>) -> Self {
        Self { settings, postman }
    }

    async fn send(&self, wanted: Arguments, context: &ToolContext) -> Result<ToolOutcome, String> {
        if wanted.action.as_deref().is_some_and(|action| action != "send") {
            return Err("the only action is `send`".to_owned());
        }
        let Some(route) = &context.route else {
            return Err("this conversation is in no chat; just answer".to_owned());
        };
        // Whoever talks to the agent cannot make it write to others.
        let elsewhere = |given: &Option<String>, here: &str| {
            given.as_deref().is_some_and(|given| !given.is_empty() && given != here)
        };
        if elsewhere(&wanted.target, &route.chat) || elsewhere(&wanted.channel, &route.channel) {
            return Err(
                "only the chat of this conversation can be written to; leave out `target` \
                        and `channel`"
                    .to_owned(),
            );
        }
        let named = wanted.media.map(Media::list).unwrap_or_default();
        let text = wanted.message.unwrap_or_default().trim().to_owned();
        if named.len() > MAX_FILES {
            return Err(format!("at most {MAX_FILES} files are sent at once"));
        }
        if text.is_empty() && named.is_empty() {
            return Err("give `message`, `media`, or both".to_owned());
        }
        let mut files = Vec::new();
        for named in &named {
            let mut file = open_file(&self.settings, &context.agent_id, named).await?;
            if wanted.as_voice {
                file.shown_as = ShownAs::Voice;
            }
            files.push(file);
        }
        let key = format!("tool:{}:{}", context.run_id, context.call_id);
        let told = files.iter().map(|file| file.name.clone()).collect::<Vec<_>>();
        let delivery = NewDelivery { files, ..NewDelivery::new(key, route.clone(), text) };
        let message = self.postman.post(delivery).await?;
        let details = json!({"messageId": message, "channel": route.channel, "files": told});
        Ok(ToolOutcome::ok(format!("Sent, message {message}.")).with_details(details))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Arguments {
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    media: Option<Media>,
    #[serde(default)]
    as_voice: bool,
    #[serde(default, alias = "to")]
    target: Option<String>,
    #[serde(default)]
    channel: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Media {
    One(String),
    Many(Vec<String>),
}

impl Media {
    fn list(self) -> Vec<String> {
        match self {
            Self::One(one) if one.trim().is_empty() => Vec::new(),
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

impl Tool for MessageTool {
    fn name(&self) -> &str {
        "message"
    }

    fn description(&self) -> &str {
        "Sends a message, a file, or both to the chat of this conversation, beside your answer. Files are \
         paths in the workspace or public web addresses. Do not repeat in your answer what you sent."
    }

    fn schema(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "action": {"type": "string", "enum": ["send"]},
                "message": {"type": "string", "description": "Markdown"},
                "media": {
                    "description": "a path in the workspace or an address, or several",
                    "anyOf": [
                        {"type": "string"},
                        {"type": "array", "items": {"type": "string"}, "maxItems": MAX_FILES},
                    ],
                },
                "asVoice": {"type": "boolean", "description": "sound as a voice message"},
            },
        })
    }

    fn run<'a>(&'a self, arguments: Value, context: &'a ToolContext) -> BoxFuture<'a, ToolOutcome> {
        Box::pin(async move {
            let wanted = match serde_json::from_value(arguments) {
                Ok(wanted) => wanted,
                Err(error) => {
                    return ToolOutcome::error(format!("the arguments do not fit: {error}"));
                }
            };
            self.send(wanted, context).await.unwrap_or_else(ToolOutcome::error)
        })
    }
}
