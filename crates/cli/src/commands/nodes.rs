//! `openclaw nodes …`: machines that offer commands.

mod run;
mod show;

use std::time::Duration;

use clap::{Args, Subcommand};
use openclaw_protocol::methods::node_pairing::{
    NodePairRemove, NodePairRemoveParams, NodeRename, NodeRenameParams,
};
use openclaw_protocol::methods::nodes::{
    NodeInvoke, NodeInvokeOutcome, NodeInvokeParams, NodeList, NodeListResult, NodeRow, NotOneNode,
    find,
};
use openclaw_protocol::methods::system::NoParams;
use openclaw_protocol::text::{Int, NonEmpty};
use serde_json::Value;

use super::Outcome;
use crate::args::AskArgs;
use crate::context::Context;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::link::{Link, block_on};
use crate::output::{harmless, short_id};

/// Everything about nodes.
#[derive(Args, Debug)]
pub(crate) struct NodesArgs {
    #[command(subcommand)]
    command: NodesCommand,
}

/// The words after `openclaw nodes`.
#[derive(Debug, Subcommand)]
enum NodesCommand {
    /// List paired nodes, connected ones first
    #[command(visible_alias = "status")]
    List(AskArgs),
    /// Show one node and the commands that may be called on it
    Describe {
        /// Its name, its id, or the beginning of its id
        #[arg(value_name = "NODE")]
        node: String,
        #[command(flatten)]
        common: AskArgs,
    },
    /// Run a program on a node as if it ran here: its output, its exit code, Ctrl-C
    Run(Box<run::RunArgs>),
    /// Give a node a name
    Rename {
        /// Its name, its id, or the beginning of its id
        #[arg(value_name = "NODE")]
        node: String,
        /// Its name from now on
        #[arg(value_name = "NAME")]
        name: NonEmptyArg,
        #[command(flatten)]
        common: AskArgs,
    },
    /// Take the right to be a node away from a machine, and cut its connection
    Remove {
        /// Its name, its id, or the beginning of its id
        #[arg(value_name = "NODE")]
        node: String,
        #[command(flatten)]
        common: AskArgs,
    },
    /// Call a command of a node and print its result as JSON
    Invoke {
        /// Its name, its id, or the beginning of its id
        #[arg(long, value_name = "NODE")]
        node: String,
        /// Which of its commands, such as `system.which`
        #[arg(long, value_name = "COMMAND")]
        command: NonEmptyArg,
        /// What the command is given, as JSON
        #[arg(long, value_name = "JSON", default_value = "{}")]
        params: String,
        /// How long to wait for the result, in milliseconds
        #[arg(long, value_name = "MS", default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(1..=600_000))]
        timeout_ms: u64,
        /// The same key gets the first result again, and reaches no node [default: a fresh one]
        #[arg(long, value_name = "KEY")]
        idempotency_key: Option<NonEmptyArg>,
        #[command(flatten)]
        common: AskArgs,
    },
}

/// Text that is not empty.
#[derive(Clone, Debug)]
struct NonEmptyArg(NonEmpty);

impl std::str::FromStr for NonEmptyArg {
    type Err = String;

    fn from_str(raw: &str) -> Result<Self, String> {
        NonEmpty::new(raw).map(Self)
    }
}

impl NodesArgs {
    /// Whether `--json` was given.
    pub(crate) fn wants_json(&self) -> bool {
        match &self.command {
            NodesCommand::Run(args) => args.common.output.json,
            NodesCommand::List(common)
            | NodesCommand::Describe { common, .. }
            | NodesCommand::Rename { common, .. }
            | NodesCommand::Remove { common, .. }
            | NodesCommand::Invoke { common, .. } => common.output.json,
        }
    }
}

/// Time beside the node's own, for the way there and back.
const GRACE: Duration = Duration::from_secs(5);

