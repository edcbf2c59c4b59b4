//! A channel without an outside service: a signed webhook in, a signed webhook out.
//!
//! Whoever has the secret of an account posts messages to `/channels/webhook/ACCOUNT` of the Gateway, and
//! answers are posted to the account's `url`. Both ways carry the same two headers: `X-OpenClaw-Timestamp`,
//! seconds since 1970, and `X-OpenClaw-Signature`, `sha256=` and the HMAC of `TIMESTAMP.BODY` in hex. A
//! message names itself with `id`: posted twice, it is taken once. So does an answer.

mod sign;

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use futures_util::future::BoxFuture;
use openclaw_base::{CancellationToken, SharedClock};
use openclaw_channels::{
    Author, Channel, ChannelError, ChatKind, Condition, Inbound, Inbox, Outgoing, OutgoingFile,
    SendError, WebCall, WebReply, policy::AccountPolicy,
};
use reqwest::{Client, StatusCode, redirect};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use self::sign::{SIGNATURE, TIMESTAMP};

/// Longest text of one message that is posted, in characters; longer answers make several.
const MAX_PART: usize = 16_000;

/// What an account needs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name.
    pub account: String,
    /// Signs both ways.
    pub secret: SecretString,
    /// Where answers are posted to.
    pub url: String,
    /// Who may write.
    pub policy: AccountPolicy,
    /// Deadline of a post.
    pub timeout: Duration,
}

/// An account.
pub struct Webhook {
    settings: Settings,
    client: Client,
    clock: SharedClock,
}

/// A message as it is posted.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Posted {
    id: String,
    sender: String,
    #[serde(default)]
    name: Option<String>,
    text: String,
    /// The chat; the sender's own when left out.
    #[serde(default)]
    chat: Option<String>,
    #[serde(default)]
    thread: Option<String>,
    #[serde(default)]
    group: bool,
    #[serde(default)]
    mentioned: bool,
}

