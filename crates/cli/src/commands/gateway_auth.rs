//! `openclaw gateway auth …`: changing the shared secret while everything goes on.
//!
//! The new secret is written where the old one stands, and the Gateway takes it up within a second. The
//! old one is accepted for the time of the overlap, so that whoever uses it can be told the new one.
//! Devices that are paired need neither; those that the secret alone paired are listed, and can be cut.

use std::time::Duration;

use clap::{Args, Subcommand};
use openclaw_client::{Delivery, Events};
use openclaw_daemon::{DaemonError, Rotation, overlap_until};
use openclaw_protocol::events::core::ConfigChanged;
use openclaw_protocol::methods::devices::{
    DevicePairList, DevicePairListResult, DevicePairRemove, DevicePairRemoveParams,
};
use openclaw_protocol::methods::system::NoParams;
use openclaw_protocol::row::Event as _;
use openclaw_protocol::text::NonEmpty;
use serde::Serialize;
use serde_json::json;
use tokio::time::timeout;

use super::Outcome;
use crate::args::{OutputArgs, TargetArgs, parse_duration};
use crate::context::{Context, now_ms};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::holder::Holder;
use crate::link::{Link, block_on};
use crate::output::{harmless, short_id};

/// How long the old secret is accepted, unless a flag says otherwise.
const OVERLAP: Duration = Duration::from_secs(24 * 3600);

/// How long a Gateway may take to notice; it looks every second.
const TAKEN_UP: Duration = Duration::from_secs(10);

/// Everything about the shared secret.
#[derive(Args, Debug)]
pub(crate) struct AuthArgs {
    #[command(subcommand)]
    command: AuthCommand,
}

/// The words after `openclaw gateway auth`.
#[derive(Debug, Subcommand)]
enum AuthCommand {
    /// Replace the shared token or password; the old one is accepted for a while
    Rotate(RotateArgs),
    /// Say where the secret stands, and whether the one before is accepted still
    Status(StatusArgs),
}

/// How it is replaced.
#[derive(Args, Debug)]
struct RotateArgs {
    /// How long the old secret is accepted, a week at most: `10m`, `24h` [default: 24h]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    overlap: Option<Duration>,
    /// Do not accept the old secret any more
    #[arg(long, conflicts_with = "overlap")]
    no_overlap: bool,
    /// Remove the devices that the shared secret paired without anybody being asked
    #[arg(long)]
    cut: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// What to print.
#[derive(Args, Debug)]
struct StatusArgs {
    #[command(flatten)]
    output: OutputArgs,
}

/// A device that was paired by the secret alone.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ByTheSecret {
    device_id: String,
    name: Option<String>,
    cut: bool,
}

impl AuthArgs {
    /// Whether `--json` was given.
    pub(crate) const fn wants_json(&self) -> bool {
        match &self.command {
            AuthCommand::Rotate(args) => args.output.json,
            AuthCommand::Status(args) => args.output.json,
        }
    }
}

/// Runs the word that was given.
pub(crate) fn run(context: &Context, args: &AuthArgs) -> Outcome {
    match &args.command {
        AuthCommand::Rotate(args) => rotate(context, args),
        AuthCommand::Status(_) => status(context),
    }
}

