//! `cargo xtask kills`: the long form of the test that kills every process of the command flow.

use clap::Args as ClapArgs;

use crate::shell;

/// Read by the test.
const SECONDS_VARIABLE: &str = "OPENCLAW_KILLS_SECONDS";
const SEED_VARIABLE: &str = "OPENCLAW_KILLS_SEED";

/// Arguments of `cargo xtask kills`.
#[derive(ClapArgs)]
pub(crate) struct Args {
    /// How long there are kills.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// The seed of an earlier run, which does the same again [default: a new one, which is printed]
    #[arg(long)]
    seed: Option<u64>,
}

/// Kills the Gateway, the node and what stands for Telegram and the model, while messages come in.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    // Not nextest: it ends what takes longer than a test may.
    let words = [
        "test",
        "--package",
        "openclaw-cli",
        "--test",
        "e2e",
        "--",
        "kills::whoever",
        "--nocapture",
    ];
    let mut cargo = shell::cargo();
    cargo.args(words).env(SECONDS_VARIABLE, args.minutes.saturating_mul(60).to_string());
    if let Some(seed) = args.seed {
        cargo.env(SEED_VARIABLE, seed.to_string());
    }
    shell::run(&mut cargo)
}
