//! `openclaw sessions …`: conversations.

mod show;

use clap::{Args, Subcommand};
use openclaw_protocol::methods::sessions::{
    SessionRow, SessionsDelete, SessionsList, SessionsListResult, SessionsReset,
};
use serde_json::json;

use super::Outcome;
use crate::args::AskArgs;
use crate::context::{Context, now_ms};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::link::{Link, block_on, params};
use crate::output::{Printer, Table, age, harmless};

/// Everything about sessions.
#[derive(Args, Debug)]
pub(crate) struct SessionsArgs {
    #[command(subcommand)]
    command: SessionsCommand,
}

/// The words after `openclaw sessions`.
#[derive(Debug, Subcommand)]
enum SessionsCommand {
    /// List sessions, latest first
    List {
        /// Most sessions
        #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1000))]
        limit: u64,
        /// Only sessions used in the last so many minutes
        #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u64).range(1..))]
        active: Option<u64>,
        /// Only sessions of this agent
        #[arg(long, value_name = "AGENT")]
        agent: Option<String>,
        /// Only sessions in which this occurs
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        #[command(flatten)]
        common: AskArgs,
    },
    /// Show the end of a conversation
    Show {
        /// The session: a key, or `main`
        #[arg(value_name = "SESSION", default_value = "main")]
        session: String,
        /// Messages to begin with
        #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1000))]
        limit: u64,
        /// Go on printing what is said
        #[arg(long, short)]
        follow: bool,
        #[command(flatten)]
        common: AskArgs,
    },
    /// Start a session anew; its settings stay
    Reset {
        /// The session: a key, or `main`
        #[arg(value_name = "SESSION")]
        session: String,
        #[command(flatten)]
        common: AskArgs,
    },
    /// Forget a session and its transcript
    Delete {
        /// The session's key
        #[arg(value_name = "SESSION")]
        session: String,
        #[command(flatten)]
        common: AskArgs,
    },
}

impl SessionsArgs {
    /// Whether `--json` was given.
    pub(crate) fn wants_json(&self) -> bool {
        match &self.command {
            SessionsCommand::List { common, .. }
            | SessionsCommand::Show { common, .. }
            | SessionsCommand::Reset { common, .. }
            | SessionsCommand::Delete { common, .. } => common.output.json,
        }
    }
}

/// Runs the word that was given.
pub(crate) fn run(context: &Context, args: &SessionsArgs) -> Outcome {
    block_on(async {
        match &args.command {
            SessionsCommand::List { limit, active, agent, search, common } => {
                let wanted = json!({
                    "limit": limit, "activeMinutes": active, "agentId": agent, "search": search,
                    "includeDerivedTitles": true,
                });
                list(context, common, wanted).await?;
            }
            SessionsCommand::Show { session, limit, follow, common } => {
                let wanted = show::Wanted { session, limit: *limit, follow: *follow };
                show::run(context, &common.target, &wanted).await?;
            }
            SessionsCommand::Reset { session, common } => reset(context, common, session).await?,
            SessionsCommand::Delete { session, common } => delete(context, common, session).await?,
        }
        Ok(ExitCode::Done)
    })
}

async fn list(
    context: &Context,
    common: &AskArgs,
    wanted: serde_json::Value,
) -> Result<(), Failure> {
    let link = Link::open(context, &common.target).await?;
    let filtered = ["activeMinutes", "agentId", "search"]
        .iter()
        .any(|key| wanted.get(*key).is_some_and(|value| !value.is_null()));
    let answer = link.ask::<SessionsList>(&params::<SessionsList>(wanted)?).await;
    link.close().await;
    answer?.show(context.printer, |printer, result| print(printer, result, filtered))
}

fn print(printer: Printer, result: &SessionsListResult, filtered: bool) -> Result<(), Failure> {
    let mut table = Table::new(["SESSION", "TITLE", "MODEL", "TOKENS", "UPDATED"]);
    let now = now_ms();
    for row in &result.sessions {
        table.row([
            row.key.to_string(),
            title(row),
            model(row),
            row.total_tokens.map_or_else(|| "-".to_owned(), |tokens| tokens.to_string()),
            row.updated_at.map_or_else(|| "-".to_owned(), |then| age(now, then)),
        ]);
    }
    if table.is_empty() && filtered {
        printer.note("no session is like that");
        printer.hint("openclaw sessions list");
        return Ok(());
    }
    if table.is_empty() {
        printer.note("no sessions yet");
        printer.hint("openclaw agent --message \"hello\"");
        return Ok(());
    }
    printer.table(&table)?;
    if result.has_more == Some(true) {
        printer.note("there are more; `--limit` shows them");
    }
    Ok(())
}

fn title(row: &SessionRow) -> String {
    let title = row.label.as_ref().or(row.display_name.as_ref()).or(row.derived_title.as_ref());
    title.cloned().unwrap_or_else(|| "-".to_owned())
}

fn model(row: &SessionRow) -> String {
    match (&row.model_provider, &row.model) {
        (Some(provider), Some(model)) => format!("{provider}/{model}"),
        (None, Some(model)) => model.clone(),
        (_, None) => "-".to_owned(),
    }
}

async fn reset(context: &Context, common: &AskArgs, session: &str) -> Result<(), Failure> {
    let link = Link::open(context, &common.target).await?;
    let wanted = params::<SessionsReset>(json!({ "key": session, "reason": "reset" }))?;
    let answer = link.ask::<SessionsReset>(&wanted).await;
    link.close().await;
    answer?.show(context.printer, |printer, result| {
        printer.line(harmless(&format!("Reset session {}", result.key)))
    })
}

async fn delete(context: &Context, common: &AskArgs, session: &str) -> Result<(), Failure> {
    let link = Link::open(context, &common.target).await?;
    let wanted = params::<SessionsDelete>(json!({ "key": session }))?;
    let answer = link.ask::<SessionsDelete>(&wanted).await;
    link.close().await;
    let answer = answer?;
    answer.show(context.printer, |printer, result| {
        let word = if result.deleted { "Deleted session" } else { "There was no session" };
        printer.line(harmless(&format!("{word} {}", result.key)))
    })?;
    let missing = answer.value().get("deleted") == Some(&serde_json::Value::Bool(false));
    if missing { Err(Failure::already_shown(ExitCode::Failed)) } else { Ok(()) }
}
