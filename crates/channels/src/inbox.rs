//! From a message to a run: policy, pairing, routing.

mod backlog;
mod overhear;

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use openclaw_base::SharedClock;
use openclaw_protocol::ids::{AgentId, RunId, SessionKey};
use openclaw_store::{
    Store, StoreError,
    channels::{Asked, Request},
    outbox::{NewDelivery, Route},
};
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};

use self::backlog::Backlog;
use crate::{
    acks::Acks,
    choice::{Decide, Decided, Decision},
    media::{self, Received, Service},
    message::{ChatKind, Inbound},
    pairing,
    policy::{self, AccountPolicy, Activation, Approver, Verdict},
    routing::Routing,
    status::Condition,
};

/// Longest text of one message, in characters; what is longer is cut, and says so.
const MAX_TEXT: usize = 50_000;
/// Longest text that is quoted of the message replied to.
const MAX_QUOTE: usize = 2_000;

/// How long marking a message as seen may hold it up.
const ACK_LIMIT: Duration = Duration::from_secs(3);

/// Starts runs.
pub trait Intake: Send + Sync {
    /// Takes a turn. When this is done, it is on disk; the same one is taken once.
    ///
    /// # Errors
    /// Why it was not taken.
    fn take(&self, turn: Turn) -> BoxFuture<'_, Result<Taken, IntakeError>>;

    /// Whether a message is a command, which need not name whom it is for.
    fn is_command(&self, text: &str) -> bool;
}

/// A message for an agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// Made from the message: the same message is the same run.
    pub run_id: RunId,
    /// Who answers.
    pub agent: AgentId,
    /// Where.
    pub session: SessionKey,
    /// What is said.
    pub text: String,
    /// Who said it.
    pub principal: String,
    /// Where the answer goes.
    pub route: Route,
    /// Added to the standing instructions.
    pub system_prompt: Option<String>,
    /// What people call the chat.
    pub title: Option<String>,
    /// What kind of chat.
    pub kind: ChatKind,
    /// The files that came with it.
    pub files: Vec<Received>,
}

/// What became of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is, or was before, a run, and will be answered.
    Run,
    /// It is answered with this.
    Answer(String),
}

/// Why a turn was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    /// It will not be; the person is told why.
    #[error("{0}")]
    Refused(String),
    /// It may be later.
    #[error("{0}")]
    Later(String),
}

/// A message was not taken, and must be handed in again: it is not to be counted as read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotTaken(String);

impl NotTaken {
    pub(crate) fn because(why: &str) -> Self {
        Self(why.to_owned())
    }
}

impl From<StoreError> for NotTaken {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

/// Where an account hands in what people write.
pub struct Inbox {
    pub(crate) channel: &'static str,
    /// Where messages come from.
    pub(crate) service: Arc<dyn Service>,
    pub(crate) account: String,
    pub(crate) policy: AccountPolicy,
    pub(crate) condition: Arc<Condition>,
    pub(crate) backlog: Arc<Backlog>,
    pub(crate) acks: Acks,
    pub(crate) store: Store,
    pub(crate) intake: Arc<dyn Intake>,
    pub(crate) decide: Arc<dyn Decide>,
    pub(crate) routing: watch::Receiver<Arc<Routing>>,
    pub(crate) poke: Arc<Notify>,
    pub(crate) clock: SharedClock,
}

impl Inbox {
    /// Where the account says how it is doing.
    #[must_use]
    pub fn condition(&self) -> &Condition {
        &self.condition
    }

    /// How far the account has read; `None` for a scope that is new.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn offset(&self, scope: &str) -> Result<Option<i64>, NotTaken> {
        let (channel, account) = self.name();
        let offset = self.store.channels().offset(channel, account).await?;
        Ok(offset.filter(|offset| offset.scope == scope).map(|offset| offset.position))
    }

    /// Takes a message. When this is done, it is on disk, answered, or let go.
    ///
    /// # Errors
    /// When it has to be handed in again.
    pub async fn take(&self, message: Inbound) -> Result<(), NotTaken> {
        self.condition.inbound();
        let (channel, account) = self.name();
        if let Some((id, word)) = Decision::read(&message.text) {
            let (id, word) = (id.to_owned(), word.to_owned());
            // To strangers it is a message like any other.
            if let Some(decided) = self.decided(&message, id, word).await? {
                return self.answer(&message, decided.said).await;
            }
        }
        let author = message.author.id.clone();
        let paired = message.kind == ChatKind::Direct
            && self.store.channels().is_allowed(channel, account, &author).await?;
        let (message, activation) = self.meant(message).await?;
        match policy::decide(&self.policy, &message, paired, activation) {
            Verdict::Answer => self.start(message).await,
            Verdict::Pair => self.pair(message).await,
            Verdict::Overhear => self.overhear(&message).await,
            Verdict::Ignore(why) => {
                tracing::debug!(channel, account, why, "message let go");
                Ok(())
            }
        }
    }

