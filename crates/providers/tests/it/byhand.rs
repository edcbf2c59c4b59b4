//! An HTTP server made by hand: it answers each connection with the bytes it was given, in its own time,
//! and tells what it was sent and when the other side left.

use std::{net::SocketAddr, sync::Arc};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Mutex, watch},
    task::JoinHandle,
};

/// A request as it arrived.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    /// Request line and headers, names in lower case.
    pub(crate) head: Vec<String>,
    pub(crate) body: Value,
}

impl Request {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) requests: Arc<Mutex<Vec<Request>>>,
    left: watch::Receiver<usize>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts an answer of server-sent events.
pub(crate) const STREAM: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

impl Server {
    /// Answers every connection with these bytes; then closes it, or leaves it open.
    pub(crate) async fn start(answer: String, close: bool) -> Self {
        Self::answering(move |_| answer.clone(), close).await
    }

    /// Answers every request as it deserves.
    #[expect(clippy::disallowed_methods, reason = "aborted when the server is dropped")]
    pub(crate) async fn answering(
        answer: impl Fn(&Request) -> String + Send + 'static,
        close: bool,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (gone, left) = watch::channel(0);
        let seen = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let request = read(&mut socket).await;
                let answer = answer(&request);
                seen.lock().await.push(request);
                socket.write_all(answer.as_bytes()).await.ok();
                if close {
                    socket.shutdown().await.ok();
                    continue;
                }
                // Nothing more is sent; what is waited for is that the other side leaves.
                let mut rest = Vec::new();
                socket.read_to_end(&mut rest).await.ok();
                gone.send_modify(|count| *count += 1);
            }
        });
        Self { address, requests, left, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The last request.
    pub(crate) async fn request(&self) -> Request {
        self.requests.lock().await.last().cloned().expect("a request came")
    }

    /// Waits until the other side has closed its connection.
    pub(crate) async fn left(&mut self) {
        let left = self.left.wait_for(|count| *count > 0);
        let waited = tokio::time::timeout(std::time::Duration::from_secs(5), left).await;
        waited.expect("the connection is closed soon").expect("the server lives");
    }
}

async fn read(socket: &mut TcpStream) -> Request {
    let mut bytes = Vec::new();
    let mut buffer = [0_u8; 4096];
    loop {
        let count = socket.read(&mut buffer).await.unwrap_or(0);
        bytes.extend(buffer.iter().take(count));
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            assert!(count > 0, "the request is cut");
            continue;
        };
        let head: Vec<String> = head.lines().map(lower_name).collect();
        let request = Request { head, body: Value::Null };
        let length: usize =
            request.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        if body.len() >= length {
            let body = serde_json::from_str(body).unwrap_or_default();
            return Request { body, ..request };
        }
    }
}

fn lower_name(line: &str) -> String {
    match line.split_once(": ") {
        Some((name, value)) => format!("{}: {value}", name.to_lowercase()),
        None => line.to_owned(),
    }
}
