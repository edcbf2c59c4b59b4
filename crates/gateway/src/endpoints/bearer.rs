//! Who may call: the shared secret as a bearer, with the failure limits of every other way in.

use axum::http::{HeaderMap, header};

use super::reply::Fault;
use crate::{
    attempts::{self, Shown},
    auth::limiter::CredentialKind,
    peer::{self, Link},
    settings::{Settings, SharedAuth},
    state::State,
    tailnet,
};

const HOW: &str = "send the Gateway's token or password as `Authorization: Bearer …`";
const BY_PROXY: &str = "gateway.auth.mode trusted-proxy vouches for paired devices only; use the owner's door, or mode token";
const BY_NOBODY: &str =
    "with gateway.auth.mode none, only programs of this user on this machine may call";

/// Lets a request through, or says why not.
pub(super) async fn check(
    state: &State,
    settings: &Settings,
    link: &Link,
    headers: &HeaderMap,
) -> Result<(), Fault> {
    if matches!(link, Link::Door { .. } | Link::GroupDoor { .. }) {
        return if link.is_owner() { Ok(()) } else { Err(Fault::unauthorized(HOW)) };
    }
    let is_tailscale = matches!(link, Link::Tailscale { .. });
    let forwarded = peer::is_forwarded(headers) || is_tailscale;
    match &settings.auth {
        SharedAuth::None if link.is_local(forwarded) => return Ok(()),
        SharedAuth::None => return Err(Fault::unauthorized(BY_NOBODY)),
        SharedAuth::TrustedProxy(_) => return Err(Fault::unauthorized(BY_PROXY)),
        SharedAuth::Token(_) | SharedAuth::Password(_) => {}
    }
    let Some(shown) = bearer(headers) else { return Err(Fault::unauthorized(HOW)) };
    let previous = settings.previous.as_ref().and_then(|it| it.at(state.clock.now_ms()));
    let right =
        settings.auth.matches(shown) || previous.is_some_and(|previous| previous.matches(shown));
    let address = if is_tailscale {
        tailnet::address(headers)
    } else {
        let (trusted, real_ip) = (&settings.trusted_proxies, settings.real_ip_fallback);
        peer::counted_address(link, headers, trusted, real_ip)
    };
    let kind = CredentialKind::SharedSecret;
    let counted = attempts::count(state, Shown { kind, wrong: !right, address, forwarded }).await;
    match counted {
        Err(retry_after_ms) => Err(Fault::rate_limited(retry_after_ms)),
        Ok(()) if right => Ok(()),
        Ok(()) => Err(Fault::unauthorized(HOW)),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = value.split_once(' ')?;
    let secret = secret.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty()).then_some(secret)
}
