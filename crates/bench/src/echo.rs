//! A bare WebSocket server on the library the Gateway uses: it answers every text with one fixed text.
//!
//! The text is a recorded answer of the Gateway, so the same bytes go both ways and what is left of the
//! difference in rate is what the Gateway does between reading and writing.

use std::io::Write as _;

use anyhow::Context as _;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{accept_async_with_config, tungstenite::Message};

/// Serves until standard input ends; prints the port first.
pub(crate) fn run(answer: &str) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("failed to start a runtime")?;
    runtime.block_on(serve(answer.to_owned()))?;
    runtime.shutdown_background();
    Ok(())
}

async fn serve(answer: String) -> anyhow::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("failed to listen")?;
    let port = listener.local_addr().context("the listener has no address")?.port();
    writeln!(std::io::stdout(), "{port}").context("failed to print the port")?;
    let mut connections = JoinSet::new();
    let mut input = tokio::io::stdin();
    let mut end = [0];
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted.context("failed to accept")?;
                connections.spawn(answer_all(stream, answer.clone()));
            }
            _ = input.read(&mut end) => return Ok(()),
        }
    }
}

async fn answer_all(stream: TcpStream, answer: String) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let config = WebSocketConfig::default().read_buffer_size(4 * 1024);
    let mut socket = accept_async_with_config(stream, Some(config)).await?;
    while let Some(message) = socket.next().await {
        if message?.is_text() {
            socket.send(Message::text(answer.clone())).await?;
        }
    }
    Ok(())
}
