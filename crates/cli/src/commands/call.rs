//! `openclaw gateway call METHOD`: any method, its result as JSON.

use clap::Args;
use serde_json::Value;

use super::Outcome;
use crate::args::{OutputArgs, TargetArgs};
use crate::context::Context;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::link::{Link, block_on};

/// The method and its params.
#[derive(Args, Debug)]
pub(crate) struct CallArgs {
    /// Name of the method, such as `health` or `sessions.list`
    #[arg(value_name = "METHOD")]
    method: String,
    /// Its params, a JSON object
    #[arg(long, value_name = "JSON", default_value = "{}")]
    params: String,
    /// Wait for the outcome of a method that first answers `accepted`
    #[arg(long)]
    expect_final: bool,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Calls once. The result is JSON in either face; without `--json` a line on standard error says what
/// was called.
pub(crate) fn run(context: &Context, args: &CallArgs) -> Outcome {
    let params = parse(&args.params)?;
    block_on(async {
        let link = Link::open(context, &args.target).await?;
        let outcome = link.call(&args.method, &params, args.expect_final).await;
        link.close().await;
        context.printer.json(&outcome?)?;
        Ok(ExitCode::Done)
    })
}

fn parse(raw: &str) -> Result<Value, Failure> {
    match serde_json::from_str(raw) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(Failure::usage("`--params` is not a JSON object")),
        Err(error) => Err(Failure::usage("`--params` is not JSON").caused_by(Some(&error))),
    }
}
