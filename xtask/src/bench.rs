//! `cargo xtask bench start|remote|nodes|turns|ui`: builds what is measured and what measures, and runs it.
//!
//! The measuring client is the package `openclaw-bench`, a program of its own, so that neither xtask nor
//! the Gateway carries it.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use crate::{peer, shell, tools, ui};

/// Arguments of `cargo xtask bench`.
#[derive(ClapArgs)]
pub(crate) struct Args {
    /// What to measure.
    suite: Suite,
    /// Also measures the original, which is installed if need be (needs the network).
    #[arg(long)]
    original: bool,
    /// Where the original is, or will be, installed.
    #[arg(long, default_value_os_t = peer::default_folder())]
    peer: PathBuf,
    /// How often each thing is measured.
    #[arg(long, default_value_t = 20)]
    runs: u32,
}

#[derive(Clone, Copy, ValueEnum)]
enum Suite {
    /// Start, memory at rest, one command, requests per second, memory per client.
    Start,
    /// Commands through `ssh` and through a held tunnel, with and without delay; a killed and a dead link.
    Remote,
    /// Five thousand simulated nodes at one Gateway, and the memory of a real node host.
    Nodes,
    /// What the Gateway adds to a turn, and 200 answers at once.
    Turns,
    /// The browser interface over a slow link: how soon, how many bytes, how smooth.
    Ui,
}

/// Builds and measures.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let suite = match args.suite {
        Suite::Start => "start",
        Suite::Remote => "remote",
        Suite::Nodes => "nodes",
        Suite::Turns => "turns",
        Suite::Ui => "ui",
    };
    if matches!(args.suite, Suite::Ui) {
        tools::system_packages()?;
        ui::build()?;
    }
    for package in ["openclaw-cli", "openclaw-bench"] {
        shell::run(shell::cargo().args(["build", "--release", "--package", package]))?;
    }
    let release = shell::workspace()?.target_directory.join("release");
    let mut bench = std::process::Command::new(release.join("openclaw-bench"));
    bench.arg(suite).arg("--openclaw").arg(release.join("openclaw"));
    bench.arg("--runs").arg(args.runs.to_string());
    if matches!(args.suite, Suite::Ui) {
        bench.arg("--script").arg(shell::root().join("ui/bench/visit.mjs"));
    }
    if args.original || matches!(args.suite, Suite::Ui) {
        bench.arg("--node").arg(tools::node()?);
    }
    if args.original {
        peer::install(&args.peer)?;
        bench.arg("--original").arg(args.peer.join("node_modules/openclaw/openclaw.mjs"));
    }
    shell::run(&mut bench)
}
