//! Gathers what a client showed: its device, its secrets, and what the store knows about it.

use openclaw_identity::{
    PublicKey,
    legacy::LegacyPayload,
    secret,
    transcript::{DeviceTranscript, Link, SecretTranscript, device_token},
};
use openclaw_protocol::{
    DetailCode, Role, RpcError,
    connect::{ConnectAuth, DeviceProof},
    ids::DeviceId,
    limits::SIGNATURE_SKEW_MS,
    trust::{DEVICE_SCHEME, SecretKind},
};
use openclaw_store::devices::{Grant, Paired};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::{IssuedToken, Refused, Request, Upgrade};
use crate::{
    auth::{
        DeviceScheme, DeviceToken, Evidence, Identity, Invite, KnownDevice, LinkClass, SharedSecret,
    },
    settings::SharedAuth,
    state::State,
};

/// A device whose signature was verified.
pub(super) struct Device {
    pub(super) key: PublicKey,
    pub(super) record: Option<Paired>,
}

impl Device {
    /// Its id.
    pub(super) fn id(&self) -> DeviceId {
        DeviceId::new(self.key.device_id())
    }

    /// The live grant for a role.
    pub(super) fn grant(&self, role: Role) -> Option<&Grant> {
        self.record.as_ref()?.grant(role)
    }
}

pub(super) async fn gather(
    state: &State,
    upgrade: &Upgrade,
    request: &Request,
    class: LinkClass,
    secret: &SharedAuth,
) -> Result<(Evidence, Option<Device>), Box<Refused>> {
    let params = &request.params;
    let auth = params.auth.clone().unwrap_or_default();
    let mut device = None;
    let mut scheme = None;
    if let Some(proof) = &params.device {
        let (key, found) = verify(state, upgrade, request, &auth, proof, class)?;
        let record = state.store.devices().get(&DeviceId::new(key.device_id())).await;
        let record = record.map_err(|error| Refused::policy(state.storage_error(&error)))?;
        let record = record.filter(|record| record.device.info.public_key == key.to_base64url());
        scheme = Some(found);
        device = Some(Device { key, record });
    }
    let known =
        device.as_ref().map_or_else(KnownDevice::default, |device| known(device, request.role));
    let (token, in_shared_field) = check_device_token(state, device.as_ref(), request.role, &auth);
    let is_owner = class == LinkClass::OwnersDoor;
    let shared = if is_owner {
        SharedSecret::Absent
    } else {
        let check = |secret: &SharedAuth| {
            check_shared(secret, upgrade.transcript_link(state), request, &auth, in_shared_field)
        };
        match check(secret) {
            SharedSecret::Wrong => before_rotation(state, secret, check),
            shown => shown,
        }
    };
    let invite = if is_owner {
        Invite::Absent
    } else {
        check_invite(state, request, device.as_ref()).await?
    };
    let evidence = Evidence {
        invite,
        link: class,
        mode: if is_owner { SecretKind::None } else { secret.kind() },
        device: scheme,
        shared,
        token,
        identity: if is_owner { Identity::NotAsked } else { upgrade.voucher.identity },
        known,
        client: params.client.id,
        client_mode: params.client.mode,
        role: request.role,
        scopes: request.scopes,
    };
    Ok((evidence, device))
}

/// What is wrong now may be what was right before a rotation, while that is accepted.
fn before_rotation(
    state: &State,
    secret: &SharedAuth,
    check: impl Fn(&SharedAuth) -> SharedSecret,
) -> SharedSecret {
    let settings = state.settings.load();
    let previous = settings.previous.as_ref().and_then(|it| it.at(state.clock.now_ms()));
    match previous.filter(|previous| previous.kind() == secret.kind()) {
        Some(previous) => check(previous),
        None => SharedSecret::Wrong,
    }
}

fn known(device: &Device, role: Role) -> KnownDevice {
    let live = |role: Role| device.grant(role).is_some();
    let (is_node, is_operator) = (live(Role::Node), live(Role::Operator));
    KnownDevice {
        // With every grant revoked, a device is a stranger again.
        paired: is_node || is_operator,
        grant: device.grant(role).map(|grant| grant.scopes),
        is_node,
        is_operator,
    }
}