    /// Notes whether a message of a group means the agent in other ways than by the account's name, and
    /// what the group's conversation says about it.
    async fn meant(&self, message: Inbound) -> Result<(Inbound, Option<Activation>), NotTaken> {
        if message.kind != ChatKind::Group {
            return Ok((message, None));
        }
        let (channel, account) = self.name();
        let routing = Arc::clone(&self.routing.borrow());
        let routed = routing.of(channel, account, &message);
        let entry = self.store.sessions().get(&routed.session).await?;
        let activation = entry.and_then(|entry| entry.settings.group_activation);
        let activation = activation.and_then(|when| Activation::parse(&when));
        let mentioned = message.mentioned
            || routing.mentions.mean(&routed.agent, &message.text)
            || self.intake.is_command(&message.text);
        Ok((Inbound { mentioned, ..message }, activation))
    }

    /// Takes a button that was pressed: its word is as if typed by who pressed it. Gives what they are
    /// told at once, if anything.
    ///
    /// # Errors
    /// When it has to be handed in again.
    pub async fn press(&self, message: Inbound) -> Result<Option<Decided>, NotTaken> {
        let Some((id, word)) = Decision::read(&message.text) else {
            return self.take(message).await.map(|()| None);
        };
        let (id, word) = (id.to_owned(), word.to_owned());
        self.condition.inbound();
        let decided = self.decided(&message, id, word).await?;
        Ok(Some(decided.unwrap_or_else(|| Decided::refused("You may not decide this."))))
    }

    /// What became of an answer; `None` if this person may give none.
    async fn decided(
        &self,
        message: &Inbound,
        id: String,
        word: String,
    ) -> Result<Option<Decided>, NotTaken> {
        let (channel, account) = self.name();
        let author = &message.author.id;
        let paired = message.kind == ChatKind::Direct
            && self.store.channels().is_allowed(channel, account, author).await?;
        let anywhere = match policy::approver(&self.policy, message, paired) {
            Approver::Nobody => return Ok(None),
            Approver::Here => false,
            Approver::Anywhere => true,
        };
        let by = format!("{channel}:{author}");
        let route = self.route(message);
        Ok(Some(self.decide.decide(Decision { id, word, by, route, anywhere }).await))
    }

    /// Answers without an agent, once.
    async fn answer(&self, message: &Inbound, text: String) -> Result<(), NotTaken> {
        let (channel, account) = self.name();
        let key = format!("answer:{channel}:{account}:{}", message.key);
        let delivery = NewDelivery::new(key, self.route(message), text);
        self.store.outbox().add(delivery, self.clock.now_ms()).await?;
        self.poke.notify_one();
        Ok(())
    }

    fn name(&self) -> (&'static str, &str) {
        (self.channel, &self.account)
    }

    fn route(&self, message: &Inbound) -> Route {
        let (channel, account) = self.name();
        Route {
            channel: channel.to_owned(),
            account: account.to_owned(),
            chat: message.chat.clone(),
            thread: message.thread.clone(),
            reply_to: Some(message.message_id.clone()),
            reply_asked: false,
        }
    }

    async fn pair(&self, message: Inbound) -> Result<(), NotTaken> {
        let (channel, account) = self.name();
        let now = self.clock.now_ms();
        let route = Route { reply_to: None, ..self.route(&message) };
        let again = message.clone();
        let request = Request {
            channel: channel.to_owned(),
            account: account.to_owned(),
            sender: message.author.id,
            code: pairing::code()?,
            name: message.author.name.or(message.author.username),
            chat: message.chat,
            created_at_ms: now,
            last_seen_at_ms: now,
            expires_at_ms: now.saturating_add(pairing::TTL_MS),
        };
        let key = format!("pair:{channel}:{account}:{}", request.code);
        let answer = NewDelivery::new(key, route, pairing::answer(&request));
        let asked = self.store.channels().ask(request, answer, pairing::MAX_WAITING).await?;
        match asked {
            Asked::New => self.poke.notify_one(),
            Asked::Full => tracing::warn!(channel, account, "too many wait to be paired"),
            Asked::Waits => {}
            // Let in a moment ago.
            Asked::Allowed => return self.start(again).await,
        }
        Ok(())
    }

