//! Reactions. Nothing depends on them, so they give way when Telegram wants a pause.

use openclaw_store::outbox::Route;
use serde_json::json;
use tokio::time::Instant;

use crate::{
    api::ApiError,
    bot::{Telegram, chat_id, number},
};

impl Telegram {
    /// Puts a reaction on the message that a route replies to, or takes ours away; whether that worked.
    pub(crate) async fn mark(&self, route: &Route, emoji: Option<&str>) -> bool {
        let Some(message) = &route.reply_to else { return false };
        if self.no_reactions_before.lock().is_some_and(|end| Instant::now() < end) {
            return false;
        }
        let reaction: Vec<_> =
            emoji.iter().map(|emoji| json!({"type": "emoji", "emoji": emoji})).collect();
        let params = json!({
            "chat_id": chat_id(&route.chat), "message_id": number(message), "reaction": reaction,
        });
        match self.api.call::<bool>("setMessageReaction", &params).await {
            Ok(_) => true,
            Err(error) => {
                tracing::debug!(%error, "a reaction is not there");
                if let ApiError::TooMany(after) = error {
                    *self.no_reactions_before.lock() = Instant::now().checked_add(after);
                }
                false
            }
        }
    }
}
