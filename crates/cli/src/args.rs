//! The command line: what is common to commands, and how a wrong one is explained.

mod refusal;
mod value;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, FromArgMatches, Parser};
use secrecy::SecretString;

use crate::commands::Command;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{OutputOptions, Printer};

pub(crate) use self::value::{parse_duration, parse_seconds, secret as secret_value};

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

/// Flags of every command.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// Use the state folder `~/.openclaw-NAME`
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Use the profile `dev`, port 19001
    #[arg(long, global = true)]
    pub(crate) dev: bool,
    /// Print no colours
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    /// Log what happens to standard error
    #[arg(long, global = true)]
    pub(crate) verbose: bool,
}

/// Flags of every command that prints data.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct OutputArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which Gateway to talk to, and for how long.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct TargetArgs {
    #[command(flatten)]
    pub(crate) reach: ReachArgs,
    /// Longest wait for an answer: `500ms`, `10s`, `2m`; a bare number is milliseconds
    #[arg(long, value_name = "TIME", value_parser = parse_duration, help_heading = "Gateway")]
    pub(crate) timeout: Option<Duration>,
}

/// Which Gateway to talk to, and with which credential.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Gateway")]
pub(crate) struct ReachArgs {
    /// Talk to the Gateway at this address; needs an explicit credential
    #[arg(long, value_name = "URL", conflicts_with = "ssh")]
    pub(crate) url: Option<String>,
    /// Talk to the Gateway of another machine through `ssh`
    #[arg(long, value_name = "USER@HOST[:PORT]")]
    pub(crate) ssh: Option<String>,
    /// Port of the Gateway on the machine named by --ssh [default: 18789]
    #[arg(long, value_name = "PORT", requires = "ssh")]
    pub(crate) remote_port: Option<u16>,
    /// Gateway token
    #[arg(long, value_name = "TOKEN", value_parser = secret_value)]
    pub(crate) token: Option<SecretString>,
    /// Gateway password
    #[arg(long, value_name = "PASSWORD", value_parser = secret_value)]
    pub(crate) password: Option<SecretString>,
    /// Read the password from a file, or with `-` from a prompt or standard input
    #[arg(long, value_name = "FILE", conflicts_with = "password")]
    pub(crate) password_file: Option<PathBuf>,
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
