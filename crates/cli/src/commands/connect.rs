//! `openclaw connect`: makes this machine a node of a Gateway: asks to be let in, keeps the way there
//! under a name, and serves; with `--service` from every login on.
//!
//! The machine becomes a node and nothing else: no operator's right comes of it.

use std::path::PathBuf;

use clap::Args;
use openclaw_client::Fingerprint;
use openclaw_identity::PublicKey;
use openclaw_remote::{How, NameError, NamedGateway, Via};
use secrecy::SecretString;

use super::Outcome;
use super::devices::code::read;
use super::node::{InstallArgs, RunArgs, install, pair, serve};
use super::remote::name_of_target;
use crate::args::{Invited, OutputArgs, ReachArgs, secret_value};
use crate::context::{Context, now_ms};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::target::{self, book, name_failure};

/// Where the Gateway is, and what is offered to it.
#[derive(Args, Debug)]
pub(crate) struct ConnectArgs {
    /// A code of `openclaw devices join-code`, `USER@HOST[:PORT]` to reach by ssh, or a `ws://` or
    /// `wss://` address
    #[arg(value_name = "TARGET")]
    target: String,
    /// Name to keep the Gateway under [default: the host]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Private key to log in with
    #[arg(long, value_name = "FILE")]
    ssh_identity: Option<PathBuf>,
    /// SHA-256 of the certificate that a `wss://` address has to show
    #[arg(long, value_name = "SHA256")]
    tls_fingerprint: Option<Fingerprint>,
    /// Gateway token, needed once at an address
    #[arg(long, value_name = "TOKEN", value_parser = secret_value, allow_hyphen_values = true)]
    token: Option<SecretString>,
    /// Read the Gateway password from a file, or with `-` from a prompt or standard input
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    password_file: Option<PathBuf>,
    /// What the Gateway calls this machine [default: its host name]
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// Open this folder to callers, who may read and write files below it; may be given again
    #[arg(long, value_name = "DIR")]
    root: Vec<PathBuf>,
    /// Serve as a service that starts with the login, not in the foreground
    #[arg(long)]
    service: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// What the code said that was given as the target.
    #[arg(skip)]
    invite: Option<Box<Invited>>,
}

/// Asks to be let in, keeps the way, and serves.
pub(crate) fn run(context: &Context, args: ConnectArgs) -> Outcome {
    let args = &with_code(args)?;
    let name = match &args.name {
        Some(name) => name.clone(),
        None => name_of_target(&args.target)?,
    };
    check(context, &name, args)?;
    let by_url = args.target.contains("://");
    let reach = ReachArgs {
        url: by_url.then(|| args.target.clone()),
        ssh: (!by_url).then(|| args.target.clone()),
        ssh_identity: args.ssh_identity.clone(),
        tls_fingerprint: args.tls_fingerprint,
        token: args.token.clone(),
        password_file: args.password_file.clone(),
        invite: args.invite.clone(),
        ..ReachArgs::default()
    };
    if by_url && args.ssh_identity.is_some() {
        return Err(Failure::usage("--ssh-identity belongs to a target of ssh"));
    }
    let offer = RunArgs::new(reach.clone(), args.display_name.clone(), args.root.clone());
    let certificate = pair(context, &offer, &target::choose(context, &reach)?)?;
    let how = if by_url {
        let tls_fingerprint = certificate.or(args.tls_fingerprint);
        How::Url {
            url: args.target.clone(),
            tls_fingerprint: tls_fingerprint.map(|named| named.to_string()),
        }
    } else {
        let identity = args.ssh_identity.as_ref();
        let identity = identity.map(|path| std::path::absolute(path).unwrap_or(path.clone()));
        let via = Via::Door { path: None, port: None };
        How::Ssh { target: args.target.clone(), identity, via }
    };
    let gateway = NamedGateway::new(&name, how, now_ms());
    book(context).save(&gateway).map_err(|error| name_failure(&error))?;
    context.printer.note(format!("this machine is a node of {name}"));
    if args.service {
        return install(
            context,
            &InstallArgs {
                gateway: Some(name),
                display_name: args.display_name.clone(),
                root: args.root.clone(),
                output: args.output,
                ..InstallArgs::default()
            },
        );
    }
    let reach = ReachArgs { gateway: Some(name), ..ReachArgs::default() };
    serve(context, &RunArgs::new(reach, args.display_name.clone(), args.root.clone()))
}

/// Takes a code apart into the way it names and what it lets in.
fn with_code(args: ConnectArgs) -> Result<ConnectArgs, Failure> {
    let Some(code) = read(&args.target) else { return Ok(args) };
    if code.expires_at_ms.is_some_and(|end| end <= now_ms()) {
        let text = "the code is too old";
        return Err(Failure::new(ExitCode::CredentialRefused, text)
            .hint("make a new one with `openclaw devices join-code` on the Gateway's host"));
    }
    let damaged = |what: &str| Failure::usage(format!("the code's {what} is damaged"));
    // The SSH login is the proof; no token is needed.
    if let Some(ssh) = code.ssh {
        return Ok(ConnectArgs { target: ssh, ..args });
    }
    let key = code.gateway_key.map(|key| PublicKey::parse(&key)).transpose();
    let shown = code.tls_fingerprint.map(|shown| shown.parse()).transpose();
    Ok(ConnectArgs {
        target: code.url,
        tls_fingerprint: args.tls_fingerprint.or(shown.map_err(|_| damaged("fingerprint"))?),
        invite: Some(Box::new(Invited {
            token: code.bootstrap_token.expose().into(),
            key: key.map_err(|_| damaged("key"))?,
        })),
        ..args
    })
}

/// A name that means another Gateway is not taken from it.
fn check(context: &Context, name: &str, args: &ConnectArgs) -> Result<(), Failure> {
    let known = match book(context).load(name) {
        Ok(known) => known,
        Err(NameError::Unknown(_)) => return Ok(()),
        Err(error) => return Err(name_failure(&error)),
    };
    let same = match &known.how {
        How::Ssh { target, .. } => *target == args.target,
        How::Url { url, .. } => *url == args.target,
    };
    if same {
        return Ok(());
    }
    let text = format!("{name} is already the name of {}", known.address());
    Err(Failure::usage(text).hint("choose another with --name"))
}
