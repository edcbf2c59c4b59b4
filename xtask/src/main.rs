//! The jobs of the workspace as ordinary Rust: `cargo xtask JOB`.
//!
//! One module per job. A job prints what it does, stops at the first thing that fails, and exits 1 then.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod shell;

mod bench;
mod boot;
mod demo;
mod deny;
mod dist;
mod docs;
mod interop;
mod kills;
mod peer;
mod run;
mod soak;
mod test;
mod tidy;
mod tools;
mod ui;

/// Jobs of the OpenClaw workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    job: Job,
}

#[derive(Subcommand)]
enum Job {
    /// Builds the browser interface and the release binary, and starts the Gateway.
    Run(run::Args),
    /// Installs what the tests need and runs all of them.
    Test,
    /// The same as `test`; the word a CI service uses.
    Ci,
    /// Builds the browser interface into `ui/dist`, which the next build embeds.
    Ui(ui::Args),
    /// Writes the generated documents, or checks that they are up to date.
    Gen(docs::Args),
    /// Checks floors, module cycles, borders, file sizes and the other rules of the house.
    Tidy,
    /// Checks licences, bans, duplicate versions and sources of all dependencies.
    Deny,
    /// Measures, beside the original where asked.
    Bench(bench::Args),
    /// The long form of tests that are short in the test command (minutes; needs root).
    Soak(soak::Args),
    /// Kills every process of the flow at random moments, for minutes, and counts what came of it.
    Kills(kills::Args),
    /// Boots a systemd in a virtual machine and tries the services there (needs root and the network).
    Boot,
    /// Plays the flow from Telegram over the agent to a node and back, and shows each hop.
    Demo,
    /// Lets the original's programs talk to ours, in both directions (needs the network).
    Interop(interop::Args),
    /// Builds the static release binary with its archive, checksum and completions.
    Dist(dist::Args),
    /// Records the shape of the original's answers into `fixtures/peer` (needs the network).
    RecordPeer(peer::Args),
}

fn main() -> ExitCode {
    match dispatch(Cli::parse().job) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            shell::complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn dispatch(job: Job) -> anyhow::Result<()> {
    match job {
        Job::Run(args) => run::run(&args),
        Job::Test | Job::Ci => test::run(),
        Job::Ui(args) => ui::run(&args),
        Job::Gen(args) => docs::run(&args),
        Job::Tidy => tidy::run(),
        Job::Deny => deny::run(),
        Job::Bench(args) => bench::run(&args),
        Job::Soak(args) => soak::run(&args),
        Job::Kills(args) => kills::run(&args),
        Job::Boot => boot::run(),
        Job::Demo => demo::run(),
        Job::Interop(args) => interop::run(&args),
        Job::Dist(args) => dist::run(&args),
        Job::RecordPeer(args) => peer::run(&args),
    }
}