fn rotate(context: &Context, args: &RotateArgs) -> Outcome {
    let loaded = context.config()?;
    let rotation = Rotation::prepare(&context.paths, &loaded).map_err(|error| cannot(&error))?;
    let (kind, place) = (rotation.kind, rotation.place.clone());
    let overlap = args.overlap.unwrap_or(OVERLAP).as_millis();
    let overlap = u64::try_from(overlap).unwrap_or(u64::MAX);
    let until = (!args.no_overlap).then(|| now_ms().saturating_add(overlap));
    let running = Holder::read(&context.paths.lock_file()).is_some();
    let commit = || -> Result<(), Failure> {
        if args.dry_run {
            return Ok(());
        }
        let written = rotation.commit(&context.paths, &context.env, until);
        written.map_err(|error| cannot(&error))
    };
    let devices = if running {
        block_on(live(context, args, commit))?
    } else {
        commit()?;
        Vec::new()
    };
    let printer = context.printer;
    if printer.is_json() {
        printer.json(&json!({
            "ok": true, "dryRun": args.dry_run, "kind": kind, "place": place,
            "previousAcceptedUntilMs": until, "running": running, "devices": devices,
        }))?;
        return Ok(ExitCode::Done);
    }
    let verb = if args.dry_run { "would be replaced" } else { "was replaced" };
    printer.line(harmless(&format!("The {kind} in {place} {verb}")))?;
    printer.line(match until {
        Some(until) => format!("The old one is accepted until {}", clock(until)),
        None => "The old one is accepted no more".to_owned(),
    })?;
    for device in &devices {
        let name = device.name.as_deref().unwrap_or("no name");
        let done = if device.cut { "; removed" } else { "" };
        let id = short_id(&device.device_id);
        printer.line(harmless(&format!("Paired by the secret alone: {name} ({id}){done}")))?;
    }
    if !devices.is_empty() && !args.cut {
        printer.hint("cut one with `openclaw devices remove`, all of them with --cut");
    }
    if args.cut && !running {
        printer
            .warning("no Gateway runs here, so no device was cut; see openclaw devices list later");
    }
    printer.hint(format!("read the new one on this machine: {} gateway auth-token", context.own));
    Ok(ExitCode::Done)
}

/// Changes the secret of a Gateway that runs, and gives the devices that nobody was asked about.
async fn live(
    context: &Context,
    args: &RotateArgs,
    commit: impl FnOnce() -> Result<(), Failure>,
) -> Result<Vec<ByTheSecret>, Failure> {
    let link = Link::open(context, &TargetArgs::default()).await?;
    let events = link.events();
    commit()?;
    let cut = args.cut && !args.dry_run;
    // Until the Gateway has the new secret, the old one pairs devices.
    if !args.dry_run && timeout(TAKEN_UP, taken_up(events)).await.is_err() {
        let text = "the Gateway has not taken up the new secret; no device was cut";
        return Err(Failure::new(ExitCode::Failed, text)
            .hint(format!("restart it: {} gateway restart", context.own)));
    }
    let known = link.ask::<DevicePairList>(&NoParams::default()).await?;
    let known: DevicePairListResult = known.into_typed()?;
    let mut found = Vec::new();
    for device in known.paired.into_iter().filter(|it| it.approved_via.as_deref() == Some("silent"))
    {
        if cut {
            let device_id = NonEmpty::new(device.device_id.as_str()).map_err(Failure::usage)?;
            link.ask::<DevicePairRemove>(&DevicePairRemoveParams { device_id }).await?;
        }
        let device_id = device.device_id.as_str().to_owned();
        found.push(ByTheSecret { device_id, name: device.display_name, cut });
    }
    link.close().await;
    Ok(found)
}

/// Waits until the Gateway says that it has changed.
async fn taken_up(mut events: Events) {
    while let Some(delivery) = events.next().await {
        if matches!(&delivery, Delivery::Event(event) if event.name == ConfigChanged::ROW.name) {
            return;
        }
    }
}

fn status(context: &Context) -> Outcome {
    let loaded = context.config()?;
    let rotation = Rotation::prepare(&context.paths, &loaded);
    let until = overlap_until(&context.paths, now_ms());
    let printer = context.printer;
    let (kind, place) = match &rotation {
        Ok(rotation) => (Some(rotation.kind), rotation.place.clone()),
        Err(error) => (None, error.to_string()),
    };
    if printer.is_json() {
        printer.json(&json!({
            "kind": kind, "place": place, "canRotate": rotation.is_ok(),
            "previousAcceptedUntilMs": until,
        }))?;
        return Ok(ExitCode::Done);
    }
    let before =
        until.map_or_else(|| "refused".to_owned(), |at| format!("accepted until {}", clock(at)));
    printer.fields(&[
        ("Secret", kind.unwrap_or("none that can be rotated").to_owned()),
        ("Stands in", harmless(&place)),
        ("The one before", before),
    ])?;
    Ok(ExitCode::Done)
}

fn cannot(error: &DaemonError) -> Failure {
    Failure::new(ExitCode::Failed, error.to_string())
        .hint(error.hint())
        .caused_by(std::error::Error::source(error))
}

fn clock(at_ms: u64) -> String {
    let at = i64::try_from(at_ms).ok().and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
    at.map_or_else(|| at_ms.to_string(), |at| format!("{at:.0}"))
}
