//! Codes that let a device in once.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use openclaw_identity::{secret, to_base64url};
use openclaw_protocol::{
    Role, RpcError, Scope, ScopeSet, methods::setup::*, text::SecretText, trust::SecretKind,
};
use openclaw_store::{devices::invites::Invite, trail::TrailKind};
use secrecy::ExposeSecret;

use crate::{
    lan,
    router::{Cx, Failure, Handle, Methods},
    state::State,
};

/// How long a code is good for unless said, in milliseconds.
const SETUP_TTL_MS: u64 = 10 * 60 * 1000;
/// What named an address: it listens nowhere else.
const OWN_LOOPBACK: &str = "loopback";
/// What named an address: it listens there.
const OWN_ADDRESS: &str = "gateway.bind";
/// Longest address in a code.
const MAX_URL_CHARS: usize = 512;

impl Handle<DevicePairSetupCode> for Methods {
    async fn handle(
        cx: Cx,
        params: DevicePairSetupCodeParams,
    ) -> Result<DevicePairSetupCodeResult, Failure> {
        let state = &cx.state;
        let (url, url_source) = address(state, params.public_url.as_ref().map(|url| url.as_str()))?;
        let held = cx.conn.principal.scopes;
        let (role, access, scopes) = match params.bootstrap_profile {
            None => (Role::Operator, SetupAccess::Full, held),
            Some(SetupProfile::Limited) => {
                let all = ScopeSet::all().limited_to(held);
                let without = all.iter().filter(|scope| *scope != Scope::Admin).collect();
                (Role::Operator, SetupAccess::Limited, without)
            }
            Some(SetupProfile::Node) => (Role::Node, SetupAccess::Node, ScopeSet::EMPTY),
        };
        let no_randomness = |error| {
            tracing::error!(%error, "no randomness");
            Failure::from(RpcError::unavailable("the system has no randomness; try again"))
        };
        let token = secret::generate_token().map_err(no_randomness)?;
        let now = cx.now_ms();
        let ttl = params.expires_in_ms.map_or(SETUP_TTL_MS, |ttl| ttl.get());
        let invite = Invite {
            invite_id: uuid::Uuid::new_v4().to_string(),
            role,
            scopes,
            made_by: cx.conn.principal.id.clone(),
            created_at_ms: now,
            expires_at_ms: now.saturating_add(ttl),
            used_by: None,
            used_at_ms: None,
        };
        let (setup_id, expires_at_ms) = (invite.invite_id.clone(), invite.expires_at_ms);
        let digest = secret::digest(token.expose_secret());
        let kept = state.store.devices().invite(&digest, invite).await;
        kept.map_err(|error| state.storage_error(&error))?;
        tracing::info!(%setup_id, %role, by = %cx.conn.principal.id, "single-use code made");
        let outcome = format!("code made, {role}");
        state.record_of(&cx.conn, TrailKind::Pairing, &outcome, &setup_id);
        let code = SetupCode {
            url: url.clone(),
            bootstrap_token: SecretText::new(token.expose_secret()),
            expires_at_ms: Some(expires_at_ms),
            gateway_key: Some(state.public_key.to_base64url()),
            tls_fingerprint: match url_source {
                OWN_LOOPBACK | OWN_ADDRESS => state.certificate.load().as_deref().cloned(),
                _ => None,
            },
            ssh: None,
        };
        let code = serde_json::to_vec(&code).map_err(|_| RpcError::invalid("no code"))?;
        Ok(DevicePairSetupCodeResult {
            setup_id: Some(setup_id),
            setup_code: SecretText::new(to_base64url(&code)),
            gateway_url: url,
            auth: match state.settings.load().auth.kind() {
                SecretKind::Password => SetupAuth::Password,
                SecretKind::Token | SecretKind::None => SetupAuth::Token,
            },
            url_source: url_source.to_owned(),
            access: Some(access),
            expires_at_ms: Some(expires_at_ms),
            page_path: {
                let ui = &state.settings.load().control_ui;
                ui.enabled.then(|| format!("{}/", ui.base_path))
            },
        })
    }
}

/// Where others reach this Gateway, and what says so.
fn address(state: &State, asked: Option<&str>) -> Result<(String, &'static str), Failure> {
    if let Some(url) = asked {
        let known = ["ws://", "wss://", "http://", "https://"];
        let is_plain = url.len() <= MAX_URL_CHARS && !url.contains(char::is_whitespace);
        if !is_plain || !known.iter().any(|scheme| url.starts_with(scheme)) {
            let message = "publicUrl must be a ws://, wss://, http:// or https:// address";
            return Err(RpcError::invalid(message).into());
        }
        return Ok((as_socket(url), "publicUrl"));
    }
    if let Some(origin) = &state.settings.load().public_origin {
        return Ok((as_socket(origin), "gateway.publicOrigin"));
    }
    if let Some(name) = state.own_name() {
        return Ok((format!("wss://{name}"), "gateway.tailscale"));
    }
    let info = &state.info;
    let scheme = if info.tls.is_some() { "wss" } else { "ws" };
    let listens = |wanted: fn(&IpAddr) -> bool| info.addresses.iter().copied().find(wanted);
    let named = listens(|ip| !ip.is_loopback() && !ip.is_unspecified());
    let everywhere = listens(IpAddr::is_unspecified);
    let wide = named.or_else(|| everywhere.and_then(|_| lan::address()));
    let (ip, source) =
        wide.map_or((IpAddr::V4(Ipv4Addr::LOCALHOST), OWN_LOOPBACK), |ip| (ip, OWN_ADDRESS));
    Ok((format!("{scheme}://{}", SocketAddr::new(ip, info.port)), source))
}

/// The address of the WebSocket behind that of a page.
fn as_socket(url: &str) -> String {
    let url = url.trim_end_matches('/');
    match url.strip_prefix("http") {
        Some(rest) => format!("ws{rest}"),
        None => url.to_owned(),
    }
}

impl Handle<DevicePairSetupStatus> for Methods {
    async fn handle(
        cx: Cx,
        params: DevicePairSetupStatusParams,
    ) -> Result<DevicePairSetupStatusResult, Failure> {
        let devices = cx.state.store.devices();
        let fail = |error| Failure::from(cx.state.storage_error(&error));
        let invite = devices.invite_by_id(params.setup_id.as_str()).await.map_err(fail)?;
        let invite = invite.ok_or_else(|| RpcError::invalid("unknown setupId"))?;
        let (Some(device_id), Some(ts)) = (invite.used_by, invite.used_at_ms) else {
            return Ok(DevicePairSetupStatusResult { completion: None });
        };
        let paired = devices.get(&device_id).await.map_err(fail)?;
        // Whoever asks to be a node has not got anything yet.
        let Some(paired) = paired.filter(|paired| paired.grant(invite.role).is_some()) else {
            return Ok(DevicePairSetupStatusResult { completion: None });
        };
        let access = match invite.role {
            Role::Node => SetupAccess::Node,
            Role::Operator if invite.scopes.allows(Scope::Admin) => SetupAccess::Full,
            Role::Operator => SetupAccess::Limited,
        };
        let completion = SetupCompletion {
            setup_id: invite.invite_id,
            device_id,
            device_name: paired.device.name().map(str::to_owned),
            access,
            ts,
        };
        Ok(DevicePairSetupStatusResult { completion: Some(completion) })
    }
}
