//! `openclaw gateway tls …`: what somebody compares who meets this Gateway for the first time.

use clap::{Args, Subcommand};
use openclaw_daemon::{DaemonError, certificate_facts};
use openclaw_identity::KeyPair;
use serde_json::json;

use super::Outcome;
use crate::args::OutputArgs;
use crate::context::Context;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::short_id;

/// Everything about TLS.
#[derive(Args, Debug)]
pub(crate) struct TlsArgs {
    #[command(subcommand)]
    command: TlsCommand,
}

/// The words after `openclaw gateway tls`.
#[derive(Debug, Subcommand)]
enum TlsCommand {
    /// Print the SHA-256 of the certificate and the Gateway's identity
    Fingerprint(FingerprintArgs),
}

/// What to print.
#[derive(Args, Debug)]
pub(crate) struct FingerprintArgs {
    #[command(flatten)]
    output: OutputArgs,
}

impl TlsArgs {
    /// Whether `--json` was given.
    pub(crate) const fn wants_json(&self) -> bool {
        let TlsCommand::Fingerprint(args) = &self.command;
        args.output.json
    }
}

/// Runs the word that was given.
pub(crate) fn run(context: &Context, args: &TlsArgs) -> Outcome {
    let TlsCommand::Fingerprint(_) = &args.command;
    let loaded = context.config()?;
    let facts = certificate_facts(&context.paths, &loaded.config.gateway.tls);
    let facts = facts.map_err(|error| unreadable(context, &error))?;
    let identity = KeyPair::load(&context.paths.identity_dir().join("gateway.json"))
        .map_err(|error| Failure::local("the Gateway's key cannot be used", &error))?
        .map(|key| key.public_key().device_id());
    let printer = context.printer;
    if printer.is_json() {
        printer.json(&json!({ "certificate": facts, "gatewayId": identity }))?;
        return Ok(ExitCode::Done);
    }
    let until = jiff::Timestamp::from_second(facts.not_after)
        .map_or_else(|_| facts.not_after.to_string(), |until| format!("{until:.0}"));
    let mut fields = vec![
        ("SHA-256", facts.pairs()),
        ("For", facts.names.join(", ")),
        ("Valid until", until),
        ("File", facts.path.display().to_string()),
    ];
    if let Some(identity) = &identity {
        fields.insert(0, ("Identity", short_id(identity)));
    }
    printer.fields(&fields)?;
    if facts.has_expired(std::time::SystemTime::now()) {
        printer.warning("the certificate has expired");
    }
    Ok(ExitCode::Done)
}

fn unreadable(context: &Context, error: &DaemonError) -> Failure {
    let failure = Failure::new(ExitCode::Failed, error.to_string())
        .caused_by(std::error::Error::source(error));
    match error {
        DaemonError::File { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            failure.hint(format!(
                "a Gateway that speaks TLS makes it: {0} config set gateway.tls.enabled true, then \
                 {0} gateway run",
                context.own
            ))
        }
        _ => failure.hint(error.hint()),
    }
}