/// The token's standing, and whether it stands in the field of the shared token: clients of protocol 3
/// send it there alone, the reference client in both fields.
fn check_device_token(
    state: &State,
    device: Option<&Device>,
    role: Role,
    auth: &ConnectAuth,
) -> (DeviceToken, bool) {
    let expected = device.and_then(|device| {
        let generation = device.grant(role)?.generation;
        Some(device_token(&state.identity, &device.key.device_id(), role.as_str(), generation))
    });
    let matches = |shown: &str| {
        let expected = expected.as_ref();
        expected.is_some_and(|expected| secret::eq_constant_time(expected.expose_secret(), shown))
    };
    let in_shared_field = auth.token.as_deref();
    match auth.device_token.as_deref().filter(|shown| !shown.is_empty()) {
        Some(shown) => {
            let standing = if matches(shown) { DeviceToken::Valid } else { DeviceToken::Wrong };
            (standing, in_shared_field == Some(shown))
        }
        None if in_shared_field.is_some_and(matches) => (DeviceToken::Valid, true),
        None => (DeviceToken::Absent, false),
    }
}

/// Whether the single-use token is good for this device and role. Nothing is used up yet.
async fn check_invite(
    state: &State,
    request: &Request,
    device: Option<&Device>,
) -> Result<Invite, Box<Refused>> {
    let Some(digest) = request.invite() else { return Ok(Invite::Absent) };
    let found = state.store.devices().find_invite(&digest).await;
    let found = found.map_err(|error| Refused::policy(state.storage_error(&error)))?;
    let now = state.clock.now_ms();
    let open = found.filter(|invite| {
        invite.role == request.role
            && device.is_none_or(|device| invite.is_open_to(&device.id(), now))
    });
    Ok(open.map_or(Invite::Wrong, |invite| Invite::Open(invite.scopes)))
}

fn check_shared(
    configured: &SharedAuth,
    link: Option<Link<'_>>,
    request: &Request,
    auth: &ConnectAuth,
    token_is_the_devices: bool,
) -> SharedSecret {
    let Some(known) = configured.secret() else { return SharedSecret::Absent };
    if let Some(proof) = &auth.proof {
        let device_id = request.params.device.as_ref().map_or("", |device| device.id.as_str());
        let scopes = asked_scopes(request);
        let right = link.is_some_and(|link| {
            let transcript = SecretTranscript {
                link,
                kind: proof.kind.as_str(),
                role: request.role.as_str(),
                scopes: &scopes,
                device_id,
            };
            proof.kind == configured.kind()
                && secret::verify_hmac(known, &transcript.bytes(), &proof.mac)
        });
        return if right { SharedSecret::Proven } else { SharedSecret::Wrong };
    }
    let token = auth.token.as_ref().filter(|_| !token_is_the_devices);
    let shown: Vec<&String> = [token, auth.password.as_ref()]
        .into_iter()
        .flatten()
        .filter(|shown| !shown.is_empty())
        .collect();
    if shown.is_empty() {
        SharedSecret::Absent
    } else if shown.iter().any(|shown| configured.matches(shown)) {
        SharedSecret::Sent
    } else {
        SharedSecret::Wrong
    }
}

/// Scopes in the order sent, as they are signed.
fn asked_scopes(request: &Request) -> Vec<String> {
    let names = request.params.scopes.as_deref().unwrap_or_default();
    names.iter().map(|name| name.as_str().to_owned()).collect()
}

fn refuse(message: &str, code: DetailCode, reason: &str) -> Box<Refused> {
    Refused::policy(
        RpcError::invalid(message)
            .with_details([("code", Value::from(code.as_str())), ("reason", Value::from(reason))]),
    )
}

