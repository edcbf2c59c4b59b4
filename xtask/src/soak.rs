//! `cargo xtask soak`: the long form of tests that are short in the test command.

use clap::Args as ClapArgs;

use crate::{shell, tools};

/// Read by the test of the wire that is cut.
const CUTS_VARIABLE: &str = "OPENCLAW_SOAK_CUTS";

/// Arguments of `cargo xtask soak`.
#[derive(ClapArgs)]
pub(crate) struct Args {
    /// How often the wire between the two machines is cut.
    #[arg(long, default_value_t = 100)]
    cuts: u32,
}

/// Cuts the wire between two network namespaces under load (needs root).
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    tools::system_packages()?;
    // Not nextest: it ends what takes longer than a test may.
    let words =
        ["test", "--package", "openclaw-cli", "--test", "e2e", "--", "cuts::", "--nocapture"];
    shell::run(shell::cargo().args(words).env(CUTS_VARIABLE, args.cuts.to_string()))
}
