//! The webhook: Telegram posts updates to the Gateway. One counts as read when it is on disk.

use std::{convert::Infallible, time::Duration};

use openclaw_channels::{ChannelError, Condition, Inbox, WebCall, WebReply};
use openclaw_identity::secret::eq_constant_time;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::{
    api::{ApiError, called},
    bot::{Hook, Telegram},
    update::{ALLOWED, arrival},
};

/// The header that holds the secret.
const SECRET: &str = "x-telegram-bot-api-secret-token";
/// How long keeping an update may take, before Telegram is told to bring it again: it waits for ten
/// seconds or so.
const KEEP_LIMIT: Duration = Duration::from_secs(8);
/// How often Telegram is asked whether it can deliver.
const LOOK_INTERVAL: Duration = Duration::from_secs(60);
/// What a person can do about a webhook that does not work.
const HINT: &str = "Telegram must reach channels.telegram.webhookUrl on port 443, 80, 88 or 8443, \
                    and it must lead to /channels/telegram/ACCOUNT of this Gateway";

/// What Telegram says about a webhook.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Info {
    #[serde(default)]
    url: String,
    #[serde(default)]
    pending_update_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error_date: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error_message: Option<String>,
}

impl Info {
    /// As `channels.status` shows it.
    pub(crate) fn shown(&self) -> Value {
        json!({
            "url": self.url, "pending": self.pending_update_count,
            "lastError": self.last_error_message,
            "lastErrorAt": self.last_error_date.map(|seconds| seconds.saturating_mul(1000)),
        })
    }
}

/// Tells Telegram where to post, and looks from time to time whether it can.
pub(crate) async fn hold(
    bot: &Telegram,
    hook: &Hook,
    condition: &Condition,
) -> Result<(), ChannelError> {
    match set(bot, hook, condition).await? {}
}

async fn set(
    bot: &Telegram,
    hook: &Hook,
    condition: &Condition,
) -> Result<Infallible, ChannelError> {
    let wanted = json!({
        "url": hook.url, "secret_token": hook.secret.expose_secret(), "allowed_updates": ALLOWED,
        // One after the other: what is out of order would be handled out of order.
        "max_connections": 1, "drop_pending_updates": false,
    });
    while let Err(error) = bot.api.call::<bool>("setWebhook", &wanted).await {
        match error {
            ApiError::TooMany(after) => {
                condition.trouble(&error.to_string());
                sleep(after).await;
            }
            ApiError::Refused { .. } => {
                return Err(ChannelError::Later(format!("{error}; {HINT}")));
            }
            other => return Err(called(other)),
        }
    }
    condition.connected();
    let mut known = None;
    loop {
        match bot.webhook_info().await {
            Ok(info) => {
                condition.fact("webhook", info.shown());
                if info.url != hook.url {
                    let why = format!("the webhook was changed to {:?} by somebody else", info.url);
                    return Err(ChannelError::Later(why));
                }
                // The first time it may speak of long ago.
                let is_new = known.is_some_and(|known| info.last_error_date > known);
                known = Some(info.last_error_date);
                if let Some(said) = info.last_error_message.filter(|_| is_new) {
                    condition.trouble(&format!("Telegram cannot deliver: {said}; {HINT}"));
                }
            }
            Err(error @ ApiError::Unauthorized(_)) => return Err(called(error)),
            Err(error) => condition.trouble(&error.to_string()),
        }
        sleep(LOOK_INTERVAL).await;
    }
}

impl Telegram {
    pub(crate) async fn webhook_info(&self) -> Result<Info, ApiError> {
        self.api.call("getWebhookInfo", &json!({})).await
    }

    /// Takes a post.
    pub(crate) async fn posted(&self, inbox: &Inbox, call: WebCall) -> WebReply {
        let Some(hook) = &self.settings.webhook else {
            return WebReply::refused(404, "this account polls; set channels.telegram.webhookUrl");
        };
        let shown = call.header(SECRET).unwrap_or_default();
        if !eq_constant_time(shown, hook.secret.expose_secret()) {
            return WebReply::refused(401, "the secret token is missing or wrong");
        }
        let update: Value = match serde_json::from_slice(&call.body) {
            Ok(update) => update,
            Err(error) => return WebReply::refused(400, &format!("not JSON: {error}")),
        };
        let Some(arrival) = arrival(&update) else {
            return WebReply::refused(400, "not an update: it has no update_id");
        };
        match timeout(KEEP_LIMIT, inbox.keep(vec![arrival], None)).await {
            Ok(Ok(())) => {
                inbox.condition().connected();
                WebReply { status: 200, body: json!({"ok": true}) }
            }
            Ok(Err(error)) => WebReply::refused(503, &format!("{error}; bring it again")),
            Err(_) => WebReply::refused(503, "it took too long; bring it again"),
        }
    }
}
