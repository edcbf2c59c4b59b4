//! `cargo xtask record-peer`: installs the original into a folder outside the tree and records the shape
//! of its answers. Run by hand; the test command only reads what was recorded.

use std::{path::PathBuf, process::Command};

use anyhow::Context as _;

use crate::shell;

/// The release of the original that we compare with.
const PEER: &str = "openclaw@2026.9.6";

/// Arguments of `cargo xtask record-peer`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the original is, or will be, installed.
    #[arg(long, default_value_os_t = default_folder())]
    peer: PathBuf,
}

/// Installs the original and runs the recorder.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let node = install(&args.peer)?;
    let root = shell::root();
    shell::run(
        Command::new(node)
            .arg(root.join("tests-js/record-peer.mjs"))
            .arg("--peer")
            .arg(&args.peer)
            .arg("--out")
            .arg(root.join("fixtures/peer")),
    )
}

/// The folder the original is installed into unless told otherwise.
pub(crate) fn default_folder() -> PathBuf {
    std::env::temp_dir().join("openclaw-original")
}

/// Installs the original under `folder` unless it is there, and returns the Node that runs it.
pub(crate) fn install(folder: &std::path::Path) -> anyhow::Result<PathBuf> {
    let node = crate::tools::node()?;
    if folder.join("node_modules/openclaw/openclaw.mjs").exists() {
        return Ok(node);
    }
    std::fs::create_dir_all(folder)
        .with_context(|| format!("failed to create {}", folder.display()))?;
    shell::say(format_args!("installing {PEER} into {}", folder.display()))?;
    // Its install script refuses an older Node, so npm has to run on ours.
    let path = node.parent().context("node has no folder")?;
    let command = format!(
        "PATH='{}':\"$PATH\" npm install --no-audit --no-fund --prefix '{}' {PEER}",
        path.display(),
        folder.display()
    );
    shell::run(Command::new("sh").args(["-c", &command]).current_dir(folder))?;
    Ok(node)
}
