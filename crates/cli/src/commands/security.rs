//! `openclaw security …`: what lets others in.

mod audit;
mod deep;
mod show;

use clap::{Args, Subcommand};

use super::Outcome;
use crate::context::Context;

pub(crate) use self::audit::summary;

/// Everything about security.
#[derive(Args, Debug)]
pub(crate) struct SecurityArgs {
    #[command(subcommand)]
    command: SecurityCommand,
}

/// The words after `openclaw security`.
#[derive(Debug, Subcommand)]
enum SecurityCommand {
    /// Look for what lets others in: configuration, files, processes, sockets
    Audit(audit::AuditArgs),
}

impl SecurityArgs {
    /// Whether `--json` was given.
    pub(crate) fn wants_json(&self) -> bool {
        match &self.command {
            SecurityCommand::Audit(args) => args.output.json,
        }
    }
}

/// Runs the word that was given.
pub(crate) fn run(context: &Context, args: &SecurityArgs) -> Outcome {
    match &args.command {
        SecurityCommand::Audit(args) => audit::run(context, args),
    }
}