/// Runs one of them.
pub(crate) fn run(context: &Context, args: &NodesArgs) -> Outcome {
    match &args.command {
        NodesCommand::Run(args) => run::run(context, args),
        NodesCommand::List(common) => block_on(async {
            let link = Link::open(context, &common.target).await?;
            let answer = link.ask::<NodeList>(&NoParams {}).await?;
            link.close().await;
            answer.show(context.printer, show::list)?;
            Ok(ExitCode::Done)
        }),
        NodesCommand::Describe { node, common } => block_on(async {
            let link = Link::open(context, &common.target).await?;
            let known = link.ask::<NodeList>(&NoParams {}).await?.into_typed()?;
            link.close().await;
            let row = meant(&known, node)?;
            if context.printer.is_json() {
                context.printer.json(row)?;
            } else {
                show::one(context.printer, row)?;
            }
            Ok(ExitCode::Done)
        }),
        NodesCommand::Rename { node, name, common } => block_on(async {
            let link = Link::open(context, &common.target).await?;
            let known = link.ask::<NodeList>(&NoParams {}).await?.into_typed()?;
            let node_id = id_of(meant(&known, node)?)?;
            let wanted = NodeRenameParams { node_id, display_name: name.0.clone() };
            let answer = link.ask::<NodeRename>(&wanted).await?;
            link.close().await;
            answer.show(context.printer, |printer, renamed| {
                printer.line(format!("it is called {} now", harmless(&renamed.display_name)))
            })?;
            Ok(ExitCode::Done)
        }),
        NodesCommand::Remove { node, common } => block_on(async {
            let link = Link::open(context, &common.target).await?;
            let known = link.ask::<NodeList>(&NoParams {}).await?.into_typed()?;
            let node_id = id_of(meant(&known, node)?)?;
            let answer = link.ask::<NodePairRemove>(&NodePairRemoveParams { node_id }).await?;
            link.close().await;
            answer.show(context.printer, |printer, removed| {
                let id = short_id(removed.node_id.as_str());
                printer.line(format!("{id} is a node no longer"))
            })?;
            Ok(ExitCode::Done)
        }),
        NodesCommand::Invoke { node, command, params, timeout_ms, idempotency_key, common } => {
            let given: Value = serde_json::from_str(params).map_err(|error| {
                Failure::usage("`--params` is not JSON").caused_by(Some(&error))
            })?;
            let key = match idempotency_key {
                Some(key) => key.0.clone(),
                None => NonEmpty::new(uuid::Uuid::now_v7().to_string()).map_err(Failure::usage)?,
            };
            block_on(async {
                let link = Link::open(context, &common.target).await?;
                let known = link.ask::<NodeList>(&NoParams {}).await?.into_typed()?;
                let id = meant(&known, node)?.node_id.as_str();
                let wanted = NodeInvokeParams {
                    node_id: NonEmpty::new(id).map_err(Failure::usage)?,
                    command: command.0.clone(),
                    params: Some(given),
                    timeout_ms: Some(Int::new(*timeout_ms).map_err(Failure::usage)?),
                    idempotency_key: key,
                    session_key: None,
                    turn_source_channel: None,
                    turn_source_to: None,
                    turn_source_account_id: None,
                };
                let limit = Duration::from_millis(*timeout_ms) + GRACE;
                let answer = link.ask_within::<NodeInvoke>(&wanted, limit).await?;
                link.close().await;
                let outcome: NodeInvokeOutcome = answer.into_typed()?;
                if context.printer.is_json() {
                    context.printer.json(&outcome)?;
                } else {
                    context.printer.json(&outcome.payload.unwrap_or_default())?;
                }
                Ok(ExitCode::Done)
            })
        }
    }
}

/// A node's id as params carry it.
fn id_of(row: &NodeRow) -> Result<NonEmpty, Failure> {
    NonEmpty::new(row.node_id.as_str()).map_err(Failure::usage)
}

/// The node that a person means.
fn meant<'a>(known: &'a NodeListResult, wanted: &str) -> Result<&'a NodeRow, Failure> {
    find(&known.nodes, wanted).map_err(|error| match error {
        NotOneNode::None => {
            Failure::new(ExitCode::Failed, format!("no paired node is called {wanted:?}"))
                .hint("openclaw nodes list")
        }
        NotOneNode::Several(rows) => {
            let ids: Vec<String> = rows.iter().map(|row| short_id(row.node_id.as_str())).collect();
            let ids = ids.join(", ");
            Failure::usage(format!("several nodes are called {wanted:?}: {ids}"))
                .hint("name one by the beginning of its id")
        }
    })
}
