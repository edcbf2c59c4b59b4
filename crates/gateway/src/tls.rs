//! TLS on a listener: the certificate in use, which may be replaced at any time, and what proofs over
//! such a connection are tied to.

use std::{fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use openclaw_protocol::trust::{EXPORTER_BYTES, EXPORTER_LABEL};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// Time for a TLS handshake, from the accepted socket on.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);
/// The first byte of every TLS connection: a handshake record.
const HANDSHAKE_RECORD: u8 = 0x16;
/// Most that is read of a request which is not TLS, in bytes.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// What somebody reads who speaks HTTP to a port that speaks TLS.
const PLAIN_ANSWER: &str = "{\"error\":{\"type\":\"tls_required\",\"message\":\"this port speaks TLS\",\
                            \"hint\":\"use wss:// or https:// instead of ws:// or http://\"}}";

/// Key material of one TLS connection that both ends know and nobody in between.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Exporter([u8; EXPORTER_BYTES]);

impl Exporter {
    /// The bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exporter")
    }
}

/// The TLS side of the Gateway. Its configuration is read anew for each connection, so that a renewed
/// certificate is used at once and nobody who is connected notices.
#[derive(Debug)]
pub struct ServerTls {
    config: ArcSwap<ServerConfig>,
}

impl ServerTls {
    /// Serves with this configuration.
    #[must_use]
    pub fn new(config: Arc<ServerConfig>) -> Arc<Self> {
        Arc::new(Self { config: ArcSwap::new(config) })
    }

    /// Serves with another one from now on.
    pub fn replace(&self, config: Arc<ServerConfig>) {
        self.config.store(config);
    }

    async fn accept(&self, stream: TcpStream) -> io::Result<(TlsStream<TcpStream>, Exporter)> {
        let stream = TlsAcceptor::from(self.config.load_full()).accept(stream).await?;
        let material =
            stream.get_ref().1.export_keying_material([0; EXPORTER_BYTES], EXPORTER_LABEL, None);
        Ok((stream, Exporter(material.map_err(io::Error::other)?)))
    }
}

/// What a socket turned out to speak.
pub(crate) enum Spoken {
    /// TLS, which ends here.
    Tls(Box<TlsStream<TcpStream>>, Exporter),
    /// Plain HTTP.
    Plain(TcpStream),
}

/// Finds out what a new socket speaks, and shakes hands. Without TLS is served who comes to a loopback
/// address: that never leaves this machine, and programs that know only `ws://` go on working.
///
/// # Errors
/// When the handshake fails, or somebody speaks plainly to an address where that is not served.
pub(crate) async fn welcome(
    tls: Option<&ServerTls>,
    mut stream: TcpStream,
    local: SocketAddr,
) -> io::Result<Spoken> {
    let Some(tls) = tls else { return Ok(Spoken::Plain(stream)) };
    let shaken = timeout(HANDSHAKE_DEADLINE, async {
        if first_byte(&stream).await? == HANDSHAKE_RECORD {
            let (stream, exporter) = tls.accept(stream).await?;
            return Ok(Spoken::Tls(Box::new(stream), exporter));
        }
        if local.ip().to_canonical().is_loopback() {
            return Ok(Spoken::Plain(stream));
        }
        read_head(&mut stream).await?;
        let answer = format!(
            "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{PLAIN_ANSWER}",
            PLAIN_ANSWER.len()
        );
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        Err(io::Error::new(io::ErrorKind::InvalidData, "no TLS"))
    });
    shaken.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

/// Reads what is asked, which an answer has to wait for: one that overtakes it is lost on its way.
async fn read_head(stream: &mut TcpStream) -> io::Result<()> {
    let mut head = Vec::with_capacity(1024);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < MAX_HEAD_BYTES {
        if stream.read_buf(&mut head).await? == 0 {
            break;
        }
    }
    Ok(())
}

/// The first byte, which stays in the socket.
async fn first_byte(stream: &TcpStream) -> io::Result<u8> {
    let mut byte = [0];
    match stream.peek(&mut byte).await? {
        0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
        _ => Ok(byte[0]),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use rustls::{crypto::aws_lc_rs, server::ResolvesServerCertUsingSni};
    use tokio::{net::TcpListener, time::Instant};

    use super::*;

    /// A server that has no certificate to show; nobody here gets as far as asking for one.
    fn server() -> Arc<ServerTls> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(ResolvesServerCertUsingSni::new()));
        ServerTls::new(Arc::new(config))
    }

    /// How somebody is welcomed at this address who says this much and then waits, and what they read.
    async fn told(said: &[u8], local: SocketAddr) -> (io::Result<Spoken>, String) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let mut guest = TcpStream::connect(address).await.expect("connected");
        guest.write_all(said).await.expect("said");
        let (stream, _) = listener.accept().await.expect("accepted");
        let spoken = welcome(Some(&*server()), stream, local).await;
        let mut read = String::new();
        if spoken.is_err() {
            // A reset says as much as an end.
            guest.read_to_string(&mut read).await.ok();
        }
        (spoken, read)
    }

    fn elsewhere() -> SocketAddr {
        (Ipv4Addr::new(192, 0, 2, 7), 18_789).into()
    }

    #[tokio::test(start_paused = true)]
    async fn a_handshake_that_stops_is_given_up() {
        for said in [&b""[..], b"\x16", b"\x16\x03\x01\x01\x00\x01", b"GET / HTTP/1.1\r\n"] {
            let started = Instant::now();
            let (spoken, read) = told(said, elsewhere()).await;
            let error = spoken.err().expect("refused");
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{said:?}");
            assert!(started.elapsed() < HANDSHAKE_DEADLINE * 2, "{said:?}");
            assert_eq!(read, "", "{said:?}");
        }
    }

    #[tokio::test]
    async fn plain_is_served_on_loopback_and_answered_elsewhere() {
        let ask = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
        for local in ["127.0.0.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            let (spoken, _) = told(ask, local.parse().expect("an address")).await;
            assert!(matches!(spoken, Ok(Spoken::Plain(_))), "{local}");
        }
        let (spoken, read) = told(ask, elsewhere()).await;
        assert!(spoken.is_err() && read.starts_with("HTTP/1.1 400 "), "{read}");
        assert!(read.contains("tls_required") && read.contains("wss://"), "{read}");
        // What only begins like TLS is not carried on as anything else.
        let (spoken, read) = told(b"\x16GET / HTTP/1.1\r\n\r\n", elsewhere()).await;
        assert!(spoken.is_err() && !read.contains("HTTP"), "{read}");
    }
}
