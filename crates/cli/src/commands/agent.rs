//! `openclaw agent`: sends a message and streams the answer.
//!
//! The answer is printed as it grows. Ctrl-C stops the run on the Gateway, not only here. When the link
//! is lost the run goes on there: the command dials again, waits for the end, and prints what is
//! missing. The run's id is the request's idempotency key, so nothing is ever run twice.

mod stream;
mod turn;

use std::io::{self, Read};
use std::time::Duration;

use clap::Args;

use self::turn::Turn;
use super::Outcome;
use crate::args::{OutputArgs, ReachArgs, TargetArgs, parse_seconds};
use crate::context::Context;
use crate::failure::Failure;
use crate::link::block_on;

/// Largest message that is read from standard input.
const MAX_MESSAGE_BYTES: u64 = 1024 * 1024;

/// What to say, and to whom.
#[derive(Args, Debug)]
pub(crate) struct AgentArgs {
    /// What to say; `-` reads standard input
    #[arg(long, short, value_name = "TEXT")]
    message: String,
    /// Session to say it in [default: the main one]
    #[arg(long, value_name = "SESSION")]
    session_key: Option<String>,
    /// Agent to say it to [default: the main one]
    #[arg(long, value_name = "AGENT")]
    agent: Option<String>,
    /// How hard the model thinks: off, minimal, low, medium, high, xhigh
    #[arg(long, value_name = "LEVEL")]
    thinking: Option<String>,
    /// Longest run: `10s`, `2m`; a bare number is seconds [default: as configured]
    #[arg(long, value_name = "TIME", value_parser = parse_seconds)]
    timeout: Option<Duration>,
    #[command(flatten)]
    reach: ReachArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Says it, and waits for the end of the answer.
pub(crate) fn run(context: &Context, args: &AgentArgs) -> Outcome {
    let message = message(&args.message)?;
    let target = TargetArgs { reach: args.reach.clone(), timeout: None };
    let request = turn::Request {
        message: &message,
        session_key: args.session_key.as_deref(),
        agent: args.agent.as_deref(),
        thinking: args.thinking.as_deref(),
        timeout: args.timeout,
    };
    block_on(async { Turn::new(context, &target, &request)?.run().await })
}

fn message(given: &str) -> Result<String, Failure> {
    let mut text = given.to_owned();
    if given == "-" {
        text.clear();
        let read = io::stdin().lock().take(MAX_MESSAGE_BYTES).read_to_string(&mut text);
        read.map_err(|error| Failure::local("reading standard input failed", &error))?;
    }
    if text.trim().is_empty() {
        return Err(Failure::usage("the message is empty"));
    }
    Ok(text)
}
