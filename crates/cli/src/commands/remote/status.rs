//! `openclaw remote status`: how the tunnels are.

use clap::Args;
use openclaw_remote::TunnelState;
use serde_json::json;

use crate::args::OutputArgs;
use crate::commands::Outcome;
use crate::context::Context;
use crate::exit::ExitCode;
use crate::link::block_on;
use crate::output::harmless;
use crate::tunnels;

/// All of them.
#[derive(Args, Debug)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Shows them; the exit code says whether all work.
pub(crate) fn run(context: &Context, _args: &StatusArgs) -> Outcome {
    let report = block_on(async { Ok(tunnels::control(context).report().await) })?;
    let printer = context.printer;
    let held = report.as_ref().map(|report| report.tunnels.as_slice()).unwrap_or_default();
    let ok = !held.is_empty() && held.iter().all(|tunnel| tunnel.state == TunnelState::Connected);
    let exit = match (ok, held.is_empty()) {
        (true, _) => ExitCode::Done,
        (false, true) => ExitCode::NothingListening,
        (false, false) => ExitCode::Ssh,
    };
    if printer.is_json() {
        printer.json(&json!({ "ok": ok, "supervisor": report }))?;
        return Ok(exit);
    }
    if held.is_empty() {
        printer.line("no tunnel is held")?;
        printer.hint("openclaw remote up NAME");
        return Ok(exit);
    }
    let fields: Vec<(&str, String)> =
        held.iter().map(|tunnel| (tunnel.name.as_str(), tunnels::line(printer, tunnel))).collect();
    printer.fields(&fields)?;
    if let Some(hint) = held.iter().find_map(|tunnel| tunnel.hint.as_deref()) {
        printer.hint(harmless(hint));
    }
    Ok(exit)
}
