//! From an open socket to an authenticated connection, in the documented order of checks.
//!
//! 1. the frame is a `connect` request, 2. its params, 3. protocol range, 4. role, 5. origin,
//! 6. device key, id, freshness, nonce and signature, 7. shared secret and device token,
//! 8. the decision of [`crate::auth::decide`], 9. pairing.

use std::{collections::HashSet, net::IpAddr, sync::Arc};

use axum::http::HeaderMap;
use openclaw_identity::{
    secret,
    transcript::{GatewayTranscript, Link as TranscriptLink},
};
use openclaw_protocol::{
    DetailCode, ErrorCode, PROTOCOL_V3, PROTOCOL_V4, Role, RpcError, ScopeSet,
    client_info::{ClientId, ClientMode},
    connect::ConnectParams,
    events::core::ChallengePayload,
    frame::RequestFrame,
    ids::{ConnId, DeviceId},
    params,
    trust::GatewayProof,
};
use openclaw_store::{devices::Grant, trail::TrailKind};
use serde_json::Value;

use crate::{
    attempts::{self, Shown},
    auth::{
        self, Evidence, Identity, LinkClass, Method, PairingReason, Refusal, Verdict,
        limiter::CredentialKind,
    },
    connections::{CloseReason, Connection, NewConnection, Principal},
    peer::Link,
    settings::SharedAuth,
    state::State,
};

mod evidence;
mod pairing;
mod record;

pub use pairing::{Hold, PairingAsk};

/// What is known of a socket before its first frame.
#[derive(Clone, Debug)]
pub struct Upgrade {
    /// Its id.
    pub id: ConnId,
    /// The link it came over.
    pub link: Link,
    /// The address that limits count; none through the door.
    pub address: Option<IpAddr>,
    /// Who vouches for the person behind it.
    pub voucher: Voucher,
    /// The headers of the upgrade request.
    pub headers: HeaderMap,
    /// A proxy says that somebody else stands behind the peer.
    pub forwarded: bool,
    /// Our client's nonce.
    pub client_nonce: Option<[u8; 32]>,
    /// Our client keeps its socket while a pairing is decided.
    pub can_wait: bool,
    /// What the Gateway sent in `connect.challenge`.
    pub server_nonce: String,
}

/// Who vouches for the person behind a socket, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voucher {
    /// Who does.
    pub identity: Identity,
    /// The person's name or login.
    pub person: Option<String>,
}

impl Default for Voucher {
    fn default() -> Self {
        Self { identity: Identity::NotAsked, person: None }
    }
}

impl Voucher {
    /// Somebody vouches for this person.
    #[must_use]
    pub const fn new(identity: Identity, person: String) -> Self {
        Self { identity, person: Some(person) }
    }
}

/// A refused `connect`.
#[derive(Debug)]
pub struct Refused {
    /// What the peer is told, if the frame had an id to answer.
    pub error: RpcError,
    /// How the socket is closed.
    pub close: CloseReason,
    /// The peer may keep its socket and wait for a person's decision.
    pub hold: Option<Hold>,
}

impl Refused {
    /// Closed with the error's own text, as documented.
    #[must_use]
    pub fn policy(error: RpcError) -> Box<Self> {
        let close = CloseReason::new(1008, error.message.clone());
        Box::new(Self { error, close, hold: None })
    }
}

/// An admitted connection.
#[derive(Debug)]
pub struct Admitted {
    /// The connection.
    pub connection: Arc<Connection>,
    /// Token for a client of the published contract.
    pub device_token: Option<IssuedToken>,
    /// What it was admitted for.
    pub basis: Basis,
}

/// What an admission rests on. Whoever takes it away cuts the connections that are listed, so it is
/// looked at once more when this one is.
#[derive(Debug)]
pub struct Basis {
    grant: Option<Grant>,
    secret: Option<SharedAuth>,
}

impl Basis {
    /// Whether nothing of it was revoked, rotated, or replaced meanwhile.
    pub async fn holds(&self, state: &State) -> bool {
        if self.secret.as_ref().is_some_and(|secret| !is_in_force(state, secret)) {
            return false;
        }
        let Some(grant) = &self.grant else { return true };
        let record = state.store.devices().get(&grant.device_id).await;
        let record = record.map_err(|error| state.storage_error(&error)).ok().flatten();
        let now = record.as_ref().and_then(|record| record.grant(grant.role));
        now.is_some_and(|now| now.generation == grant.generation)
    }
}

