//! `openclaw devices …`: who may connect.

pub(crate) mod code;
mod find;
pub(crate) mod join;
mod list;

use clap::{Args, Subcommand};
use openclaw_protocol::methods::devices::{
    DevicePairApprove, DevicePairList, DevicePairListResult, DevicePairReject, DevicePairRemove,
    DevicePairRemoveParams, DevicePairRename, DevicePairRenameParams, DeviceTokenRevoke,
    DeviceTokenRevokeParams, DeviceTokenRotate, DeviceTokenRotateParams, PairingDecisionParams,
};
use openclaw_protocol::methods::system::NoParams;
use openclaw_protocol::text::{NonEmpty, Text};
use openclaw_protocol::{Role, Scope};

use super::Outcome;
use crate::args::AskArgs;
use crate::context::Context;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::link::{Answer, Link, block_on};
use crate::output::short_id;

/// Everything about devices.
#[derive(Args, Debug)]
pub(crate) struct DevicesArgs {
    #[command(subcommand)]
    command: DevicesCommand,
}

/// The words after `openclaw devices`.
#[derive(Debug, Subcommand)]
enum DevicesCommand {
    /// List paired devices and those that wait for approval
    List(AskArgs),
    /// Make a code that lets another machine ask to be a node; it works once
    JoinCode(Box<join::JoinArgs>),
    /// Let a waiting device in
    Approve {
        /// The request, or the beginning of its id
        #[arg(value_name = "REQUEST", required_unless_present = "latest")]
        request: Option<String>,
        /// The newest request
        #[arg(long, conflicts_with = "request")]
        latest: bool,
        #[command(flatten)]
        common: AskArgs,
    },
    /// Turn a waiting device away
    Reject {
        /// The request, or the beginning of its id
        #[arg(value_name = "REQUEST")]
        request: String,
        #[command(flatten)]
        common: AskArgs,
    },
    /// Forget a device and cut its connections
    Remove {
        /// The device, or the beginning of its id
        #[arg(value_name = "DEVICE")]
        device: String,
        #[command(flatten)]
        common: AskArgs,
    },
    /// Give a device a name
    Rename {
        /// The device, or the beginning of its id
        #[arg(value_name = "DEVICE")]
        device: String,
        /// Its name from now on
        #[arg(value_name = "NAME", value_parser = label)]
        name: Text<1, 64>,
        #[command(flatten)]
        common: AskArgs,
    },
    /// Replace a device's token and cut connections that used the old one
    Rotate {
        /// The device, or the beginning of its id
        #[arg(value_name = "DEVICE")]
        device: String,
        /// Which of its roles
        #[arg(long, value_name = "ROLE", default_value = "operator", value_parser = role)]
        role: Role,
        /// A scope of the new token, such as `operator.read`; give it several times for more
        #[arg(long = "scope", value_name = "SCOPE", value_parser = scope)]
        scopes: Vec<Scope>,
        #[command(flatten)]
        common: AskArgs,
    },
    /// End a device's right to act in a role and cut its connections
    Revoke {
        /// The device, or the beginning of its id
        #[arg(value_name = "DEVICE")]
        device: String,
        /// Which of its roles
        #[arg(long, value_name = "ROLE", default_value = "operator", value_parser = role)]
        role: Role,
        #[command(flatten)]
        common: AskArgs,
    },
}

impl DevicesArgs {
    /// Whether `--json` was given.
    pub(crate) fn wants_json(&self) -> bool {
        self.command.common().output.json
    }
}

impl DevicesCommand {
    const fn common(&self) -> &AskArgs {
        match self {
            Self::JoinCode(args) => &args.common,
            Self::List(common)
            | Self::Approve { common, .. }
            | Self::Reject { common, .. }
            | Self::Remove { common, .. }
            | Self::Rename { common, .. }
            | Self::Rotate { common, .. }
            | Self::Revoke { common, .. } => common,
        }
    }
}

fn role(raw: &str) -> Result<Role, String> {
    raw.parse().map_err(|()| "expected operator or node".to_owned())
}

fn scope(raw: &str) -> Result<Scope, String> {
    let known = || Scope::ALL.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", ");
    raw.parse().map_err(|()| format!("expected one of {}", known()))
}

fn label(raw: &str) -> Result<Text<1, 64>, String> {
    Text::new(raw)
}

