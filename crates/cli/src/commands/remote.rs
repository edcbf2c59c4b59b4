//! `openclaw remote …`: Gateways of other machines, under names, and the tunnels to them.

mod add;
mod down;
mod install;
mod list;
mod run;
mod service;
mod status;
mod uninstall;
mod up;

use clap::{Args, Subcommand};

pub(super) use self::add::usual_name as name_of_target;
pub(super) use self::up::port_for_browser;
use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::target::{book, name_failure};

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
    /// Put this program on another machine, start its Gateway there, and keep it under a name
    Install(install::InstallArgs),
    /// Take the program and its service off another machine again
    Uninstall(uninstall::UninstallArgs),
    /// List the named Gateways
    List(list::ListArgs),
    /// Show one named Gateway
    Show(list::NameArgs),
    /// Forget a named Gateway, its key and what is saved for it
    Remove(list::NameArgs),
    /// Hold a tunnel to a named Gateway, in the background
    Up(up::UpArgs),
    /// Let go of a tunnel, or of all
    Down(down::DownArgs),
    /// Show the tunnels that are held
    Status(status::StatusArgs),
    /// Hold tunnels in the foreground, for a service
    Run(run::RunArgs),
    /// Hold a tunnel as a service that starts with the login
    Service(service::ServiceArgs),
}

impl RemoteArgs {
    /// Whether `--json` was given.
    pub(crate) fn wants_json(&self) -> bool {
        match &self.command {
            RemoteCommand::Add(args) => args.output.json,
            RemoteCommand::Install(args) => args.output.json,
            RemoteCommand::Uninstall(args) => args.output.json,
            RemoteCommand::List(args) => args.output.json,
            RemoteCommand::Up(args) => args.output.json,
            RemoteCommand::Down(args) => args.output.json,
            RemoteCommand::Status(args) => args.output.json,
            RemoteCommand::Run(_) => false,
            RemoteCommand::Service(args) => args.wants_json(),
            RemoteCommand::Show(args) | RemoteCommand::Remove(args) => args.output.json,
        }
    }
}

/// Runs the word that was given.
pub(crate) fn run(context: &Context, args: &RemoteArgs) -> Outcome {
    match &args.command {
        RemoteCommand::Add(args) => add::run(context, args),
        RemoteCommand::Install(args) => install::run(context, args),
        RemoteCommand::Uninstall(args) => uninstall::run(context, args),
        RemoteCommand::List(args) => list::list(context, args),
        RemoteCommand::Show(args) => list::show(context, args),
        RemoteCommand::Remove(args) => list::remove(context, args),
        RemoteCommand::Up(args) => up::run(context, args),
        RemoteCommand::Down(args) => down::run(context, args),
        RemoteCommand::Status(args) => status::run(context, args),
        RemoteCommand::Run(args) => run::run(context, args),
        RemoteCommand::Service(args) => service::run(context, args),
    }
}

/// The name that is meant when none is given: the one in use, else the only one.
fn usual_name(context: &Context, given: Option<&String>) -> Result<String, Failure> {
    let book = book(context);
    if let Some(name) = given {
        let gateway = book.load(name).map_err(|error| name_failure(&error))?;
        return Ok(gateway.name);
    }
    if let Some(name) = book.current().map_err(|error| name_failure(&error))? {
        return Ok(name);
    }
    match book.list().map_err(|error| name_failure(&error))?.as_slice() {
        [only] => Ok(only.name.clone()),
        [] => {
            Err(Failure::usage("no Gateway has a name yet").hint("openclaw remote add me@server"))
        }
        _ => Err(Failure::usage("which Gateway? several have names").hint("openclaw remote list")),
    }
}
