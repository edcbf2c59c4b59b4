//! `cargo xtask run`: browser interface, release build, then the Gateway in the foreground.

use std::{os::unix::process::CommandExt as _, process::Command};

use anyhow::Context as _;

use crate::{shell, ui};

/// Arguments of `cargo xtask run`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Passed on to `openclaw gateway run`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    gateway: Vec<String>,
}

/// Builds the binary and becomes it, so that signals and the exit code are the Gateway's own.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    ui::build()?;
    shell::run(shell::cargo().args(["build", "--release", "--package", "openclaw-cli"]))?;
    let binary = shell::workspace()?.target_directory.join("release/openclaw");
    let error = Command::new(&binary).args(["gateway", "run"]).args(&args.gateway).exec();
    Err(error).with_context(|| format!("failed to start {binary}"))
}
