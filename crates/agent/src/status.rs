//! What a session has to say about itself, for `/status` and for the `session_status` tool.

use std::{fmt::Write as _, sync::Arc};

use futures_util::future::BoxFuture;
use openclaw_base::SharedClock;
use openclaw_protocol::ids::{AgentId, SessionKey};
use openclaw_store::{Store, StoreError, outbox::Route};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    lanes::Lanes,
    models::Models,
    queue::QueueMode,
    settings::AgentSettings,
    tool::{Tool, ToolContext, ToolOutcome},
};

/// Where the facts come from.
#[derive(Clone)]
pub(crate) struct StatusSource {
    pub(crate) store: Store,
    pub(crate) settings: watch::Receiver<Arc<AgentSettings>>,
    pub(crate) models: Arc<dyn Models>,
    pub(crate) lanes: Arc<Lanes>,
    pub(crate) clock: SharedClock,
}

impl StatusSource {
    /// The facts in a few aligned lines.
    pub(crate) async fn text(
        &self,
        key: &SessionKey,
        agent_id: &AgentId,
        route: Option<&Route>,
    ) -> Result<String, StoreError> {
        let settings = Arc::clone(&self.settings.borrow());
        let entry = self.store.sessions().get(key).await?;
        let entry = entry.as_ref();
        let chosen = entry.and_then(|entry| {
            let model = entry.settings.model_override.as_deref()?;
            let provider = entry.settings.provider_override.as_deref();
            Some(provider.map_or_else(|| model.to_owned(), |name| format!("{name}/{model}")))
        });
        let own = settings.profile(agent_id).and_then(|agent| agent.model.clone());
        let model = match self.models.resolve(chosen.or(own).as_deref()) {
            Ok(resolved) => resolved.model.id().to_string(),
            Err(error) => format!("none ({error})"),
        };
        let activity = self.lanes.activity(key);
        let setting = |value: Option<&String>, default: &str| {
            value.cloned().unwrap_or_else(|| default.to_owned())
        };
        let thinking = setting(
            entry.and_then(|entry| entry.settings.thinking_level.as_ref()),
            settings.thinking_for(agent_id).as_str(),
        );
        let queue = entry
            .and_then(|entry| QueueMode::parse(entry.settings.queue_mode.as_deref()?))
            .unwrap_or(settings.queue.mode_for(route));

        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            // Writing to a string cannot fail.
            writeln!(text, "{name:<9}{value}").ok();
        };
        line("OpenClaw", &settings.version);
        line("Model", &model);
        if let Some(entry) = entry {
            let tokens = &entry.tokens;
            let window = tokens.context.map(|window| format!(" of {window}")).unwrap_or_default();
            let (input, output, total) = (tokens.input, tokens.output, tokens.total);
            line("Tokens", &format!("{input} in, {output} out in the last run"));
            line("Context", &format!("{total}{window} tokens"));
            let age = self.clock.now_ms().saturating_sub(entry.updated_at_ms);
            line("Session", &format!("{key}, {} ago", ago(age)));
        } else {
            line("Session", &format!("{key}, new"));
        }
        line("Thinking", &thinking);
        let waiting = activity.queued.len();
        let now = if activity.active.is_some() { "answering" } else { "idle" };
        line("Queue", &format!("{}, {waiting} waiting, {now}", queue.as_str()));
        Ok(text.trim_end().to_owned())
    }
}

fn ago(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// The built-in tool that tells a model about its own session.
pub(crate) struct SessionStatus {
    source: StatusSource,
}

impl SessionStatus {
    pub(crate) const fn new(source: StatusSource) -> Self {
        Self { source }
    }
}

impl Tool for SessionStatus {
    fn name(&self) -> &'static str {
        "session_status"
    }

    fn description(&self) -> &'static str {
        "Show this session's model, token use, thinking level and queue. Use it when asked about \
         yourself or this conversation."
    }

    fn schema(&self) -> Value {
        json!({"type": "object", "properties": {}, "additionalProperties": false})
    }

    fn may_overlap(&self) -> bool {
        true
    }

    fn run<'a>(&'a self, _: Value, context: &'a ToolContext) -> BoxFuture<'a, ToolOutcome> {
        Box::pin(async move {
            match self
                .source
                .text(&context.session_key, &context.agent_id, context.route.as_ref())
                .await
            {
                Ok(text) => ToolOutcome::ok(text),
                Err(error) => ToolOutcome::error(format!("The session cannot be read: {error}.")),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_short() {
        for (ms, words) in [
            (0, "0 s"),
            (119_999, "119 s"),
            (120_000, "2 min"),
            (7_200_000, "2 h"),
            (172_800_000, "2 days"),
        ] {
            assert_eq!(ago(ms), words);
        }
    }
}
