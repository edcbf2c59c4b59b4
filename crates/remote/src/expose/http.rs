//! One request and the head of its answer; enough to see what a proxy does.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
    time::timeout,
};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest head, and the most that is read of a body.
const MAX_BYTES: usize = 16 * 1024;
/// Most header lines.
const MAX_LINES: usize = 64;

/// What was answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// `error.type` of a refusal.
    pub(super) refusal: Option<String>,
}

/// Asks for `/healthz` with these headers, from a certain address of this machine if one is given.
pub(super) async fn get(
    at: SocketAddr,
    from: Option<IpAddr>,
    headers: &[(&str, &str)],
) -> io::Result<Answer> {
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    timeout(PATIENCE, ask(at, from, headers)).await.map_err(late)?
}

async fn ask(at: SocketAddr, from: Option<IpAddr>, headers: &[(&str, &str)]) -> io::Result<Answer> {
    let socket = if at.is_ipv6() { TcpSocket::new_v6()? } else { TcpSocket::new_v4()? };
    if let Some(from) = from {
        socket.bind(SocketAddr::new(from, 0))?;
    }
    let mut stream = socket.connect(at).await?;
    let mut request = "GET /healthz HTTP/1.1\r\nConnection: close\r\n".to_owned();
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    let mut limited = stream.take(MAX_BYTES as u64);
    limited.read_to_end(&mut bytes).await?;
    let mut lines = [httparse::EMPTY_HEADER; MAX_LINES];
    let mut head = httparse::Response::new(&mut lines);
    let parsed = head.parse(&bytes).map_err(io::Error::other)?;
    let (httparse::Status::Complete(body), Some(status)) = (parsed, head.code) else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    Ok(Answer { status, refusal: refusal(bytes.get(body..).unwrap_or_default()) })
}

/// The body may be in chunks; the object in it is one piece.
fn refusal(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let object = text.get(text.find('{')?..=text.rfind('}')?)?;
    let value: serde_json::Value = serde_json::from_str(object).ok()?;
    Some(value.get("error")?.get("type")?.as_str()?.to_owned())
}

/// Reads the head of a request that somebody else sends, names in lower case.
pub(super) async fn read_request(
    stream: &mut (impl AsyncRead + Unpin),
) -> io::Result<Vec<(String, String)>> {
    let mut bytes = Vec::new();
    while bytes.len() < MAX_BYTES {
        if stream.read_buf(&mut bytes).await? == 0 {
            break;
        }
        let mut lines = [httparse::EMPTY_HEADER; MAX_LINES];
        let mut head = httparse::Request::new(&mut lines);
        if head.parse(&bytes).map_err(io::Error::other)?.is_complete() {
            let pair = |line: &httparse::Header<'_>| {
                let value = String::from_utf8_lossy(line.value).into_owned();
                (line.name.to_ascii_lowercase(), value)
            };
            return Ok(head.headers.iter().map(pair).collect());
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}
