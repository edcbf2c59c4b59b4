//! A Bot API server for one bot, with the envelope, the refusals and the long polls that Telegram documents.
//!
//! A test pushes updates, looks at the calls that came, and writes down what goes wrong next.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use openclaw_base::Tasks;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};

mod http;
mod methods;
mod upload;
mod webhook;

/// One call that came in, whatever was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The method's name, such as `sendMessage`.
    pub method: String,
    /// Its parameters.
    pub params: Value,
}

/// A file that the bot sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentFile {
    /// The chat.
    pub chat: i64,
    /// How, such as `sendPhoto`.
    pub method: String,
    /// Its name.
    pub name: String,
    /// Its type.
    pub mime: String,
    /// All of it.
    pub bytes: Vec<u8>,
    /// What is said below it.
    pub caption: String,
}

/// What goes wrong with one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call is refused and does nothing.
    Refuse(Refusal),
    /// The call does nothing and is never answered.
    Stall,
    /// The call is done, but the connection ends before its answer.
    CutAfter,
}

/// An answer with `ok: false`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status and `error_code`.
    pub code: u16,
    /// What is said.
    pub description: String,
    /// Seconds to wait, with 429.
    pub retry_after: Option<u64>,
}

impl Refusal {
    /// A refusal without parameters.
    #[must_use]
    pub fn new(code: u16, description: &str) -> Self {
        Self { code, description: description.to_owned(), retry_after: None }
    }

    /// Too many requests.
    #[must_use]
    pub fn too_many(retry_after: u64) -> Self {
        let description = format!("Too Many Requests: retry after {retry_after}");
        Self { code: 429, description, retry_after: Some(retry_after) }
    }

    fn body(&self) -> Value {
        let mut body =
            json!({"ok": false, "error_code": self.code, "description": self.description});
        if let Some(seconds) = self.retry_after {
            body["parameters"] = json!({"retry_after": seconds});
        }
        body
    }
}

/// Serves until it is dropped.
#[derive(Debug)]
pub struct FakeTelegram {
    port: u16,
    shared: Arc<Shared>,
    tasks: Tasks,
}

#[derive(Debug)]
struct Shared {
    token: String,
    state: Mutex<State>,
    /// Counts what happened, for those who wait.
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    updates: VecDeque<(i64, Value)>,
    last_update: i64,
    /// Texts by chat and message id.
    messages: BTreeMap<(i64, i64), String>,
    last_message: i64,
    /// Buttons by chat and message id.
    markups: BTreeMap<(i64, i64), Value>,
    /// Reactions by chat and message id.
    reactions: BTreeMap<(i64, i64), Vec<String>>,
    /// Files by id: the path and what is in them.
    files: BTreeMap<String, (String, Vec<u8>)>,
    sent_files: Vec<SentFile>,
    /// Presses that wait for an answer.
    presses: Vec<String>,
    /// Counts polls: an older one ends with a conflict when a newer comes.
    polls: u64,
    calls: Vec<Call>,
    faults: Vec<(String, Fault)>,
    /// Where updates are posted to; with an empty URL they are polled for.
    hook: webhook::Hook,
    /// The port that the host of every webhook leads to.
    door: Option<u16>,
}

impl FakeTelegram {
    /// Serves the bot of `token` on a free loopback port.
    pub async fn start(token: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let (state, changed) = (Mutex::default(), watch::Sender::new(0));
        let shared = Arc::new(Shared { token: token.to_owned(), state, changed });
        let tasks = Tasks::new();
        let (owner, served) = (tasks.clone(), Arc::clone(&shared));
        drop(tasks.spawn("fake telegram", async move {
            let stop = owner.token();
            while let Some(Ok((socket, _))) = stop.run_until_cancelled(listener.accept()).await {
                let (token, shared) = (owner.token(), Arc::clone(&served));
                drop(owner.spawn("fake telegram's guest", async move {
                    token.run_until_cancelled(http::serve(socket, &shared)).await;
                }));
            }
        }));
        let (token, posting) = (tasks.token(), Arc::clone(&shared));
        drop(tasks.spawn("fake telegram's webhook", async move {
            token.run_until_cancelled(webhook::deliver(&posting)).await;
        }));
        Self { port, shared, tasks }
    }

