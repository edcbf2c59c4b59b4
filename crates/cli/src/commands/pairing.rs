//! `openclaw pairing …`: people who write for the first time.

use clap::{Args, Subcommand};
use openclaw_protocol::methods::channels::{
    ChannelPairingRequest, ChannelsPairingApprove, ChannelsPairingDismiss, ChannelsPairingList,
    ChannelsPairingListResult,
};
use serde_json::json;

use super::Outcome;
use crate::args::AskArgs;
use crate::context::Context;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::link::{Link, block_on, params};
use crate::output::{Printer, Table, harmless};

/// Everything about people who are not known yet.
#[derive(Args, Debug)]
pub(crate) struct PairingArgs {
    #[command(subcommand)]
    command: PairingCommand,
}

/// The words after `openclaw pairing`.
#[derive(Debug, Subcommand)]
enum PairingCommand {
    /// List people who wrote and wait to be let in
    List {
        /// Only this channel
        #[arg(value_name = "CHANNEL")]
        channel: Option<String>,
        #[command(flatten)]
        common: AskArgs,
    },
    /// Let in who was told this code
    Approve {
        /// The channel, such as `telegram`
        #[arg(value_name = "CHANNEL")]
        channel: String,
        /// The code the person was told
        #[arg(value_name = "CODE")]
        code: String,
        /// Tell the person
        #[arg(long)]
        notify: bool,
        #[command(flatten)]
        common: AskArgs,
    },
    /// Forget who was told this code; they may ask again
    Dismiss {
        /// The channel, such as `telegram`
        #[arg(value_name = "CHANNEL")]
        channel: String,
        /// The code the person was told
        #[arg(value_name = "CODE")]
        code: String,
        #[command(flatten)]
        common: AskArgs,
    },
}

impl PairingArgs {
    /// Whether `--json` was given.
    pub(crate) fn wants_json(&self) -> bool {
        self.command.common().output.json
    }
}

impl PairingCommand {
    const fn common(&self) -> &AskArgs {
        match self {
            Self::List { common, .. }
            | Self::Approve { common, .. }
            | Self::Dismiss { common, .. } => common,
        }
    }
}

/// Runs the word that was given.
pub(crate) fn run(context: &Context, args: &PairingArgs) -> Outcome {
    block_on(async {
        let link = Link::open(context, &args.command.common().target).await?;
        let outcome = act(context, &link, &args.command).await;
        link.close().await;
        outcome?;
        Ok(ExitCode::Done)
    })
}

async fn act(context: &Context, link: &Link, command: &PairingCommand) -> Result<(), Failure> {
    let channel = match command {
        PairingCommand::List { channel, .. } => channel.clone(),
        PairingCommand::Approve { channel, .. } | PairingCommand::Dismiss { channel, .. } => {
            Some(channel.to_lowercase())
        }
    };
    let wanted = match &channel {
        Some(channel) => json!({ "channel": channel }),
        None => json!({}),
    };
    let listed = link.ask::<ChannelsPairingList>(&params::<ChannelsPairingList>(wanted)?).await?;
    let (code, notify) = match command {
        PairingCommand::List { .. } => return listed.show(context.printer, print),
        PairingCommand::Approve { code, notify, .. } => (code, *notify),
        PairingCommand::Dismiss { code, .. } => (code, false),
    };
    let known = listed.into_typed()?;
    let request = find(&known, code)?;
    let mut named = json!({
        "channel": request.channel, "accountId": request.account_id,
        "requestId": request.request_id,
    });
    let who = format!("{} ({} {})", request.sender_label, request.channel, request.sender_id);
    if let PairingCommand::Dismiss { .. } = command {
        let wanted = params::<ChannelsPairingDismiss>(named)?;
        let answer = link.ask::<ChannelsPairingDismiss>(&wanted).await?;
        return answer.show(context.printer, |printer, _| {
            printer.line(harmless(&format!("Dismissed {who}")))
        });
    }
    if let Some(named) = named.as_object_mut() {
        named.insert("notify".to_owned(), notify.into());
    }
    let wanted = params::<ChannelsPairingApprove>(named)?;
    let answer = link.ask::<ChannelsPairingApprove>(&wanted).await?;
    answer.show(context.printer, |printer, _| {
        printer.line(harmless(&format!("Let in {who}; what they write is answered now")))
    })
}

fn find<'a>(
    known: &'a ChannelsPairingListResult,
    code: &str,
) -> Result<&'a ChannelPairingRequest, Failure> {
    let fits =
        |request: &&ChannelPairingRequest| request.request_id.eq_ignore_ascii_case(code.trim());
    known.requests.iter().find(fits).ok_or_else(|| {
        Failure::new(ExitCode::Failed, format!("nobody waits with the code {code:?}"))
            .hint("codes work for an hour: openclaw pairing list")
    })
}

fn print(printer: Printer, result: &ChannelsPairingListResult) -> Result<(), Failure> {
    let mut table = Table::new(["CODE", "CHANNEL", "ACCOUNT", "WHO", "ID"]);
    for request in &result.requests {
        table.row([
            request.request_id.clone(),
            request.channel.clone(),
            request.account_id.clone(),
            request.sender_label.clone(),
            request.sender_id.clone(),
        ]);
    }
    if table.is_empty() {
        printer.note("nobody waits");
        return Ok(());
    }
    printer.table(&table)?;
    if let Some(request) = result.requests.first() {
        let (channel, code) = (&request.channel, &request.request_id);
        printer.hint(format!("`openclaw pairing approve {channel} {code}` lets them in"));
    }
    Ok(())
}
