//! `openclaw security audit --deep`: what the running Gateway answers to a stranger.
//!
//! Nothing secret is sent: requests that have to be refused, and a connect with no credential.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use openclaw_audit::Facts;
use openclaw_audit::facts::{LiveGateway, LiveReport, Probe};
use openclaw_base::Tasks;
use openclaw_client::credentials::Plan;
use openclaw_client::{Client, ClientError, ClientOptions, Endpoint, TcpDial};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use crate::context::Context;

/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// As much of an answer as is read: its first line.
const MAX_ANSWER: usize = 64;
/// An address of a stranger, from a range kept for documents.
const STRANGER: &str = "203.0.113.9";

/// Which of the Gateway's entrances is asked.
enum Entrance {
    Port(u16),
    /// Where the port speaks TLS; the same rules hold here.
    Door(PathBuf),
}

/// Asks, and gives what came of it.
pub(super) async fn probe(context: &Context, facts: &Facts) -> LiveReport {
    let port = facts.port;
    let url = format!("ws://127.0.0.1:{port}");
    let (entrance, alive) = find(context, port).await;
    let gateway = |ok, error| LiveGateway { attempted: true, url, ok, error };
    if let Err(error) = alive {
        return LiveReport { gateway: gateway(false, Some(error)), probes: Vec::new() };
    }
    let mut probes = Vec::new();
    for (check_id, what, headers) in requests(facts, port) {
        if let Ok(status) = status(&entrance, &headers).await {
            let detail = format!("{what} was answered with {status}");
            probes.push(Probe { check_id, ok: status == 403, detail });
        }
    }
    if matches!(entrance, Entrance::Port(_)) {
        probes.extend(anonymous(port).await);
    }
    probes.push(addresses(facts));
    LiveReport { gateway: gateway(true, None), probes }
}

/// The port, or the door if the port does not speak plain HTTP.
async fn find(context: &Context, port: u16) -> (Entrance, Result<u16, String>) {
    let health = [("Host", "localhost".to_owned())];
    let entrance = Entrance::Port(port);
    let first = match status(&entrance, &health).await {
        Ok(status) => return (entrance, Ok(status)),
        Err(error) => error,
    };
    let door = Entrance::Door(context.paths.socket().to_owned());
    let alive = status(&door, &health).await.map_err(|_| first.to_string());
    (door, alive)
}

/// Requests that must be refused: the check, what is asked, and the headers.
type Request = (&'static str, &'static str, Vec<(&'static str, String)>);

fn requests(facts: &Facts, port: u16) -> Vec<Request> {
    let own = || ("Host", format!("127.0.0.1:{port}"));
    let elsewhere = "somewhere.invalid";
    let mut all: Vec<Request> = vec![
        (
            "gateway.probe.foreign_host_served",
            "a request to a foreign name",
            vec![("Host", elsewhere.to_owned())],
        ),
        (
            "gateway.probe.foreign_origin_served",
            "a request of a foreign page",
            vec![own(), ("Origin", format!("https://{elsewhere}"))],
        ),
    ];
    let trusted = &facts.config.gateway.trusted_proxies;
    // Where this machine is named as a proxy, its word is meant to be believed.
    if !trusted.iter().any(|proxy| proxy.starts_with("127.") || proxy.contains("/0")) {
        all.push((
            "gateway.probe.forwarded_headers_believed",
            "a forwarded request of no known proxy",
            vec![own(), ("X-Forwarded-For", STRANGER.to_owned())],
        ));
    }
    all
}

async fn status(entrance: &Entrance, headers: &[(&str, String)]) -> io::Result<u16> {
    let asked = async {
        match entrance {
            Entrance::Port(port) => {
                ask(TcpStream::connect(("127.0.0.1", *port)).await?, headers).await
            }
            Entrance::Door(path) => ask(UnixStream::connect(path).await?, headers).await,
        }
    };
    let late = || io::Error::new(io::ErrorKind::TimedOut, "no answer in 3 s");
    timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err(late()))
}

/// The status of an answer.
async fn ask(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    headers: &[(&str, String)],
) -> io::Result<u16> {
    let mut request = "GET /healthz HTTP/1.1\r\nConnection: close\r\n".to_owned();
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    while answer.len() < MAX_ANSWER && stream.read_buf(&mut answer).await? > 0 {}
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
    let plain = || io::Error::new(io::ErrorKind::InvalidData, "it does not speak HTTP");
    status.and_then(|status| status.parse().ok()).ok_or_else(plain)
}

/// Whether somebody without any credential is let in.
async fn anonymous(port: u16) -> Option<Probe> {
    let tasks = Tasks::new();
    let mut options = ClientOptions::cli(tasks.clone(), env!("CARGO_PKG_VERSION"));
    options.connect_timeout = PATIENCE;
    let endpoint = Endpoint::new(TcpDial::loopback(port), Plan::nothing());
    let (ok, detail) = match Client::connect(&endpoint, &options).await {
        Ok(client) => {
            client.close().await;
            (false, "a client with no credential was let in".to_owned())
        }
        Err(error @ (ClientError::CredentialRefused(_) | ClientError::PairingRequired(_))) => {
            (true, error.to_string())
        }
        // What is no refusal says nothing about who is let in.
        Err(error) => {
            tracing::debug!(%error, "the anonymous connect failed");
            return None;
        }
    };
    tasks.shutdown(PATIENCE).await;
    Some(Probe { check_id: "gateway.probe.anonymous_accepted", ok, detail })
}

/// Whether the kernel has the port open on other addresses than the configuration says.
fn addresses(facts: &Facts) -> Probe {
    let open: Vec<String> = facts
        .machine
        .listeners
        .iter()
        .filter(|socket| socket.address.port() == facts.port && socket.uid == facts.uid)
        .filter(|socket| !socket.address.ip().is_loopback())
        .map(|socket| socket.address.to_string())
        .collect();
    Probe {
        check_id: "gateway.probe.listens_beyond_bind",
        ok: facts.is_exposed() || open.is_empty(),
        detail: format!("gateway.bind is {}, open: {}", facts.bind, open.join(", ")),
    }
}
