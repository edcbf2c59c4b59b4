//! The `openclaw` program: runs a Gateway, and talks to one.
//!
//! Data goes to standard output and everything else to standard error; exit codes are those of
//! [`exit::ExitCode`]. Nothing is loaded, opened or connected before a command needs it.

mod args;
mod commands;
mod context;
mod endpoint;
mod exit;
mod explain;
mod failure;
mod holder;
mod input;
mod link;
mod output;
mod parse;
mod profiles;
mod service;
mod supervised;
mod target;
mod tunnels;

use std::ffi::OsString;

use clap::CommandFactory;
use openclaw_config::Environment;

use crate::exit::ExitCode;
use crate::output::{OutputOptions, Printer};
use crate::parse::{Cli, Parsed};

fn main() -> std::process::ExitCode {
    let process = Environment::process();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let plain = process.get("NO_COLOR").is_some();
    match parse::parse(&arguments, plain) {
        Parsed::Run(cli) => run(*cli, process, plain).into(),
        Parsed::Printed(code) => code.into(),
    }
}

/// Runs the command; a failure is printed here and nowhere else.
fn run(cli: Cli, process: Environment, plain: bool) -> ExitCode {
    let Cli { global, command } = cli;
    let options = OutputOptions { json: command.wants_json(), plain: plain || global.no_color };
    let printer = Printer::new(options);
    // A Gateway has a log of its own.
    if global.verbose && !command.runs_gateway() {
        log_to_stderr();
    }
    match commands::run(process, &global, printer, command, Cli::command) {
        Ok(code) => code,
        Err(failure) => {
            printer.failure(&failure);
            failure.exit
        }
    }
}

fn log_to_stderr() {
    let started = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(std::io::stderr)
        .with_target(true)
        .without_time()
        .try_init();
    // Only a second call could fail, and there is none.
    drop(started);
}