    /// Says where a webhook leads: to this port of this machine, whatever its URL says, as behind a
    /// proxy that ends TLS. `None` is nowhere.
    pub fn webhooks_lead_to(&self, port: Option<u16>) {
        self.shared.lock().door = port;
        self.shared.tell();
    }

    /// What `channels.telegram.apiRoot` is set to.
    #[must_use]
    pub fn root(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Puts an update in the queue and returns its id. `kind` is the field, such as `message`.
    pub fn push(&self, kind: &str, content: Value) -> i64 {
        let mut state = self.shared.lock();
        state.last_update += 1;
        let id = state.last_update;
        let mut update = json!({"update_id": id});
        update[kind] = content;
        state.updates.push_back((id, update));
        drop(state);
        self.shared.tell();
        id
    }

    /// Pushes a text that a person writes to the bot in private.
    pub fn direct_message(&self, sender: i64, text: &str) -> i64 {
        self.direct(sender, &json!({"text": text}))
    }

    /// Puts a file on the server, for messages that name it.
    pub fn put_file(&self, id: &str, path: &str, bytes: &[u8]) {
        let file = (path.to_owned(), bytes.to_vec());
        self.shared.lock().files.insert(id.to_owned(), file);
    }

    /// Pushes a message that somebody writes to the bot in private, with these fields.
    pub fn direct(&self, sender: i64, fields: &Value) -> i64 {
        let mut state = self.shared.lock();
        state.last_message += 1;
        let id = state.last_message;
        drop(state);
        let mut message = json!({"message_id": id, "date": 1,
            "from": {"id": sender, "is_bot": false, "first_name": "Ada"},
            "chat": {"id": sender, "type": "private", "first_name": "Ada"}});
        for (name, value) in fields.as_object().into_iter().flatten() {
            message[name.as_str()] = value.clone();
        }
        self.push("message", message)
    }

    /// Pushes the press of a button: of the last message of a chat that has one with this label.
    /// Gives the press's id.
    pub fn press(&self, presser: i64, chat: i64, label: &str) -> String {
        let state = self.shared.lock();
        let found = state.markups.iter().rev().find_map(|((at, id), markup)| {
            let rows = markup["inline_keyboard"].as_array().filter(|_| *at == chat)?;
            let mut buttons = rows.iter().filter_map(Value::as_array).flatten();
            let button = buttons.find(|button| button["text"] == label)?;
            Some((*id, button["callback_data"].clone()))
        });
        drop(state);
        let (message, data) = found.expect("a button with this label");
        self.press_with(presser, (chat, message), data.as_str().expect("its data"))
    }

    /// Pushes the press of a button that has this data, whether or not the message still has it.
    pub fn press_with(&self, presser: i64, (chat, message): (i64, i64), data: &str) -> String {
        let mut state = self.shared.lock();
        let text = state.messages.get(&(chat, message)).cloned().unwrap_or_default();
        let press = format!("press-{}", state.last_update + 1);
        state.presses.push(press.clone());
        drop(state);
        let from = json!({"id": presser, "is_bot": false, "first_name": "Ada"});
        let message = methods::message(chat, message, &text);
        let query = json!({"id": press, "from": from, "message": message,
            "chat_instance": "1", "data": data});
        self.push("callback_query", query);
        press
    }

    /// The labels of the buttons that now stand in a chat.
    #[must_use]
    pub fn buttons(&self, chat: i64) -> Vec<String> {
        let state = self.shared.lock();
        let here = state.markups.iter().filter(|((at, _), _)| *at == chat);
        let rows = here.filter_map(|(_, markup)| markup["inline_keyboard"].as_array()).flatten();
        let buttons = rows.filter_map(Value::as_array).flatten();
        buttons.filter_map(|button| Some(button["text"].as_str()?.to_owned())).collect()
    }

    /// Waits until these buttons stand in a chat.
    pub async fn buttons_are(&self, chat: i64, labels: &[&str]) {
        let mut changed = self.shared.changed.subscribe();
        changed.wait_for(|_| self.buttons(chat) == labels).await.ok();
    }

    /// The next call of `method` that has no fault yet goes wrong like this.
    pub fn fail_next(&self, method: &str, fault: Fault) {
        self.shared.lock().faults.push((method.to_owned(), fault));
    }

    /// The calls of `method`, in order.
    #[must_use]
    pub fn calls(&self, method: &str) -> Vec<Value> {
        let state = self.shared.lock();
        let calls = state.calls.iter().filter(|call| call.method == method);
        calls.map(|call| call.params.clone()).collect()
    }

    /// Waits until `method` was called `count` times.
    pub async fn called(&self, method: &str, count: usize) -> Vec<Value> {
        let mut changed = self.shared.changed.subscribe();
        // The sender lives as long as `self`, so this cannot fail.
        changed.wait_for(|_| self.calls(method).len() >= count).await.ok();
        self.calls(method)
    }

    /// The texts that now stand in a chat, oldest first.
    #[must_use]
    pub fn texts(&self, chat: i64) -> Vec<String> {
        let state = self.shared.lock();
        let messages = state.messages.iter().filter(|((at, _), _)| *at == chat);
        messages.map(|(_, text)| text.clone()).collect()
    }

    /// Waits until so many messages stand in a chat, and gives their texts.
    pub async fn texts_are(&self, chat: i64, count: usize) -> Vec<String> {
        let mut changed = self.shared.changed.subscribe();
        changed.wait_for(|_| self.texts(chat).len() >= count).await.ok();
        self.texts(chat)
    }

    /// Waits until the messages of a chat are like this, and gives their texts.
    pub async fn texts_like(&self, chat: i64, like: impl Fn(&[String]) -> bool) -> Vec<String> {
        let mut changed = self.shared.changed.subscribe();
        changed.wait_for(|_| like(&self.texts(chat))).await.ok();
        self.texts(chat)
    }

    /// Waits until the bot's reactions in a chat are these, by message.
    pub async fn reactions_are(&self, chat: i64, expected: &[(i64, &str)]) {
        let mut changed = self.shared.changed.subscribe();
        let now = || {
            let state = self.shared.lock();
            let here = state.reactions.iter().filter(|((at, _), _)| *at == chat);
            let all =
                here.flat_map(|((_, id), list)| list.iter().map(|emoji| (*id, emoji.clone())));
            all.collect::<Vec<_>>()
        };
        let expected: Vec<_> =
            expected.iter().map(|(id, emoji)| (*id, (*emoji).to_owned())).collect();
        changed.wait_for(|_| now() == expected).await.ok();
    }

    /// Pushes a message that somebody writes in a group, with these fields; gives the message's id.
    pub fn group(&self, chat: i64, sender: i64, fields: &Value) -> i64 {
        let mut state = self.shared.lock();
        state.last_message += 1;
        let id = state.last_message;
        drop(state);
        let mut message = json!({"message_id": id, "date": 1,
            "from": {"id": sender, "is_bot": false, "first_name": format!("Person {sender}")},
            "chat": {"id": chat, "type": "supergroup", "title": "Home"}});
        for (name, value) in fields.as_object().into_iter().flatten() {
            message[name.as_str()] = value.clone();
        }
        self.push("message", message);
        id
    }

    /// Waits until the bot sent so many files, and gives them.
    pub async fn files_are(&self, count: usize) -> Vec<SentFile> {
        let mut changed = self.shared.changed.subscribe();
        changed.wait_for(|_| self.shared.lock().sent_files.len() >= count).await.ok();
        self.shared.lock().sent_files.clone()
    }

    /// Waits until every update was confirmed by a poll, or taken by the webhook.
    pub async fn confirmed(&self) {
        let mut changed = self.shared.changed.subscribe();
        changed.wait_for(|_| self.unconfirmed() == 0).await.ok();
    }

    /// How many updates no poll has confirmed.
    #[must_use]
    pub fn unconfirmed(&self) -> usize {
        self.shared.lock().updates.len()
    }
}

impl Drop for FakeTelegram {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    /// Writes the call down and takes the fault that was written for it.
    fn note(&self, method: &str, params: &Value) -> Option<Fault> {
        let mut state = self.lock();
        state.calls.push(Call { method: method.to_owned(), params: params.clone() });
        let at = state.faults.iter().position(|(name, _)| name == method);
        let fault = at.map(|at| state.faults.remove(at).1);
        drop(state);
        self.tell();
        fault
    }
}
