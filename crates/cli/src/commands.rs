//! The commands, one file each.

mod completion;
mod reference;

use clap::Subcommand;

use crate::context::Context;
use crate::exit::ExitCode;
use crate::failure::Failure;

/// What every command gives back.
pub(crate) type Outcome = Result<ExitCode, Failure>;

/// The words after `openclaw`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print the completion script of a shell
    Completion(completion::CompletionArgs),
    /// Print the command reference as Markdown
    #[command(hide = true)]
    Reference,
}

impl Command {
    /// Whether failures are printed as JSON too.
    pub(crate) fn wants_json(&self) -> bool {
        match self {
            Self::Completion(_) | Self::Reference => false,
        }
    }
}

/// Runs a command to its end.
pub(crate) fn run(context: &Context, command: Command) -> Outcome {
    match command {
        Command::Completion(args) => completion::run(context, &args),
        Command::Reference => reference::run(context),
    }
}
