//! `openclaw remote add`: reach a Gateway once by hand, and from then on by its name.
//!
//! The name is kept only when it works: after the first contact the Gateway is reached again with
//! nothing but what was saved, and asked for its health.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use openclaw_base::Tasks;
use openclaw_client::Fingerprint;
use openclaw_client::credentials::Way;
use openclaw_protocol::DEFAULT_PORT;
use openclaw_protocol::methods::system::{Health, HealthParams};
use openclaw_remote::{How, NameError, NamedGateway, SshOptions, Via, published};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::args::{OutputArgs, ReachArgs, TargetArgs, parse_duration, secret_value};
use crate::commands::{Outcome, health};
use crate::context::{Context, now_ms};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::link::{Link, block_on, ssh_target};
use crate::target::{self, Place, Source, Target, book, name_failure};

/// How long what `ssh` left behind may take to end.
const GOODBYE: Duration = Duration::from_secs(1);

/// Where the Gateway is, and how to get in.
#[derive(Args, Debug)]
pub(crate) struct AddArgs {
    /// `USER@HOST[:PORT]` to reach by ssh, or a `ws://` or `wss://` address
    #[arg(value_name = "TARGET")]
    target: String,
    /// Name to keep it under [default: the host]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Private key to log in with
    #[arg(long, value_name = "FILE")]
    ssh_identity: Option<PathBuf>,
    /// Port of the Gateway there, for a machine without our program [default: 18789]
    #[arg(long, value_name = "PORT")]
    remote_port: Option<u16>,
    /// SHA-256 of the certificate that a `wss://` address has to show
    #[arg(long, value_name = "SHA256")]
    tls_fingerprint: Option<Fingerprint>,
    /// Gateway token, where the login is not proof enough
    #[arg(long, value_name = "TOKEN", value_parser = secret_value, allow_hyphen_values = true)]
    token: Option<SecretString>,
    /// Gateway password, where the login is not proof enough
    #[arg(long, value_name = "PASSWORD", value_parser = secret_value, allow_hyphen_values = true)]
    password: Option<SecretString>,
    /// Read the password from a file, or with `-` from a prompt or standard input
    #[arg(long, value_name = "FILE", conflicts_with = "password")]
    password_file: Option<PathBuf>,
    /// Longest wait for an answer: `500ms`, `10s`, `2m`
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    timeout: Option<Duration>,
    /// Talk to it from now on, as with `gateway use`
    #[arg(long = "use")]
    use_it: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Reaches it, keeps it, and proves that the name works.
pub(crate) fn run(context: &Context, args: &AddArgs) -> Outcome {
    let (gateway, health) = keep(context, args)?;
    show(context, &gateway, &health, args.use_it)
}

/// Reaches it, keeps it under its name, and asks for its health by nothing but that.
pub(super) fn keep(context: &Context, args: &AddArgs) -> Result<(NamedGateway, Value), Failure> {
    let name = match &args.name {
        Some(name) => name.clone(),
        None => usual_name(&args.target)?,
    };
    let earlier = earlier(context, &name, args)?;
    let gateway = block_on(first_contact(context, args, &name))?;
    let gateway = keep_what_stays(gateway, earlier.as_ref());
    let book = book(context);
    book.save(&gateway).map_err(|error| name_failure(&error))?;
    let health = match block_on(ask_by_name(context, args, &gateway)) {
        Ok(health) => health,
        Err(failure) => {
            // What was there before still stands; what never worked is not kept.
            let undone = match &earlier {
                Some(earlier) => book.save(earlier),
                None => book.remove(&name),
            };
            undone.map_err(|error| name_failure(&error))?;
            return Err(failure);
        }
    };
    if args.use_it {
        book.choose(Some(&name)).map_err(|error| name_failure(&error))?;
    }
    Ok((gateway, health))
}

impl AddArgs {
    /// What is needed to add a machine whose login is proof enough.
    pub(super) fn of_login(
        target: &str,
        name: Option<&String>,
        ssh_identity: Option<&PathBuf>,
        use_it: bool,
    ) -> Self {
        Self {
            target: target.to_owned(),
            name: name.cloned(),
            ssh_identity: ssh_identity.cloned(),
            remote_port: None,
            tls_fingerprint: None,
            token: None,
            password: None,
            password_file: None,
            timeout: None,
            use_it,
            output: OutputArgs::default(),
        }
    }
}

/// An entry of the same name, if it means the same Gateway; so that adding twice is safe.
fn earlier(context: &Context, name: &str, args: &AddArgs) -> Result<Option<NamedGateway>, Failure> {
    let gateway = match book(context).load(name) {
        Ok(gateway) => gateway,
        Err(NameError::Unknown(_)) => return Ok(None),
        Err(error) => return Err(name_failure(&error)),
    };
    let same = match &gateway.how {
        How::Ssh { target, .. } => *target == args.target,
        How::Url { url, .. } => *url == args.target,
    };
    if same {
        return Ok(Some(gateway));
    }
    let message = format!("{name} is already the name of {}", gateway.address());
    let hint =
        format!("choose another with --name, or forget that one: openclaw remote remove {name}");
    Err(Failure::usage(message).hint(hint))
}

fn keep_what_stays(mut gateway: NamedGateway, earlier: Option<&NamedGateway>) -> NamedGateway {
    if let Some(earlier) = earlier {
        gateway.created_at_ms = earlier.created_at_ms;
        gateway.local_port = earlier.local_port;
    }
    gateway
}

/// Connects as the flags say, which pairs this machine, and learns how to do so again.
async fn first_contact(
    context: &Context,
    args: &AddArgs,
    name: &str,
) -> Result<NamedGateway, Failure> {
    let by_url = args.target.contains("://");
    let reach = ReachArgs {
        gateway: None,
        url: by_url.then(|| args.target.clone()),
        ssh: (!by_url).then(|| args.target.clone()),
        remote_port: args.remote_port,
        ssh_identity: args.ssh_identity.clone(),
        tls_fingerprint: args.tls_fingerprint,
        token: args.token.clone(),
        password: args.password.clone(),
        password_file: args.password_file.clone(),
        invite: None,
    };
    let wanted = TargetArgs { reach, timeout: args.timeout };
    if by_url && (args.remote_port.is_some() || args.ssh_identity.is_some()) {
        return Err(Failure::usage("--remote-port and --ssh-identity belong to a target of ssh"));
    }
    let target = target::choose(context, &wanted.reach)?;
    let link = Link::patiently(context, &wanted, &target).await?;
    let (way, certificate) = (link.way(), link.certificate());
    link.close().await;
    let how = if by_url {
        How::Url {
            url: args.target.clone(),
            tls_fingerprint: certificate.map(|named| named.to_string()),
        }
    } else {
        let via = match way {
            Way::Door => ask_where(args).await?,
            Way::Network => Via::Port(args.remote_port.unwrap_or(DEFAULT_PORT)),
        };
        How::Ssh { target: args.target.clone(), identity: identity(args), via }
    };
    Ok(NamedGateway::new(name, how, now_ms()))
}

/// The key file, so that it is found from everywhere.
fn identity(args: &AddArgs) -> Option<PathBuf> {
    let given = args.ssh_identity.as_ref()?;
    Some(std::path::absolute(given).unwrap_or_else(|_| given.clone()))
}

/// Where door and port are on that machine; a held tunnel needs both.
async fn ask_where(args: &AddArgs) -> Result<Via, Failure> {
    let tasks = Tasks::new();
    let mut options = SshOptions::new(tasks.clone());
    options.identity.clone_from(&args.ssh_identity);
    let host = ssh_target(&args.target)?;
    let found = published(&host, &options).await;
    tasks.shutdown(GOODBYE).await;
    // The door was reached already, so the rest is only worth a try.
    let found = found.unwrap_or_default();
    Ok(Via::Door { path: found.door, port: found.port })
}

/// The health, by nothing but the name.
async fn ask_by_name(
    context: &Context,
    args: &AddArgs,
    gateway: &NamedGateway,
) -> Result<Value, Failure> {
    let place = Place::Named(Box::new(gateway.clone()));
    let target = Target { place, source: Source::NameFlag, loaded: None };
    let wanted = TargetArgs { timeout: args.timeout, ..TargetArgs::default() };
    let link = Link::to(context, &wanted, &target, None).await?;
    let health = link.ask::<Health>(&HealthParams::default()).await;
    link.close().await;
    Ok(health?.into_value())
}

pub(super) fn show(
    context: &Context,
    gateway: &NamedGateway,
    health: &Value,
    in_use: bool,
) -> Outcome {
    let printer = context.printer;
    if printer.is_json() {
        let report = json!({ "ok": true, "gateway": gateway, "inUse": in_use, "health": health });
        printer.json(&report)?;
        return Ok(ExitCode::Done);
    }
    printer.fields(&[("Added", format!("{}, {}", gateway.name, gateway.address()))])?;
    if let Ok(health) = serde_json::from_value(health.clone()) {
        health::print(printer, &health)?;
    }
    if in_use {
        printer
            .hint("from now on every command talks to it; `openclaw gateway use --none` ends that");
    } else {
        let name = &gateway.name;
        printer.hint(format!("openclaw gateway use {name}, or --gateway {name} on a command"));
    }
    Ok(ExitCode::Done)
}

/// The host, as far as names may hold it.
pub(in crate::commands) fn usual_name(target: &str) -> Result<String, Failure> {
    let host = match target.split_once("://") {
        Some((_, rest)) => rest.split(['/', '?']).next().unwrap_or(rest).to_owned(),
        None => ssh_target(target)?.host().to_owned(),
    };
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = host.chars().map(plain).take(40).collect();
    Ok(name.trim_start_matches(['.', '_', '-']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_called_after_its_host() {
        for (target, name) in [
            ("me@server", "server"),
            ("me@server.example.net:2222", "server.example.net"),
            ("ws://127.0.0.1:18789/", "127.0.0.1-18789"),
            ("[::1]:22", "1"),
        ] {
            assert_eq!(usual_name(target).unwrap(), name, "{target}");
        }
        assert!(usual_name("-oProxyCommand=x").is_err());
    }
}
