//! `openclaw channels …`: where people write to agents.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use openclaw_config::Editor;
use openclaw_protocol::methods::channels::{
    ChannelsChanged, ChannelsLogout, ChannelsLogoutResult, ChannelsStart, ChannelsStatus,
    ChannelsStatusResult, ChannelsStop,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::Outcome;
use crate::args::{AskArgs, OutputArgs, secret_value};
use crate::context::{Context, config_failure, now_ms};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::holder::Holder;
use crate::input;
use crate::link::{Link, block_on, params};
use crate::output::{Printer, Table, age, harmless};

/// Everything about channels.
#[derive(Args, Debug)]
pub(crate) struct ChannelsArgs {
    #[command(subcommand)]
    command: ChannelsCommand,
}

/// The channels there are.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Telegram
    Telegram,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Telegram => "telegram",
        }
    }
}

/// The words after `openclaw channels`.
#[derive(Debug, Subcommand)]
enum ChannelsCommand {
    /// Give this machine's Gateway a bot; its token is checked first
    Add {
        /// Which channel
        #[arg(value_name = "CHANNEL")]
        channel: Kind,
        /// The bot's token; asked for when left out
        #[arg(long, value_name = "TOKEN", value_parser = secret_value, conflicts_with = "token_file")]
        token: Option<SecretString>,
        /// A file that holds the token, which then stays there
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
        /// A name for the bot, if there are several
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
        /// The Bot API server
        #[arg(long, value_name = "URL")]
        api_root: Option<String>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Take a bot away from this machine's Gateway
    Remove {
        /// Which channel
        #[arg(value_name = "CHANNEL")]
        channel: Kind,
        /// The bot's name, if there are several
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Show every account and how it is
    #[command(visible_alias = "list")]
    Status {
        /// Ask the services whether the accounts work
        #[arg(long)]
        probe: bool,
        #[command(flatten)]
        common: AskArgs,
    },
    /// Start accounts that were stopped
    Start {
        /// Which channel
        #[arg(value_name = "CHANNEL")]
        channel: String,
        /// Only this account
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
        #[command(flatten)]
        common: AskArgs,
    },
    /// Stop an account and take its token out of the Gateway's configuration
    Logout {
        /// Which channel
        #[arg(value_name = "CHANNEL")]
        channel: String,
        /// Which account; the default one when left out
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
        #[command(flatten)]
        common: AskArgs,
    },
    /// Stop accounts until they are started, or the Gateway is
    Stop {
        /// Which channel
        #[arg(value_name = "CHANNEL")]
        channel: String,
        /// Only this account
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
        #[command(flatten)]
        common: AskArgs,
    },
}

impl ChannelsArgs {
    /// Whether `--json` was given.
    pub(crate) fn wants_json(&self) -> bool {
        match &self.command {
            ChannelsCommand::Add { output, .. } | ChannelsCommand::Remove { output, .. } => {
                output.json
            }
            ChannelsCommand::Status { common, .. }
            | ChannelsCommand::Start { common, .. }
            | ChannelsCommand::Logout { common, .. }
            | ChannelsCommand::Stop { common, .. } => common.output.json,
        }
    }
}

/// Runs the word that was given.
pub(crate) fn run(context: &Context, args: &ChannelsArgs) -> Outcome {
    match &args.command {
        ChannelsCommand::Add { channel, token, token_file, account, api_root, .. } => {
            let wanted = Wanted {
                key: key(*channel, account.as_deref()),
                token: token.clone(),
                token_file: token_file.clone(),
                api_root: api_root.clone(),
            };
            add(context, &wanted)
        }
        ChannelsCommand::Remove { channel, account, .. } => {
            remove(context, &key(*channel, account.as_deref()))
        }
        ChannelsCommand::Status { probe, common } => block_on(async {
            let link = Link::open(context, &common.target).await?;
            let wanted = params::<ChannelsStatus>(json!({ "probe": probe }))?;
            let answer = link.ask::<ChannelsStatus>(&wanted).await;
            link.close().await;
            answer?.show(context.printer, print)?;
            Ok(ExitCode::Done)
        }),
        ChannelsCommand::Start { channel, account, common } => block_on(async {
            let link = Link::open(context, &common.target).await?;
            let wanted =
                json!({ "channel": channel, "accountId": account.clone().unwrap_or_default() });
            let answer = link.ask::<ChannelsStart>(&params::<ChannelsStart>(wanted)?).await;
            link.close().await;
            answer?.show(context.printer, |printer, result| told(printer, "Started", result))?;
            Ok(ExitCode::Done)
        }),
        ChannelsCommand::Logout { channel, account, common } => block_on(async {
            let link = Link::open(context, &common.target).await?;
            let wanted =
                json!({ "channel": channel, "accountId": account.clone().unwrap_or_default() });
            let answer = link.ask::<ChannelsLogout>(&params::<ChannelsLogout>(wanted)?).await;
            link.close().await;
            answer?.show(context.printer, logged_out)?;
            Ok(ExitCode::Done)
        }),
        ChannelsCommand::Stop { channel, account, common } => block_on(async {
            let link = Link::open(context, &common.target).await?;
            let wanted =
                json!({ "channel": channel, "accountId": account.clone().unwrap_or_default() });
            let answer = link.ask::<ChannelsStop>(&params::<ChannelsStop>(wanted)?).await;
            link.close().await;
            answer?.show(context.printer, |printer, result| told(printer, "Stopped", result))?;
            Ok(ExitCode::Done)
        }),
    }
}

fn told(printer: Printer, word: &str, result: &ChannelsChanged) -> Result<(), Failure> {
    let accounts = result.accounts.join(", ");
    printer.line(harmless(&format!("{word} {} {accounts}", result.channel)))
}

fn logged_out(printer: Printer, result: &ChannelsLogoutResult) -> Result<(), Failure> {
    let ChannelsLogoutResult { channel, account_id, keys, env_token, .. } = result;
    let keys = keys.join(", ");
    printer.line(harmless(&format!("Logged out {channel} {account_id}: {keys} is gone")))?;
    if *env_token {
        printer.warning("the environment has another token, which is used now");
    }
    Ok(())
}

/// Where an account stands in the configuration.
fn key(channel: Kind, account: Option<&str>) -> String {
    match account {
        Some(account) => format!("channels.{}.accounts.{account}", channel.name()),
        None => format!("channels.{}", channel.name()),
    }
}

struct Wanted {
    key: String,
    token: Option<SecretString>,
    token_file: Option<PathBuf>,
    api_root: Option<String>,
}

/// Checks the token and writes it down.
fn add(context: &Context, wanted: &Wanted) -> Outcome {
    let token = match (&wanted.token, &wanted.token_file) {
        (Some(token), _) => token.clone(),
        (None, Some(file)) => {
            let text = std::fs::read_to_string(file).map_err(|error| {
                Failure::new(ExitCode::Failed, format!("cannot read {}", file.display()))
                    .caused_by(Some(&error))
            })?;
            SecretString::from(text.trim().to_owned())
        }
        (None, None) => input::secret("Token that @BotFather gave you")?,
    };
    let loaded = context.config()?;
    let telegram = loaded.config.channels.telegram.as_ref();
    let proxy = telegram.and_then(|telegram| telegram.shared.proxy.clone());
    let bot = block_on(async {
        let root = wanted.api_root.as_deref();
        openclaw_daemon::check_telegram(token.clone(), root, proxy.as_deref()).await.map_err(
            |why| {
                Failure::new(ExitCode::Failed, why)
                    .hint("nothing was written; @BotFather shows your bots and their tokens")
            },
        )
    })?;
    let mut editor = open(context)?;
    let set = |editor: &mut Editor, name: &str, value: &Value| {
        editor
            .set_json(&format!("{}.{name}", wanted.key), value)
            .map_err(|error| config_failure(&error))
    };
    match &wanted.token_file {
        Some(file) => {
            let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
            set(&mut editor, "tokenFile", &json!(file.display().to_string()))?;
        }
        None => set(&mut editor, "botToken", &json!(token.expose_secret()))?,
    }
    if let Some(root) = &wanted.api_root {
        set(&mut editor, "apiRoot", &json!(root))?;
    }
    let saved = editor.save().map_err(|error| config_failure(&error))?;
    let printer = context.printer;
    if printer.is_json() {
        let path = saved.path.display().to_string();
        printer.json(&json!({ "ok": true, "key": wanted.key, "path": path, "bot": bot }))?;
        return Ok(ExitCode::Done);
    }
    printer.line(harmless(&format!("Added @{bot} in {}", saved.path.display())))?;
    printer.line(harmless(&format!("Write to it: https://t.me/{bot}")))?;
    if Holder::read(&context.paths.lock_file()).is_none() {
        printer.hint("the Gateway does not run: openclaw gateway run");
    } else {
        printer.hint("whoever writes first gets a code: openclaw pairing approve telegram CODE");
    }
    Ok(ExitCode::Done)
}

fn remove(context: &Context, key: &str) -> Outcome {
    let mut editor = open(context)?;
    let removed = editor.unset(key).map_err(|error| config_failure(&error))?;
    if !removed {
        let failure = Failure::new(ExitCode::Failed, format!("{key} is not in the file"));
        return Err(failure.hint("openclaw channels list"));
    }
    let saved = editor.save().map_err(|error| config_failure(&error))?;
    let path = saved.path.display().to_string();
    if context.printer.is_json() {
        context.printer.json(&json!({ "ok": true, "key": key, "path": path }))?;
    } else {
        context.printer.line(format!("Removed {key} from {path}"))?;
    }
    Ok(ExitCode::Done)
}

fn open(context: &Context) -> Result<Editor, Failure> {
    Editor::open(&context.paths, &context.env).map_err(|error| config_failure(&error))
}

fn print(printer: Printer, result: &ChannelsStatusResult) -> Result<(), Failure> {
    let mut table = Table::new(["CHANNEL", "ACCOUNT", "BOT", "STATE", "LAST MESSAGE"]);
    let mut troubles = Vec::new();
    let now = now_ms();
    for channel in &result.channel_order {
        for account in result.channel_accounts.get(channel).into_iter().flatten() {
            let text = |key: &str| account.get(key).and_then(Value::as_str);
            let is = |key: &str| account.get(key) == Some(&Value::Bool(true));
            let name = text("accountId").unwrap_or("-");
            let bot =
                account.get("bot").and_then(|bot| bot.get("username")).and_then(Value::as_str);
            let state = match (is("enabled"), is("configured"), is("running"), is("connected")) {
                (false, ..) => "off",
                (_, false, ..) => "not configured",
                (.., false, _) => "stopped",
                (.., true, true) => "connected",
                (.., true, false) => "trying",
            };
            let mode = text("mode").filter(|mode| *mode == "webhook" && channel != "webhook");
            let state = mode.map_or_else(|| state.to_owned(), |mode| format!("{state} ({mode})"));
            let number = |key: &str| account.get(key).and_then(Value::as_u64);
            let last = number("lastInboundAt");
            if let Some(count) = number("waiting").filter(|count| *count > 0) {
                troubles.push(format!("{channel} {name}: {count} messages wait to be handled"));
            }
            table.row([
                channel.clone(),
                name.to_owned(),
                bot.map_or_else(|| "-".to_owned(), |bot| format!("@{bot}")),
                state,
                last.map_or_else(|| "-".to_owned(), |then| age(now, then)),
            ]);
            if let Some(sending) = account.get("sending") {
                let field = |key: &str| sending.get(key).and_then(Value::as_str).unwrap_or("?");
                let why = format!("sending to {} waits: {}", field("chat"), field("why"));
                troubles.push(format!("{channel} {name}: {why}"));
            }
            troubles.extend(text("lastError").map(|why| format!("{channel} {name}: {why}")));
        }
    }
    if table.is_empty() {
        printer.note("no channel is configured");
        printer.hint("openclaw channels add telegram");
        return Ok(());
    }
    printer.table(&table)?;
    for trouble in troubles {
        printer.warning(harmless(&trouble));
    }
    Ok(())
}
