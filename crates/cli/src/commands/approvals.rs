//! `openclaw approvals …`: commands that wait for a word, and those that need none.

mod show;

use clap::{Args, Subcommand};
use openclaw_exec::approvals::ApprovalsFile;
use openclaw_protocol::methods::approvals::{
    ExecApprovalList, ExecApprovalRequested, ExecApprovalResolve, ExecApprovalResolveParams,
    ExecApprovalsGet, ExecApprovalsGrants, ExecApprovalsGrantsParams, ExecApprovalsNodeGet,
    ExecApprovalsNodeGetParams, ExecApprovalsNodeSet, ExecApprovalsNodeSetParams,
    ExecApprovalsRevoke, ExecApprovalsRevokeParams, ExecApprovalsSet, ExecApprovalsSetParams,
    ExecApprovalsSnapshot,
};
use openclaw_protocol::methods::nodes::{NodeList, find};
use openclaw_protocol::methods::system::NoParams;
use openclaw_protocol::text::NonEmpty;
use serde::Serialize;
use serde_json::{Value, json};

use super::Outcome;
use crate::args::AskArgs;
use crate::context::Context;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::link::{Link, block_on};
use crate::output::short_id;

/// Everything about approvals.
#[derive(Args, Debug)]
pub(crate) struct ApprovalsArgs {
    #[command(subcommand)]
    command: ApprovalsCommand,
}

/// The words after `openclaw approvals`.
#[derive(Debug, Subcommand)]
enum ApprovalsCommand {
    /// List commands that wait for your word
    List(AskArgs),
    /// Let a waiting command run
    Approve {
        /// The request, or the beginning of its id
        #[arg(value_name = "REQUEST")]
        request: String,
        /// And never ask about this one again
        #[arg(long)]
        always: bool,
        #[command(flatten)]
        common: AskArgs,
    },
    /// Refuse a waiting command
    Deny {
        /// The request, or the beginning of its id
        #[arg(value_name = "REQUEST")]
        request: String,
        #[command(flatten)]
        common: AskArgs,
    },
    /// Show what may run without asking
    Get {
        /// On this node instead of the Gateway's machine
        #[arg(long, value_name = "NODE")]
        node: Option<String>,
        #[command(flatten)]
        common: AskArgs,
    },
    /// List what runs without asking: who allowed it, when, and when it was last used
    Grants {
        /// On this node instead of the Gateway's machine
        #[arg(long, value_name = "NODE")]
        node: Option<String>,
        #[command(flatten)]
        common: AskArgs,
    },
    /// Let programs run without asking
    Allow {
        /// A whole path, such as `/usr/bin/git`; `*` stays in one folder, `**` does not
        #[arg(value_name = "PATTERN")]
        pattern: String,
        /// For this agent only
        #[arg(long, value_name = "AGENT", default_value = "*")]
        agent: String,
        /// On this node instead of the Gateway's machine
        #[arg(long, value_name = "NODE")]
        node: Option<String>,
        #[command(flatten)]
        common: AskArgs,
    },
    /// Ask again about what was allowed
    Revoke {
        /// The entry's id, the first eight characters of it, or its pattern
        #[arg(value_name = "ENTRY")]
        entry: String,
        /// On this node instead of the Gateway's machine
        #[arg(long, value_name = "NODE")]
        node: Option<String>,
        #[command(flatten)]
        common: AskArgs,
    },
}

impl ApprovalsArgs {
    /// Whether `--json` was given.
    pub(crate) fn wants_json(&self) -> bool {
        self.command.common().output.json
    }
}

impl ApprovalsCommand {
    const fn common(&self) -> &AskArgs {
        match self {
            Self::List(common)
            | Self::Approve { common, .. }
            | Self::Deny { common, .. }
            | Self::Get { common, .. }
            | Self::Grants { common, .. }
            | Self::Allow { common, .. }
            | Self::Revoke { common, .. } => common,
        }
    }
}

/// Runs one of them.
pub(crate) fn run(context: &Context, args: &ApprovalsArgs) -> Outcome {
    block_on(async {
        let link = Link::open(context, &args.command.common().target).await?;
        let outcome = act(context, &link, &args.command).await;
        link.close().await;
        outcome?;
        Ok(ExitCode::Done)
    })
}

async fn act(context: &Context, link: &Link, command: &ApprovalsCommand) -> Result<(), Failure> {
    match command {
        ApprovalsCommand::List(_) => {
            let answer = link.ask::<ExecApprovalList>(&NoParams {}).await?;
            answer.show(context.printer, |printer, waiting| show::waiting(printer, waiting))
        }
        ApprovalsCommand::Approve { request, always, .. } => {
            let decision = if *always { "allow-always" } else { "allow-once" };
            decide(context, link, request, decision).await
        }
        ApprovalsCommand::Deny { request, .. } => decide(context, link, request, "deny").await,
        ApprovalsCommand::Get { node, .. } => {
            let place = Place::find(link, node.as_deref()).await?;
            let snapshot = place.get(link).await?;
            if context.printer.is_json() {
                return context.printer.json(&snapshot);
            }
            show::list(context.printer, &snapshot, &file(&snapshot)?)
        }
        ApprovalsCommand::Allow { pattern, agent, node, .. } => {
            let place = Place::find(link, node.as_deref()).await?;
            let snapshot = place.get(link).await?;
            let mut file = file(&snapshot)?;
            let new = file.allow(agent, pattern).map_err(Failure::usage)?;
            if new {
                place.set(link, &file, &snapshot).await?;
            }
            let outcome = json!({"allowed": pattern, "agent": agent, "new": new});
            let text = if new { "runs without asking now" } else { "ran without asking before" };
            said(context, &outcome, &format!("{pattern} {text}"))
        }
        ApprovalsCommand::Grants { node, .. } => {
            let node_id = Place::find(link, node.as_deref()).await?.node();
            let params = ExecApprovalsGrantsParams { node_id };
            let answer = link.ask::<ExecApprovalsGrants>(&params).await?;
            answer.show(context.printer, |printer, found| show::grants(printer, &found.grants))
        }
        ApprovalsCommand::Revoke { entry, node, .. } => {
            let node_id = Place::find(link, node.as_deref()).await?.node();
            let id = NonEmpty::new(entry.as_str()).map_err(Failure::usage)?;
            let params = ExecApprovalsRevokeParams { id, node_id };
            let answer = link.ask::<ExecApprovalsRevoke>(&params).await.map_err(|failure| {
                failure.hint("`openclaw approvals grants` lists what runs without asking")
            })?;
            answer.show(context.printer, |printer, gone| {
                let patterns: Vec<&str> =
                    gone.revoked.iter().map(|grant| grant.pattern.as_str()).collect();
                printer.line(format!("Asks about {} again", patterns.join(", ")))
            })
        }
    }
}

