//! Polling: an update counts as read when it is on disk.

use std::time::Duration;

use openclaw_base::Backoff;
use openclaw_channels::{ChannelError, Condition, Inbox};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    api::{ApiError, called},
    bot::Telegram,
    update::{ALLOWED, arrival},
};

/// The pauses after a failed poll.
const PAUSE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(30));

pub(crate) async fn poll(
    bot: &Telegram,
    scope: &str,
    inbox: &Inbox,
    condition: &Condition,
) -> Result<(), ChannelError> {
    // Updates go to a webhook or to who polls, never both. What waits for the webhook stays.
    let drop = json!({"drop_pending_updates": false});
    bot.api.call::<bool>("deleteWebhook", &drop).await.map_err(called)?;
    condition.connected();
    let mut pause = Backoff::new(PAUSE.0, PAUSE.1).factor(1.8);
    let mut offset =
        inbox.offset(scope).await.map_err(|error| ChannelError::Later(error.to_string()))?;
    loop {
        let params = json!({
            "offset": offset.unwrap_or(0), "limit": 100, "timeout": bot.settings.poll.as_secs(),
            "allowed_updates": ALLOWED,
        });
        // A server that says nothing for longer than it was asked to has stalled.
        let limit = bot.settings.poll + bot.settings.timeout;
        let polled = bot.api.call_within::<Vec<Value>>("getUpdates", &params, limit).await;
        let updates = match polled {
            Ok(updates) => {
                condition.connected();
                updates
            }
            Err(error @ ApiError::Unauthorized(_)) => return Err(called(error)),
            Err(error) => {
                condition.trouble(&error.to_string());
                let wait = match error {
                    ApiError::TooMany(after) => after,
                    _ => pause.next_delay(),
                };
                sleep(wait).await;
                continue;
            }
        };
        let last = updates.iter().filter_map(|update| update.get("update_id")?.as_i64()).max();
        let next = last.map(|last| last.saturating_add(1));
        if let Some(next) = next.filter(|next| offset.is_none_or(|offset| *next > offset)) {
            let arrivals = updates.iter().filter_map(arrival).collect();
            if let Err(error) = inbox.keep(arrivals, Some(next)).await {
                condition.trouble(&format!("messages cannot be taken yet: {error}"));
                sleep(pause.next_delay()).await;
                continue;
            }
            offset = Some(next);
        }
        pause.reset();
    }
}
