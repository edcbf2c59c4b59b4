//! `openclaw completion SHELL`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Outcome;
use crate::args::Cli;
use crate::context::Context;
use crate::exit::ExitCode;

/// Which shell.
#[derive(Args, Debug)]
pub(crate) struct CompletionArgs {
    /// The shell to complete for
    shell: Shell,
}

/// Prints the script.
pub(crate) fn run(context: &Context, args: &CompletionArgs) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "openclaw", &mut script);
    context.printer.piece(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::Done)
}
