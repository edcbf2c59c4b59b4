//! `openclaw logs`: the end of the Gateway's log, and what follows.

mod record;

use std::time::Duration;

use clap::Args;
use openclaw_protocol::methods::system::{LogsTail, LogsTailParams, LogsTailResult};
use openclaw_protocol::text::{Int, Int0};
use serde::Serialize;

use self::record::Record;
use super::Outcome;
use crate::args::{OutputArgs, TargetArgs};
use crate::context::Context;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::link::{Link, block_on};
use crate::output::Printer;

/// How often a followed log is asked for more.
const INTERVAL: Duration = Duration::from_millis(500);
/// How often a lost link is dialled anew before following ends.
const MAX_REDIALS: u32 = 8;

/// How much of the log, and in which form.
#[derive(Args, Debug)]
pub(crate) struct LogsArgs {
    /// Go on printing what comes
    #[arg(long, short)]
    follow: bool,
    /// Lines to begin with
    #[arg(long, value_name = "LINES", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=5000))]
    limit: u64,
    /// Print the lines as they stand in the file
    #[arg(long, conflicts_with = "json")]
    plain: bool,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// One line of `--json`.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'a> {
    Meta { file: &'a str, cursor: u64, size: u64, truncated: bool, reset: bool },
    Log(&'a Record<'a>),
    Notice { message: String },
}

/// Where following stands.
struct Tail<'a> {
    args: &'a LogsArgs,
    printer: Printer,
    cursor: Option<u64>,
}

/// Prints the end of the log; with `--follow` until it is interrupted.
pub(crate) fn run(context: &Context, args: &LogsArgs) -> Outcome {
    block_on(async {
        let mut tail = Tail { args, printer: context.printer, cursor: None };
        let link = Link::open(context, &args.target).await?;
        let first = tail.once(&link).await;
        if !args.follow {
            link.close().await;
            return first.map(|()| ExitCode::Done);
        }
        first?;
        let interrupted = tokio::signal::ctrl_c();
        tokio::select! {
            ended = tail.follow(context, link) => ended.map(|()| ExitCode::Done),
            _ = interrupted => Ok(ExitCode::Done),
        }
    })
}

impl Tail<'_> {
    /// Asks until the link cannot be had any more.
    async fn follow(&mut self, context: &Context, mut link: Link) -> Result<(), Failure> {
        let mut redials = 0;
        loop {
            tokio::time::sleep(INTERVAL).await;
            let failure = match self.once(&link).await {
                Ok(()) => {
                    redials = 0;
                    continue;
                }
                Err(failure) => failure,
            };
            let lost = matches!(failure.exit, ExitCode::LinkLost | ExitCode::NothingListening);
            if !lost {
                return Err(failure);
            }
            self.notice(format!("{}; dialling again", failure.message()))?;
            link.close().await;
            link = self.redial(context, &mut redials, failure).await?;
        }
    }

    /// Dials until somebody answers, patience ends, or it is clear that nobody will.
    async fn redial(
        &self,
        context: &Context,
        redials: &mut u32,
        lost: Failure,
    ) -> Result<Link, Failure> {
        while *redials < MAX_REDIALS {
            *redials += 1;
            tokio::time::sleep(INTERVAL * 2_u32.pow((*redials).min(4))).await;
            match Link::again(context, &self.args.target, None).await {
                Ok(link) => return Ok(link),
                Err(failure) if failure.is_lasting() => return Err(failure),
                Err(_) => {}
            }
        }
        Err(lost)
    }

    async fn once(&mut self, link: &Link) -> Result<(), Failure> {
        let limit = if self.cursor.is_some() { 5000 } else { self.args.limit };
        let params = LogsTailParams {
            cursor: self.cursor.and_then(|cursor| Int0::new(cursor).ok()),
            limit: Int::new(limit).ok(),
            max_bytes: None,
        };
        let result = link.ask::<LogsTail>(&params).await?.into_typed()?;
        let first = self.cursor.replace(result.cursor).is_none();
        self.print(&result, first)
    }

    fn print(&self, result: &LogsTailResult, first: bool) -> Result<(), Failure> {
        let reset = result.reset.unwrap_or(false);
        if self.printer.is_json() && (first || reset) {
            self.printer.json_line(&Line::Meta {
                file: &result.file,
                cursor: result.cursor,
                size: result.size,
                truncated: result.truncated.unwrap_or(false),
                reset,
            })?;
        } else if reset && !first {
            self.notice("the log file was replaced".to_owned())?;
        }
        for line in &result.lines {
            let record = Record::parse(line);
            if self.printer.is_json() {
                self.printer.json_line(&Line::Log(&record))?;
            } else if self.args.plain {
                self.printer.line(crate::output::harmless(line))?;
            } else {
                self.printer.line(record.for_people(self.printer))?;
            }
        }
        Ok(())
    }

    fn notice(&self, message: String) -> Result<(), Failure> {
        if self.printer.is_json() {
            return self.printer.json_line(&Line::Notice { message });
        }
        self.printer.warning(message);
        Ok(())
    }
}
