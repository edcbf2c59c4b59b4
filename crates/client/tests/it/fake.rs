//! A Gateway that does what a test says, and remembers every byte it was sent.

use std::{
    fmt::{self, Debug},
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{FutureExt, SinkExt, StreamExt, future::BoxFuture};
use openclaw_base::Tasks;
use openclaw_client::{
    Client, ClientError, ClientOptions, Dial, DialError, Dialed, Endpoint, Plan, SshFailure,
    Target, TcpDial,
};
use openclaw_identity::{
    KeyPair, secret,
    transcript::{GatewayTranscript, Link},
};
use openclaw_protocol::trust::{Binding, QUERY_NONCE, SecretKind};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpListener,
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{Request, Response},
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

pub(crate) const SERVER_NONCE: &str = "server-nonce-1";

/// What the fake shows in its challenge.
#[derive(Clone)]
pub(crate) enum Shows {
    /// Nothing, like the original's Gateway.
    Nothing,
    /// A proof that holds.
    Proof(KeyPair),
    /// This key, with a signature that does not hold.
    Forged(KeyPair),
    /// A proof made for another kind of link.
    OtherBinding(KeyPair),
    /// Something under `gateway` that is no proof.
    Garbage,
    /// Another frame than a challenge.
    NoChallenge,
    /// No frame at all.
    Silence,
}

/// What the fake answers to `connect`.
pub(crate) enum Reply {
    Hello(Value),
    Refuse(Value),
    /// Refuses, keeps the socket, and sends these events.
    Hold(Value, Vec<Value>),
    Close(u16, &'static str),
    /// Refuses, keeps the socket, and then neither reads nor writes any more.
    HoldFrozen(Value),
    /// Accepts, and then neither reads nor writes any more.
    Freeze,
}

/// Decides how to answer the `connect` of attempt number n (from 0).
pub(crate) type Decide = Arc<dyn Fn(usize, &Value) -> Reply + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Fake {
    pub(crate) shows: Shows,
    pub(crate) wants: SecretKind,
    pub(crate) binding: Binding,
    pub(crate) decide: Decide,
    pub(crate) log: Arc<Log>,
}

/// Everything the fake was sent.
#[derive(Default)]
pub(crate) struct Log {
    bytes: Mutex<Vec<u8>>,
    frames: Mutex<Vec<Value>>,
    uris: Mutex<Vec<String>>,
}

impl Log {
    /// Whether a text stands anywhere in what was sent, as it is or inside of masked frames.
    pub(crate) fn holds(&self, text: &str) -> bool {
        let raw = self.bytes.lock().unwrap();
        let in_bytes = raw.windows(text.len()).any(|window| window == text.as_bytes());
        let frames = self.frames.lock().unwrap();
        in_bytes || frames.iter().any(|frame| frame.to_string().contains(text))
    }

    pub(crate) fn frames(&self) -> Vec<Value> {
        self.frames.lock().unwrap().clone()
    }

    pub(crate) fn uris(&self) -> Vec<String> {
        self.uris.lock().unwrap().clone()
    }

    /// The params of every `connect`.
    pub(crate) fn connects(&self) -> Vec<Value> {
        let connects = |frame: &Value| frame["method"] == "connect";
        self.frames().into_iter().filter(connects).map(|frame| frame["params"].clone()).collect()
    }
}

pub(crate) fn hello(protocol: u32) -> Value {
    json!({
        "type": "hello-ok", "protocol": protocol,
        "server": {"version": "9.9", "connId": "c1"},
        "features": {"methods": ["health"], "events": ["tick"], "capabilities": []},
        "snapshot": {}, "policy":
            {"maxPayload": 100_000, "maxBufferedBytes": 1_000_000, "tickIntervalMs": 5000},
        "auth": {"role": "operator", "scopes": ["operator.admin"]},
    })
}

pub(crate) fn refusal(code: &str, message: &str, details: Value) -> Value {
    json!({"code": code, "message": message, "details": details})
}

impl Fake {
    pub(crate) fn new(shows: Shows) -> Self {
        Self {
            shows,
            wants: SecretKind::Token,
            binding: Binding::None,
            decide: Arc::new(|_, _| Reply::Hello(hello(4))),
            log: Arc::default(),
        }
    }

    pub(crate) fn ours() -> Self {
        Self::new(Shows::Proof(gateway_key()))
    }

    pub(crate) fn foreign() -> Self {
        Self::new(Shows::Nothing)
    }

    pub(crate) fn wants(mut self, wants: SecretKind) -> Self {
        self.wants = wants;
        self
    }

    pub(crate) fn decides(
        mut self,
        decide: impl Fn(usize, &Value) -> Reply + Send + Sync + 'static,
    ) -> Self {
        self.decide = Arc::new(decide);
        self
    }

    /// Serves on a port of its own.
    pub(crate) async fn listen(&self, tasks: &Tasks) -> TcpDial {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (fake, owner) = (self.clone(), tasks.clone());
        tasks.spawn("fake", async move {
            while let Ok((io, _)) = listener.accept().await {
                drop(owner.spawn("fake connection", fake.clone().serve(io)));
            }
        });
        TcpDial::loopback(port)
    }

    pub(crate) async fn serve(self, io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        let mut nonce = String::new();
        let log = Arc::clone(&self.log);
        #[expect(clippy::result_large_err, reason = "the type of the callback is given")]
        let note = |request: &Request, response: Response| {
            let query = request.uri().query().unwrap_or_default();
            let found = query.split('&').find_map(|pair| {
                pair.strip_prefix(QUERY_NONCE).and_then(|rest| rest.strip_prefix('='))
            });
            nonce = found.unwrap_or_default().to_owned();
            log.uris.lock().unwrap().push(request.uri().to_string());
            Ok(response)
        };
        let io = Recorded { io, log: Arc::clone(&self.log) };
        let Ok(mut socket) = accept_hdr_async(io, note).await else { return };
        if let Some(challenge) = self.challenge(&nonce) {
            send(&mut socket, &challenge).await;
        }
        let Some(connect) = self.receive(&mut socket).await else { return };
        let attempt = self.log.connects().len() - 1;
        let id = connect["id"].clone();
        match (self.decide)(attempt, &connect["params"]) {
            Reply::Hello(hello) => {
                let answer = json!({"type": "res", "id": id, "ok": true, "payload": hello});
                send(&mut socket, &answer).await;
                self.answer(&mut socket).await;
            }
            Reply::Refuse(error) => {
                let answer = json!({"type": "res", "id": id, "ok": false, "error": error});
                send(&mut socket, &answer).await;
                close(&mut socket, 1008, "refused").await;
            }
            Reply::Hold(error, events) => {
                let answer = json!({"type": "res", "id": id, "ok": false, "error": error});
                send(&mut socket, &answer).await;
                for event in events {
                    send(&mut socket, &event).await;
                }
                self.answer(&mut socket).await;
            }
            Reply::HoldFrozen(error) => {
                let answer = json!({"type": "res", "id": id, "ok": false, "error": error});
                send(&mut socket, &answer).await;
                std::future::pending::<()>().await;
            }
            Reply::Close(code, reason) => close(&mut socket, code, reason).await,
            Reply::Freeze => {
                let answer = json!({"type": "res", "id": id, "ok": true, "payload": hello(4)});
                send(&mut socket, &answer).await;
                std::future::pending::<()>().await;
            }
        }
    }

    fn challenge(&self, nonce: &str) -> Option<Value> {
        let proof = |key: &KeyPair, signature: String, binding: Binding| {
            json!({
                "publicKey": key.public_key().to_base64url(), "signature": signature,
                "binding": binding.as_str(), "wants": self.wants.as_str(),
            })
        };
        let sign = |key: &KeyPair, binding: Binding| {
            let client_nonce = secret::nonce_bytes(nonce).expect("a nonce was sent");
            let public = key.public_key();
            let link = Link {
                client_nonce: &client_nonce,
                server_nonce: SERVER_NONCE,
                gateway: &public,
                binding: binding.as_str(),
                exporter: &[],
            };
            key.sign(&GatewayTranscript { link, wants: self.wants.as_str() }.bytes())
        };
        let gateway = match &self.shows {
            Shows::Nothing => Value::Null,
            Shows::Proof(key) => proof(key, sign(key, self.binding), self.binding),
            Shows::Forged(key) => {
                let thief = KeyPair::from_seed(&[99; 32]);
                proof(key, sign(&thief, self.binding), self.binding)
            }
            Shows::OtherBinding(key) => proof(key, sign(key, Binding::Unix), Binding::Unix),
            Shows::Garbage => json!({"publicKey": 7}),
            Shows::NoChallenge => return Some(json!({"type": "event", "event": "tick"})),
            Shows::Silence => return None,
        };
        let mut payload = json!({"nonce": SERVER_NONCE, "ts": 1_790_000_000_000_u64});
        if !gateway.is_null() {
            payload["gateway"] = gateway;
        }
        Some(json!({"type": "event", "event": "connect.challenge", "payload": payload}))
    }

    async fn receive<S>(&self, socket: &mut WebSocketStream<S>) -> Option<Value>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        loop {
            match socket.next().await?.ok()? {
                Message::Text(text) => {
                    let frame: Value = serde_json::from_str(&text).expect("JSON");
                    self.log.frames.lock().unwrap().push(frame.clone());
                    return Some(frame);
                }
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }

    /// Answers calls: the method's name says how.
    async fn answer<S>(&self, socket: &mut WebSocketStream<S>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        while let Some(frame) = self.receive(socket).await {
            let (id, params) = (&frame["id"], &frame["params"]);
            let ok =
                |payload: Value| json!({"type": "res", "id": id, "ok": true, "payload": payload});
            let answers = match frame["method"].as_str().unwrap_or_default() {
                "echo" => vec![ok(params.clone())],
                "work" => vec![ok(json!({"status": "accepted"})), ok(json!({"status": "ok"}))],
                "refuse" => vec![json!({"type": "res", "id": id, "ok": false, "error": params})],
                "emit" => params.as_array().cloned().unwrap_or_default(),
                "restart" => return close(socket, 1012, "service restart").await,
                "vanish" => return,
                "garbage" => vec![json!("garbage")],
                "freeze" => std::future::pending().await,
                _ => vec![],
            };
            for answer in answers {
                send(socket, &answer).await;
            }
        }
    }
}

async fn send<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<S>, frame: &Value) {
    // The client may be gone already, which is for the test to see.
    socket.send(Message::text(frame.to_string())).await.ok();
}

async fn close<S>(socket: &mut WebSocketStream<S>, code: u16, reason: &'static str)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
    socket.close(Some(frame)).await.ok();
    while let Some(Ok(_)) = socket.next().await {}
}

pub(crate) fn gateway_key() -> KeyPair {
    KeyPair::from_seed(&[1; 32])
}

pub(crate) fn device_key() -> KeyPair {
    KeyPair::from_seed(&[2; 32])
}

pub(crate) fn options(tasks: &Tasks) -> ClientOptions {
    ClientOptions {
        device: Some(Arc::new(device_key())),
        connect_timeout: Duration::from_secs(10),
        ..ClientOptions::cli(tasks.clone(), "1.2.3")
    }
}

/// Connects to a fake with a plan.
pub(crate) async fn connect(fake: &Fake, plan: Plan) -> Result<Client, ClientError> {
    let tasks = Tasks::new();
    let endpoint = Endpoint::new(fake.listen(&tasks).await, plan);
    Client::connect(&endpoint, &options(&tasks)).await
}

/// Dials a fake without a socket, so that time can be paused.
#[derive(Clone)]
pub(crate) struct Piped {
    pub(crate) fake: Fake,
    pub(crate) tasks: Tasks,
}

/// Dials like [`Piped`], through something that fails with these words.
#[derive(Clone, Debug)]
pub(crate) struct Carried(pub(crate) Piped, pub(crate) SshFailure);

impl Dial for Carried {
    fn dial(&self) -> BoxFuture<'_, Result<Dialed, DialError>> {
        let reason = DialError::Ssh(self.1.clone());
        let failure = async move { Some(reason) }.boxed();
        async move { Ok(Dialed { failure: Some(failure), ..self.0.dial().await? }) }.boxed()
    }

    fn target(&self) -> Target {
        Target::Ssh { host: "me@server".to_owned(), remote_port: None }
    }
}

impl Debug for Piped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Piped")
    }
}

impl Dial for Piped {
    fn dial(&self) -> BoxFuture<'_, Result<Dialed, DialError>> {
        let (near, far) = tokio::io::duplex(64 * 1024);
        drop(self.tasks.spawn("fake connection", self.fake.clone().serve(far)));
        let dialed = Dialed {
            io: Box::new(near),
            host: "localhost".to_owned(),
            path: "/".to_owned(),
            binding: Binding::None,
            tls: None,
            times: Vec::new(),
            failure: None,
        };
        async move { Ok(dialed) }.boxed()
    }

    fn target(&self) -> Target {
        Target::Url("ws://piped".to_owned())
    }
}

/// Notes every byte that is read.
struct Recorded<S> {
    io: S,
    log: Arc<Log>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Recorded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let poll = Pin::new(&mut self.io).poll_read(cx, buffer);
        self.log.bytes.lock().unwrap().extend_from_slice(&buffer.filled()[before..]);
        poll
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Recorded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
