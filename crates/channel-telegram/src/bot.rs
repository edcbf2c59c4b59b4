//! One bot: its settings, and what it sends.

use std::time::Duration;

use openclaw_channels::{ChannelError, Choice, Draft, Outgoing, Question, policy::AccountPolicy};
use openclaw_store::outbox::Route;
use parking_lot::Mutex;
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::{
    api::{Api, ApiError},
    format::{self, MAX_UNITS, html},
    types::{Sent, User},
    update::GENERAL_TOPIC,
};

/// Deadline for checking a token, while a person waits.
const CHECK_TIMEOUT: Duration = Duration::from_secs(15);

/// Most bytes that a button can carry.
const MAX_BUTTON: usize = 64;

/// Which of the messages of an answer reply to the one that is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    /// None.
    #[default]
    Off,
    /// The first.
    First,
    /// All.
    All,
}

/// Where Telegram posts to.
#[derive(Clone, Debug)]
pub struct Hook {
    /// As Telegram is told.
    pub url: String,
    /// What Telegram shows with every post.
    pub secret: SecretString,
    /// A path of the Gateway beside `/channels/telegram/ACCOUNT`.
    pub path: Option<String>,
}

/// What a bot needs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name of the account.
    pub account: String,
    /// Name for people.
    pub name: Option<String>,
    /// The bot's token.
    pub token: SecretString,
    /// Where it is from: `tokenFile`, `config`, `env`.
    pub token_source: &'static str,
    /// The Bot API server.
    pub api_root: String,
    /// A proxy on the way there.
    pub proxy: Option<String>,
    /// Deadline of a call.
    pub timeout: Duration,
    /// Where Telegram posts updates to; without it they are polled for.
    pub webhook: Option<Hook>,
    /// How long the server holds a poll open.
    pub poll: Duration,
    /// Who may write.
    pub policy: AccountPolicy,
    /// Most UTF-16 units of a message.
    pub chunk: usize,
    /// What replies.
    pub reply: ReplyMode,
    /// Whether links get a preview.
    pub link_preview: bool,
    /// Most bytes of a file that is taken.
    pub media_max: u64,
    /// Whether an answer is shown while it grows.
    pub drafts: bool,
}

/// Asks the Bot API whose token this is; gives the bot's username.
///
/// # Errors
/// Why it cannot be used, in words for a person.
pub async fn check(
    token: SecretString,
    api_root: &str,
    proxy: Option<&str>,
) -> Result<String, String> {
    let api = Api::new(api_root, token, proxy, CHECK_TIMEOUT).map_err(|error| error.to_string())?;
    let bot: User = api.call("getMe", &json!({})).await.map_err(|error| error.to_string())?;
    Ok(bot.username.unwrap_or(bot.first_name))
}

/// A bot.
pub struct Telegram {
    pub(crate) settings: Settings,
    pub(crate) api: Api,
    /// Until when Telegram wants a pause.
    pub(crate) no_reactions_before: Mutex<Option<Instant>>,
}

impl Telegram {
    /// A bot with these settings.
    ///
    /// # Errors
    /// When the proxy is none.
    pub fn new(settings: Settings) -> Result<Self, ChannelError> {
        let Settings { api_root, token, proxy, timeout, .. } = &settings;
        let api = Api::new(api_root, token.clone(), proxy.as_deref(), *timeout)
            .map_err(|error| ChannelError::Final(error.to_string()))?;
        Ok(Self { settings, api, no_reactions_before: Mutex::default() })
    }

    /// Where a message goes, for any method that sends.
    pub(crate) fn place(&self, route: &Route, first: bool) -> Map<String, Value> {
        let mut params = Map::new();
        params.insert("chat_id".into(), chat_id(&route.chat));
        if let Some(thread) = route.thread.as_deref().filter(|thread| *thread != GENERAL_TOPIC) {
            params.insert("message_thread_id".into(), number(thread));
        }
        let replies = match self.settings.reply {
            ReplyMode::Off => route.reply_asked && first,
            ReplyMode::First => first,
            ReplyMode::All => true,
        };
        if let Some(message) = route.reply_to.as_deref().filter(|_| replies) {
            let reply = json!({"message_id": number(message), "allow_sending_without_reply": true});
            params.insert("reply_parameters".into(), reply);
        }
        if !self.settings.link_preview {
            params.insert("link_preview_options".into(), json!({"is_disabled": true}));
        }
        params
    }

