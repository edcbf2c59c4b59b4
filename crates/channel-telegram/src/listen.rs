//! Polling: an update counts as read when what it says is on disk.

use std::time::Duration;

use openclaw_base::{Backoff, CancellationToken};
use openclaw_channels::{ChannelError, Condition, Decided, Inbox, NotTaken};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    api::ApiError,
    bot::Telegram,
    format,
    types::{CallbackQuery, Update, User},
    update::inbound,
};

/// The kinds of updates that are asked for.
const ALLOWED: [&str; 3] = ["message", "edited_message", "callback_query"];
/// The pauses after a failed poll.
const PAUSE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(30));

/// Telegram's limit for what is shown when a button was pressed.
const MAX_NOTICE: usize = 200;

/// A failed call, for an account that is about to listen.
pub(crate) fn called(error: ApiError) -> ChannelError {
    match error {
        ApiError::Unauthorized(_) => ChannelError::Final(format!(
            "{error}; give it a working one: openclaw channels add telegram --token TOKEN"
        )),
        other => ChannelError::Later(other.to_string()),
    }
}

pub(crate) async fn listen(
    bot: &Telegram,
    inbox: &Inbox,
    condition: &Condition,
    stop: &CancellationToken,
) -> Result<(), ChannelError> {
    let listening = async {
        let me: User = bot.api.call("getMe", &json!({})).await.map_err(called)?;
        condition.fact("bot", json!({"id": me.id, "username": me.username}));
        // Updates go to a webhook or to who polls, never both.
        let drop = json!({"drop_pending_updates": false});
        bot.api.call::<bool>("deleteWebhook", &drop).await.map_err(called)?;
        condition.connected();
        poll(bot, &me, inbox, condition).await
    };
    stop.run_until_cancelled(listening).await.unwrap_or(Ok(()))
}

async fn poll(
    bot: &Telegram,
    me: &User,
    inbox: &Inbox,
    condition: &Condition,
) -> Result<(), ChannelError> {
    let scope = me.id.to_string();
    let mut pause = Backoff::new(PAUSE.0, PAUSE.1).factor(1.8);
    let mut offset = inbox.offset(&scope).await.map_err(|error| later(&error))?;
    loop {
        let params = json!({
            "offset": offset.unwrap_or(0), "limit": 100, "timeout": bot.settings.poll.as_secs(),
            "allowed_updates": ALLOWED,
        });
        // A server that says nothing for longer than it was asked to has stalled.
        let limit = bot.settings.poll + bot.settings.timeout;
        let polled = bot.api.call_within::<Vec<Update>>("getUpdates", &params, limit).await;
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
        let read = take(bot, me, inbox, &updates).await;
        if let Some(next) = read.next.filter(|next| offset.is_none_or(|offset| *next > offset)) {
            inbox.read_to(&scope, next).await.map_err(|error| later(&error))?;
            offset = Some(next);
        }
        if let Some(error) = read.error {
            condition.trouble(&format!("a message cannot be taken yet: {error}"));
            sleep(pause.next_delay()).await;
            continue;
        }
        pause.reset();
    }
}

struct Read {
    /// The number after the last update that was taken.
    next: Option<i64>,
    error: Option<NotTaken>,
}

/// Takes updates in order, as far as they can be.
async fn take(bot: &Telegram, me: &User, inbox: &Inbox, updates: &[Update]) -> Read {
    let mut next = None;
    for update in updates {
        let message = inbound(update, me);
        let taken = match (&update.callback_query, message) {
            (Some(pressed), Some(message)) => match inbox.press(message).await {
                Ok(decided) => {
                    answer_press(bot, pressed, decided.as_ref()).await;
                    Ok(())
                }
                Err(error) => Err(error),
            },
            (Some(pressed), None) => {
                answer_press(bot, pressed, None).await;
                Ok(())
            }
            (None, Some(message)) => inbox.take(message).await,
            (None, None) => Ok(()),
        };
        if let Err(error) = taken {
            return Read { next, error: Some(error) };
        }
        next = Some(update.update_id + 1);
    }
    Read { next, error: None }
}

/// Tells who pressed a button what came of it: until then it turns. That it does is no reason to take
/// it again.
async fn answer_press(bot: &Telegram, pressed: &CallbackQuery, decided: Option<&Decided>) {
    let answer = json!({
        "callback_query_id": pressed.id,
        "text": decided.map(|decided| format::head(&decided.said, MAX_NOTICE)),
        "show_alert": decided.is_some_and(|decided| !decided.counts),
    });
    if let Err(error) = bot.api.call::<bool>("answerCallbackQuery", &answer).await {
        tracing::debug!(%error, "a button is not answered");
    }
    let (Some(message), true) = (&pressed.message, decided.is_some_and(|decided| decided.over))
    else {
        return;
    };
    // Nobody else remembers these buttons: the Gateway was started anew since.
    let bare = json!({"chat_id": message.chat.id, "message_id": message.message_id,
        "reply_markup": {"inline_keyboard": []}});
    if let Err(error) = bot.api.call::<Value>("editMessageReplyMarkup", &bare).await {
        tracing::debug!(%error, "buttons that lead nowhere stay");
    }
}

fn later(error: &NotTaken) -> ChannelError {
    ChannelError::Later(error.to_string())
}
