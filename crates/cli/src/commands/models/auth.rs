//! `openclaw models auth …`: keys of model providers, in a private file of the state folder.
//!
//! A key comes in through a prompt or standard input, and goes out nowhere.

use clap::{Args, Subcommand};
use openclaw_providers::{KeyFile, KeyFileError, built_in_keys, resting_keys};
use serde::Serialize;
use serde_json::json;

use crate::args::OutputArgs;
use crate::commands::Outcome;
use crate::context::{Context, now_ms};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::input;
use crate::output::{Printer, Table, clock, harmless};

/// Everything about keys.
#[derive(Args, Debug)]
pub(crate) struct AuthArgs {
    #[command(subcommand)]
    command: AuthCommand,
}

/// The words after `openclaw models auth`.
#[derive(Debug, Subcommand)]
enum AuthCommand {
    /// Keep a provider's key; asks for it, or takes the first line of standard input
    Set {
        /// The provider, such as `anthropic` or `openai`
        #[arg(value_name = "PROVIDER")]
        provider: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Show which providers have a key, and where it comes from
    Status {
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Forget a provider's key
    Remove {
        /// The provider
        #[arg(value_name = "PROVIDER")]
        provider: String,
        #[command(flatten)]
        output: OutputArgs,
    },
}

/// Where a key comes from, in the order in which the Gateway looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum KeySource {
    KeyFile,
    Config,
    Environment,
}

/// One key, without the key.
#[derive(Debug, Serialize)]
struct KeyRow {
    /// The provider.
    name: String,
    source: KeySource,
    place: String,
    /// Why and until when it is left alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    rests: Option<Rests>,
}

/// A key failed and is not used for a while.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Rests {
    reason: &'static str,
    until_ms: u64,
}

impl AuthArgs {
    /// Whether `--json` was given.
    pub(crate) fn wants_json(&self) -> bool {
        match &self.command {
            AuthCommand::Set { output, .. }
            | AuthCommand::Status { output }
            | AuthCommand::Remove { output, .. } => output.json,
        }
    }
}

/// Runs the word that was given.
pub(crate) fn run(context: &Context, args: &AuthArgs) -> Outcome {
    match &args.command {
        AuthCommand::Set { provider, .. } => set(context, provider),
        AuthCommand::Status { .. } => status(context),
        AuthCommand::Remove { provider, .. } => remove(context, provider),
    }
}

fn set(context: &Context, provider: &str) -> Outcome {
    let key = input::secret(&format!("Key of {provider}"))?;
    let file = context.paths.model_auth_file();
    let folder = openclaw_base::fs::create_private_dir(context.paths.state_dir());
    folder.map_err(|error| Failure::local("making the state folder failed", &error))?;
    KeyFile::set(&file, provider, &key).map_err(|error| failure(context, &error))?;
    let done = changed(context, provider, "set", "Kept the key of")?;
    if !is_known(context, provider) && !context.printer.is_json() {
        let message = format!("no provider {provider} is configured, so nothing uses the key yet");
        context.printer.warning(message);
        let key = format!("models.providers.{provider}.baseUrl");
        context.printer.hint(format!("openclaw config set {key} URL"));
    }
    Ok(done)
}

/// Whether the Gateway knows whom a key is for. A configuration that cannot be read decides nothing.
fn is_known(context: &Context, name: &str) -> bool {
    let provider = name.split('@').next().unwrap_or(name);
    let built_in = built_in_keys().any(|(name, _)| name == provider);
    built_in
        || context
            .config()
            .map_or(true, |loaded| loaded.config.models.providers.contains_key(provider))
}

fn remove(context: &Context, provider: &str) -> Outcome {
    let file = context.paths.model_auth_file();
    let removed = KeyFile::remove(&file, provider).map_err(|error| failure(context, &error))?;
    if !removed {
        let message = format!("there is no key of {provider} in {}", file.display());
        return Err(Failure::new(ExitCode::Failed, message).hint("openclaw models auth status"));
    }
    changed(context, provider, "removed", "Removed the key of")
}