    async fn start(&self, message: Inbound) -> Result<(), NotTaken> {
        let ((), started) = tokio::join!(self.acknowledge(&message), self.hand_in(&message));
        started
    }

    /// Says that a message was seen, where that is wanted.
    async fn acknowledge(&self, message: &Inbound) {
        let Some(ack) = self.policy.ack.as_ref().filter(|ack| ack.is_for(message)) else { return };
        let route = self.route(message);
        if ack.remove {
            // Before it is there: the answer may be faster.
            self.acks.note(route.clone());
        }
        let shown = timeout(ACK_LIMIT, self.service.react(&route, &ack.emoji)).await;
        if shown != Ok(true) {
            tracing::debug!(channel = self.channel, "a message is not marked as seen");
        }
    }

    async fn hand_in(&self, message: &Inbound) -> Result<(), NotTaken> {
        let (channel, account) = self.name();
        let routed = self.routing.borrow().of(channel, account, message);
        let context = self.context(message).await?;
        let before = context.as_ref().map_or("", |context| context.text.as_str());
        let turn = Turn {
            run_id: RunId::new(format!("{channel}:{account}:{}", message.key)),
            agent: routed.agent,
            session: routed.session,
            text: format!("{before}{}", text(message)),
            principal: format!("{channel}:{}", message.author.id),
            route: self.route(message),
            system_prompt: policy::system_prompt(&self.policy, message),
            title: message.title.clone().or_else(|| message.author.name.clone()),
            kind: message.kind,
            files: media::fetch(&*self.service, message).await,
        };
        let answer = match self.intake.take(turn).await {
            Ok(Taken::Run) => {
                if let Some(context) = context {
                    self.shown(context).await;
                }
                return Ok(());
            }
            Ok(Taken::Answer(text)) => text,
            Err(IntakeError::Refused(why)) => format!("⚠️ {why}"),
            Err(IntakeError::Later(why)) => return Err(NotTaken(why)),
        };
        self.answer(message, answer).await
    }
}

/// The message as the agent reads it: in a group with who wrote it, and with what it replies to.
fn text(message: &Inbound) -> String {
    let said = cut(&message.text, MAX_TEXT);
    // A command has to stand at the beginning, and is no part of a conversation.
    if said.starts_with('/') {
        return said;
    }
    let mut text = String::new();
    if let Some(quoted) = &message.quoted {
        let author = quoted.author.as_deref().unwrap_or("somebody");
        let quote = cut(&quoted.text, MAX_QUOTE).replace('\n', "\n> ");
        text.push_str(&format!("[In reply to {author}]\n> {quote}\n\n"));
    }
    if message.kind == ChatKind::Group {
        text.push_str(&format!("[{}] ", message.author.shown_name()));
    }
    text.push_str(&said);
    text
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}… [cut]", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Author, Quoted};

    fn message(kind: ChatKind, said: &str) -> Inbound {
        Inbound {
            key: "1".into(),
            chat: "-100".into(),
            kind,
            title: None,
            thread: None,
            author: Author { id: "42".into(), name: Some("Ada".into()), username: None },
            message_id: "1".into(),
            text: said.into(),
            quoted: None,
            files: Vec::new(),
            mentioned: true,
        }
    }

    #[test]
    fn the_agent_reads_who_wrote_and_what_is_replied_to() {
        assert_eq!(text(&message(ChatKind::Direct, "hello")), "hello");
        assert_eq!(text(&message(ChatKind::Group, "hello")), "[Ada] hello");
        assert_eq!(text(&message(ChatKind::Group, "/status")), "/status");
        let mut reply = message(ChatKind::Direct, "why?");
        reply.quoted = Some(Quoted { author: Some("Bob".into()), text: "a\nb".into() });
        assert_eq!(text(&reply), "[In reply to Bob]\n> a\n> b\n\nwhy?");
        let long = text(&message(ChatKind::Direct, &"é".repeat(MAX_TEXT + 1)));
        assert!(long.ends_with("é… [cut]") && long.chars().count() == MAX_TEXT + 7);
    }
}
