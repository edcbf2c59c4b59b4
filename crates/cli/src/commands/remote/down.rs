//! `openclaw remote down`: lets go of tunnels.

use std::time::Duration;

use clap::Args;
use openclaw_remote::{Places, Request};
use serde_json::json;
use tokio::time::{interval, timeout};

use crate::args::OutputArgs;
use crate::commands::Outcome;
use crate::context::Context;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::link::block_on;
use crate::tunnels;

/// How long the process that held tunnels may take to end.
const GOODBYE: Duration = Duration::from_secs(5);

/// Which tunnel.
#[derive(Args, Debug)]
pub(crate) struct DownArgs {
    /// Name of the Gateway [default: all]
    #[arg(value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Tells the process that holds them. No tunnel at all is what was wanted, too.
pub(crate) fn run(context: &Context, args: &DownArgs) -> Outcome {
    let asked = block_on(async {
        let control = tunnels::control(context);
        let asked = control.ask(&Request::Down(args.name.clone())).await.map_err(|error| {
            Failure::local("the tunnel was not let go", &error).hint("openclaw remote status")
        })?;
        if asked.as_ref().is_some_and(|report| report.tunnels.is_empty()) {
            // The process ends with its last tunnel, and the next `up` should find it gone.
            timeout(GOODBYE, ended(&tunnels::places(context))).await.ok();
        }
        Ok(asked)
    })?;
    let left = asked.as_ref().map_or(0, |report| report.tunnels.len());
    let printer = context.printer;
    if printer.is_json() {
        printer.json(&json!({ "ok": true, "wasHeld": asked.is_some(), "left": left }))?;
        return Ok(ExitCode::Done);
    }
    let what = match (&args.name, asked.is_some()) {
        (_, false) => "no tunnel was held".to_owned(),
        (Some(name), true) => format!("let go of {name}; {left} left"),
        (None, true) => "let go of all tunnels".to_owned(),
    };
    printer.line(what)?;
    Ok(ExitCode::Done)
}

async fn ended(places: &Places) {
    let mut look = interval(Duration::from_millis(20));
    while places.is_held() {
        look.tick().await;
    }
}
