//! Idle connections in a process of their own: `clients PORT COUNT`, the token on standard input.
//!
//! Prints `ready` when all are connected, then holds them until standard input ends.

use std::{
    io::{BufRead as _, Write as _},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tokio::{io::AsyncReadExt as _, task::JoinSet};

use crate::wire::Wire;

const CONNECT_LIMIT: Duration = Duration::from_secs(30);

/// Connects one after the other, as the original admits only a few sockets that are not authenticated.
pub(crate) fn run(words: &[String]) -> anyhow::Result<()> {
    in_own_process(words, hold)
}

async fn hold(port: u16, token: &str, count: u32) -> anyhow::Result<()> {
    let mut idle = JoinSet::new();
    for _ in 0..count {
        let deadline = Instant::now() + CONNECT_LIMIT;
        idle.spawn(Wire::connect_by(port, token, deadline).await?.idle());
    }
    ready("ready").await
}

/// Runs what a process of its own does that is told `PORT COUNT`, and the token on standard input.
pub(crate) fn in_own_process(
    words: &[String],
    act: impl AsyncFnOnce(u16, &str, u32) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let [port, count] = words else { anyhow::bail!("PORT and COUNT are missing") };
    let port: u16 = port.parse().context("PORT is not a port")?;
    let count: u32 = count.parse().context("COUNT is not a number")?;
    let mut token = String::new();
    std::io::stdin().lock().read_line(&mut token).context("failed to read the token")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start a runtime")?;
    runtime.block_on(act(port, token.trim(), count))?;
    runtime.shutdown_background();
    Ok(())
}

/// Says that all is ready, and waits until standard input ends.
pub(crate) async fn ready(said: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{said}").context("failed to say so")?;
    let mut end = [0];
    tokio::io::stdin().read(&mut end).await.context("failed to wait")?;
    Ok(())
}
