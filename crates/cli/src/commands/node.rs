//! `openclaw node …`: this machine as one that offers commands.

mod run;

use clap::{Args, Subcommand};

use super::Outcome;
use crate::context::Context;

/// A word of its own for each thing to do.
#[derive(Args, Debug)]
pub(crate) struct NodeArgs {
    #[command(subcommand)]
    command: NodeCommand,
}

/// The words after `openclaw node`.
#[derive(Debug, Subcommand)]
enum NodeCommand {
    /// Offer commands of this machine to a Gateway, in the foreground
    Run(run::RunArgs),
}

impl NodeArgs {
    /// Whether `--json` was given.
    pub(crate) const fn wants_json(&self) -> bool {
        match &self.command {
            NodeCommand::Run(_) => false,
        }
    }
}

/// Runs the word that was given.
pub(crate) fn run(context: &Context, args: &NodeArgs) -> Outcome {
    match &args.command {
        NodeCommand::Run(args) => run::run(context, args),
    }
}
