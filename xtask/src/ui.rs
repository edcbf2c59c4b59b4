//! `cargo xtask ui`: the browser interface of `ui/`, checked, built, and compressed into `ui/dist`.

use std::process::Command;

use crate::{shell, tools};

/// Arguments of `cargo xtask ui`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Takes a picture of every page, in both themes and sizes, into `target/screenshots`.
    #[arg(long)]
    screenshots: bool,
    /// Runs the original's own interface, fetched from npm, against our Gateway, and says what it uses.
    #[arg(long, conflicts_with = "screenshots")]
    peer: bool,
}

/// Builds it, and takes pictures where asked.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    build()?;
    if args.peer {
        shell::run(shell::cargo().args(["build", "--package", "openclaw-cli"]))?;
        return shell::run(node()?.arg("tests/peer.mjs"));
    }
    if !args.screenshots {
        return shell::say("the next build of openclaw embeds ui/dist");
    }
    tools::system_packages()?;
    shell::run(shell::cargo().args(["build", "--package", "openclaw-cli"]))?;
    let folder = shell::workspace()?.target_directory.join("screenshots");
    shell::run(node()?.arg("tests/screenshots.mjs").arg(folder))
}

/// Checks the types and builds.
pub(crate) fn build() -> anyhow::Result<()> {
    tools::npm_install("ui")?;
    let checker = "node_modules/svelte-check/bin/svelte-check";
    shell::run(node()?.args([checker, "--fail-on-warnings", "--output", "human"]))?;
    shell::run(node()?.args(["node_modules/vite/bin/vite.js", "build", "--logLevel", "warn"]))
}

/// The tests in a real browser, against the built binary.
pub(crate) fn test() -> anyhow::Result<()> {
    let built = shell::workspace()?.target_directory.join("debug/openclaw");
    shell::run(node()?.args(["--test", "tests/*.test.mjs"]).env("OPENCLAW", built))
}

fn node() -> anyhow::Result<Command> {
    let mut node = Command::new(tools::node()?);
    node.current_dir(shell::root().join("ui"));
    Ok(node)
}
