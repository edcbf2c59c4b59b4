//! Somebody in the Gateway's place who writes down what the proxy sends.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
};

use super::http::read_request;

/// Waits for one request at a time.
#[derive(Debug)]
pub(super) struct Recorder(TcpListener);

impl Recorder {
    pub(super) async fn open() -> io::Result<Self> {
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map(Self)
    }

    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// The headers of the next request; whoever connects and says nothing is passed over.
    pub(super) async fn next(&self) -> io::Result<Vec<(String, String)>> {
        loop {
            let (mut stream, _) = self.0.accept().await?;
            if let Ok(headers) = read_request(&mut stream).await {
                answer(&mut stream).await?;
                return Ok(headers);
            }
        }
    }
}

async fn answer(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await?;
    stream.shutdown().await
}
