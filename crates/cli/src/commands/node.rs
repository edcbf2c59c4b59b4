//! `openclaw node …`: this machine as one that offers commands.

mod run;
mod service;

use clap::{Args, Subcommand};

pub(super) use self::run::{RunArgs, pair, run as serve};
pub(super) use self::service::{InstallArgs, install};
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
    Run(RunArgs),
    /// Offer them as a service that starts with the login
    Install(InstallArgs),
    /// Take the service away
    Uninstall(service::PlainArgs),
    /// Say whether the service runs
    Status(service::PlainArgs),
    /// End the service until the next login
    Stop(service::PlainArgs),
}

impl NodeArgs {
    /// Whether `--json` was given.
    pub(crate) const fn wants_json(&self) -> bool {
        match &self.command {
            NodeCommand::Run(_) => false,
            NodeCommand::Install(args) => args.output.json,
            NodeCommand::Uninstall(args) | NodeCommand::Status(args) | NodeCommand::Stop(args) => {
                args.output.json
            }
        }
    }
}

/// Runs the word that was given.
pub(crate) fn run(context: &Context, args: &NodeArgs) -> Outcome {
    match &args.command {
        NodeCommand::Run(args) => serve(context, args),
        NodeCommand::Install(args) => install(context, args),
        NodeCommand::Uninstall(_) => service::uninstall(context),
        NodeCommand::Status(_) => service::status(context),
        NodeCommand::Stop(_) => service::stop(context),
    }
}