fn said<T: Serialize>(context: &Context, outcome: &T, text: &str) -> Result<(), Failure> {
    if context.printer.is_json() {
        context.printer.json(outcome)
    } else {
        context.printer.line(text)
    }
}

fn file(snapshot: &ExecApprovalsSnapshot) -> Result<ApprovalsFile, Failure> {
    serde_json::from_value(Value::Object(snapshot.file.clone()))
        .map_err(|error| Failure::local("the list of commands is not as documented", &error))
}

async fn decide(
    context: &Context,
    link: &Link,
    beginning: &str,
    decision: &str,
) -> Result<(), Failure> {
    let waiting = link.ask::<ExecApprovalList>(&NoParams {}).await?.into_typed()?;
    let item = one(&waiting, beginning)?;
    let params = ExecApprovalResolveParams {
        id: NonEmpty::new(item.id.as_str()).map_err(Failure::usage)?,
        decision: NonEmpty::new(decision).map_err(Failure::usage)?,
    };
    link.ask::<ExecApprovalResolve>(&params).await?;
    let outcome = json!({"id": item.id, "decision": decision, "command": item.request.command});
    let text = match decision {
        "deny" => "Refused",
        "allow-always" => "Allowed from now on",
        _ => "Allowed once",
    };
    said(context, &outcome, &format!("{text}: {}", item.request.command))
}

fn one<'w>(
    waiting: &'w [ExecApprovalRequested],
    beginning: &str,
) -> Result<&'w ExecApprovalRequested, Failure> {
    let matching: Vec<_> = waiting.iter().filter(|item| item.id.starts_with(beginning)).collect();
    match matching.as_slice() {
        [one] => Ok(one),
        [] => {
            let message = format!("no command that waits has an id that begins with {beginning:?}");
            Err(Failure::new(ExitCode::Failed, message)
                .hint("`openclaw approvals list` shows what waits; a request lives two minutes"))
        }
        several => {
            let ids: Vec<String> = several.iter().map(|item| short_id(&item.id)).collect();
            Err(Failure::usage(format!("several begin with {beginning:?}: {}", ids.join(", "))))
        }
    }
}

/// Whose list.
enum Place {
    Gateway,
    Node(NonEmpty),
}

impl Place {
    async fn find(link: &Link, node: Option<&str>) -> Result<Self, Failure> {
        let Some(wanted) = node else { return Ok(Self::Gateway) };
        let known = link.ask::<NodeList>(&NoParams {}).await?.into_typed()?;
        let row = find(&known.nodes, wanted).map_err(|_| {
            Failure::new(ExitCode::Failed, format!("{wanted:?} does not name one paired node"))
                .hint("openclaw nodes list")
        })?;
        Ok(Self::Node(NonEmpty::new(row.node_id.as_str()).map_err(Failure::usage)?))
    }

    fn node(self) -> Option<NonEmpty> {
        match self {
            Self::Gateway => None,
            Self::Node(node_id) => Some(node_id),
        }
    }

    async fn get(&self, link: &Link) -> Result<ExecApprovalsSnapshot, Failure> {
        match self {
            Self::Gateway => link.ask::<ExecApprovalsGet>(&NoParams {}).await?.into_typed(),
            Self::Node(node_id) => {
                let params = ExecApprovalsNodeGetParams { node_id: node_id.clone() };
                link.ask::<ExecApprovalsNodeGet>(&params).await?.into_typed()
            }
        }
    }

    async fn set(
        &self,
        link: &Link,
        file: &ApprovalsFile,
        seen: &ExecApprovalsSnapshot,
    ) -> Result<(), Failure> {
        let Ok(Value::Object(file)) = serde_json::to_value(file) else {
            return Err(Failure::new(ExitCode::Failed, "the list of commands cannot be written"));
        };
        let base_hash = NonEmpty::new(seen.hash.as_str()).ok().filter(|_| seen.exists);
        match self {
            Self::Gateway => {
                let params = ExecApprovalsSetParams { file: Some(file), base_hash };
                link.ask::<ExecApprovalsSet>(&params).await?;
            }
            Self::Node(node_id) => {
                let params = ExecApprovalsNodeSetParams {
                    node_id: node_id.clone(),
                    file: Some(file),
                    native: None,
                    base_hash,
                };
                link.ask::<ExecApprovalsNodeSet>(&params).await?;
            }
        }
        Ok(())
    }
}
