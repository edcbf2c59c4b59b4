//! Updates come in: they are kept as they are, and handled in order per chat.

use openclaw_base::CancellationToken;
use openclaw_channels::{Arrival, ChannelError, Condition, Decided, Inbox, NotTaken};
use serde_json::{Value, json};

use crate::{
    api::called,
    bot::Telegram,
    format, poll,
    types::{CallbackQuery, Update, User},
    update::inbound,
    webhook,
};

/// Telegram's limit for what is shown when a button was pressed.
const MAX_NOTICE: usize = 200;

pub(crate) async fn listen(
    bot: &Telegram,
    inbox: &Inbox,
    condition: &Condition,
    stop: &CancellationToken,
) -> Result<(), ChannelError> {
    let listening = async {
        let me: User = bot.api.call("getMe", &json!({})).await.map_err(called)?;
        condition.fact("bot", json!({"id": me.id, "username": me.username}));
        let scope = me.id.to_string();
        inbox.open(&scope).await.map_err(|error| ChannelError::Later(error.to_string()))?;
        let reading = async {
            match &bot.settings.webhook {
                Some(hook) => webhook::hold(bot, hook, condition).await,
                None => poll::poll(bot, &scope, inbox, condition).await,
            }
        };
        let handling = inbox.work(|arrival| handle(bot, &me, inbox, arrival));
        tokio::select! {
            ended = reading => ended,
            error = handling => Err(ChannelError::Later(error.to_string())),
        }
    };
    stop.run_until_cancelled(listening).await.unwrap_or(Ok(()))
}

/// Handles an update that was kept.
async fn handle(
    bot: &Telegram,
    me: &User,
    inbox: &Inbox,
    arrival: Arrival,
) -> Result<(), NotTaken> {
    let update: Update = match serde_json::from_str(&arrival.body) {
        Ok(update) => update,
        Err(error) => {
            tracing::warn!(%error, update = arrival.key, "an update that nobody understands");
            return Ok(());
        }
    };
    let message = inbound(&update, me);
    match (&update.callback_query, message) {
        (Some(pressed), Some(message)) => {
            let decided = inbox.press(message).await?;
            answer_press(bot, pressed, decided.as_ref()).await;
        }
        (Some(pressed), None) => answer_press(bot, pressed, None).await,
        (None, Some(message)) => inbox.take(message).await?,
        (None, None) => {}
    }
    Ok(())
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
