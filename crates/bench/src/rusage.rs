//! Runs one command and prints what it took: wall time in microseconds and peak memory in bytes.
//!
//! A process of its own, because the kernel counts the memory of whoever starts a program into that
//! program's peak: this one stays small.

use std::{
    io::Write as _,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, bail};
use wait4::Wait4 as _;

/// Runs `words` with their output thrown away.
pub(crate) fn run(words: &[String]) -> anyhow::Result<()> {
    let (program, args) = words.split_first().context("a command is missing")?;
    let started = Instant::now();
    let child = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("failed to start {program}"))?;
    let ended = child.wait4().context("failed to wait")?;
    let took = started.elapsed().as_micros();
    if !ended.status.success() {
        bail!("{program} failed ({})", ended.status);
    }
    writeln!(std::io::stdout(), "{took} {}", ended.rusage.maxrss).context("failed to print")
}
