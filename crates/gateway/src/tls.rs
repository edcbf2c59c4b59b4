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
