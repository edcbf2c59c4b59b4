//! Whether an Ollama answers on this machine, and with which models.
//!
//! One plain HTTP/1.0 request by hand: the look happens at every start, and the real HTTP client is too
//! dear to be built just for finding nobody there.

use std::{io, net::SocketAddr, time::Duration};

use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A local server that does not answer within this is not there.
const DEADLINE: Duration = Duration::from_millis(1500);
/// Bytes of the list of models.
const MAX_BYTES: u64 = 1024 * 1024;
/// Models that are taken from it.
const MAX_MODELS: usize = 256;

#[derive(Deserialize)]
struct List {
    data: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
}

/// The models there are; none when nobody answers in the way Ollama does.
pub(crate) async fn models(address: SocketAddr) -> Vec<String> {
    match tokio::time::timeout(DEADLINE, ask(address)).await {
        Ok(Ok(response)) => read(&response).unwrap_or_default(),
        Ok(Err(error)) => {
            tracing::trace!(%address, %error, "no Ollama");
            Vec::new()
        }
        Err(_) => Vec::new(),
    }
}

async fn ask(address: SocketAddr) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /v1/models HTTP/1.0\r\nHost: {address}\r\nAccept: */*\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut response = Vec::new();
    stream.take(MAX_BYTES).read_to_end(&mut response).await?;
    Ok(response)
}

fn read(response: &[u8]) -> Option<Vec<String>> {
    let gap = response.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(response.get(..gap)?).ok()?;
    let status = head.lines().next()?.split_whitespace().nth(1)?;
    if status != "200" {
        return None;
    }
    let list: List = serde_json::from_slice(response.get(gap + 4..)?).ok()?;
    Some(list.data.into_iter().map(|model| model.id).take(MAX_MODELS).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let good =
            b"HTTP/1.0 200 OK\r\nA: b\r\n\r\n{\"data\":[{\"id\":\"llama\"},{\"id\":\"qwen\"}]}";
        assert_eq!(read(good), Some(vec!["llama".to_owned(), "qwen".to_owned()]));
        for bad in [
            &b""[..],
            b"HTTP/1.0 404 Not Found\r\n\r\n{\"data\":[]}",
            b"HTTP/1.0 200 OK\r\n\r\n<html>",
            b"SSH-2.0-OpenSSH\r\n\r\n",
            b"\xff\xff\r\n\r\n{}",
        ] {
            assert_eq!(read(bad), None);
        }
    }
}
