//! The HTTP side of the port: probes, upgrades, and refusals that say why.
//!
//! `GET /health`, `/healthz`, `/ready`, `/readyz`, `/startup`, `/startupz` answer without credentials and
//! without telling a version. `POST /channels/CHANNEL/ACCOUNT` goes to that channel, which has its own way to
//! know who it is from; so does a post to a path that an account names. What other programs call is in [`endpoints`]. A WebSocket upgrade is served on any path, the browser interface below its
//! base path. Everything else is 404.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Path, Query, Request, State as Extract},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use hyper_util::rt::TokioIo;
use openclaw_channels::WebCall;
use openclaw_identity::secret;
use openclaw_protocol::{
    ids::ConnId,
    trust::{Binding, QUERY_NONCE, QUERY_WAIT},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::{
    auth::Identity,
    connection, endpoints,
    handshake::{Upgrade, Voucher},
    hosts::HostPolicy,
    peer::{self, Link},
    settings::{Settings, SharedAuth},
    state::State,
    tailnet::{self, Visitor},
    ui,
};

/// Longest body of a post to a channel, in bytes.
const MAX_POST: usize = 1024 * 1024;
/// How long it may take to come.
const POST_TIMEOUT: Duration = Duration::from_secs(10);

/// Where a request came from; the listener puts it beside every request.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub Link);

/// The routes. Every request must carry its [`Peer`].
pub fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/health", get(live))
        .route("/healthz", get(live))
        .route("/ready", get(ready))
        .route("/readyz", get(ready))
        .route("/startup", get(started))
        .route("/startupz", get(started))
        .route("/channels/{channel}/{account}", post(channel))
        .route("/v1/chat/completions", any(endpoint))
        .route("/v1/responses", any(endpoint))
        .route("/v1/models", any(endpoint))
        .route("/tools/invoke", any(endpoint))
        .fallback(interface)
        .layer(middleware::from_fn_with_state(Arc::clone(&state), guard))
        .with_state(state)
}

/// Host, Origin and upgrade are looked at before any route.
async fn guard(
    Extract(state): Extract<Arc<State>>,
    axum::Extension(Peer(link)): axum::Extension<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let settings = state.settings.load_full();
    let forwarded = peer::is_forwarded(request.headers());
    let guarded = !forwarded && link.binding() == Binding::TlsExporter;
    let own = state.own_name();
    if is_post_to_channel(&state, &request) && !link.is_for_nodes() {
        return guarded_headers(next.run(request).await);
    }
    if !settings.hosts.allows_host(request.headers(), guarded, own.as_deref()) {
        let hint =
            "use localhost or an IP address, or list the name in gateway.controlUi.allowedOrigins";
        return refusal(StatusCode::FORBIDDEN, "host_not_allowed", "this Host is not served", hint);
    }
    let by_tailscale = matches!(link, Link::Tailscale { .. });
    let visitor = tailnet::visitor(
        state.tailnet.as_deref(),
        settings.tailnet_identity,
        &link,
        request.headers(),
    )
    .await;
    let trusted = link.address().is_some_and(|ip| peer::is_trusted(&settings.trusted_proxies, ip));
    let refused = if by_tailscale { visitor.is_none() } else { forwarded && !trusted };
    if refused {
        let hint = if request.headers().contains_key(tailnet::LOGIN) {
            "let the Gateway publish itself: openclaw config set gateway.tailscale.mode serve"
        } else {
            "list the proxy's address in gateway.trustedProxies"
        };
        let message = "forwarding headers from a peer that is not a trusted proxy";
        return refusal(StatusCode::FORBIDDEN, "proxy_attribution_required", message, hint);
    }
    if link.is_for_nodes() && !is_upgrade(request.headers()) {
        let hint = "openclaw gateway dial-stdio, without --role, is the way for everything else";
        let message = "only nodes come through this door, over a WebSocket";
        return refusal(StatusCode::FORBIDDEN, "for_nodes_only", message, hint);
    }
    if is_upgrade(request.headers()) {
        let from = From { link, forwarded: forwarded || by_tailscale, visitor };
        return upgrade(&state, &from, request);
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let own_page = reads && HostPolicy::is_same_origin(request.headers());
    // The socket table is read only for pages.
    let local = request.headers().contains_key(header::ORIGIN) && link.is_local(forwarded);
    let foreign =
        settings.hosts.check_origin(request.headers(), local, false, own.as_deref()).is_err();
    if foreign && !own_page {
        let hint = "list the origin in gateway.controlUi.allowedOrigins";
        return refusal(
            StatusCode::FORBIDDEN,
            "origin_not_allowed",
            "this Origin is not served",
            hint,
        );
    }
    guarded_headers(next.run(request).await)
}

/// Whether this goes to a channel. Such a post shows a secret of its own, which no browser has: by which
/// name and through which proxies it came does not count.
fn is_post_to_channel(state: &State, request: &Request) -> bool {
    let path = request.uri().path();
    request.method() == Method::POST
        && !request.headers().contains_key(header::ORIGIN)
        && (path.starts_with("/channels/") || state.channels.at_path(path).is_some())
}

fn guarded_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn is_upgrade(headers: &HeaderMap) -> bool {
    let has = |name, token: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value: &HeaderValue| value.to_str().ok())
            .any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)))
    };
    has(header::CONNECTION, "upgrade") && has(header::UPGRADE, "websocket")
}

