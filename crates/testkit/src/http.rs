//! As much of HTTP/1.1 as clients of the stand-ins speak: bodies of known length.

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// A request.
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

/// The next request; `None` when the client left or its body is longer than `most`.
pub(crate) async fn read(socket: &mut BufReader<TcpStream>, most: usize) -> Option<Request> {
    let mut line = String::new();
    socket.read_line(&mut line).await.ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let (mut length, mut content_type) = (0, String::new());
    loop {
        line.clear();
        socket.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-type") {
            value.trim().clone_into(&mut content_type);
        }
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok().filter(|length| *length <= most)?;
        }
    }
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await.ok()?;
    Some(Request { path, content_type, body })
}

/// Something that is posted.
#[derive(Clone, Copy, Debug)]
pub struct Post<'a> {
    /// The path.
    pub path: &'a str,
    /// Headers beside the body's length.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
}

/// Posts to a port of this machine; gives the status and the body, `None` if nobody answers.
pub async fn post(port: u16, post: Post<'_>) -> Option<(u16, Value)> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let mut head = format!("POST {} HTTP/1.1\r\nconnection: close\r\n", post.path);
    let own = [("host", "127.0.0.1")].into_iter();
    let named = post.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host"));
    for (name, value) in own.filter(|_| !named).chain(post.headers.iter().copied()) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", post.body.len()));
    socket.write_all(head.as_bytes()).await.ok()?;
    // A server that refuses answers before it has read everything.
    socket.write_all(post.body).await.ok();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.ok();
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_str(body).unwrap_or_default()))
}
