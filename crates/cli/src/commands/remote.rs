//! `openclaw remote …`: Gateways of other machines, under names.

mod add;
mod list;

use clap::{Args, Subcommand};

use super::Outcome;
use crate::context::Context;

/// A word of its own for each thing to do.
#[derive(Args, Debug)]
pub(crate) struct RemoteArgs {
    #[command(subcommand)]
    command: RemoteCommand,
}

/// The words after `openclaw remote`.
#[derive(Debug, Subcommand)]
enum RemoteCommand {
    /// Check that a Gateway can be reached, pair this machine, and keep it under a name
    Add(Box<add::AddArgs>),
    /// List the named Gateways
    List(list::ListArgs),
    /// Show one named Gateway
    Show(list::NameArgs),
    /// Forget a named Gateway, its key and what is saved for it
    Remove(list::NameArgs),
}

impl RemoteArgs {
    /// Whether `--json` was given.
    pub(crate) fn wants_json(&self) -> bool {
        match &self.command {
            RemoteCommand::Add(args) => args.output.json,
            RemoteCommand::List(args) => args.output.json,
            RemoteCommand::Show(args) | RemoteCommand::Remove(args) => args.output.json,
        }
    }
}

/// Runs the word that was given.
pub(crate) fn run(context: &Context, args: &RemoteArgs) -> Outcome {
    match &args.command {
        RemoteCommand::Add(args) => add::run(context, args),
        RemoteCommand::List(args) => list::list(context, args),
        RemoteCommand::Show(args) => list::show(context, args),
        RemoteCommand::Remove(args) => list::remove(context, args),
    }
}
