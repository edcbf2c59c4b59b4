//! `openclaw message …`: what is sent to people.

use std::{fs::File, io::Read as _, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use clap::{Args, Subcommand};
use openclaw_protocol::methods::channels::{OutboxList, OutboxListResult, OutboxRetry, Send};
use serde_json::{Value, json};

use super::Outcome;
use crate::args::AskArgs;
use crate::context::{Context, now_ms};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::link::{Link, block_on, params};
use crate::output::{Printer, Table, age, harmless};

/// Largest file that is sent: what the Gateway takes in one frame.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// Everything about messages to people.
#[derive(Args, Debug)]
pub(crate) struct MessageArgs {
    #[command(subcommand)]
    command: MessageCommand,
}

/// The words after `openclaw message`.
#[derive(Debug, Subcommand)]
enum MessageCommand {
    /// Send a message to a chat
    Send(Box<SendArgs>),
    /// List what waits, what failed, and what may have arrived twice
    Outbox {
        /// List everything of the last week
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        common: AskArgs,
    },
    /// Try a delivery again that was given up
    Retry {
        /// Its number in the outbox
        #[arg(value_name = "ID")]
        id: u64,
        #[command(flatten)]
        common: AskArgs,
    },
}

/// What is sent, and to whom.
#[derive(Args, Debug)]
pub(crate) struct SendArgs {
    /// The chat, as the channel names it; a topic is `CHAT:topic:ID`
    #[arg(
        long = "to",
        short = 't',
        visible_alias = "target",
        value_name = "CHAT",
        allow_hyphen_values = true
    )]
    to: String,
    /// What to say, in Markdown
    #[arg(
        long,
        short,
        value_name = "TEXT",
        allow_hyphen_values = true,
        required_unless_present = "media"
    )]
    message: Option<String>,
    /// A file of this machine, or an address of the web
    #[arg(long, value_name = "PATH|URL")]
    media: Option<String>,
    /// Send a picture or film as a plain file
    #[arg(long)]
    force_document: bool,
    /// Send sound as a voice message
    #[arg(long)]
    as_voice: bool,
    /// The channel, if there are several
    #[arg(long, value_name = "CHANNEL")]
    channel: Option<String>,
    /// The account, if there are several
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// The message to reply to
    #[arg(long, value_name = "ID")]
    reply_to: Option<String>,
    /// A repeat with the same key sends nothing
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    pub(crate) common: AskArgs,
}

impl MessageArgs {
    /// Whether `--json` was given.
    pub(crate) fn wants_json(&self) -> bool {
        self.command.common().output.json
    }
}

impl MessageCommand {
    fn common(&self) -> &AskArgs {
        match self {
            Self::Send(args) => &args.common,
            Self::Outbox { common, .. } | Self::Retry { common, .. } => common,
        }
    }
}

/// `openclaw gateway send`: the same as `message send`.
pub(crate) fn send(context: &Context, args: &SendArgs) -> Outcome {
    block_on(async {
        let link = Link::open(context, &args.common.target).await?;
        let outcome = deliver(context, &link, args).await;
        link.close().await;
        outcome?;
        Ok(ExitCode::Done)
    })
}

/// Runs the word that was given.
pub(crate) fn run(context: &Context, args: &MessageArgs) -> Outcome {
    block_on(async {
        let link = Link::open(context, &args.command.common().target).await?;
        let outcome = act(context, &link, &args.command).await;
        link.close().await;
        outcome?;
        Ok(ExitCode::Done)
    })
}

async fn act(context: &Context, link: &Link, command: &MessageCommand) -> Result<(), Failure> {
    match command {
        MessageCommand::Send(args) => deliver(context, link, args).await,
        MessageCommand::Outbox { all, .. } => {
            let wanted = params::<OutboxList>(json!({ "all": all }))?;
            link.ask::<OutboxList>(&wanted).await?.show(context.printer, print)
        }
        MessageCommand::Retry { id, .. } => {
            let wanted = params::<OutboxRetry>(json!({ "id": id }))?;
            link.ask::<OutboxRetry>(&wanted).await?.show(context.printer, |printer, _| {
                printer.line(format!("Delivery {id} is tried again"))
            })
        }
    }
}

async fn deliver(context: &Context, link: &Link, args: &SendArgs) -> Result<(), Failure> {
    let key = args.idempotency_key.clone().unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    let mut wanted = json!({
        "to": args.to, "message": args.message.clone().unwrap_or_default(),
        "forceDocument": args.force_document, "asVoice": args.as_voice, "idempotencyKey": key,
        "channel": args.channel.clone().unwrap_or_default(),
        "accountId": args.account.clone().unwrap_or_default(),
        "replyToId": args.reply_to.clone().unwrap_or_default(),
    });
    if let Some(media) = &args.media {
        attach(&mut wanted, media)?;
    }
    let answer = link.ask::<Send>(&params::<Send>(wanted)?).await?;
    answer.show(context.printer, |printer, sent| {
        let chat = sent.chat_id.as_deref().unwrap_or(&args.to);
        let line = format!("Sent to {} {chat}, message {}", sent.channel, sent.message_id);
        printer.line(harmless(&line))
    })
}

/// Adds a file: its address for the Gateway to fetch, or the bytes of one that is here.
fn attach(wanted: &mut Value, media: &str) -> Result<(), Failure> {
    if media.starts_with("http://") || media.starts_with("https://") {
        wanted["mediaUrl"] = media.into();
        return Ok(());
    }
    let cannot = |why: String| {
        Failure::usage(format!("{media} cannot be sent: {why}"))
            .hint("name a file of this machine, or an address that begins with https://")
    };
    let path = Path::new(media);
    let file = File::open(path).map_err(|error| cannot(error.to_string()))?;
    let found = file.metadata().map_err(|error| cannot(error.to_string()))?;
    if !found.is_file() {
        return Err(cannot("it is no file".to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|error| cannot(error.to_string()))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_FILE {
        return Err(cannot(format!("it has more than {MAX_FILE} bytes")));
    }
    wanted["buffer"] = BASE64.encode(&bytes).into();
    wanted["filename"] = path.file_name().unwrap_or_default().to_string_lossy().into();
    Ok(())
}

fn print(printer: Printer, result: &OutboxListResult) -> Result<(), Failure> {
    let now = now_ms();
    let mut table = Table::new(["ID", "STATE", "TO", "AGE", "TRIES", "WHAT"]);
    for row in &result.deliveries {
        let twice = if row.uncertain > 0 { ", maybe twice" } else { "" };
        let what = row.error.clone().unwrap_or_else(|| row.text.replace('\n', " "));
        table.row([
            row.id.to_string(),
            format!("{}{twice}", row.state),
            format!("{} {}", row.channel, row.to),
            age(now, row.created_at_ms),
            row.attempts.to_string(),
            what.chars().take(40).collect(),
        ]);
    }
    if table.is_empty() {
        printer.note("nothing waits, nothing failed");
        return Ok(());
    }
    printer.table(&table)?;
    if let Some(row) = result.deliveries.iter().find(|row| row.state == "failed") {
        printer.hint(format!("`openclaw message retry {}` tries it again", row.id));
    }
    Ok(())
}