#[derive(Debug, Default, Deserialize)]
struct UpgradeQuery {
    #[serde(rename = "oc_nonce")]
    nonce: Option<String>,
    #[serde(rename = "oc_wait")]
    wait: Option<String>,
}

/// Where an upgrade comes from.
struct From {
    link: Link,
    forwarded: bool,
    visitor: Option<Visitor>,
}

/// Answers the upgrade and serves the socket in a task of its own.
fn upgrade(state: &Arc<State>, from: &From, mut request: Request) -> Response {
    debug_assert_eq!((QUERY_NONCE, QUERY_WAIT), ("oc_nonce", "oc_wait"));
    let headers = request.headers().clone();
    let version = headers.get(header::SEC_WEBSOCKET_VERSION).map(HeaderValue::as_bytes);
    let key = headers.get(header::SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes);
    let (Some(key), Some(b"13"), &Method::GET) = (key, version, request.method()) else {
        let message = "not a WebSocket upgrade of version 13";
        return refusal(StatusCode::BAD_REQUEST, "bad_upgrade", message, "use a WebSocket client");
    };
    let settings = state.settings.load_full();
    let address = match &from.visitor {
        Some(visitor) => Some(visitor.address),
        None => peer::counted_address(
            &from.link,
            &headers,
            &settings.trusted_proxies,
            settings.real_ip_fallback,
        ),
    };
    let Ok(ticket) = state.admission.enter(address) else {
        let message = "too many connections of this address wait for authentication";
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "busy", message, "try again in a moment");
    };
    let Ok(server_nonce) = secret::nonce() else {
        let message = "no randomness available";
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "busy", message, "try again in a moment");
    };
    let query = Query::<UpgradeQuery>::try_from_uri(request.uri()).map(|query| query.0);
    let query = query.unwrap_or_default();
    let accept = derive_accept_key(key);
    let upgraded = hyper::upgrade::on(&mut request);
    let socket = Upgrade {
        id: ConnId::new(uuid::Uuid::new_v4().to_string()),
        link: from.link,
        address,
        voucher: voucher(&settings, from, &headers),
        headers,
        forwarded: from.forwarded,
        client_nonce: query.nonce.as_deref().and_then(secret::nonce_bytes),
        can_wait: query.wait.as_deref() == Some("1"),
        server_nonce,
    };
    let serve_state = Arc::clone(state);
    let patience = state.settings.load().handshake_deadline;
    let opening = Box::pin(async move {
        // A request whose body never comes would keep its place for ever.
        match timeout(patience, upgraded).await {
            Ok(Ok(io)) => connection::open(serve_state, socket, ticket, TokioIo::new(io)).await,
            Ok(Err(error)) => {
                tracing::debug!(%error, "upgrade failed");
                None
            }
            Err(_) => {
                tracing::debug!("upgrade took too long");
                None
            }
        }
    });
    drop(state.tasks.spawn("socket", async move {
        let Some(open) = opening.await else { return };
        open.run().await;
    }));
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&accept) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}