    /// Sends or edits a text: as HTML, and as it is where Telegram does not take that.
    async fn put(
        &self,
        method: &str,
        mut params: Map<String, Value>,
        text: &str,
    ) -> Result<String, ApiError> {
        let marked = html(text);
        if !marked.is_empty() {
            params.insert("text".into(), marked.into());
            params.insert("parse_mode".into(), "HTML".into());
            match self.api.call::<Sent>(method, &params).await {
                Err(ApiError::Refused { code: 400, description })
                    if is_about_text(&description) => {}
                other => return other.map(|sent| sent.message_id.to_string()),
            }
        }
        params.remove("parse_mode");
        params.insert("text".into(), format::head(text, MAX_UNITS).into());
        let sent: Sent = self.api.call(method, &params).await?;
        Ok(sent.message_id.to_string())
    }

    pub(crate) async fn deliver(&self, out: Outgoing<'_>) -> Result<String, ApiError> {
        if let Some(draft) = out.draft {
            let mut params = Map::new();
            params.insert("chat_id".into(), chat_id(&out.route.chat));
            params.insert("message_id".into(), number(draft));
            if !self.settings.link_preview {
                params.insert("link_preview_options".into(), json!({"is_disabled": true}));
            }
            match self.put("editMessageText", params, out.text).await {
                Err(ApiError::Refused { description, .. }) if is_unchanged(&description) => {
                    return Ok(draft.to_owned());
                }
                // Somebody deleted it.
                Err(ApiError::Refused { description, .. }) if is_gone(&description) => {}
                other => return other,
            }
        }
        let mut params = self.place(out.route, out.first);
        match self.put("sendMessage", params.clone(), out.text).await {
            // A topic that was closed or deleted: better in the chat than not at all.
            Err(ApiError::Refused { description, .. })
                if description.to_lowercase().contains("message thread not found") =>
            {
                params.remove("message_thread_id");
                self.put("sendMessage", params, out.text).await
            }
            other => other,
        }
    }

    pub(crate) async fn show(&self, draft: Draft<'_>) -> Result<Option<String>, ApiError> {
        if !self.settings.drafts {
            return Ok(None);
        }
        let text = format::head(draft.text, self.settings.chunk.min(MAX_UNITS));
        let Some(message) = draft.message else {
            let mut params = self.place(draft.route, true);
            params.insert("text".into(), text.into());
            let sent: Sent = self.api.call("sendMessage", &params).await?;
            return Ok(Some(sent.message_id.to_string()));
        };
        let params = json!({
            "chat_id": chat_id(&draft.route.chat), "message_id": number(message), "text": text,
        });
        match self.api.call::<Sent>("editMessageText", &params).await {
            Ok(_) => Ok(Some(message.to_owned())),
            Err(ApiError::Refused { description, .. }) if is_unchanged(&description) => {
                Ok(Some(message.to_owned()))
            }
            Err(error) => Err(error),
        }
    }
}

impl Telegram {
    /// A message with a button for each answer, or with the commands where an answer is too long for one.
    pub(crate) async fn put_question(&self, question: Question<'_>) -> Result<String, ApiError> {
        let mut params = self.place(question.route, true);
        let choices = question.choices;
        if choices.iter().any(|choice| choice.command.len() > MAX_BUTTON) {
            return self.put("sendMessage", params, &question.in_words()).await;
        }
        let button =
            |choice: &Choice| json!({"text": choice.label, "callback_data": choice.command});
        // One below the other: what decides much should not be hit by a slip.
        let rows: Vec<Value> = choices.iter().map(|choice| json!([button(choice)])).collect();
        params.insert("reply_markup".into(), json!({"inline_keyboard": rows}));
        self.put("sendMessage", params, question.text).await
    }

    /// Other words in the place of a question; its buttons go.
    pub(crate) async fn close_question(
        &self,
        route: &Route,
        message: &str,
        text: &str,
    ) -> Result<(), ApiError> {
        let mut params = Map::new();
        params.insert("chat_id".into(), chat_id(&route.chat));
        params.insert("message_id".into(), number(message));
        match self.put("editMessageText", params, text).await {
            Err(ApiError::Refused { description, .. })
                if is_unchanged(&description) || is_gone(&description) =>
            {
                Ok(())
            }
            other => other.map(drop),
        }
    }
}

fn is_about_text(description: &str) -> bool {
    let lower = description.to_lowercase();
    ["can't parse entities", "message is too long", "text is empty", "unsupported start tag"]
        .iter()
        .any(|words| lower.contains(words))
}

fn is_unchanged(description: &str) -> bool {
    description.to_lowercase().contains("message is not modified")
}

fn is_gone(description: &str) -> bool {
    let lower = description.to_lowercase();
    ["message to edit not found", "message can't be edited", "message_id_invalid"]
        .iter()
        .any(|words| lower.contains(words))
}

/// A chat is a number, or the name of a public one.
pub(crate) fn chat_id(chat: &str) -> Value {
    number(chat)
}

pub(crate) fn number(text: &str) -> Value {
    text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from)
}
