//! Talking to the process that holds the tunnels: one JSON line each way over its 0600 socket.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
    time::timeout,
};

use super::SupervisorReport;

/// Longest line, in bytes.
const MAX_LINE: u64 = 256 * 1024;
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(10);

/// What it is asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "do", content = "name")]
pub enum Request {
    /// Say how everything is.
    Status,
    /// Hold a tunnel, or try at once to restore it.
    Up(String),
    /// Let go of a tunnel, or of all; without tunnels the process ends.
    Down(Option<String>),
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Reply {
    Report(SupervisorReport),
    Error(String),
}

/// The socket of the process that holds the tunnels.
#[derive(Clone, Debug)]
pub struct Control {
    socket: PathBuf,
}

impl Control {
    /// The process behind a socket.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into() }
    }

    /// How everything is; `None` when no tunnel is held.
    pub async fn report(&self) -> Option<SupervisorReport> {
        self.ask(&Request::Status).await.ok().flatten()
    }

    /// Asks; `None` when nobody is there to ask.
    ///
    /// # Errors
    /// When the process refuses, or does not answer.
    pub async fn ask(&self, request: &Request) -> io::Result<Option<SupervisorReport>> {
        let asking = ask(&self.socket, request);
        match timeout(ANSWER, asking).await {
            Ok(answer) => answer,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "it does not answer")),
        }
    }
}

async fn ask(socket: &Path, request: &Request) -> io::Result<Option<SupervisorReport>> {
    let mut io = match UnixStream::connect(socket).await {
        Ok(io) => io,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    write_line(&mut io, request).await?;
    match read_line(&mut io).await? {
        Reply::Report(report) => Ok(Some(report)),
        Reply::Error(error) => Err(io::Error::other(error)),
    }
}

/// Writes a value as one line.
pub(super) async fn write_line<T: Serialize + Sync>(
    io: &mut UnixStream,
    value: &T,
) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    io.write_all(&line).await
}

/// Reads a value from one line.
pub(super) async fn read_line<T: DeserializeOwned>(io: &mut UnixStream) -> io::Result<T> {
    let mut line = String::new();
    BufReader::new(io).take(MAX_LINE).read_line(&mut line).await?;
    Ok(serde_json::from_str(&line)?)
}
