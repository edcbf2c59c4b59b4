//! `openclaw completion SHELL`.

use clap::{Args, Command};
use clap_complete::Shell;

use super::Outcome;
use crate::exit::ExitCode;
use crate::output::Printer;

/// Which shell.
#[derive(Args, Debug)]
pub(crate) struct CompletionArgs {
    /// The shell to complete for
    shell: Shell,
}

/// Prints the script.
pub(crate) fn run(printer: Printer, mut table: Command, args: &CompletionArgs) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut table, "openclaw", &mut script);
    printer.piece(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::Done)
}
