//! `cargo xtask gen`: writes the generated documents, or checks that the committed ones are up to date.
//!
//! The generators live in the package `openclaw-docgen`, so that xtask itself needs none of our crates
//! and still builds when one of them does not.

use crate::shell;

/// Arguments of `cargo xtask gen`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Changes nothing and fails when a file is not as it would be written.
    #[arg(long)]
    check: bool,
}

/// Runs all generators.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if args.check { check() } else { generate(&[]) }
}

/// Compares the committed files with what would be written.
pub(crate) fn check() -> anyhow::Result<()> {
    generate(&["--check"])
}

fn generate(flags: &[&str]) -> anyhow::Result<()> {
    // The command line reference is read from the binary itself.
    shell::run(shell::cargo().args(["build", "--quiet", "--package", "openclaw-cli"]))?;
    let binary = shell::workspace()?.target_directory.join("debug/openclaw");
    shell::run(
        shell::cargo()
            .args(["run", "--quiet", "--package", "openclaw-docgen", "--", "--binary"])
            .arg(binary)
            .arg("--root")
            .arg(shell::root())
            .args(flags),
    )
}