/// Connects, looks up what the abbreviated ids mean, and does one thing.
pub(crate) fn run(context: &Context, args: &DevicesArgs) -> Outcome {
    if let DevicesCommand::JoinCode(args) = &args.command {
        return join::run(context, args, false);
    }
    block_on(async {
        let link = Link::open(context, &args.command.common().target).await?;
        let outcome = act(context, &link, &args.command).await;
        link.close().await;
        outcome?;
        Ok(ExitCode::Done)
    })
}

async fn act(context: &Context, link: &Link, command: &DevicesCommand) -> Result<(), Failure> {
    let listed = link.ask::<DevicePairList>(&NoParams {}).await?;
    if let DevicesCommand::List(_) = command {
        return listed.show(context.printer, list::print);
    }
    let known: DevicePairListResult = listed.into_typed()?;
    match command {
        DevicesCommand::List(_) | DevicesCommand::JoinCode(_) => Ok(()),
        DevicesCommand::Approve { request, .. } => {
            approve(context, link, &known, request.as_deref()).await
        }
        DevicesCommand::Reject { request, .. } => {
            let request_id = id(find::request(&known, request)?)?;
            let answer =
                link.ask::<DevicePairReject>(&PairingDecisionParams { request_id }).await?;
            done(context, &answer, |result| {
                format!("Rejected device {}", short_id(result.device_id.as_str()))
            })
        }
        DevicesCommand::Remove { device, .. } => {
            let device_id = id(find::device(&known, device)?)?;
            let answer =
                link.ask::<DevicePairRemove>(&DevicePairRemoveParams { device_id }).await?;
            done(context, &answer, |result| {
                format!("Removed device {}", short_id(result.device_id.as_str()))
            })
        }
        DevicesCommand::Rename { device, name, .. } => {
            let device_id = id(find::device(&known, device)?)?;
            let params = DevicePairRenameParams { device_id, label: name.clone() };
            let answer = link.ask::<DevicePairRename>(&params).await?;
            done(context, &answer, |result| {
                format!("Device {} is now {}", short_id(result.device_id.as_str()), result.label)
            })
        }
        DevicesCommand::Rotate { device, role, scopes, .. } => {
            rotate(context, link, find::device(&known, device)?, *role, scopes).await
        }
        DevicesCommand::Revoke { device, role, .. } => {
            let device_id = id(find::device(&known, device)?)?;
            let role = id(role.as_str())?;
            let params = DeviceTokenRevokeParams { device_id, role };
            let answer = link.ask::<DeviceTokenRevoke>(&params).await?;
            done(context, &answer, |result| {
                format!(
                    "Device {} is no {} any more",
                    short_id(result.device_id.as_str()),
                    result.role
                )
            })
        }
    }
}

async fn approve(
    context: &Context,
    link: &Link,
    known: &DevicePairListResult,
    request: Option<&str>,
) -> Result<(), Failure> {
    let found = match request {
        Some(beginning) => find::request(known, beginning)?,
        None => find::newest_request(known)?,
    };
    let params = PairingDecisionParams { request_id: id(found)? };
    let answer = link.ask::<DevicePairApprove>(&params).await?;
    done(context, &answer, |result| {
        let name = list::name(&result.device).unwrap_or_default();
        format!(
            "Approved {name} ({}) as {} with {}",
            short_id(result.device.device_id.as_str()),
            result.device.roles.join(", "),
            list::scopes(&result.device.scopes.names()),
        )
    })
}

async fn rotate(
    context: &Context,
    link: &Link,
    device: &str,
    role: Role,
    scopes: &[Scope],
) -> Result<(), Failure> {
    let named: Result<Vec<NonEmpty>, Failure> =
        scopes.iter().map(|scope| id(scope.as_str())).collect();
    let scopes = Some(named?).filter(|scopes| !scopes.is_empty());
    let params =
        DeviceTokenRotateParams { device_id: id(device)?, role: id(role.as_str())?, scopes };
    let answer = link.ask::<DeviceTokenRotate>(&params).await?;
    // A new token of this very device would be in the answer; it belongs into no terminal and no pipe.
    let answer = answer.without_secret("token");
    done(context, &answer, |result| {
        let short = short_id(result.device_id.as_str());
        format!("Rotated the {} token of device {short}; its connections are cut", result.role)
    })
}

/// Prints the result of a change.
fn done<M: openclaw_protocol::Rpc>(
    context: &Context,
    answer: &Answer<M>,
    sentence: impl FnOnce(&M::Result) -> String,
) -> Result<(), Failure> {
    answer.show(context.printer, |printer, result| {
        printer.line(crate::output::harmless(&sentence(result)))
    })
}

fn id(text: &str) -> Result<NonEmpty, Failure> {
    NonEmpty::new(text).map_err(Failure::usage)
}
