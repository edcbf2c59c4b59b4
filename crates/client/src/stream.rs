//! The byte stream under the WebSocket, watched for signs of life, and the upgrade request.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use openclaw_protocol::{RpcError, limits, trust};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        self,
        error::ProtocolError,
        handshake::client::generate_key,
        http::{Request, Response, StatusCode},
        protocol::WebSocketConfig,
    },
};

use crate::{
    dial::{Dialed, Io, Target},
    error::{ClientError, CloseReason},
};

/// A WebSocket to a Gateway.
pub(crate) type Socket = WebSocketStream<Watched>;

/// Read and write buffer of a connection, in bytes.
const BUFFER: usize = 16 * 1024;
/// Bytes kept of what a peer says first, to show what it is if it is no Gateway.
const HEAD: usize = 60;
/// Writes larger than this show that the link moves; pings are smaller.
const PROGRESS: usize = 4096;

/// When the peer last showed life, and what it said first.
#[derive(Debug)]
pub(crate) struct Pulse {
    last: Mutex<Instant>,
    head: Mutex<Vec<u8>>,
}

impl Pulse {
    fn new() -> Arc<Self> {
        Arc::new(Self { last: Mutex::new(Instant::now()), head: Mutex::default() })
    }

    /// How long the peer has been silent.
    pub(crate) fn silent_for(&self) -> Duration {
        self.last.lock().elapsed()
    }

    fn beat(&self) {
        *self.last.lock() = Instant::now();
    }

    fn saw(&self, bytes: &[u8]) {
        self.beat();
        let mut head = self.head.lock();
        let room = HEAD.saturating_sub(head.len());
        head.extend(bytes.iter().take(room));
    }

    /// What the peer said first, fit for a message.
    fn shown(&self) -> String {
        let head = self.head.lock();
        let text = String::from_utf8_lossy(&head);
        let line = text.lines().next().unwrap_or_default();
        let printable: String = line.chars().filter(|c| !c.is_control()).collect();
        if printable.trim().is_empty() {
            "it closed the connection without a word".to_owned()
        } else {
            format!("it says \"{}\"", printable.trim())
        }
    }
}

/// A stream that notes what comes.
pub(crate) struct Watched {
    io: Box<dyn Io>,
    pulse: Arc<Pulse>,
}

impl Watched {
    pub(crate) fn pulse(&self) -> Arc<Pulse> {
        Arc::clone(&self.pulse)
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let poll = Pin::new(&mut self.io).poll_read(cx, buffer);
        if let Some(bytes) = buffer.filled().get(before..).filter(|bytes| !bytes.is_empty()) {
            self.pulse.saw(bytes);
        }
        poll
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.io).poll_write(cx, bytes);
        if bytes.len() > PROGRESS && matches!(poll, Poll::Ready(Ok(_))) {
            self.pulse.beat();
        }
        poll
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// Upgrades a stream. The nonce is not secret; the Gateway signs it to prove itself.
pub(crate) async fn upgrade(
    dialed: Dialed,
    target: &Target,
    nonce: &str,
    wait: bool,
) -> Result<Socket, ClientError> {
    let request = request(&dialed, nonce, wait)?;
    let pulse = Pulse::new();
    let watched = Watched { io: dialed.io, pulse: Arc::clone(&pulse) };
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_message_size(Some(limits::MAX_PAYLOAD_BYTES))
        .max_frame_size(Some(limits::MAX_PAYLOAD_BYTES));
    match client_async_with_config(request, watched, Some(config)).await {
        Ok((socket, _)) => Ok(socket),
        Err(error) => Err(refused(error, target, &pulse)),
    }
}

fn request(dialed: &Dialed, nonce: &str, wait: bool) -> Result<Request<()>, ClientError> {
    let joint = if dialed.path.contains('?') { '&' } else { '?' };
    let wait = if wait { format!("&{}=1", trust::QUERY_WAIT) } else { String::new() };
    let query = format!("{joint}{}={nonce}{wait}", trust::QUERY_NONCE);
    Request::builder()
        .uri(format!("ws://{}{}{query}", dialed.host, dialed.path))
        .header("Host", &dialed.host)
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", generate_key())
        .body(())
        .map_err(|error| ClientError::Url(format!("the address cannot be requested: {error}")))
}

fn refused(error: tungstenite::Error, target: &Target, pulse: &Pulse) -> ClientError {
    let not_a_gateway = |seen| ClientError::NotAGateway { target: target.clone(), seen };
    match error {
        tungstenite::Error::Http(response) => answered(&response, target),
        tungstenite::Error::Protocol(
            ProtocolError::HandshakeIncomplete
            | ProtocolError::HttparseError(_)
            | ProtocolError::WrongHttpVersion,
        ) => not_a_gateway(pulse.shown()),
        tungstenite::Error::Io(error) if pulse.head.lock().is_empty() => {
            ClientError::LinkLost(CloseReason::Failed(error.to_string()))
        }
        error => not_a_gateway(error.to_string()),
    }
}

/// A Gateway may answer the upgrade with a status of its own; anything else is no Gateway.
fn answered(response: &Response<Option<Vec<u8>>>, target: &Target) -> ClientError {
    let body = response.body().as_deref().unwrap_or_default();
    let body = String::from_utf8_lossy(body);
    let line: String = body
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .filter(|c| !c.is_control())
        .take(120)
        .collect();
    let said = if line.is_empty() { String::new() } else { format!(": {line}") };
    let status = response.status();
    match status {
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
            let text = format!("the Gateway takes no connection now (HTTP {status}{said})");
            ClientError::Rpc(Box::new(RpcError::unavailable(text)))
        }
        _ => ClientError::NotAGateway {
            target: target.clone(),
            seen: format!("HTTP {status}{said}"),
        },
    }
}