/// Checks key, id, freshness, nonce and signature, in this order.
fn verify(
    state: &State,
    upgrade: &Upgrade,
    request: &Request,
    auth: &ConnectAuth,
    proof: &DeviceProof,
    class: LinkClass,
) -> Result<(PublicKey, DeviceScheme), Box<Refused>> {
    let key = PublicKey::parse(&proof.public_key).map_err(|_| {
        let code = DetailCode::DeviceAuthPublicKeyInvalid;
        refuse("device public key invalid", code, "device-public-key")
    })?;
    if key.device_id() != proof.id.as_str() {
        let code = DetailCode::DeviceAuthDeviceIdMismatch;
        return Err(refuse("device identity mismatch", code, "device-id-mismatch"));
    }
    if state.clock.now_ms().abs_diff(proof.signed_at.get()) > SIGNATURE_SKEW_MS {
        let code = DetailCode::DeviceAuthSignatureExpired;
        return Err(refuse("device signature expired", code, "device-signature-stale"));
    }
    match &proof.nonce {
        None if class == LinkClass::Remote || request.protocol >= 4 => {
            let code = DetailCode::DeviceAuthNonceRequired;
            return Err(refuse("device nonce required", code, "device-nonce-missing"));
        }
        Some(nonce) if nonce.as_str() != upgrade.server_nonce => {
            let code = DetailCode::DeviceAuthNonceMismatch;
            return Err(refuse("device nonce mismatch", code, "device-nonce-mismatch"));
        }
        _ => {}
    }
    let is_ours = proof.scheme.as_ref().is_some_and(|scheme| scheme.as_str() == DEVICE_SCHEME);
    let scheme = if is_ours {
        verify_ours(state, upgrade, request, proof, &key).then_some(DeviceScheme::Ours)
    } else {
        verify_published(request, auth, proof, &key).then_some(DeviceScheme::Published)
    };
    let scheme = scheme.ok_or_else(|| {
        let code = DetailCode::DeviceAuthSignatureInvalid;
        refuse("device signature invalid", code, "device-signature")
    })?;
    Ok((key, scheme))
}

fn verify_ours(
    state: &State,
    upgrade: &Upgrade,
    request: &Request,
    proof: &DeviceProof,
    key: &PublicKey,
) -> bool {
    let Some(link) = upgrade.transcript_link(state) else { return false };
    let transcript = DeviceTranscript {
        link,
        device_id: &proof.id,
        client_id: request.params.client.id.as_str(),
        client_mode: request.params.client.mode.as_str(),
        role: request.role.as_str(),
        scopes: &asked_scopes(request),
        signed_at_ms: proof.signed_at.get(),
    };
    key.verify(&transcript.bytes(), &proof.signature)
}

/// Clients differ in which credential they sign, so each candidate is tried.
fn verify_published(
    request: &Request,
    auth: &ConnectAuth,
    proof: &DeviceProof,
    key: &PublicKey,
) -> bool {
    let scopes = asked_scopes(request);
    let client = &request.params.client;
    let candidates = [
        auth.token.as_deref(),
        auth.device_token.as_deref(),
        auth.bootstrap_token.as_deref(),
        Some(""),
    ];
    candidates.into_iter().flatten().any(|token| {
        let payload = LegacyPayload {
            device_id: &proof.id,
            client_id: client.id.as_str(),
            client_mode: client.mode.as_str(),
            role: request.role.as_str(),
            scopes: &scopes,
            signed_at_ms: proof.signed_at.get(),
            token,
            nonce: proof.nonce.as_ref().map(|nonce| nonce.as_str()),
            platform: &client.platform,
            device_family: client.device_family.as_ref().map_or("", |family| family.as_str()),
        };
        payload.verify(key, &proof.signature).is_some()
    })
}

/// Records that a paired device was here, and finds the token a published client is given.
pub(super) async fn seen(
    state: &State,
    device: &Device,
    request: &Request,
    evidence: &Evidence,
    now_ms: u64,
) -> Option<IssuedToken> {
    let id = device.id();
    if let Err(error) = state.store.devices().touch(&id, request.role, now_ms, "connect").await {
        // A full disk must not lock people out: the record is only a convenience.
        tracing::warn!(%error, "device could not be marked as seen");
    }
    let grant = device.grant(request.role)?;
    (evidence.device == Some(DeviceScheme::Published)).then(|| IssuedToken {
        token: device_token(&state.identity, id.as_str(), request.role.as_str(), grant.generation),
        issued_at_ms: grant.rotated_at_ms.unwrap_or(grant.created_at_ms),
    })
}