/// Who vouches for the person behind an upgrade, and for whom.
fn voucher(settings: &Settings, from: &From, headers: &HeaderMap) -> Voucher {
    if let SharedAuth::TrustedProxy(rules) = &settings.auth {
        return match rules.judge(from.link.address(), &settings.trusted_proxies, headers) {
            Ok(person) => Voucher::new(Identity::Proxy { silent: rules.auto_approve }, person),
            Err(why) => {
                tracing::debug!(why = why.as_str(), "no trusted proxy vouches for this request");
                Voucher { identity: Identity::Missing, person: None }
            }
        };
    }
    match from.visitor.as_ref().and_then(|visitor| visitor.login.clone()) {
        Some(login) => Voucher::new(Identity::Tailnet, login),
        None => Voucher::default(),
    }
}

/// A post to an account of a channel, which checks who it is from by itself.
async fn channel(
    Extract(state): Extract<Arc<State>>,
    Path((channel, account)): Path<(String, String)>,
    request: Request,
) -> Response {
    post_to(&state, &channel, &account, request).await
}

async fn post_to(state: &State, channel: &str, account: &str, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = match timeout(POST_TIMEOUT, axum::body::to_bytes(body, MAX_POST)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            let (message, hint) = ("the body is too long", "post at most a megabyte");
            return refusal(StatusCode::PAYLOAD_TOO_LARGE, "bad_body", message, hint);
        }
        Err(_) => {
            let (message, hint) = ("the body did not come in time", "post it within ten seconds");
            return refusal(StatusCode::REQUEST_TIMEOUT, "bad_body", message, hint);
        }
    };
    let headers = parts.headers.iter().filter_map(|(name, value)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    });
    let call = WebCall { headers: headers.collect(), body: body.to_vec() };
    match state.channels.web(channel, account, call).await {
        Some(reply) => {
            let status = StatusCode::from_u16(reply.status);
            answer(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &reply.body)
        }
        None => {
            let hint = "openclaw channels status";
            refusal(StatusCode::NOT_FOUND, "not_found", "no such account runs here", hint)
        }
    }
}

/// What other programs call; see [`endpoints`].
async fn endpoint(
    Extract(state): Extract<Arc<State>>,
    axum::Extension(Peer(link)): axum::Extension<Peer>,
    request: Request,
) -> Response {
    endpoints::serve(&state, &link, request).await
}

async fn live() -> Response {
    answer(StatusCode::OK, &json!({"ok": true, "status": "live"}))
}

async fn ready(Extract(state): Extract<Arc<State>>) -> Response {
    if state.is_draining() {
        let body = json!({"ready": false, "failing": ["draining"]});
        return answer(StatusCode::SERVICE_UNAVAILABLE, &body);
    }
    answer(StatusCode::OK, &json!({"ready": true}))
}

async fn started() -> Response {
    answer(StatusCode::OK, &json!({"ok": true, "status": "started"}))
}

async fn interface(
    Extract(state): Extract<Arc<State>>,
    axum::Extension(Peer(link)): axum::Extension<Peer>,
    request: Request,
) -> Response {
    if request.method() == Method::POST
        && let Some((channel, account)) = state.channels.at_path(request.uri().path())
    {
        return post_to(&state, &channel, &account, request).await;
    }
    let (asked, _) = request.into_parts();
    if let Some(response) = endpoints::for_page(&state, &link, &asked).await {
        return response;
    }
    let settings = state.settings.load_full();
    let served = ui::serve(&settings.control_ui, &asked.method, &asked.uri, &asked.headers);
    served.await.unwrap_or_else(not_found)
}

fn not_found() -> Response {
    let hint = "the Gateway speaks WebSocket on this port; try `openclaw status`";
    refusal(StatusCode::NOT_FOUND, "not_found", "nothing is served here", hint)
}

fn refusal(status: StatusCode, kind: &str, message: &str, hint: &str) -> Response {
    answer(status, &json!({"error": {"type": kind, "message": message, "hint": hint}}))
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json")];
    (status, headers, Body::from(body.to_string())).into_response()
}
