//! `openclaw health` and `openclaw gateway health`.

use std::time::Duration;

use clap::Args;
use openclaw_protocol::methods::system::{Health, HealthParams, HealthSnapshot};

use super::Outcome;
use crate::args::{OutputArgs, TargetArgs};
use crate::context::Context;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::link::{Link, block_on};
use crate::output::{Printer, Style, duration};

/// Which Gateway, and how hard to look.
#[derive(Args, Debug)]
pub(crate) struct HealthArgs {
    /// Ask every channel now instead of taking the last answer
    #[arg(long)]
    probe: bool,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Asks once.
pub(crate) fn run(context: &Context, args: &HealthArgs) -> Outcome {
    block_on(async {
        let link = Link::open(context, &args.target).await?;
        let params = HealthParams { probe: args.probe.then_some(true) };
        let answer = link.ask::<Health>(&params).await?;
        link.close().await;
        answer.show(context.printer, print)?;
        Ok(ExitCode::Done)
    })
}

/// The lines for a person; `status --deep` prints them too.
pub(crate) fn print(printer: Printer, health: &HealthSnapshot) -> Result<(), Failure> {
    let took = duration(Duration::from_millis(health.duration_ms));
    let verdict = if health.ok {
        printer.paint(Style::Good, "OK")
    } else {
        printer.paint(Style::Bad, "not well")
    };
    let mut fields = vec![("Gateway", format!("{verdict} ({took})"))];
    let agents = health.agents.iter().map(|agent| agent.agent_id.to_string());
    let agents: Vec<String> = agents.collect();
    if !agents.is_empty() {
        fields.push(("Agents", agents.join(", ")));
    }
    fields.push(("Sessions", health.sessions.count.to_string()));
    let heartbeat = match health.heartbeat_seconds {
        0 => "off".to_owned(),
        seconds => format!("every {}", duration(Duration::from_secs(seconds))),
    };
    fields.push(("Heartbeat", heartbeat));
    if !health.channel_order.is_empty() {
        fields.push(("Channels", health.channel_order.join(", ")));
    }
    let reload = health.config_reload.hot_reload_status.as_str();
    fields.push(("Config reload", reload.to_owned()));
    printer.fields(&fields)
}
