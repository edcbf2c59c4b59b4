//! Asking a person to decide about a device, and pairing without one where the table allows it.

use openclaw_identity::transcript::pairing_request_id;
use openclaw_protocol::{
    Role, RpcError, ScopeSet,
    connect::ConnectParams,
    events::pairing::PairingDecision,
    ids::{DeviceId, PairingRequestId},
};
use openclaw_store::{
    devices::{Ask, DeviceInfo, Paired, PairingRequest},
    trail::{TrailEvent, TrailKind},
};

use super::{Refused, Request, Upgrade, evidence::Device, pairing_error, record::origin};
use crate::{
    announce,
    auth::{Evidence, Invite, LinkClass, PairingReason, Refusal},
    claims::NodeClaims,
    connections::CloseReason,
    pairing::Held,
    state::State,
};

/// What a client is told about its pending request.
#[derive(Clone, Debug)]
pub struct PairingAsk {
    /// Stays the same while the request does.
    pub request_id: PairingRequestId,
    /// The device.
    pub device_id: DeviceId,
    /// Role asked for.
    pub role: Role,
    /// Scopes asked for.
    pub scopes: ScopeSet,
    /// Roles the device has.
    pub approved_roles: Vec<String>,
    /// Scopes the device has.
    pub approved_scopes: Vec<String>,
    /// The socket is kept until the decision.
    pub held: bool,
}

/// A socket that waits for the decision on its request.
#[derive(Debug)]
pub struct Hold {
    /// Resolves with the decision.
    pub decision: Held,
}

fn ask_of(upgrade: &Upgrade, request: &Request, device: &Device, reason: &str) -> Ask {
    let client = &request.params.client;
    let text = |value: &Option<openclaw_protocol::text::NonEmpty>| {
        value.as_ref().map(|value| value.as_str().to_owned())
    };
    Ask {
        info: DeviceInfo {
            device_id: device.id(),
            public_key: device.key.to_base64url(),
            display_name: text(&client.display_name),
            platform: Some(client.platform.as_str().to_owned()),
            device_family: text(&client.device_family),
            client_id: Some(client.id.as_str().to_owned()),
            client_mode: Some(client.mode.as_str().to_owned()),
            remote_ip: upgrade.address.map(|address| address.to_string()),
        },
        role: request.role,
        scopes: request.scopes,
        commands: commands(request),
        reason: reason.to_owned(),
    }
}

/// A node may declare this many commands, and as many capabilities and permissions.
const MAX_CLAIMS: usize = 256;
/// Longest name of one, in bytes.
const MAX_NAME: usize = 128;

/// Refuses a node that claims more than anybody could look through: it would be kept, listed and asked
/// about.
pub(super) fn check_claims(params: &ConnectParams) -> Result<(), RpcError> {
    let commands = params.commands.as_deref().unwrap_or_default();
    let permissions = params.permissions.iter().flatten();
    let counts = [commands.len(), params.caps.len(), permissions.clone().count()];
    let named = commands.iter().chain(&params.caps).map(|name| name.as_str().len());
    let longest = named.chain(permissions.map(|(name, _)| name.len())).max();
    if counts.iter().any(|count| *count > MAX_CLAIMS) || longest > Some(MAX_NAME) {
        return Err(RpcError::invalid(format!(
            "a node declares at most {MAX_CLAIMS} commands, capabilities and permissions each, with names \
             of at most {MAX_NAME} bytes"
        )));
    }
    Ok(())
}

fn commands(request: &Request) -> Vec<String> {
    let declared = request.params.commands.iter().flatten();
    declared.map(|command| command.as_str().to_owned()).collect()
}

/// What a node says about itself.
pub(super) fn claims(request: &Request) -> NodeClaims {
    if request.role != Role::Node {
        return NodeClaims::default();
    }
    NodeClaims {
        commands: commands(request),
        permissions: request.params.permissions.clone(),
        path_env: request.params.path_env.clone(),
    }
}

/// Files a request for the commands that a paired node declares and nobody approved. It is let in
/// meanwhile, with what it has.
pub(super) async fn ask_for_more(
    state: &State,
    upgrade: &Upgrade,
    request: &Request,
    device: &Device,
) {
    let Some(grant) = device.grant(request.role).filter(|_| request.role == Role::Node) else {
        return;
    };
    if commands(request).iter().all(|command| grant.commands.contains(command)) {
        return;
    }
    let ask = ask_of(upgrade, request, device, "command-upgrade");
    let id = request_id(request, device, &ask);
    // A store that fails was logged; the node is let in all the same, with what it has.
    drop(file(state, &id, ask).await);
}

fn request_id(request: &Request, device: &Device, ask: &Ask) -> PairingRequestId {
    let scopes = request.scopes.names();
    let id = pairing_request_id(&device.key, request.role.as_str(), &scopes, &ask.commands);
    PairingRequestId::new(id)
}

/// Files a request, or renews it, and tells operators of it and of those that made room.
async fn file(state: &State, id: &PairingRequestId, ask: Ask) -> Result<PairingRequest, RpcError> {
    let filed = state.store.devices().request(id, ask, state.clock.now_ms()).await;
    let filed = filed.map_err(|error| state.storage_error(&error))?;
    for dropped in &filed.dropped {
        announce::request_decided(
            state,
            &dropped.request_id,
            &dropped.ask.info.device_id,
            PairingDecision::Rejected,
        );
    }
    if filed.created {
        announce::request_filed(state, &filed.request);
    }
    Ok(filed.request)
}

