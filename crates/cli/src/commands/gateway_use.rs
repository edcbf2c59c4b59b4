//! `openclaw gateway use`: which named Gateway commands talk to unless they say otherwise.

use clap::Args;
use serde_json::json;

use super::Outcome;
use crate::args::OutputArgs;
use crate::context::Context;
use crate::exit::ExitCode;
use crate::target::{book, name_failure};

/// Which Gateway; without a name the one in use is shown.
#[derive(Args, Debug)]
pub(crate) struct UseArgs {
    /// Name of the Gateway
    #[arg(value_name = "NAME", conflicts_with = "none")]
    name: Option<String>,
    /// Use no named Gateway any more
    #[arg(long)]
    none: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Changes or shows it.
pub(crate) fn run(context: &Context, args: &UseArgs) -> Outcome {
    let book = book(context);
    if args.none || args.name.is_some() {
        book.choose(args.name.as_deref()).map_err(|error| name_failure(&error))?;
    }
    let current = book.current().map_err(|error| name_failure(&error))?;
    let printer = context.printer;
    if printer.is_json() {
        printer.json(&json!({ "gateway": current }))?;
    } else {
        let line = match &current {
            Some(name) => {
                format!("commands talk to {name}; `openclaw gateway use --none` ends that")
            }
            None => "no named Gateway is in use".to_owned(),
        };
        printer.line(line)?;
    }
    if context.env.get("OPENCLAW_GATEWAY_URL").is_some() && current.is_some() {
        printer.warning("OPENCLAW_GATEWAY_URL is set and wins over `gateway use`");
    }
    Ok(ExitCode::Done)
}
