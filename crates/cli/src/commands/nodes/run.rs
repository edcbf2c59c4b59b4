//! `openclaw nodes run`: a command on a node, as if it ran here. What it prints is printed as it comes, its
//! exit code is ours, and the end of this program is its end.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use clap::Args;
use openclaw_client::{Delivery, Step};
use openclaw_protocol::events::approvals::ExecApprovalRequested;
use openclaw_protocol::methods::nodes::{
    NodeInvoke, NodeInvokeOutcome, NodeInvokeOutput, NodeInvokeParams, NodeList,
};
use openclaw_protocol::methods::system::NoParams;
use openclaw_protocol::text::{Int, NonEmpty};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};

use super::{GRACE, meant};
use crate::args::{AskArgs, parse_duration};
use crate::commands::Outcome;
use crate::context::Context;
use crate::exit::ExitCode;
use crate::explain::client_failure;
use crate::failure::Failure;
use crate::link::{Link, block_on};
use crate::output::{harmless, short_id};

/// Runs no longer than this unless the command line says otherwise.
const LONGEST: Duration = Duration::from_hours(24);
/// What `ssh` says for its own failures, and scripts know.
const OWN_FAILURE: ExitCode = ExitCode::Passed(255);
/// After Ctrl-C, as a shell says it.
const INTERRUPTED: ExitCode = ExitCode::Passed(130);

/// What runs, and where.
#[derive(Args, Debug)]
pub(super) struct RunArgs {
    /// Its name, its id, or the beginning of its id
    #[arg(long, value_name = "NODE")]
    node: String,
    /// Folder on the node to run it in [default: the home folder there]
    #[arg(long, value_name = "DIR")]
    cwd: Option<String>,
    /// A variable for it; may be given again
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    env: Vec<(String, String)>,
    /// Hand the words, joined by spaces, to the shell of the node
    #[arg(long)]
    shell: bool,
    /// Stop it after this time: `90s`, `10m`
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    deadline: Option<Duration>,
    #[command(flatten)]
    pub(super) common: AskArgs,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it has to be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// What `system.run` is given.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RunParams<'a> {
    stream: bool,
    command: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_command: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cwd: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    env: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<u64>,
}

/// What `system.run` gives.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Ended {
    exit_code: Option<i32>,
    signal: Option<i32>,
    stdout: String,
    stderr: String,
    error: Option<String>,
}

/// A piece of what it prints.
#[derive(Debug, Deserialize)]
struct Piece {
    stream: String,
    text: Option<String>,
    base64: Option<String>,
}

/// Runs it to its end.
pub(super) fn run(context: &Context, args: &RunArgs) -> Outcome {
    block_on(remotely(context, args)).map_err(|failure| failure.exit_with(OWN_FAILURE))
}

async fn remotely(context: &Context, args: &RunArgs) -> Outcome {
    let link = Link::open(context, &args.common.target).await?;
    let known = link.ask::<NodeList>(&NoParams {}).await?.into_typed()?;
    let node = meant(&known, &args.node)?.node_id.as_str().to_owned();
    let mut interrupt = signal(SignalKind::interrupt())
        .map_err(|error| Failure::local("listening for signals failed", &error))?;
    let limit = args.deadline.unwrap_or(LONGEST);
    let wanted = params(args, &node, limit)?;
    let mut events = link.events();
    let started = link.start::<NodeInvoke>(&wanted, limit.saturating_add(GRACE)).await;
    let mut answers = started.map_err(|error| client_failure(&error))?;
    let mut next = 0;
    let outcome = loop {
        let step = tokio::select! {
            step = answers.next() => step,
            Some(delivery) = events.next() => {
                tell_of_a_question(context, &delivery, &node);
                continue;
            }
            _ = interrupt.recv() => break Ok(INTERRUPTED),
        };
        match step.transpose().map_err(|error| client_failure(&error))? {
            None => break Err(Failure::new(OWN_FAILURE, "the Gateway gave no result")),
            Some(step) if step.last => break finish(context, &step),
            Some(step) => match print(&step, &mut next) {
                Ok(()) => {}
                // Who reads no more wants no more.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    break Ok(ExitCode::Done);
                }
                Err(error) => {
                    break Err(Failure::local(
                        "what the command prints cannot be passed on",
                        &error,
                    ));
                }
            },
        }
    };
    // The end of the connection is the end of the command, if it still runs.
    link.close().await;
    outcome
}

