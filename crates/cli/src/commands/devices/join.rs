//! `openclaw devices join-code` and `openclaw qr`: a code for another machine to become a node with.

use clap::Args;
use openclaw_identity::to_base64url;
use openclaw_protocol::methods::setup::{DevicePairSetupCode, DevicePairSetupCodeResult};
use openclaw_remote::How;
use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};
use serde_json::json;

use super::code::decoded;
use crate::args::AskArgs;
use crate::commands::Outcome;
use crate::context::{Context, now_ms};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::link::{Link, block_on, params, ssh_target};
use crate::output::{Printer, duration};
use crate::target::{self, Place, Target};

/// The way in that the code names.
#[derive(Args, Debug)]
pub(crate) struct JoinArgs {
    /// The address that the other machine reaches [default: what this Gateway knows of itself]
    #[arg(long, value_name = "URL", conflicts_with = "ssh_login")]
    public_url: Option<String>,
    /// The login that the other machine reaches this Gateway's host with
    #[arg(long, value_name = "USER@HOST[:PORT]")]
    ssh_login: Option<String>,
    #[command(flatten)]
    pub(crate) common: AskArgs,
}

/// Makes a code and shows it, as text or as a picture as well.
pub(crate) fn run(context: &Context, args: &JoinArgs, picture: bool) -> Outcome {
    let target = target::choose(context, &args.common.target.reach)?;
    let ssh = args.ssh_login.clone().or_else(|| login(&target));
    if let Some(ssh) = &ssh {
        ssh_target(ssh)?;
    }
    let made: DevicePairSetupCodeResult = block_on(async {
        let link = Link::patiently(context, &args.common.target, &target).await?;
        let params = params::<DevicePairSetupCode>(json!({
            "bootstrapProfile": "node",
            "publicUrl": args.public_url,
        }))?;
        let made = link.ask::<DevicePairSetupCode>(&params).await;
        link.close().await;
        made?.into_typed()
    })?;
    let mut code = decoded(made.setup_code.expose())?;
    code.ssh = ssh;
    if code.ssh.is_none() && made.url_source == "loopback" {
        let text = "this Gateway listens on loopback only, where no other machine reaches it";
        return Err(Failure::usage(text).hint(
            "name the way in: --ssh-login USER@HOST, or --public-url URL of a proxy or tailnet",
        ));
    }
    let bytes = serde_json::to_vec(&code).map_err(std::io::Error::from)?;
    let text = to_base64url(&bytes);
    let command = format!("openclaw connect {text}");
    let printer = context.printer;
    if printer.is_json() {
        printer.json(&json!({
            "setupId": made.setup_id,
            "setupCode": text,
            "gatewayUrl": code.url,
            "ssh": code.ssh,
            "urlSource": made.url_source,
            "access": made.access,
            "expiresAtMs": code.expires_at_ms,
            "command": command,
        }))?;
        return Ok(ExitCode::Done);
    }
    if picture {
        draw(printer, &text)?;
    }
    printer.line(&command)?;
    let left = code.expires_at_ms.map(|at| at.saturating_sub(now_ms()).next_multiple_of(1000));
    let left = left.map(|left| duration(std::time::Duration::from_millis(left)));
    let within = left.map(|left| format!(" within {left}")).unwrap_or_default();
    printer.note(format!("run it on one other machine{within}; `--service` makes it permanent"));
    printer.hint(
        "then `openclaw devices list` shows who asks, and `openclaw devices approve` decides",
    );
    Ok(ExitCode::Done)
}

/// The login by which this very machine reaches the Gateway is a way in for another one.
fn login(target: &Target) -> Option<String> {
    match &target.place {
        Place::Ssh { host, .. } => Some(host.clone()),
        Place::Named(gateway) => match &gateway.how {
            How::Ssh { target, .. } => Some(target.clone()),
            How::Url { .. } => None,
        },
        Place::Url(_) | Place::Door(_) | Place::Port(_) => None,
    }
}

/// Two dots in a character, light on dark as a terminal is.
fn draw(printer: Printer, text: &str) -> Result<(), Failure> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L);
    let code = code.map_err(|error| Failure::usage(format!("the code is too long: {error}")))?;
    let picture = code
        .render::<Dense1x2>()
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark)
        .module_dimensions(1, 1)
        .build();
    printer.line(picture)
}
