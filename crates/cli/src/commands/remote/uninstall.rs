//! `openclaw remote uninstall`: the way back from `remote install`. The state stays unless it is asked
//! for by name.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use openclaw_base::Tasks;
use openclaw_remote::{How, Login, SshOptions, install};
use serde_json::json;

use super::install::{ask, copy_failure, login_failure};
use super::list;
use crate::args::OutputArgs;
use crate::commands::Outcome;
use crate::context::Context;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::link::{block_on, ssh_target};
use crate::output::harmless;
use crate::target::book;

/// How long what `ssh` left behind may take to end.
const GOODBYE: Duration = Duration::from_secs(1);

/// From where.
#[derive(Args, Debug)]
pub(crate) struct UninstallArgs {
    /// Name of the Gateway, or `USER@HOST[:PORT]`
    #[arg(value_name = "NAME")]
    gateway: String,
    /// Remove the Gateway's state there as well: sessions, devices, keys, logs
    #[arg(long)]
    purge: bool,
    /// The name once more, instead of being asked for it
    #[arg(long, value_name = "NAME", requires = "purge")]
    confirm: Option<String>,
    /// Private key to log in with
    #[arg(long, value_name = "FILE")]
    ssh_identity: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Stops and removes the service and the program there, and forgets the name here.
pub(crate) fn run(context: &Context, args: &UninstallArgs) -> Outcome {
    let named = book(context).load(&args.gateway).ok();
    let (target, identity) = match named.as_ref().map(|gateway| &gateway.how) {
        Some(How::Ssh { target, identity, .. }) => (target.clone(), identity.clone()),
        Some(How::Url { .. }) => {
            return Err(Failure::usage("that Gateway is reached by its address, not by ssh")
                .hint("name the machine: openclaw remote uninstall USER@HOST"));
        }
        None => (args.gateway.clone(), None),
    };
    if args.purge {
        confirm(context, args)?;
    }
    let target = ssh_target(&target)?;
    let done = block_on(async {
        let tasks = Tasks::new();
        let mut options = SshOptions::new(tasks.clone());
        options.identity = args.ssh_identity.clone().or(identity);
        let login = Login::new(target, options);
        let done = there(context, args, &login).await;
        tasks.shutdown(GOODBYE).await;
        done
    })?;
    if let Some(gateway) = &named {
        list::forget(context, &gateway.name)?;
    }
    let printer = context.printer;
    if printer.is_json() {
        printer.json(&json!({ "ok": true, "removed": done, "forgot": named.map(|it| it.name) }))?;
        return Ok(ExitCode::Done);
    }
    printer.line(format!("removed from {}: {}", args.gateway, done.join(", ")))?;
    if !args.purge {
        printer.hint("its state is still in ~/.openclaw there; --purge removes that too");
    }
    Ok(ExitCode::Done)
}

async fn there(
    context: &Context,
    args: &UninstallArgs,
    login: &Login,
) -> Result<Vec<&'static str>, Failure> {
    let printer = context.printer;
    printer.step("looking around there");
    let survey = install::survey(login).await.map_err(|error| login_failure(login, error))?;
    let mut done = Vec::new();
    match &survey.own {
        Some(own) if !own.ours => {
            let text = format!("{} is not ours ({}); nothing was changed", own.path, own.version);
            return Err(Failure::new(ExitCode::Failed, harmless(&text))
                .code("NOT_OURS")
                .hint("remove that by the way it was installed"));
        }
        Some(_) => {
            printer.step("removing its service there");
            ask(login, "gateway uninstall --json").await?;
            done.push("service");
            printer.step("removing the program there");
            install::remove(login).await.map_err(|error| copy_failure(login, error))?;
            done.push("program");
        }
        None => printer.note("no program of ours is there"),
    }
    if args.purge {
        printer.step("removing the state there");
        install::purge(login).await.map_err(|error| copy_failure(login, error))?;
        done.push("state");
    }
    Ok(done)
}

/// What is gone is gone: the name has to be typed.
fn confirm(context: &Context, args: &UninstallArgs) -> Result<(), Failure> {
    let typed = match &args.confirm {
        Some(typed) => typed.clone(),
        None if std::io::stdin().is_terminal() && !context.printer.is_json() => {
            context.printer.warning("all sessions, devices and keys of that Gateway are removed");
            let asked = dialoguer::Input::<String>::new()
                .with_prompt(format!("Type {} to go on", args.gateway))
                .interact_text();
            asked.unwrap_or_default()
        }
        None => String::new(),
    };
    if typed == args.gateway {
        return Ok(());
    }
    Err(Failure::usage("nothing was removed: the name was not typed")
        .hint(format!("openclaw remote uninstall {0} --purge --confirm {0}", args.gateway)))
}