fn changed(context: &Context, provider: &str, action: &str, words: &str) -> Outcome {
    let file = context.paths.model_auth_file().display().to_string();
    let printer = context.printer;
    if printer.is_json() {
        printer
            .json(&json!({ "ok": true, "provider": provider, "action": action, "file": file }))?;
    } else {
        printer.line(format!("{words} {provider} in {file}"))?;
    }
    Ok(ExitCode::Done)
}

fn status(context: &Context) -> Outcome {
    let rows = rows(context)?;
    let printer = context.printer;
    if printer.is_json() {
        printer.json(&json!({ "keys": rows }))?;
    } else {
        print(printer, &rows)?;
    }
    Ok(ExitCode::Done)
}

fn rows(context: &Context) -> Result<Vec<KeyRow>, Failure> {
    let loaded = context.config()?;
    let path = context.paths.model_auth_file();
    let file = KeyFile::load(&path).map_err(|error| failure(context, &error))?;
    let row = |name: &str, source, place: String| KeyRow {
        name: name.to_owned(),
        source,
        place,
        rests: None,
    };
    let kept =
        file.keys().keys().map(|name| row(name, KeySource::KeyFile, path.display().to_string()));
    let configured = loaded.config.models.providers.iter();
    let configured =
        configured.filter(|(_, provider)| provider.api_key.is_some()).map(|(name, _)| {
            row(name, KeySource::Config, context.paths.config_file().display().to_string())
        });
    let variables = built_in_keys().filter(|(_, variable)| loaded.env.get(variable).is_some());
    let variables = variables.map(|(name, variable)| {
        row(name, KeySource::Environment, format!("environment, {variable}"))
    });
    let mut rows: Vec<KeyRow> = kept.chain(configured).chain(variables).collect();
    for key in resting_keys(&context.paths.model_cooldown_file(), now_ms()) {
        // What somebody set goes first, then the environment, then the configuration. Without a key of
        // the provider's bare name, the first of its named ones goes under it.
        let under = format!("{}@", key.name);
        let find = |source, fits: &dyn Fn(&KeyRow) -> bool| {
            rows.iter().position(|row| row.source == source && fits(row))
        };
        let called = |row: &KeyRow| row.name == key.name;
        let place = find(KeySource::KeyFile, &called)
            .or_else(|| find(KeySource::KeyFile, &|row| row.name.starts_with(&under)))
            .or_else(|| find(KeySource::Environment, &called))
            .or_else(|| find(KeySource::Config, &called));
        if let Some(row) = place.and_then(|place| rows.get_mut(place)) {
            row.rests = Some(Rests { reason: key.reason.as_str(), until_ms: key.until_ms });
        }
    }
    Ok(rows)
}

fn print(printer: Printer, rows: &[KeyRow]) -> Result<(), Failure> {
    if rows.is_empty() {
        printer.note("no provider has a key");
        printer.hint("openclaw models auth set anthropic");
        return Ok(());
    }
    let mut table = Table::new(["PROVIDER", "KEY"]);
    for KeyRow { name, place, .. } in rows {
        table.row([name.clone(), place.clone()]);
    }
    printer.table(&table)?;
    for KeyRow { name, rests, .. } in rows {
        if let Some(Rests { reason, until_ms }) = rests {
            printer.line(format!("{name} rests until {}: {reason}", clock(*until_ms)))?;
        }
    }
    Ok(())
}

fn failure(context: &Context, error: &KeyFileError) -> Failure {
    let exit = match error {
        KeyFileError::Name(_) | KeyFileError::Key => ExitCode::Usage,
        KeyFileError::Io(_) => ExitCode::Failed,
        KeyFileError::Damaged { .. } | KeyFileError::Version(_) => ExitCode::Configuration,
    };
    let file = context.paths.model_auth_file();
    let failure = Failure::new(exit, harmless(&error.to_string()))
        .caused_by(std::error::Error::source(error));
    match exit {
        ExitCode::Usage => failure,
        _ => failure.hint(format!("look at {}", file.display())),
    }
}