/// Files a request (or renews it), tells operators, and refuses for now.
pub(super) async fn ask(
    state: &State,
    upgrade: &Upgrade,
    request: &Request,
    device: &Device,
    reason: PairingReason,
) -> Box<Refused> {
    let ask = ask_of(upgrade, request, device, reason.as_str());
    let id = request_id(request, device, &ask);
    // Before the request can be seen, so that no decision is missed.
    let hold = if upgrade.can_wait { state.pairing.hold(&id, upgrade.address) } else { None };
    let pending = match file(state, &id, ask).await {
        Ok(pending) => pending,
        Err(error) => return Refused::policy(error),
    };
    let live_grants = || {
        let grants = device.record.iter().flat_map(|record| &record.grants);
        grants.filter(|grant| grant.revoked_at_ms.is_none())
    };
    let ask = PairingAsk {
        request_id: pending.request_id,
        device_id: device.id(),
        role: request.role,
        scopes: request.scopes,
        approved_roles: live_grants().map(|grant| grant.role.as_str().to_owned()).collect(),
        approved_scopes: live_grants().flat_map(|grant| grant.scopes.names()).collect(),
        held: hold.is_some(),
    };
    let error = pairing_error(&ask, reason, request.protocol);
    let text = if request.protocol == openclaw_protocol::PROTOCOL_V3 {
        error.message.clone()
    } else {
        format!("{} (requestId: {})", error.message, ask.request_id)
    };
    let close = CloseReason::new(1008, text);
    Box::new(Refused { error, close, hold: hold.map(|decision| Hold { decision }) })
}

fn invite_wrong(request: &Request) -> Box<Refused> {
    let client = &request.params.client;
    Refused::policy(Refusal::InviteWrong.to_error(client.id, client.mode))
}

/// Makes a single-use token this device's, if it showed one: who asks with it asks alone.
pub(super) async fn claim_invite(
    state: &State,
    upgrade: &Upgrade,
    request: &Request,
    device: &Device,
    evidence: &Evidence,
) -> Result<(), Box<Refused>> {
    let Some(digest) = request.invite().filter(|_| evidence.invite != Invite::Absent) else {
        return Ok(());
    };
    let ask = ask_of(upgrade, request, device, "invited");
    let claimed = state.store.devices().claim_invite(&digest, &ask, state.clock.now_ms()).await;
    let claimed = claimed.map_err(|error| Refused::policy(state.storage_error(&error)))?;
    if claimed { Ok(()) } else { Err(invite_wrong(request)) }
}

/// Uses a single-use token up. An operator is paired by it, in one transaction; a node is paired
/// already, and gets nothing more.
pub(super) async fn use_invite(
    state: &State,
    upgrade: &Upgrade,
    request: &Request,
    device: &mut Device,
    evidence: &Evidence,
) -> Result<(), Box<Refused>> {
    if request.role == Role::Node {
        return claim_invite(state, upgrade, request, device, evidence).await;
    }
    let Invite::Open(scopes) = evidence.invite else { return Err(invite_wrong(request)) };
    let digest = request.invite().unwrap_or_default();
    let mut ask = ask_of(upgrade, request, device, "invited");
    // What it asks beyond the token, it has already.
    ask.scopes = ask.scopes.limited_to(scopes);
    let redeemed = state.store.devices().redeem(&digest, ask, "link", state.clock.now_ms()).await;
    let redeemed = redeemed.map_err(|error| Refused::policy(state.storage_error(&error)))?;
    let approval = redeemed.ok_or_else(|| invite_wrong(request))?;
    for settled in &approval.settled {
        let id = &approval.paired.device.info.device_id;
        announce::request_decided(state, &settled.request_id, id, PairingDecision::Approved);
    }
    note_paired(state, upgrade, request, &approval.paired, "link");
    device.record = Some(approval.paired);
    Ok(())
}

fn note_paired(state: &State, upgrade: &Upgrade, request: &Request, paired: &Paired, via: &str) {
    let device = &paired.device.info.device_id;
    tracing::info!(
        %device,
        role = %request.role,
        scopes = ?request.scopes.names(),
        via,
        "device paired"
    );
    state.record(TrailEvent {
        kind: TrailKind::Pairing,
        outcome: format!("paired, {via}"),
        who: device.as_str().to_owned(),
        origin: origin(upgrade),
        detail: request.scopes.names().join(", "),
    });
}

/// Pairs a device for what it asked; the evidence was enough.
pub(super) async fn pair_silently(
    state: &State,
    upgrade: &Upgrade,
    request: &Request,
    device: &Device,
    class: LinkClass,
) -> Result<Paired, Box<Refused>> {
    let ask = ask_of(upgrade, request, device, "silent");
    let via = if class == LinkClass::OwnersDoor { "owner" } else { "silent" };
    let paired = state.store.devices().pair_silently(ask, via, state.clock.now_ms()).await;
    let approval = paired.map_err(|error| Refused::policy(state.storage_error(&error)))?;
    note_paired(state, upgrade, request, &approval.paired, via);
    Ok(approval.paired)
}
