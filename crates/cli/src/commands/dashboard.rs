//! `openclaw dashboard`: opens the browser interface, signed in by a link that works once.
//!
//! The link holds a single-use token in its fragment, which no server and no log ever sees. The browser
//! gets it through a file of mode 0600, so that it stands in no process list either.

use clap::Args;
use openclaw_client::Proof;
use openclaw_protocol::methods::setup::{
    DevicePairSetupCode, DevicePairSetupCodeResult, SetupCode,
};
use openclaw_remote::How;
use serde_json::json;

use super::Outcome;
use super::devices::code::decoded;
use super::remote::port_for_browser;
use crate::args::AskArgs;
use crate::context::{Context, now_ms};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::holder::Holder;
use crate::link::{Link, block_on, params};
use crate::output::{duration, harmless};
use crate::target::{self, Place, Target};
use crate::tunnels;

/// How long the link is good for, in milliseconds: long enough for a browser to start.
const LINK_MS: u64 = 60_000;
/// Names of the pages are short.
const MAX_PAGE: usize = 40;

/// Which Gateway's, and whether to open it.
#[derive(Args, Debug)]
pub(crate) struct DashboardArgs {
    /// Print the link, and open no browser
    #[arg(long)]
    no_open: bool,
    /// The page to begin with, such as `devices` [default: chat]
    #[arg(long, value_name = "PAGE", value_parser = page)]
    page: Option<String>,
    #[command(flatten)]
    pub(crate) common: AskArgs,
}

fn page(raw: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_lowercase() || c == '-';
    if !raw.is_empty() && raw.len() <= MAX_PAGE && raw.chars().all(plain) {
        Ok(raw.to_owned())
    } else {
        Err("expected the name of a page, such as devices".to_owned())
    }
}

/// Makes a link, shows it, and opens it where somebody looks at a screen.
pub(crate) fn run(context: &Context, args: &DashboardArgs) -> Outcome {
    let printer = context.printer;
    let (made, base) = block_on(async {
        let target = target::choose(context, &args.common.target.reach)?;
        // Before a token is made for nothing.
        let base = base(context, &target).await?;
        let link = Link::patiently(context, &args.common.target, &target).await?;
        let ours = !matches!(link.proof(), Proof::Unproven);
        let params = params::<DevicePairSetupCode>(json!({
            "expiresInMs": ours.then_some(LINK_MS),
        }))?;
        let made = link.ask::<DevicePairSetupCode>(&params).await;
        link.close().await;
        let made: DevicePairSetupCodeResult = made?.into_typed()?;
        Ok((made, base))
    })?;
    let code: SetupCode = decoded(made.setup_code.expose())?;
    let path = match (&made.page_path, &base) {
        (Some(path), _) => path.clone(),
        // The original's does not say; it is at the root unless told otherwise.
        (None, _) if code.gateway_key.is_none() => "/".to_owned(),
        (None, _) => {
            let text =
                "this Gateway serves no browser interface: gateway.controlUi.enabled is false";
            let hint = "openclaw config set gateway.controlUi.enabled true";
            return Err(Failure::new(ExitCode::Failed, text).hint(hint));
        }
    };
    let base = base.unwrap_or_else(|| as_page(&made.gateway_url));
    let page_url = format!("{}{path}", base.trim_end_matches('/'));
    let page_url = harmless(&page_url);
    let mut link = format!("{page_url}#bootstrapToken={}", code.bootstrap_token.expose());
    if let Some(page) = &args.page {
        link.push_str("&page=");
        link.push_str(page);
    }
    let opens = !args.no_open && printer.is_terminal() && !printer.is_json();
    if printer.is_json() {
        printer.json(&json!({
            "ok": true,
            "url": page_url,
            "browserUrl": link,
            "browserBootstrapExpiresAtMs": code.expires_at_ms,
            "opened": false,
        }))?;
        return Ok(ExitCode::Done);
    }
    printer.line(&link)?;
    let left = code.expires_at_ms.map(|at| at.saturating_sub(now_ms()));
    let left =
        left.map(|left| duration(std::time::Duration::from_millis(left.next_multiple_of(1000))));
    printer.note(format!(
        "it works once{}, and for one browser",
        left.map(|left| format!(" within {left}")).unwrap_or_default()
    ));
    if opens && let Err(error) = open(context, &link) {
        printer.warning(format!("no browser could be started: {error}"));
        printer.hint("open the link yourself, here or on another machine that reaches it");
    }
    Ok(ExitCode::Done)
}

