//! `cargo xtask gen`: writes the generated documents, or checks that the committed ones are up to date.
//!
//! The generators live in the package `openclaw-docgen`, so that xtask itself needs none of our crates
//! and still builds when one of them does not.

use std::process::Command;

use crate::shell;

/// Arguments of `cargo xtask gen`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Changes nothing and fails when a file is not as it would be written.
    #[arg(long)]
    check: bool,
}

/// Builds the generators and runs them.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let packages = ["--package", "openclaw-cli", "--package", "openclaw-docgen"];
    shell::run(shell::cargo().args(["build", "--quiet"]).args(packages))?;
    if args.check { check() } else { generate(&[]) }
}

/// Compares the committed files with what would be written, by generators that are built already.
pub(crate) fn check() -> anyhow::Result<()> {
    generate(&["--check"])
}

fn generate(flags: &[&str]) -> anyhow::Result<()> {
    let built = shell::workspace()?.target_directory.join("debug");
    // The command line reference is printed by the binary itself.
    shell::run(
        Command::new(built.join("openclaw-docgen"))
            .arg("--binary")
            .arg(built.join("openclaw"))
            .arg("--root")
            .arg(shell::root())
            .args(flags),
    )
}