/// Whether a shared secret is the one of now, or the one before that is accepted still.
fn is_in_force(state: &State, secret: &SharedAuth) -> bool {
    let settings = state.settings.load();
    let previous = settings.previous.as_ref().and_then(|it| it.at(state.clock.now_ms()));
    settings.auth.is_same(secret) || previous.is_some_and(|previous| previous.is_same(secret))
}

/// A device token for `hello-ok`.
#[derive(Debug)]
pub struct IssuedToken {
    /// The token.
    pub token: secrecy::SecretString,
    /// When its generation was made, in milliseconds since 1970.
    pub issued_at_ms: u64,
}

impl Upgrade {
    /// The payload of `connect.challenge`; with the Gateway's proof for clients that sent a nonce.
    #[must_use]
    pub fn challenge(&self, state: &State) -> ChallengePayload {
        let wants = self.wanted_kind(state);
        let gateway = self.transcript_link(state).map(|link| {
            let bytes = GatewayTranscript { link, wants: wants.as_str() }.bytes();
            GatewayProof {
                public_key: state.public_key.to_base64url(),
                signature: state.identity.sign(&bytes),
                binding: self.link.binding(),
                wants,
            }
        });
        ChallengePayload {
            nonce: self.server_nonce.clone(),
            ts: state.clock.now_ms(),
            capabilities: None,
            gateway,
        }
    }

    /// The owner's door asks for no secret.
    fn wanted_kind(&self, state: &State) -> openclaw_protocol::trust::SecretKind {
        if self.link.is_owner() || self.link.is_for_nodes() {
            return openclaw_protocol::trust::SecretKind::None;
        }
        state.settings.load().auth.kind()
    }

    fn transcript_link<'a>(&'a self, state: &'a State) -> Option<TranscriptLink<'a>> {
        Some(TranscriptLink {
            client_nonce: self.client_nonce.as_ref()?,
            server_nonce: &self.server_nonce,
            gateway: &state.public_key,
            binding: self.link.binding().as_str(),
            exporter: self.link.exporter(),
        })
    }

    fn class(&self) -> LinkClass {
        // Whoever comes through the door for nodes is held to be a node before anything is decided, and a
        // node gains nothing by the owner's door but that no secret is asked for: the login was the proof.
        if self.link.is_owner() || self.link.is_for_nodes() {
            LinkClass::OwnersDoor
        } else if self.link.is_local(self.forwarded) {
            LinkClass::Local
        } else {
            LinkClass::Remote
        }
    }
}

/// A checked request, before anything is decided.
struct Request {
    params: ConnectParams,
    protocol: u32,
    role: Role,
    scopes: ScopeSet,
}

impl Request {
    /// The digest of the single-use token that was shown.
    fn invite(&self) -> Option<String> {
        let shown = self.params.auth.as_ref()?.bootstrap_token.as_deref();
        shown.filter(|token| !token.is_empty()).map(secret::digest)
    }
}

/// Runs all checks on the first request of a socket.
///
/// # Errors
/// How to refuse and close.
pub async fn connect(
    state: &Arc<State>,
    upgrade: &Upgrade,
    frame: &RequestFrame<'_>,
) -> Result<Admitted, Box<Refused>> {
    let request = read(frame)?;
    let client = request.params.client.id.as_str().to_owned();
    let device = request.params.device.as_ref().map(|device| device.id.as_str().to_owned());
    let outcome = decide(state, upgrade, request).await;
    match &outcome {
        Ok(admitted) => {
            let method = admitted.connection.principal.method;
            let detail = match &upgrade.voucher.person {
                Some(person) => format!("{client}, {person}"),
                None => client,
            };
            state.record_of(&admitted.connection, TrailKind::Connect, method, &detail);
        }
        Err(refused) => {
            record::refusal(state, upgrade, device.as_ref().unwrap_or(&client), &refused.error);
        }
    }
    outcome
}

