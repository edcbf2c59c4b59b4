//! A client of the published protocol, as small as one can be: JSON text over a WebSocket.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

const ANSWER_LIMIT: Duration = Duration::from_secs(30);
const RETRY_EVERY: Duration = Duration::from_micros(500);

/// One connection.
pub(crate) struct Wire {
    socket: WebSocketStream<TcpStream>,
    next_id: u64,
}

impl Wire {
    /// Opens a WebSocket and does nothing more.
    pub(crate) async fn open(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.context("failed to connect")?;
        stream.set_nodelay(true).context("failed to set TCP_NODELAY")?;
        let url = format!("ws://127.0.0.1:{port}/");
        let (socket, _) = client_async(url, stream).await.context("failed to upgrade")?;
        Ok(Self { socket, next_id: 0 })
    }

    /// Opens a WebSocket and authenticates as an operator who may read, with a token.
    pub(crate) async fn connect(port: u16, token: &str) -> anyhow::Result<Self> {
        Self::connect_with(port, token, &["operator.read"]).await
    }

    /// The same as an operator who may also write.
    pub(crate) async fn operator(port: u16, token: &str) -> anyhow::Result<Self> {
        Self::connect_with(port, token, &["operator.read", "operator.write"]).await
    }

    async fn connect_with(port: u16, token: &str, scopes: &[&str]) -> anyhow::Result<Self> {
        let mut wire = Self::open(port).await?;
        wire.read_until(|frame| frame.get("event").is_some_and(|name| name == "connect.challenge"))
            .await?;
        let params = json!({
            "minProtocol": 4,
            "maxProtocol": 4,
            "client": {
                "id": "gateway-client", "version": "2026.9.1", "platform": "linux", "mode": "backend",
            },
            "role": "operator",
            "scopes": scopes,
            "caps": [],
            "auth": { "token": token },
        });
        wire.call("connect", &params).await?;
        Ok(wire)
    }

    /// Tries to connect until it works; a Gateway that is still starting refuses.
    pub(crate) async fn connect_by(
        port: u16,
        token: &str,
        deadline: Instant,
    ) -> anyhow::Result<Self> {
        loop {
            match timeout(ANSWER_LIMIT, Self::connect(port, token)).await.context("no answer")? {
                Ok(wire) => return Ok(wire),
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => tokio::time::sleep(RETRY_EVERY).await,
            }
        }
    }

    /// Sends a request and waits for its response.
    pub(crate) async fn call(&mut self, method: &str, params: &Value) -> anyhow::Result<Value> {
        let id = self.ask(method, params).await?;
        let answer =
            self.read_until(|frame| frame.get("id").is_some_and(|found| *found == *id)).await?;
        if answer.get("ok") != Some(&Value::Bool(true)) {
            bail!("{method} was refused: {answer}");
        }
        Ok(answer)
    }

    /// Sends a request and does not wait; returns its id.
    pub(crate) async fn ask(&mut self, method: &str, params: &Value) -> anyhow::Result<String> {
        self.next_id += 1;
        let id = self.next_id.to_string();
        let request = json!({ "type": "req", "id": id, "method": method, "params": params });
        self.send(request.to_string()).await?;
        Ok(id)
    }

    /// Sends `total` health requests, `in_flight` at a time, and returns how many were answered a second.
    /// Only responses are counted; events that come in between are read and dropped.
    pub(crate) async fn load(&mut self, total: u32, in_flight: u32) -> anyhow::Result<f64> {
        let started = Instant::now();
        let (mut sent, mut answered) = (0, 0);
        while sent < in_flight.min(total) {
            self.send_health().await?;
            sent += 1;
        }
        while answered < total {
            let text = self.read_text().await?;
            if !text.contains("\"type\":\"res\"") {
                continue;
            }
            if !text.contains("\"ok\":true") {
                bail!("a health request was refused: {text}");
            }
            answered += 1;
            if sent < total {
                self.send_health().await?;
                sent += 1;
            }
        }
        Ok(f64::from(total) / started.elapsed().as_secs_f64())
    }

    async fn send_health(&mut self) -> anyhow::Result<()> {
        self.next_id += 1;
        let id = self.next_id;
        self.send(format!(r#"{{"type":"req","id":"{id}","method":"health","params":{{}}}}"#)).await
    }

    async fn send(&mut self, text: String) -> anyhow::Result<()> {
        self.socket.send(Message::text(text)).await.context("failed to send")
    }

    /// Reads until a frame is so, and gives it.
    pub(crate) async fn read_until(
        &mut self,
        wanted: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Value> {
        loop {
            let text = self.read_text().await?;
            let frame: Value = serde_json::from_str(&text).context("a frame is not JSON")?;
            if wanted(&frame) {
                return Ok(frame);
            }
        }
    }

    async fn read_text(&mut self) -> anyhow::Result<String> {
        loop {
            let message = timeout(ANSWER_LIMIT, self.socket.next()).await.context("no answer")?;
            match message.context("the connection ended")?.context("failed to read")? {
                Message::Text(text) => return Ok(text.to_string()),
                Message::Close(reason) => bail!("the connection was closed: {reason:?}"),
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    /// Reads whatever comes, so that keepalive pings are answered, until the connection ends.
    pub(crate) async fn idle(mut self) {
        while let Some(Ok(_)) = self.socket.next().await {}
    }
}
