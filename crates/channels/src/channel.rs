//! What a channel can do.

use std::time::Duration;

use futures_util::future::BoxFuture;
use openclaw_base::CancellationToken;
use openclaw_store::outbox::{OutFile, Route};
use serde_json::Value;

use crate::{
    choice::Question,
    inbox::Inbox,
    media::Fetched,
    message::Media,
    policy::AccountPolicy,
    status::Condition,
    web::{WebCall, WebReply},
};

/// One account of a channel. A changed configuration makes a new one.
pub trait Channel: Send + Sync {
    /// The channel's name, such as `telegram`.
    fn channel(&self) -> &'static str;

    /// The account's name.
    fn account(&self) -> &str;

    /// Who may write to it.
    fn policy(&self) -> &AccountPolicy;

    /// Hands in what people write, until `stop`, or until it cannot go on. How it is doing meanwhile is
    /// told to `condition`.
    ///
    /// # Errors
    /// Why it cannot go on; it is called again later unless the error is final.
    fn listen<'a>(
        &'a self,
        inbox: &'a Inbox,
        condition: &'a Condition,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<(), ChannelError>>;

    /// Takes a post to `/channels/CHANNEL/ACCOUNT` of the Gateway, which checked nothing but its length.
    fn receive<'a>(&'a self, _: &'a Inbox, _: WebCall) -> BoxFuture<'a, WebReply> {
        Box::pin(async { WebReply::refused(404, "nothing is posted to this channel") })
    }

    /// Another path of the Gateway that the same posts may go to.
    fn web_path(&self) -> Option<&str> {
        None
    }

    /// Fetches a file that a message brought, as far as the account's limit allows.
    ///
    /// # Errors
    /// Why it cannot be had, in words for the agent.
    fn fetch<'a>(&'a self, _: &'a Media) -> BoxFuture<'a, Result<Fetched, String>> {
        Box::pin(async { Err("this channel has no files".to_owned()) })
    }

    /// The messages that a text makes. The same text always makes the same.
    fn split(&self, text: &str) -> Vec<String>;

    /// Sends one message, or puts it in the place of a draft; gives what the channel calls it.
    ///
    /// # Errors
    /// Why it was not sent, and whether that is sure.
    fn send<'a>(&'a self, out: Outgoing<'a>) -> BoxFuture<'a, Result<String, SendError>>;

    /// Whether a text is short enough to stand below a file.
    fn fits_below_file(&self, _text: &str) -> bool {
        false
    }

    /// Sends one file; gives what the channel calls the message.
    ///
    /// # Errors
    /// Why it was not sent, and whether that is sure.
    fn send_file<'a>(&'a self, _: OutgoingFile<'a>) -> BoxFuture<'a, Result<String, SendError>> {
        Box::pin(async {
            Err(SendError::Refused("this channel sends no files; send text".to_owned()))
        })
    }

    /// Shows an answer that grows; gives what the channel calls the message. A channel that cannot
    /// shows nothing.
    ///
    /// # Errors
    /// Why it was not shown.
    fn draft<'a>(&'a self, _: Draft<'a>) -> BoxFuture<'a, Result<Option<String>, SendError>> {
        Box::pin(async { Ok(None) })
    }

    /// Puts a question with a few answers; gives what the channel calls the message. A channel without
    /// buttons says what may be typed.
    ///
    /// # Errors
    /// Why it was not put.
    fn ask<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<String, SendError>> {
        Box::pin(async move {
            let text = question.in_words();
            let Question { key, route, .. } = question;
            self.send(Outgoing { key, route, text: &text, first: true, draft: None }).await
        })
    }

    /// Puts `text` in the place of a question that is over. A channel that cannot says nothing: whoever
    /// answered was told.
    ///
    /// # Errors
    /// Why it still stands there.
    fn close<'a>(
        &'a self,
        _: &'a Route,
        _message: &'a str,
        _text: &'a str,
    ) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(async { Ok(()) })
    }

    /// Puts a reaction on the message that a route replies to, or takes ours away; whether that worked.
    /// Nothing depends on it: why it did not is only logged.
    fn react<'a>(&'a self, _: &'a Route, _emoji: Option<&'a str>) -> BoxFuture<'a, bool> {
        Box::pin(async { false })
    }

    /// Shows that something is being written. It is shown for a few seconds.
    fn typing<'a>(&'a self, _: &'a Route) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }

    /// Asks the service whether the account works; what it says is shown.
    ///
    /// # Errors
    /// Why it does not.
    fn probe(&self) -> BoxFuture<'_, Result<Value, ChannelError>>;

    /// Facts for `channels.status`, such as where the token is from. No secrets.
    fn facts(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }
}

/// A message to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Names the answer for ever: the same one again is a repeat.
    pub key: &'a str,
    /// Where.
    pub route: &'a Route,
    /// What, in Markdown.
    pub text: &'a str,
    /// Whether it is the first of its answer, and so the one that replies.
    pub first: bool,
    /// The message that showed the answer while it grew, and is to become this one.
    pub draft: Option<&'a str>,
}

/// A file to be sent.
#[derive(Clone, Copy, Debug)]
pub struct OutgoingFile<'a> {
    /// Names the delivery for ever.
    pub key: &'a str,
    /// Where.
    pub route: &'a Route,
    /// What.
    pub file: &'a OutFile,
    /// What is said below it, in Markdown; empty if nothing is.
    pub text: &'a str,
    /// Whether it is the first message of its delivery, and so the one that replies.
    pub first: bool,
}

/// An answer that grows.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// Where.
    pub route: &'a Route,
    /// All of it so far.
    pub text: &'a str,
    /// The message that shows it already.
    pub message: Option<&'a str>,
}

/// Why something was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It will never be.
    #[error("{0}")]
    Refused(String),
    /// It was not, and may be later.
    #[error("{why}")]
    Later {
        /// In words.
        why: String,
        /// When the service wants to be asked again.
        after: Option<Duration>,
    },
    /// Nobody knows whether it was.
    #[error("{0}")]
    Uncertain(String),
}

/// Why an account does not listen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// Nothing helps but another configuration.
    #[error("{0}")]
    Final(String),
    /// It may work later.
    #[error("{0}")]
    Later(String),
}
