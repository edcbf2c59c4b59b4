//! A model provider that costs nothing: it answers the published chat dialect at once, and says when it
//! was asked and when it spoke.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};

/// How it answers.
#[derive(Clone, Copy)]
pub(crate) struct Manner {
    /// How long it thinks before the first byte.
    pub(crate) thinks: Duration,
    /// Pieces of an answer.
    pub(crate) pieces: u32,
    /// Time between two of them.
    pub(crate) every: Duration,
}

/// One request and its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// When the request was there.
    pub(crate) at: Instant,
    /// Just before the first byte of the answer, which carries the first piece.
    pub(crate) spoke: Instant,
}

/// Binds a port.
pub(crate) async fn bind() -> anyhow::Result<(TcpListener, u16)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("failed to bind")?;
    let port = listener.local_addr().context("a listener has no address")?.port();
    Ok((listener, port))
}

/// Serves until it is dropped. Every piece of an answer is the microseconds since `epoch` at which it was
/// sent, so that whoever hears it knows how old it is.
pub(crate) async fn serve(
    listener: TcpListener,
    manner: Manner,
    epoch: Instant,
    asked: mpsc::Sender<Asked>,
) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let asked = asked.clone();
        // A Gateway that goes away ends it.
        connections.spawn(async move { talk(stream, manner, epoch, asked).await.unwrap_or(()) });
    }
}

async fn talk(
    mut stream: TcpStream,
    manner: Manner,
    epoch: Instant,
    asked: mpsc::Sender<Asked>,
) -> anyhow::Result<()> {
    stream.set_nodelay(true).context("failed to set TCP_NODELAY")?;
    let mut inbox = Vec::new();
    loop {
        let at = request(&mut stream, &mut inbox).await?;
        tokio::time::sleep(manner.thinks).await;
        let mut spoke = None;
        for number in 0..manner.pieces {
            let now = Instant::now();
            let text = format!("{} ", (now - epoch).as_micros());
            let mut bytes = String::new();
            if number == 0 {
                spoke = Some(now);
                bytes.push_str(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
                );
            }
            bytes.push_str(&chunk(&event(&json!({"content": text}), None)));
            stream.write_all(bytes.as_bytes()).await.context("failed to answer")?;
            if number + 1 < manner.pieces {
                tokio::time::sleep(manner.every).await;
            }
        }
        let end = event(&json!({}), Some("stop")) + "data: [DONE]\n\n";
        let end = chunk(&end) + "0\r\n\r\n";
        stream.write_all(end.as_bytes()).await.context("failed to answer")?;
        let Some(spoke) = spoke else { bail!("an answer has no pieces") };
        if asked.send(Asked { at, spoke }).await.is_err() {
            return Ok(());
        }
    }
}

/// Reads one request; gives when its first bytes were there.
async fn request(stream: &mut TcpStream, inbox: &mut Vec<u8>) -> anyhow::Result<Instant> {
    let mut at = None;
    loop {
        let text = String::from_utf8_lossy(inbox);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok()
                })
                .unwrap_or(0);
            if body.len() >= length {
                inbox.clear();
                return Ok(at.unwrap_or_else(Instant::now));
            }
        }
        let count = stream.read_buf(inbox).await.context("failed to read")?;
        at.get_or_insert_with(Instant::now);
        if count == 0 {
            bail!("the connection ended");
        }
    }
}

fn event(delta: &serde_json::Value, finish: Option<&str>) -> String {
    let chunk = json!({
        "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    });
    format!("data: {chunk}\n\n")
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}
