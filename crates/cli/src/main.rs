//! The `openclaw` program: runs a Gateway, and talks to one.
//!
//! Data goes to standard output and everything else to standard error; exit codes are those of
//! [`exit::ExitCode`]. Nothing is loaded, opened or connected before a command needs it.

mod args;
mod commands;
mod context;
mod exit;
mod failure;
mod output;

use crate::args::{Cli, Parsed};
use crate::context::Context;
use crate::exit::ExitCode;
use crate::output::{OutputOptions, Printer};

fn main() -> std::process::ExitCode {
    let cli = match args::parse(std::env::args_os().collect()) {
        Parsed::Run(cli) => cli,
        Parsed::Printed(code) => return code.into(),
    };
    run(*cli).into()
}

/// Runs the command; a failure is printed here and nowhere else.
fn run(cli: Cli) -> ExitCode {
    let Cli { global, command } = cli;
    let options = OutputOptions { json: command.wants_json(), plain: global.no_color };
    let outcome =
        Context::new(&global, options).and_then(|context| commands::run(&context, command));
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            Printer::new(options).failure(&failure);
            failure.exit
        }
    }
}