/// Where a browser of this machine reaches the Gateway; `None`: where the Gateway itself says.
async fn base(context: &Context, target: &Target) -> Result<Option<String>, Failure> {
    match &target.place {
        Place::Url(url) => Ok(Some(as_page(url))),
        // The Gateway knows its port and whether it speaks TLS; its public address may lead elsewhere.
        Place::Door(_) | Place::Port(_) => Ok(local(context, target)),
        Place::Ssh { host, .. } => Err(no_tunnel(&format!("openclaw remote add {host}"))),
        Place::Named(gateway) => match &gateway.how {
            How::Url { url, .. } => Ok(Some(as_page(url))),
            How::Ssh { .. } => {
                let name = &gateway.name;
                let held = tunnels::report(context, name).await;
                let port = port_for_browser(context, name).await?;
                if held.is_none() {
                    context.printer.note(format!(
                        "a tunnel is held for the browser; `openclaw remote down {name}` ends it"
                    ));
                }
                Ok(Some(format!("http://127.0.0.1:{port}")))
            }
        },
    }
}

fn local(context: &Context, target: &Target) -> Option<String> {
    let tls = target.loaded.as_ref().and_then(|loaded| loaded.config.gateway.tls.enabled);
    let port = match target.place {
        Place::Port(port) => Some(port),
        _ => Holder::read(&context.paths.lock_file()).and_then(|holder| holder.port),
    }?;
    match tls {
        Some(true) => Some(format!("https://127.0.0.1:{port}")),
        Some(false) => Some(format!("http://127.0.0.1:{port}")),
        // Then it depends on where it listens, which it says itself.
        None => None,
    }
}

fn no_tunnel(next: &str) -> Failure {
    let text = "no tunnel is held, so there is no address for a browser";
    Failure::new(ExitCode::NothingListening, text)
        .hint(format!("hold one with `{next}`, then run this again"))
}

/// The address of the page beside a WebSocket.
fn as_page(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match url.strip_prefix("ws") {
        Some(rest) => format!("http{rest}"),
        None => url.to_owned(),
    }
}

/// Hands the link to the person's browser through a file that only they can read.
fn open(context: &Context, link: &str) -> std::io::Result<()> {
    let link = link.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    let page = format!(
        "<!doctype html><meta charset=utf-8><meta name=referrer content=no-referrer>\
         <meta http-equiv=refresh content=\"0;url={link}\"><title>OpenClaw</title>\
         <p><a href=\"{link}\">OpenClaw</a>\n"
    );
    let file = context.paths.state_dir().join("dashboard.html");
    openclaw_base::fs::write_private(&file, page.as_bytes())?;
    open::that_detached(&file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_beside_the_socket() {
        for (socket, expected) in [
            ("ws://127.0.0.1:18789", "http://127.0.0.1:18789"),
            ("wss://gw.example/x?y#z", "https://gw.example/x"),
            ("https://gw.example", "https://gw.example"),
        ] {
            assert_eq!(as_page(socket), expected);
        }
    }

    #[test]
    fn a_page_has_a_plain_name() {
        assert!(page("devices").is_ok());
        for bad in ["", "a&token=x", "a b", "../x"] {
            assert!(page(bad).is_err(), "{bad}");
        }
    }
}
