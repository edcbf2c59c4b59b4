//! A client that knows only JSON: what tests say and hear is exactly what is on the wire.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest, handshake::client::Request},
};

/// Nothing a Gateway is asked here takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A WebSocket that speaks the protocol by hand.
pub struct WireClient {
    socket: WebSocketStream<Box<dyn Stream>>,
    next_id: u64,
    nonce: String,
    /// Frames that came while another was awaited.
    pub events: Vec<Value>,
}

/// How the Gateway closed a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Close code; 1006 without a close frame.
    pub code: u16,
    /// Reason.
    pub reason: String,
}

impl WireClient {
    /// Connects to a port on loopback and reads the challenge.
    pub async fn connect(port: u16) -> Self {
        Self::try_request(port, request(port, "/")).await.expect("upgrade")
    }

    /// Connects with a request of the test's own making; the HTTP status if it is refused.
    ///
    /// # Errors
    /// The status of a refused upgrade.
    pub async fn try_request(port: u16, request: Request) -> Result<Self, u16> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("connect");
        Self::upgrade(Box::new(stream), request).await
    }

    /// Connects to the owner's door.
    pub async fn door(path: &std::path::Path) -> Self {
        Self::door_request(path, request(0, "/")).await
    }

    /// Connects to the owner's door with a request of the test's own making.
    pub async fn door_request(path: &std::path::Path, request: Request) -> Self {
        let stream = UnixStream::connect(path).await.expect("the door");
        Self::upgrade(Box::new(stream), request).await.expect("upgrade")
    }

    async fn upgrade(stream: Box<dyn Stream>, request: Request) -> Result<Self, u16> {
        let (socket, _) = match tokio_tungstenite::client_async(request, stream).await {
            Ok(upgraded) => upgraded,
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
                return Err(response.status().as_u16());
            }
            Err(error) => panic!("upgrade: {error}"),
        };
        let mut client = Self { socket, next_id: 0, nonce: String::new(), events: Vec::new() };
        let challenge = client.next().await.expect("a challenge");
        assert_eq!(challenge["event"], "connect.challenge");
        client.nonce = challenge["payload"]["nonce"].as_str().expect("a nonce").to_owned();
        client.events.push(challenge);
        Ok(client)
    }

    /// The nonce of the challenge.
    #[must_use]
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// Sends text as it is.
    pub async fn send_text(&mut self, text: &str) {
        // A socket that was closed meanwhile shows in what is read next.
        self.socket.send(Message::text(text)).await.ok();
    }

    /// Sends a binary frame.
    pub async fn send_binary(&mut self, bytes: Vec<u8>) {
        self.socket.send(Message::Binary(bytes.into())).await.ok();
    }

    /// Sends a request and gives its id.
    pub async fn send(&mut self, method: &str, params: &Value) -> String {
        self.next_id += 1;
        let id = format!("t{}", self.next_id);
        let frame = json!({"type": "req", "id": id, "method": method, "params": params});
        self.send_text(&frame.to_string()).await;
        id
    }

    /// The next frame.
    ///
    /// # Errors
    /// How the socket was closed.
    pub async fn next(&mut self) -> Result<Value, Closed> {
        let gone = || Closed { code: 1006, reason: String::new() };
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            match message.expect("the Gateway answers in time") {
                Some(Ok(Message::Text(text))) => {
                    return Ok(serde_json::from_str(&text).expect("frames are JSON"));
                }
                Some(Ok(Message::Close(Some(frame)))) => {
                    let reason = frame.reason.as_str().to_owned();
                    return Err(Closed { code: frame.code.into(), reason });
                }
                Some(Ok(Message::Close(None)) | Err(_)) | None => return Err(gone()),
                Some(Ok(_)) => {}
            }
        }
    }

    /// The response with this id; events that come before it are kept.
    ///
    /// # Errors
    /// How the socket was closed.
    pub async fn response(&mut self, id: &str) -> Result<Value, Closed> {
        let answers = |frame: &Value| frame["type"] == "res" && frame["id"] == id;
        if let Some(kept) = self.events.iter().position(answers) {
            return Ok(self.events.remove(kept));
        }
        loop {
            let frame = self.next().await?;
            if answers(&frame) {
                return Ok(frame);
            }
            self.events.push(frame);
        }
    }

    /// Calls a method and gives the whole response frame.
    pub async fn call(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, &params).await;
        self.response(&id).await.expect("the socket stays open")
    }

    /// Calls a method that must work and gives its payload.
    pub async fn ok(&mut self, method: &str, params: Value) -> Value {
        let mut frame = self.call(method, params).await;
        assert_eq!(frame["ok"], true, "{method}: {frame}");
        frame["payload"].take()
    }

    /// Calls a method that must be refused and gives the error.
    pub async fn refused(&mut self, method: &str, params: Value) -> Value {
        let mut frame = self.call(method, params).await;
        assert_eq!(frame["ok"], false, "{method}: {frame}");
        frame["error"].take()
    }

    /// The next event with this name that `wanted` accepts, among those kept and those to come.
    pub async fn event(&mut self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let matches = |frame: &Value| frame["event"] == name && wanted(&frame["payload"]);
        if let Some(found) = self.events.iter().position(matches) {
            return self.events.remove(found);
        }
        loop {
            let frame = self.next().await.expect("the socket stays open");
            if matches(&frame) {
                return frame;
            }
            self.events.push(frame);
        }
    }

    /// Waits for the close frame, whatever comes before it.
    pub async fn closed(&mut self) -> Closed {
        loop {
            match self.next().await {
                Ok(frame) => self.events.push(frame),
                Err(closed) => return closed,
            }
        }
    }

    /// `connect` as the CLI does it with a shared token and no device; gives `hello-ok`.
    pub async fn enter(&mut self, token: &str) -> Value {
        let params = connect_params(&json!({"auth": {"token": token}}));
        self.ok("connect", params).await
    }
}

/// An upgrade request for a path.
#[must_use]
pub fn request(port: u16, path: &str) -> Request {
    format!("ws://127.0.0.1:{port}{path}").into_client_request().expect("a request")
}

/// Params of `connect` for protocol 4 as the CLI sends them, with some keys replaced.
#[must_use]
pub fn connect_params(replaced: &Value) -> Value {
    let mut params = json!({
        "minProtocol": 4,
        "maxProtocol": 4,
        "client": {"id": "cli", "version": "1.0.0", "platform": "linux", "mode": "cli"},
        "role": "operator",
        "scopes": openclaw_protocol::ScopeSet::all().names(),
        "caps": [],
    });
    if let (Some(params), Some(replaced)) = (params.as_object_mut(), replaced.as_object()) {
        params.extend(replaced.clone());
    }
    params
}
