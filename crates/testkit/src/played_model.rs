//! A model provider over HTTP, in the Chat Completions dialect, that a test plays.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use openclaw_base::Tasks;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
};

use crate::http;

/// Longest request: a conversation with pictures.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// What the model does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Play {
    /// It says this.
    Say(String),
    /// It says this piece by piece, each when the test lets go: [`PlayedModel::go_on`].
    Grow(Vec<String>),
    /// It calls a tool.
    Call {
        /// The call's id.
        id: String,
        /// The tool.
        name: String,
        /// What the tool is given.
        arguments: Value,
    },
}

impl Play {
    /// It says this.
    #[must_use]
    pub fn say(text: &str) -> Self {
        Self::Say(text.to_owned())
    }

    /// It says this piece by piece.
    #[must_use]
    pub fn grow(pieces: &[&str]) -> Self {
        Self::Grow(pieces.iter().map(|piece| (*piece).to_owned()).collect())
    }

    /// It calls a tool.
    #[must_use]
    pub fn call(id: &str, name: &str, arguments: Value) -> Self {
        Self::Call { id: id.to_owned(), name: name.to_owned(), arguments }
    }
}

/// From the messages of a request to what the model does.
type Mind = dyn Fn(&[Value]) -> Play + Send + Sync;

/// Serves until it is dropped.
pub struct PlayedModel {
    port: u16,
    shared: Arc<Shared>,
    tasks: Tasks,
}

struct Shared {
    mind: Box<Mind>,
    requests: Mutex<Vec<Value>>,
    changed: watch::Sender<usize>,
    /// Pieces that may be said.
    pieces: Semaphore,
}

impl fmt::Debug for PlayedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlayedModel").field("port", &self.port).finish_non_exhaustive()
    }
}

impl PlayedModel {
    /// Serves on a free loopback port.
    pub async fn start(mind: impl Fn(&[Value]) -> Play + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let (requests, changed) = (Mutex::default(), watch::Sender::new(0));
        let shared =
            Arc::new(Shared { mind: Box::new(mind), requests, changed, pieces: Semaphore::new(0) });
        let tasks = Tasks::new();
        let (owner, served) = (tasks.clone(), Arc::clone(&shared));
        drop(tasks.spawn("played model", async move {
            let stop = owner.token();
            while let Some(Ok((socket, _))) = stop.run_until_cancelled(listener.accept()).await {
                let (token, shared) = (owner.token(), Arc::clone(&served));
                drop(owner.spawn("played model's guest", async move {
                    token.run_until_cancelled(answer(socket, &shared)).await;
                }));
            }
        }));
        Self { port, shared, tasks }
    }

    /// The part of a configuration that makes this the only model; it takes pictures.
    #[must_use]
    pub fn configuration(&self) -> Value {
        let model = json!({"id": "model", "name": "Played", "input": ["text", "image"]});
        let provider = json!({"baseUrl": format!("http://127.0.0.1:{}/v1", self.port),
            "apiKey": "k", "api": "openai-completions", "models": [model]});
        json!({"agents": {"defaults": {"model": "played/model"}},
            "models": {"providers": {"played": provider}}})
    }

    /// Lets one piece of an answer go that is said piece by piece.
    pub fn go_on(&self) {
        self.shared.pieces.add_permits(1);
    }

    /// The messages of each request so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Value> {
        self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it was asked so often, and gives the messages of each request.
    pub async fn asked(&self, count: usize) -> Vec<Value> {
        let mut changed = self.shared.changed.subscribe();
        changed.wait_for(|asked| *asked >= count).await.ok();
        self.requests()
    }
}

impl Drop for PlayedModel {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

async fn answer(socket: TcpStream, shared: &Shared) {
    let mut socket = BufReader::new(socket);
    let Some(request) = http::read(&mut socket, MAX_BODY).await else { return };
    let Ok(request) = serde_json::from_slice::<Value>(&request.body) else { return };
    let messages = request["messages"].as_array().cloned().unwrap_or_default();
    let play = (shared.mind)(&messages);
    let asked = {
        let mut requests = shared.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.push(Value::Array(messages));
        requests.len()
    };
    shared.changed.send_replace(asked);
    let chunk = |delta: Value, finish: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        let chunk = json!({"id": "c", "object": "chat.completion.chunk", "choices": [choice]});
        format!("data: {chunk}\n\n")
    };
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let (delta, finish) = match play {
        Play::Say(text) => (json!({"role": "assistant", "content": text}), "stop"),
        Play::Grow(pieces) => {
            let socket = socket.get_mut();
            socket.write_all(head.as_bytes()).await.ok();
            for piece in pieces {
                let Ok(permit) = shared.pieces.acquire().await else { return };
                permit.forget();
                let delta = json!({"role": "assistant", "content": piece});
                socket.write_all(chunk(delta, Value::Null).as_bytes()).await.ok();
            }
            let end = format!("{}data: [DONE]\n\n", chunk(json!({}), "stop".into()));
            socket.write_all(end.as_bytes()).await.ok();
            return;
        }
        Play::Call { id, name, arguments } => {
            let call = json!({"index": 0, "id": id, "type": "function",
                "function": {"name": name, "arguments": arguments.to_string()}});
            (json!({"role": "assistant", "tool_calls": [call]}), "tool_calls")
        }
    };
    let (first, last) = (chunk(delta, Value::Null), chunk(json!({}), finish.into()));
    let body = format!("{head}{first}{last}data: [DONE]\n\n");
    // Who hung up does not hear it.
    socket.get_mut().write_all(body.as_bytes()).await.ok();
}
