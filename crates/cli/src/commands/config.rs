//! `openclaw config …`: the configuration file of this machine.
//!
//! A change is made in the text itself: comments and every other byte stay. A change that would make
//! the file unusable is refused with every problem it would bring.

mod change;
mod show;

use clap::{Args, Subcommand};

use super::Outcome;
use crate::args::OutputArgs;
use crate::context::Context;

/// Everything about the configuration.
#[derive(Args, Debug)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

/// The words after `openclaw config`.
#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Show the configuration, or one key of it; secrets are blacked out
    Get {
        /// The key, such as `gateway.port` or `agents.list[0].id`
        #[arg(value_name = "KEY")]
        key: Option<String>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Set one key
    Set {
        /// The key, such as `gateway.port`
        #[arg(value_name = "KEY")]
        key: String,
        /// The value as JSON5, or a bare text; left out, it is asked for or read from standard input
        #[arg(value_name = "VALUE", allow_hyphen_values = true)]
        value: Option<String>,
        /// Take the value as text, whatever it looks like
        #[arg(long)]
        text: bool,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Remove one key, so that its default applies
    Unset {
        /// The key
        #[arg(value_name = "KEY")]
        key: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Check the file and list every problem
    Validate {
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Print where the file is
    File {
        #[command(flatten)]
        output: OutputArgs,
    },
}

impl ConfigArgs {
    /// Whether `--json` was given.
    pub(crate) fn wants_json(&self) -> bool {
        match &self.command {
            ConfigCommand::Get { output, .. }
            | ConfigCommand::Set { output, .. }
            | ConfigCommand::Unset { output, .. }
            | ConfigCommand::Validate { output }
            | ConfigCommand::File { output } => output.json,
        }
    }
}

/// Runs the word that was given.
pub(crate) fn run(context: &Context, args: &ConfigArgs) -> Outcome {
    match &args.command {
        ConfigCommand::Get { key, .. } => show::get(context, key.as_deref()),
        ConfigCommand::Set { key, value, text, .. } => {
            change::set(context, key, value.as_deref(), *text)
        }
        ConfigCommand::Unset { key, .. } => change::unset(context, key),
        ConfigCommand::Validate { .. } => show::validate(context),
        ConfigCommand::File { .. } => show::file(context),
    }
}