async fn decide(
    state: &Arc<State>,
    upgrade: &Upgrade,
    request: Request,
) -> Result<Admitted, Box<Refused>> {
    if upgrade.link.is_for_nodes() && request.role != Role::Node {
        let message =
            format!("unauthorized role: {}; only nodes come through this door", request.role);
        let error = RpcError::invalid(message).with_code(DetailCode::AuthUnauthorized);
        return Err(Refused::policy(error));
    }
    let class = upgrade.class();
    check_origin(state, upgrade, &request, class)?;
    let secret = state.settings.load().auth.clone();
    let (evidence, mut device) = evidence::gather(state, upgrade, &request, class, &secret).await?;
    count_failures(state, upgrade, &request, &evidence).await?;
    match auth::decide(&evidence) {
        Verdict::Refuse(refusal) => Err(Refused::policy(
            refusal.to_error(request.params.client.id, request.params.client.mode),
        )),
        Verdict::NeedsPairing(reason) => {
            let device =
                device.ok_or_else(|| Refused::policy(RpcError::invalid("invalid role")))?;
            if evidence.role == Role::Node {
                pairing::claim_invite(state, upgrade, &request, &device, &evidence).await?;
            }
            Err(pairing::ask(state, upgrade, &request, &device, reason).await)
        }
        Verdict::Admit { scopes, method: Method::Invite, .. } => {
            if let Some(device) = &mut device {
                pairing::use_invite(state, upgrade, &request, device, &evidence).await?;
            }
            let granted = Granted { scopes, method: Method::Invite, secret };
            Ok(admit(state, upgrade, request, &evidence, device, granted).await)
        }
        Verdict::Admit { scopes, method, pair_silently } => {
            if let Some(device) = device.as_mut().filter(|_| pair_silently) {
                match pairing::pair_silently(state, upgrade, &request, device, class).await {
                    Ok(record) => device.record = Some(record),
                    // The owner gets in even when nothing can be written.
                    Err(_) if class == LinkClass::OwnersDoor => {}
                    Err(refused) => return Err(refused),
                }
            }
            let granted = Granted { scopes, method, secret };
            Ok(admit(state, upgrade, request, &evidence, device, granted).await)
        }
    }
}

fn read(frame: &RequestFrame<'_>) -> Result<Request, Box<Refused>> {
    if frame.method != "connect" {
        let message = "invalid handshake: first request must be connect";
        return Err(Refused::policy(RpcError::invalid(message)));
    }
    let params: ConnectParams = params::decode("connect", frame.params).map_err(Refused::policy)?;
    let protocol = pick_protocol(&params)?;
    let role = params.role.as_ref().map_or(Ok(Role::Operator), |role| role.as_str().parse());
    let role = role.map_err(|()| Refused::policy(RpcError::invalid("invalid role")))?;
    if role == Role::Node {
        pairing::check_claims(&params).map_err(Refused::policy)?;
    }
    let scopes = match (role, &params.scopes) {
        (Role::Operator, Some(names)) => ScopeSet::parse(names.iter().map(|name| name.as_str())),
        (Role::Operator, None) | (Role::Node, _) => ScopeSet::EMPTY,
    };
    Ok(Request { params, protocol, role, scopes })
}

/// 4 if the range has it, else 3.
fn pick_protocol(params: &ConnectParams) -> Result<u32, Box<Refused>> {
    let (min, max) = (params.min_protocol.get(), params.max_protocol.get());
    let speaks = |version: u32| min <= u64::from(version) && u64::from(version) <= max;
    if let Some(version) = [PROTOCOL_V4, PROTOCOL_V3].into_iter().find(|version| speaks(*version)) {
        return Ok(version);
    }
    let error = RpcError::invalid("protocol mismatch").with_details([
        ("code", Value::from(DetailCode::ProtocolMismatch.as_str())),
        ("clientMinProtocol", Value::from(min)),
        ("clientMaxProtocol", Value::from(max)),
        ("expectedProtocol", Value::from(PROTOCOL_V4)),
        ("minimumProbeProtocol", Value::from(PROTOCOL_V3)),
    ]);
    let close = CloseReason::new(1002, "protocol mismatch");
    Err(Box::new(Refused { error, close, hold: None }))
}

fn check_origin(
    state: &State,
    upgrade: &Upgrade,
    request: &Request,
    class: LinkClass,
) -> Result<(), Box<Refused>> {
    let client = &request.params.client;
    let is_page = matches!(client.id, ClientId::ControlUi | ClientId::WebchatUi)
        || client.mode == ClientMode::Webchat;
    let local = class != LinkClass::Remote;
    let settings = state.settings.load();
    let own = state.own_name();
    settings.hosts.check_origin(&upgrade.headers, local, is_page, own.as_deref()).map_err(|refusal| {
        let message = "origin not allowed (open the Control UI from the gateway host or allow it in \
                       gateway.controlUi.allowedOrigins)";
        Refused::policy(RpcError::invalid(message).with_details([
            ("code", Value::from(DetailCode::ControlUiOriginNotAllowed.as_str())),
            ("reason", Value::from(refusal.as_str())),
        ]))
    })
}

