//! `openclaw models …`: what can be asked, and the keys for it.

mod auth;

use clap::{Args, Subcommand};
use openclaw_protocol::methods::models::{
    ModelChoice, ModelsList, ModelsListParams, ModelsListResult, ModelsView,
};

use super::Outcome;
use crate::args::{OutputArgs, TargetArgs};
use crate::context::Context;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::link::{Link, block_on};
use crate::output::{Printer, Table};

/// Everything about models.
#[derive(Args, Debug)]
pub(crate) struct ModelsArgs {
    #[command(subcommand)]
    command: ModelsCommand,
}

/// The words after `openclaw models`.
#[derive(Debug, Subcommand)]
enum ModelsCommand {
    /// List the models that the Gateway can ask
    List {
        /// Every model that is known, usable or not
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        target: TargetArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Keep the keys of model providers on this machine
    Auth(auth::AuthArgs),
}

impl ModelsArgs {
    /// Whether `--json` was given.
    pub(crate) fn wants_json(&self) -> bool {
        match &self.command {
            ModelsCommand::List { output, .. } => output.json,
            ModelsCommand::Auth(args) => args.wants_json(),
        }
    }
}

/// Runs the word that was given.
pub(crate) fn run(context: &Context, args: &ModelsArgs) -> Outcome {
    match &args.command {
        ModelsCommand::List { all, target, .. } => block_on(list(context, target, *all)),
        ModelsCommand::Auth(args) => auth::run(context, args),
    }
}

async fn list(context: &Context, target: &TargetArgs, all: bool) -> Outcome {
    let link = Link::open(context, target).await?;
    let view = all.then_some(ModelsView::All);
    let params = ModelsListParams { view, ..ModelsListParams::default() };
    let answer = link.ask::<ModelsList>(&params).await;
    link.close().await;
    answer?.show(context.printer, |printer, result| print(printer, result, all))?;
    Ok(ExitCode::Done)
}

/// Without `all` only what can be asked: a known model without a key helps nobody.
fn print(printer: Printer, result: &ModelsListResult, all: bool) -> Result<(), Failure> {
    let asked = |model: &&ModelChoice| all || model.available != Some(false);
    let mut table = Table::new(["MODEL", "NAME", "CONTEXT", "AVAILABLE", "TAGS"]);
    for model in result.models.iter().filter(asked) {
        let available = match (model.available, model.unavailable_reason) {
            (_, Some(reason)) => format!("no: {}", reason.as_str()),
            (Some(false), None) => "no".to_owned(),
            (_, None) => "yes".to_owned(),
        };
        let context = model.context_window.map_or_else(|| "-".to_owned(), |size| size.to_string());
        table.row([
            format!("{}/{}", model.provider, model.id),
            model.name.clone(),
            context,
            available,
            model.tags.clone().unwrap_or_default().join(", "),
        ]);
    }
    if table.is_empty() {
        printer.note("no model is configured");
        printer.hint("openclaw models auth set anthropic");
        return Ok(());
    }
    printer.table(&table)?;
    let more = result.models.iter().filter(|model| !asked(model)).count();
    if more > 0 {
        printer.note(format!("{more} more are known but need a key; `--all` lists them"));
    }
    Ok(())
}