impl Webhook {
    /// An account with these settings.
    ///
    /// # Errors
    /// When there can be no client.
    pub fn new(settings: Settings, clock: SharedClock) -> Result<Self, ChannelError> {
        let client = Client::builder()
            .timeout(settings.timeout)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("openclaw/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| ChannelError::Final(error.to_string()))?;
        Ok(Self { settings, client, clock })
    }

    async fn take(&self, inbox: &Inbox, call: WebCall) -> WebReply {
        let now = self.clock.now_ms() / 1000;
        let (stamp, shown) = (call.header(TIMESTAMP), call.header(SIGNATURE));
        if let Err(why) = sign::check(&self.settings.secret, stamp, shown, &call.body, now) {
            return WebReply::refused(401, why);
        }
        let posted: Posted = match serde_json::from_slice(&call.body) {
            Ok(posted) => posted,
            Err(error) => return WebReply::refused(400, &format!("not a message: {error}")),
        };
        let bad = |text: &str| text.trim().is_empty() || text.len() > 200;
        if bad(&posted.id) || bad(&posted.sender) || posted.text.trim().is_empty() {
            return WebReply::refused(400, "id, sender and text must not be empty or too long");
        }
        let message = Inbound {
            key: posted.id.clone(),
            chat: posted.chat.unwrap_or_else(|| posted.sender.clone()),
            kind: if posted.group { ChatKind::Group } else { ChatKind::Direct },
            title: None,
            thread: posted.thread,
            author: Author { id: posted.sender, name: posted.name, username: None },
            message_id: posted.id,
            text: posted.text,
            quoted: None,
            files: Vec::new(),
            mentioned: posted.mentioned,
        };
        match inbox.take(message).await {
            Ok(()) => WebReply { status: 202, body: json!({"ok": true}) },
            Err(error) => WebReply::refused(503, &format!("{error}; post it again")),
        }
    }

    async fn post(&self, out: Outgoing<'_>) -> Result<String, SendError> {
        let route = out.route;
        // Made from what it is, so that a repeat is known as one.
        let named = Sha256::digest(format!("{}\n{:?}\n{}", out.key, out.first, out.text));
        let id = hex::encode(named.get(..16).unwrap_or_default());
        let body = json!({
            "id": id, "chat": route.chat, "thread": route.thread, "replyTo": route.reply_to,
            "text": out.text,
        });
        self.post_signed(id, &body).await
    }

    async fn post_file(&self, out: OutgoingFile<'_>) -> Result<String, SendError> {
        let (route, file) = (out.route, out.file);
        let digest = hex::encode(Sha256::digest(&file.bytes));
        let named = Sha256::digest(format!("{}\n{}\n{digest}", out.key, file.name));
        let id = hex::encode(named.get(..16).unwrap_or_default());
        let body = json!({
            "id": id, "chat": route.chat, "thread": route.thread, "replyTo": route.reply_to,
            "text": out.text,
            "file": {"name": file.name, "mimeType": file.mime, "content": BASE64.encode(&file.bytes)},
        });
        self.post_signed(id, &body).await
    }

    /// Posts what has this name.
    async fn post_signed(&self, id: String, body: &Value) -> Result<String, SendError> {
        let body = body.to_string();
        let stamp = (self.clock.now_ms() / 1000).to_string();
        let signature = sign::sign(&self.settings.secret, &stamp, body.as_bytes());
        let sent = self
            .client
            .post(&self.settings.url)
            .header("content-type", "application/json")
            .header(TIMESTAMP, stamp)
            .header(SIGNATURE, signature)
            .body(body)
            .send()
            .await;
        let status = match sent {
            Ok(answer) => answer.status(),
            Err(error) if error.is_connect() => {
                let why = format!("nobody answers at the webhook's url: {}", error.without_url());
                return Err(SendError::Later { why, after: None });
            }
            Err(error) => return Err(SendError::Uncertain(error.without_url().to_string())),
        };
        let why = format!("the webhook's url answers {status}");
        match status {
            good if good.is_success() => Ok(id),
            StatusCode::TOO_MANY_REQUESTS => Err(SendError::Later { why, after: None }),
            bad if bad.is_server_error() => Err(SendError::Later { why, after: None }),
            _ => Err(SendError::Refused(why)),
        }
    }
}

impl Channel for Webhook {
    fn channel(&self) -> &'static str {
        "webhook"
    }

    fn account(&self) -> &str {
        &self.settings.account
    }

    fn policy(&self) -> &AccountPolicy {
        &self.settings.policy
    }

    fn listen<'a>(
        &'a self,
        _: &'a Inbox,
        condition: &'a Condition,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(async move {
            // Others come to us.
            condition.connected();
            stop.cancelled().await;
            Ok(())
        })
    }

    fn receive<'a>(&'a self, inbox: &'a Inbox, call: WebCall) -> BoxFuture<'a, WebReply> {
        Box::pin(self.take(inbox, call))
    }

    fn split(&self, text: &str) -> Vec<String> {
        let letters: Vec<char> = text.trim().chars().collect();
        letters.chunks(MAX_PART).map(|part| part.iter().collect()).collect()
    }

    fn send<'a>(&'a self, out: Outgoing<'a>) -> BoxFuture<'a, Result<String, SendError>> {
        Box::pin(self.post(out))
    }

    fn fits_below_file(&self, text: &str) -> bool {
        text.chars().nth(MAX_PART).is_none()
    }

    fn send_file<'a>(&'a self, out: OutgoingFile<'a>) -> BoxFuture<'a, Result<String, SendError>> {
        Box::pin(self.post_file(out))
    }

    fn probe(&self) -> BoxFuture<'_, Result<Value, ChannelError>> {
        Box::pin(async move { Ok(json!({"url": self.settings.url})) })
    }

    fn facts(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("mode", json!("webhook")),
            ("path", json!(format!("/channels/webhook/{}", self.settings.account))),
        ]
    }
}