/// Slows or locks out whoever guesses; the owner's door is never counted.
async fn count_failures(
    state: &State,
    upgrade: &Upgrade,
    request: &Request,
    evidence: &Evidence,
) -> Result<(), Box<Refused>> {
    let client = &request.params.client;
    let shown = [
        (
            CredentialKind::SharedSecret,
            evidence.shared != auth::SharedSecret::Absent,
            evidence.shared == auth::SharedSecret::Wrong,
        ),
        (
            CredentialKind::DeviceToken,
            evidence.token != auth::DeviceToken::Absent,
            evidence.token == auth::DeviceToken::Wrong,
        ),
        (
            CredentialKind::BootstrapToken,
            evidence.invite != auth::Invite::Absent,
            evidence.invite == auth::Invite::Wrong,
        ),
    ];
    for (kind, _, wrong) in shown.into_iter().filter(|(_, was_shown, _)| *was_shown) {
        let (address, forwarded) = (upgrade.address, upgrade.forwarded);
        let counted = attempts::count(state, Shown { kind, wrong, address, forwarded }).await;
        counted.map_err(|retry_after_ms| {
            let refusal = Refusal::RateLimited { retry_after_ms };
            Refused::policy(refusal.to_error(client.id, client.mode))
        })?;
    }
    Ok(())
}

struct Granted {
    scopes: ScopeSet,
    method: Method,
    secret: SharedAuth,
}

async fn admit(
    state: &Arc<State>,
    upgrade: &Upgrade,
    request: Request,
    evidence: &Evidence,
    device: Option<evidence::Device>,
    granted: Granted,
) -> Admitted {
    let now = state.clock.now_ms();
    let device_id = device.as_ref().map(|device| DeviceId::new(device.key.device_id()));
    let mut device_token = None;
    if let Some(device) = &device {
        device_token = evidence::seen(state, device, &request, evidence, now).await;
    }
    if let Some(device) = &device {
        pairing::ask_for_more(state, upgrade, &request, device).await;
    }
    let owner = evidence.link == LinkClass::OwnersDoor;
    let grant = device.as_ref().filter(|_| !owner).and_then(|device| device.grant(request.role));
    let by_secret = matches!(granted.method, Method::Token | Method::Password);
    let basis = Basis { grant: grant.cloned(), secret: by_secret.then_some(granted.secret) };
    let id = match (&device_id, owner) {
        (Some(id), _) => id.as_str().to_owned(),
        (None, true) => "owner".to_owned(),
        (None, false) => format!("shared:{}", request.params.client.id.as_str()),
    };
    let principal = Principal {
        id,
        device: device_id,
        role: request.role,
        scopes: granted.scopes,
        method: granted.method.as_str(),
        owner,
    };
    let caps: HashSet<String> =
        request.params.caps.iter().take(64).map(|cap| cap.as_str().to_owned()).collect();
    let claims = pairing::claims(&request);
    let connection = Connection::new(
        NewConnection {
            id: upgrade.id.clone(),
            protocol: request.protocol,
            principal,
            client: request.params.client,
            origin: upgrade.link.origin(upgrade.address),
            now_ms: now,
            caps,
            resume: request.params.resume,
            claims,
        },
        openclaw_protocol::limits::MAX_BUFFERED_BYTES,
    );
    Admitted { connection: Arc::new(connection), device_token, basis }
}

/// The error for a device that a person must decide about.
fn pairing_error(ask: &PairingAsk, reason: PairingReason, protocol: u32) -> RpcError {
    if protocol == PROTOCOL_V3 {
        return RpcError::new(ErrorCode::NotPaired, "pairing required")
            .with_details([("requestId", Value::from(ask.request_id.as_str()))]);
    }
    RpcError::new(ErrorCode::NotPaired, reason.sentence()).with_details([
        ("code", Value::from(DetailCode::PairingRequired.as_str())),
        ("reason", Value::from(reason.as_str())),
        ("requestId", Value::from(ask.request_id.as_str())),
        ("deviceId", Value::from(ask.device_id.as_str())),
        ("requestedRole", Value::from(ask.role.as_str())),
        ("requestedScopes", Value::from(ask.scopes.names())),
        ("approvedRoles", Value::from(ask.approved_roles.clone())),
        ("approvedScopes", Value::from(ask.approved_scopes.clone())),
        (
            "remediationHint",
            Value::from(format!(
                "On the Gateway host run: openclaw devices approve {}",
                ask.request_id
            )),
        ),
        ("recommendedNextStep", Value::from("wait_then_retry")),
        ("retryable", Value::from(true)),
        ("pauseReconnect", Value::from(false)),
        ("held", Value::from(ask.held)),
    ])
}
