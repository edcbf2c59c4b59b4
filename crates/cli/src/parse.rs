//! The command line as a whole: reading it, and explaining one that cannot be used.

mod refusal;

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches, Parser};

use crate::args::GlobalArgs;
use crate::commands::Command;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{OutputOptions, Printer};

/// Run, reach and look after an OpenClaw Gateway.
#[derive(Debug, Parser)]
#[command(name = "openclaw", version, propagate_version = false, max_term_width = 100)]
#[command(after_help = "Exit codes and every flag: docs/cli.md")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The command line, or what to print instead and how to end.
pub(crate) enum Parsed {
    /// Run this.
    Run(Box<Cli>),
    /// Help, version or a refusal was printed.
    Printed(ExitCode),
}

/// Reads the command line.
pub(crate) fn parse(args: &[OsString], plain: bool) -> Parsed {
    let given = |flag: &str| args.iter().any(|arg| arg == flag);
    let plain = plain || given("--no-color");
    let mut command = Cli::command();
    if plain {
        command = command.color(clap::ColorChoice::Never);
    }
    let options = OutputOptions { json: given("--json"), plain };
    let parsed =
        command.try_get_matches_from_mut(args).and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(cli) => Parsed::Run(Box::new(cli)),
        Err(error) => Parsed::Printed(explain(&error, &command, args, options)),
    }
}

fn explain(
    error: &clap::Error,
    command: &clap::Command,
    args: &[OsString],
    options: OutputOptions,
) -> ExitCode {
    if !error.use_stderr() {
        // A closed pipe under `--help | head` is fine.
        drop(error.print());
        return ExitCode::Done;
    }
    let refusal = refusal::explain(error, command, args);
    if options.json || refusal.is_some() {
        let failure = refusal.unwrap_or_else(|| plain_usage(error));
        Printer::new(options).failure(&failure);
    } else {
        drop(error.print());
    }
    ExitCode::Usage
}

/// A usage error as a failure: clap's first paragraph, without its colours.
fn plain_usage(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let first = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
    Failure::usage(first.trim()).hint("openclaw --help")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_table_is_consistent() {
        Cli::command().debug_assert();
    }
}
