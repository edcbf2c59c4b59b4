//! Somebody who sits where a client expects its Gateway: takes the connection, and writes down all that
//! is said. One kind answers like a Gateway that proves nothing, the other carries everything to the
//! real one and back.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{SinkExt, StreamExt};
use openclaw_base::Tasks;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async, client_async,
    tungstenite::{
        Message,
        handshake::server::{ErrorResponse, Request, Response},
    },
};

/// Listens until it is dropped.
#[derive(Debug)]
pub struct Squatter {
    port: u16,
    to: Arc<Mutex<Option<u16>>>,
    heard: Arc<Mutex<Vec<String>>>,
    tasks: Tasks,
}

impl Squatter {
    /// Takes a free port. With `to`, everything is carried to the Gateway on that port.
    pub async fn start(to: Option<u16>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let (heard, tasks) = (Arc::new(Mutex::new(Vec::new())), Tasks::new());
        let to = Arc::new(Mutex::new(to));
        let (owner, notes, leads) = (tasks.clone(), Arc::clone(&heard), Arc::clone(&to));
        drop(tasks.spawn("squatter", async move {
            let stop = owner.token();
            while let Some(Ok((socket, _))) = stop.run_until_cancelled(listener.accept()).await {
                let (token, notes) = (owner.token(), Arc::clone(&notes));
                let to = *leads.lock().unwrap_or_else(PoisonError::into_inner);
                drop(owner.spawn("squatter's guest", async move {
                    token.run_until_cancelled(receive(socket, to, notes)).await;
                }));
            }
        }));
        Self { port, to, heard, tasks }
    }

    /// Where it listens.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Does something else with who comes from now on, and forgets what it heard.
    pub fn turn(&self, to: Option<u16>) {
        *self.to.lock().unwrap_or_else(PoisonError::into_inner) = to;
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The request lines, headers and messages of clients, in order.
    #[must_use]
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Squatter {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

fn note(heard: &Mutex<Vec<String>>, text: impl Into<String>) {
    heard.lock().unwrap_or_else(PoisonError::into_inner).push(text.into());
}

async fn receive(socket: TcpStream, to: Option<u16>, heard: Arc<Mutex<Vec<String>>>) {
    let mut path = String::new();
    #[expect(clippy::result_large_err, reason = "the type is the library's")]
    let look = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        path = request.uri().to_string();
        note(&heard, format!("{path} {:?}", request.headers()));
        Ok(response)
    };
    let Ok(guest) = accept_hdr_async(socket, look).await else { return };
    match to {
        Some(port) => relay(guest, port, &path, &heard).await,
        None => pretend(guest, &heard).await,
    }
}

/// Challenges, says yes to whatever comes, and proves nothing.
async fn pretend(mut guest: WebSocketStream<TcpStream>, heard: &Mutex<Vec<String>>) {
    let challenge = json!({
        "type": "event", "event": "connect.challenge", "payload": { "nonce": "n", "ts": 1 },
    });
    if guest.send(Message::text(challenge.to_string())).await.is_err() {
        return;
    }
    while let Some(Ok(message)) = guest.next().await {
        if let Message::Text(text) = message {
            note(heard, text.as_str());
        }
    }
}

async fn relay(
    guest: WebSocketStream<TcpStream>,
    port: u16,
    path: &str,
    heard: &Mutex<Vec<String>>,
) {
    let Ok(stream) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let url = format!("ws://127.0.0.1:{port}{path}");
    let Ok((gateway, _)) = client_async(url, stream).await else { return };
    let (mut to_guest, from_guest) = guest.split();
    let (mut to_gateway, from_gateway) = gateway.split();
    let forth = async {
        let mut from_guest = from_guest;
        while let Some(Ok(message)) = from_guest.next().await {
            if let Message::Text(text) = &message {
                note(heard, text.as_str());
            }
            if to_gateway.send(message).await.is_err() {
                break;
            }
        }
    };
    let back = async {
        let mut from_gateway = from_gateway;
        while let Some(Ok(message)) = from_gateway.next().await {
            if let Message::Text(text) = &message {
                note(heard, text.as_str());
            }
            if to_guest.send(message).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = forth => {}
        () = back => {}
    }
}
