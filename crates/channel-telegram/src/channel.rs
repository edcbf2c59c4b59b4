//! A bot as a channel.

use futures_util::future::BoxFuture;
use openclaw_base::CancellationToken;
use openclaw_channels::{
    Channel, ChannelError, Condition, Draft, Fetched, Inbox, Media, Outgoing, OutgoingFile,
    Question, SendError, WebCall, WebReply, policy::AccountPolicy,
};
use openclaw_store::outbox::Route;
use serde_json::{Value, json};

use crate::{
    api::{ApiError, called},
    bot::{Telegram, chat_id, number},
    format::{self, MAX_UNITS, units},
    listen,
    types::User,
    upload::MAX_CAPTION,
};

impl Channel for Telegram {
    fn channel(&self) -> &'static str {
        "telegram"
    }

    fn account(&self) -> &str {
        &self.settings.account
    }

    fn policy(&self) -> &AccountPolicy {
        &self.settings.policy
    }

    fn listen<'a>(
        &'a self,
        inbox: &'a Inbox,
        condition: &'a Condition,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(listen::listen(self, inbox, condition, stop))
    }

    fn receive<'a>(&'a self, inbox: &'a Inbox, call: WebCall) -> BoxFuture<'a, WebReply> {
        Box::pin(self.posted(inbox, call))
    }

    fn web_path(&self) -> Option<&str> {
        self.settings.webhook.as_ref()?.path.as_deref()
    }

    fn fetch<'a>(&'a self, media: &'a Media) -> BoxFuture<'a, Result<Fetched, String>> {
        Box::pin(self.file(media))
    }

    fn split(&self, text: &str) -> Vec<String> {
        format::split(text, self.settings.chunk.clamp(64, MAX_UNITS))
    }

    fn send<'a>(&'a self, out: Outgoing<'a>) -> BoxFuture<'a, Result<String, SendError>> {
        Box::pin(async move { self.deliver(out).await.map_err(not_sent) })
    }

    fn fits_below_file(&self, text: &str) -> bool {
        units(text) <= MAX_CAPTION
    }

    fn send_file<'a>(&'a self, out: OutgoingFile<'a>) -> BoxFuture<'a, Result<String, SendError>> {
        Box::pin(async move { self.upload(out).await.map_err(not_sent) })
    }

    fn draft<'a>(&'a self, draft: Draft<'a>) -> BoxFuture<'a, Result<Option<String>, SendError>> {
        Box::pin(async move { self.show(draft).await.map_err(not_sent) })
    }

    fn ask<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<String, SendError>> {
        Box::pin(async move { self.put_question(question).await.map_err(not_sent) })
    }

    fn close<'a>(
        &'a self,
        route: &'a Route,
        message: &'a str,
        text: &'a str,
    ) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(async move { self.close_question(route, message, text).await.map_err(not_sent) })
    }

    fn react<'a>(&'a self, route: &'a Route, emoji: Option<&'a str>) -> BoxFuture<'a, bool> {
        Box::pin(self.mark(route, emoji))
    }

    fn typing<'a>(&'a self, route: &'a Route) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let thread = route.thread.as_deref().map(number);
            let params = json!({
                "chat_id": chat_id(&route.chat), "action": "typing", "message_thread_id": thread,
            });
            if let Err(error) = self.api.call::<bool>("sendChatAction", &params).await {
                tracing::debug!(%error, "typing is not shown");
            }
        })
    }

    fn probe(&self) -> BoxFuture<'_, Result<Value, ChannelError>> {
        Box::pin(async move {
            let bot: User = self.api.call("getMe", &json!({})).await.map_err(called)?;
            if self.settings.webhook.is_none() {
                return Ok(serde_json::to_value(bot).unwrap_or_default());
            }
            let info = self.webhook_info().await.map_err(called)?;
            let mut found = serde_json::to_value(bot).unwrap_or_default();
            if let Some(found) = found.as_object_mut() {
                found.insert("webhook".to_owned(), info.shown());
            }
            Ok(found)
        })
    }

    fn facts(&self) -> Vec<(&'static str, Value)> {
        let settings = &self.settings;
        let mut facts = vec![
            ("tokenSource", json!(settings.token_source)),
            ("mode", json!(if settings.webhook.is_some() { "webhook" } else { "polling" })),
            ("dmPolicy", json!(format!("{:?}", settings.policy.dm).to_lowercase())),
            ("allowFrom", json!(settings.policy.allow_from)),
        ];
        if let Some(hook) = &settings.webhook {
            let own = format!("/channels/telegram/{}", settings.account);
            facts.push(("webhookUrl", json!(hook.url)));
            facts.push(("webhookPath", json!(hook.path.as_ref().unwrap_or(&own))));
        }
        facts.extend(settings.name.as_ref().map(|name| ("name", json!(name))));
        if settings.api_root != "https://api.telegram.org" {
            facts.push(("baseUrl", json!(settings.api_root)));
        }
        facts
    }
}

fn not_sent(error: ApiError) -> SendError {
    let why = error.to_string();
    match error {
        ApiError::Refused { description, .. } if description.contains("chat not found") => {
            SendError::Refused(format!("{why}; the person has to write to the bot first"))
        }
        ApiError::Refused { .. } => SendError::Refused(why),
        ApiError::TooMany(after) => SendError::Later { why, after: Some(after) },
        // A gateway in front may have lost the answer of a server that did it.
        ApiError::Fault(_) | ApiError::Lost(_) => SendError::Uncertain(why),
        ApiError::Unauthorized(_) | ApiError::Conflict(_) | ApiError::Unreachable(_) => {
            SendError::Later { why, after: None }
        }
    }
}
