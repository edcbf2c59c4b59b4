//! The offline assistant: what answers while no model is configured.
//!
//! It is not a model and says so. It answers the same way to the same message, streams its words in a
//! few pieces like a model would, and names the commands that get a real one.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use openclaw_agent::model::{
    Model, ModelError, ModelEvent, ModelMessage, ModelRef, ModelRequest, ModelStream, Part,
    StopReason, Usage,
};
use openclaw_base::CancellationToken;

/// Characters of the person's message that are repeated back.
const MAX_QUOTED_CHARS: usize = 120;

/// The assistant that needs neither key nor network.
pub(crate) struct Offline {
    id: ModelRef,
}

impl Offline {
    pub(crate) const PROVIDER: &'static str = "offline";
    pub(crate) const MODEL: &'static str = "assistant";

    pub(crate) fn new() -> Self {
        Self { id: ModelRef::new(Self::PROVIDER, Self::MODEL) }
    }
}

impl Model for Offline {
    fn id(&self) -> &ModelRef {
        &self.id
    }

    fn stream(&self, request: Arc<ModelRequest>, cancel: CancellationToken) -> ModelStream {
        let text = answer(last_words(&request.messages).unwrap_or_default());
        let pieces = text.split_inclusive("\n\n").map(str::to_owned).collect::<Vec<_>>();
        let events = pieces
            .into_iter()
            .map(ModelEvent::TextDelta)
            .chain([ModelEvent::Usage(Usage::default()), ModelEvent::Stop(StopReason::Stop)]);
        // Each piece is a step of its own, so that others get their turn in between.
        stream::iter(events)
            .then(move |event| {
                let cancelled = cancel.is_cancelled();
                async move {
                    tokio::task::yield_now().await;
                    if cancelled { Err(ModelError::Cancelled) } else { Ok(event) }
                }
            })
            .boxed()
    }
}

/// The last thing the person wrote.
fn last_words(messages: &[ModelMessage]) -> Option<&str> {
    messages.iter().rev().find_map(|message| match message {
        ModelMessage::User(parts) => parts.iter().rev().find_map(|part| match part {
            Part::Text(text) => Some(text.trim()),
            Part::Image { .. } | Part::Thinking { .. } | Part::ToolCall { .. } => None,
        }),
        ModelMessage::Assistant { .. } | ModelMessage::ToolResult { .. } => None,
    })
}

fn answer(message: &str) -> String {
    let heard = match quote(message) {
        Some(words) => format!("I received your message (\"{words}\")"),
        None => String::from("I received your message"),
    };
    format!(
        "This is the offline assistant, not a language model. {heard}, but I cannot think about it: \
         no model is configured yet.\n\n\
         To get a real answer, do one of these on the machine of the Gateway:\n\
         - openclaw models auth set anthropic\n\
         - openclaw models auth set openai\n\
         - start Ollama on its usual port, 11434\n\
         - add a provider with a baseUrl under models.providers in openclaw.json\n\n\
         The environment variables ANTHROPIC_API_KEY and OPENAI_API_KEY work as well. Sessions, \
         history and commands work without a model: try /status, /new or /help."
    )
}

fn quote(message: &str) -> Option<String> {
    let line = message.lines().map(str::trim).find(|line| !line.is_empty())?;
    let short: String = line.chars().take(MAX_QUOTED_CHARS).collect();
    Some(if short.len() < line.len() { format!("{short}…") } else { short })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{request, user};

    async fn ask(text: &str) -> Vec<ModelEvent> {
        let request = Arc::new(request(vec![user("before"), user(text)]));
        let stream = Offline::new().stream(request, CancellationToken::new());
        stream.map(Result::unwrap).collect().await
    }

    #[tokio::test]
    async fn it_says_what_it_is_and_what_to_do() {
        let events = ask("hello\nthere").await;
        assert_eq!(events, ask("hello\nthere").await);
        let mut text = String::new();
        for event in &events {
            if let ModelEvent::TextDelta(piece) = event {
                text.push_str(piece);
            }
        }
        for wanted in [
            "not a language model",
            "(\"hello\")",
            "openclaw models auth set anthropic",
            "openclaw models auth set openai",
            "/status",
            "/help",
            "/new",
        ] {
            assert!(text.contains(wanted), "{wanted}");
        }
        assert!(events.len() >= 4, "streams in several pieces: {events:?}");
        assert_eq!(events.last(), Some(&ModelEvent::Stop(StopReason::Stop)));
    }

    #[tokio::test]
    async fn cancelling_stops_it() {
        let cancel = CancellationToken::new();
        cancel.cancel();
        let request = Arc::new(request(vec![user("a")]));
        let first = Offline::new().stream(request, cancel).next().await;
        assert_eq!(first, Some(Err(ModelError::Cancelled)));
    }

    #[test]
    fn long_messages_are_quoted_in_part() {
        let quoted = quote(&"x".repeat(500)).unwrap();
        assert_eq!(quoted.chars().count(), MAX_QUOTED_CHARS + 1);
        assert_eq!(quote(" \n "), None);
    }
}
