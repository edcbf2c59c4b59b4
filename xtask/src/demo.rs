//! `cargo xtask demo`: the whole command flow with real processes, each hop shown as it happens.

use crate::{shell, tools};

/// A message in Telegram, a run of the agent, a command on a node, the answer in the chat. Telegram's server
/// and the model's are stand-ins, everything else is the program itself.
pub(crate) fn run() -> anyhow::Result<()> {
    tools::npm_packages()?;
    let words = [
        "test",
        "--quiet",
        "--package",
        "openclaw-cli",
        "--test",
        "e2e",
        "--",
        "flow::",
        "--nocapture",
    ];
    shell::run(shell::cargo().args(words))
}