/// A command that waits for a person's word is shown with what to type. Whoever may not decide is not told
/// by the Gateway either.
fn tell_of_a_question(context: &Context, delivery: &Delivery, node: &str) {
    let Delivery::Event(event) = delivery else { return };
    let Some(waiting) = event.decode::<ExecApprovalRequested>() else { return };
    if waiting.request.node_id.as_deref() == Some(node) {
        let id = short_id(&waiting.id);
        context
            .printer
            .note(format!("waits for a person's word: {}", harmless(&waiting.request.command)));
        context.printer.hint(format!("{} approvals approve {id}", context.own));
    }
}

fn params(args: &RunArgs, node: &str, limit: Duration) -> Result<NodeInvokeParams, Failure> {
    let millis = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    let shell = args.shell.then(|| args.command.join(" "));
    let given = RunParams {
        stream: !args.common.output.json,
        command: if args.shell { &[] } else { &args.command },
        raw_command: shell.as_deref(),
        cwd: args.cwd.as_deref(),
        env: (!args.env.is_empty()).then(|| args.env.iter().cloned().collect()),
        timeout_ms: args.deadline.map(|_| millis),
    };
    let given = serde_json::to_value(given)
        .map_err(|error| Failure::local("the command cannot be written down", &error))?;
    Ok(NodeInvokeParams {
        node_id: NonEmpty::new(node).map_err(Failure::usage)?,
        command: NonEmpty::new("system.run").map_err(Failure::usage)?,
        params: Some(given),
        timeout_ms: Some(Int::new(millis.saturating_add(2_000)).map_err(Failure::usage)?),
        idempotency_key: NonEmpty::new(uuid::Uuid::now_v7().to_string()).map_err(Failure::usage)?,
        session_key: None,
        turn_source_channel: None,
        turn_source_to: None,
        turn_source_account_id: None,
    })
}

/// Prints a piece; the numbers say whether one is missing.
fn print(step: &Step, next: &mut u64) -> io::Result<()> {
    let unreadable = |error: &dyn std::fmt::Display| io::Error::other(error.to_string());
    let output: NodeInvokeOutput = step.decode().map_err(|error| unreadable(&error))?;
    if output.seq != *next {
        return Err(io::Error::other("a part of the output was lost; this terminal is too slow"));
    }
    *next += 1;
    let piece: Piece = serde_json::from_str(&output.chunk).map_err(|error| unreadable(&error))?;
    let bytes = match (piece.text, piece.base64) {
        (Some(text), _) => text.into_bytes(),
        (None, Some(base64)) => decoded(&base64).map_err(|error| unreadable(&error))?,
        (None, None) => Vec::new(),
    };
    if piece.stream == "stderr" {
        write(&mut io::stderr().lock(), &bytes)
    } else {
        write(&mut io::stdout().lock(), &bytes)
    }
}

fn decoded(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text)
}

fn write(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes)?;
    to.flush()
}

/// The command is over.
fn finish(context: &Context, step: &Step) -> Outcome {
    let outcome: NodeInvokeOutcome = step.decode().map_err(|error| client_failure(&error))?;
    let payload = outcome.payload.unwrap_or_default();
    let ended: Ended = serde_json::from_value(payload.clone())
        .map_err(|error| Failure::local("the node's result cannot be read", &error))?;
    if context.printer.is_json() {
        context.printer.json(&payload)?;
    } else {
        // A Gateway that passes nothing on hands all of it over at the end.
        let written = write(&mut io::stdout().lock(), ended.stdout.as_bytes())
            .and_then(|()| write(&mut io::stderr().lock(), ended.stderr.as_bytes()));
        written.map_err(|error| Failure::local("printing failed", &error))?;
        if let Some(error) = &ended.error {
            context.printer.note(harmless(error));
        }
    }
    let code = match (ended.exit_code, ended.signal) {
        (Some(code), _) => u8::try_from(code).ok(),
        // As a shell says it.
        (None, Some(signal)) => {
            u8::try_from(signal).ok().and_then(|signal| signal.checked_add(128))
        }
        (None, None) => None,
    };
    Ok(code.map_or(OWN_FAILURE, ExitCode::Passed))
}
