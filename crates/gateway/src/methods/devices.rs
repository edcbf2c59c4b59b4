//! Paired devices, those that wait, and their tokens.

use openclaw_identity::transcript::device_token;
use openclaw_protocol::{
    Role, RpcError, ScopeSet,
    events::pairing::{DevicePairChanged, DevicePairChangedPayload, PairingDecision},
    ids::{DeviceId, PairingRequestId},
    methods::{devices::*, system::NoParams},
    text::SecretText,
};
use openclaw_store::{
    devices::{Grant, Paired},
    trail::TrailKind,
};
use secrecy::ExposeSecret;

use crate::{
    announce,
    connections::CloseReason,
    router::{Cx, Failure, Handle, Methods},
    shape::device::wire_request,
    state::State,
};

fn wire_device(state: &State, paired: &Paired) -> PairedDevice {
    let device = &paired.device;
    let live = || paired.grants.iter().filter(|grant| grant.is_active());
    let roles: Vec<String> = live().map(|grant| grant.role.as_str().to_owned()).collect();
    let connected = state
        .connections
        .all()
        .iter()
        .any(|connection| connection.principal.device.as_ref() == Some(&device.info.device_id));
    PairedDevice {
        device_id: device.info.device_id.clone(),
        public_key: device.info.public_key.clone(),
        display_name: device.info.display_name.clone(),
        operator_label: device.label.clone(),
        platform: device.info.platform.clone(),
        device_family: device.info.device_family.clone(),
        client_id: device.info.client_id.clone(),
        client_mode: device.info.client_mode.clone(),
        role: roles.first().cloned(),
        roles,
        scopes: live().fold(ScopeSet::EMPTY, |all, grant| all.union(grant.scopes)),
        remote_ip: device.info.remote_ip.clone(),
        tokens: paired.grants.iter().map(wire_token).collect(),
        created_at_ms: device.created_at_ms,
        approved_at_ms: device.approved_at_ms,
        approved_via: Some(device.approved_via.clone()),
        last_seen_at_ms: device.last_seen_at_ms,
        last_seen_reason: device.last_seen_reason.clone(),
        connected: Some(connected),
    }
}

fn wire_token(grant: &Grant) -> DeviceTokenSummary {
    DeviceTokenSummary {
        role: grant.role.as_str().to_owned(),
        scopes: grant.scopes,
        created_at_ms: grant.created_at_ms,
        rotated_at_ms: grant.rotated_at_ms,
        revoked_at_ms: grant.revoked_at_ms,
        last_used_at_ms: grant.last_used_at_ms,
    }
}

pub(super) fn changed(state: &State, device: &DeviceId) {
    let payload = DevicePairChangedPayload { device_id: Some(device.clone()) };
    state.events.publish::<DevicePairChanged>(&payload);
}

pub(super) fn note(cx: &Cx, outcome: &str, device: &DeviceId) {
    cx.state.record_of(&cx.conn, TrailKind::Pairing, outcome, device.as_str());
}

fn unknown_request() -> Failure {
    RpcError::invalid("unknown requestId").into()
}

fn unknown_device() -> Failure {
    RpcError::invalid("unknown deviceId").into()
}

fn parse_role(role: &str) -> Result<Role, Failure> {
    role.parse().map_err(|()| RpcError::invalid("unknown deviceId/role").into())
}

/// Nobody gives away more than they have.
fn check_reach(cx: &Cx, scopes: ScopeSet) -> Result<(), Failure> {
    let held = cx.conn.principal.scopes;
    let beyond = scopes.iter().find(|scope| !held.allows(*scope));
    beyond.map_or(Ok(()), |scope| Err(RpcError::missing_scope(scope, cx.conn.protocol).into()))
}

/// Lets whoever asks in, and tells everybody.
pub(super) async fn approve(cx: &Cx, id: &PairingRequestId) -> Result<Paired, Failure> {
    let devices = cx.state.store.devices();
    let fail = |error| Failure::from(cx.state.storage_error(&error));
    let pending = devices.get_request(id, cx.now_ms()).await.map_err(fail)?;
    let pending = pending.ok_or_else(unknown_request)?;
    check_reach(cx, pending.ask.scopes)?;
    let via = &cx.conn.principal.id;
    let approval = devices.approve(id, via, cx.now_ms()).await.map_err(fail)?;
    let approval = approval.ok_or_else(unknown_request)?;
    let device_id = approval.paired.device.info.device_id.clone();
    tracing::info!(device = %device_id, request = %id, by = %via, "device approved");
    note(cx, "approved", &device_id);
    for settled in &approval.settled {
        let decision = PairingDecision::Approved;
        announce::request_decided(&cx.state, &settled.request_id, &device_id, decision);
    }
    changed(&cx.state, &device_id);
    Ok(approval.paired)
}

/// Turns whoever asks away, and tells everybody.
pub(super) async fn reject(cx: &Cx, id: &PairingRequestId) -> Result<DeviceId, Failure> {
    let rejected = cx.state.store.devices().reject(id, cx.now_ms()).await;
    let rejected = rejected.map_err(|error| cx.state.storage_error(&error))?;
    let device_id = rejected.ok_or_else(unknown_request)?.ask.info.device_id;
    tracing::info!(device = %device_id, request = %id, "device turned away");
    note(cx, "turned away", &device_id);
    announce::request_decided(&cx.state, id, &device_id, PairingDecision::Rejected);
    Ok(device_id)
}

impl Handle<DevicePairList> for Methods {
    async fn handle(cx: Cx, _: NoParams) -> Result<DevicePairListResult, Failure> {
        let devices = cx.state.store.devices();
        let fail = |error| Failure::from(cx.state.storage_error(&error));
        let pending = devices.list_requests(cx.now_ms()).await.map_err(fail)?;
        let paired = devices.list().await.map_err(fail)?;
        Ok(DevicePairListResult {
            pending: pending.iter().map(wire_request).collect(),
            paired: paired.iter().map(|paired| wire_device(&cx.state, paired)).collect(),
        })
    }
}

impl Handle<DevicePairApprove> for Methods {
    async fn handle(
        cx: Cx,
        params: PairingDecisionParams,
    ) -> Result<DevicePairApproveResult, Failure> {
        let id = PairingRequestId::new(params.request_id.as_str());
        let paired = approve(&cx, &id).await?;
        let device = wire_device(&cx.state, &paired);
        Ok(DevicePairApproveResult { request_id: id, device })
    }
}

impl Handle<DevicePairReject> for Methods {
    async fn handle(
        cx: Cx,
        params: PairingDecisionParams,
    ) -> Result<DevicePairRejectResult, Failure> {
        let id = PairingRequestId::new(params.request_id.as_str());
        let device_id = reject(&cx, &id).await?;
        Ok(DevicePairRejectResult { request_id: id, device_id })
    }
}

impl Handle<DevicePairRemove> for Methods {
    async fn handle(
        cx: Cx,
        params: DevicePairRemoveParams,
    ) -> Result<DevicePairRemoveResult, Failure> {
        let device_id = DeviceId::new(params.device_id.as_str());
        let devices = cx.state.store.devices();
        let fail = |error| Failure::from(cx.state.storage_error(&error));
        let pending = devices.list_requests(cx.now_ms()).await.map_err(fail)?;
        let removed = devices.remove(&device_id).await.map_err(fail)?;
        removed.ok_or_else(unknown_device)?;
        tracing::info!(device = %device_id, "device removed");
        note(&cx, "removed", &device_id);
        for request in pending.iter().filter(|request| request.ask.info.device_id == device_id) {
            let decision = PairingDecision::Rejected;
            announce::request_decided(&cx.state, &request.request_id, &device_id, decision);
        }
        cx.state.connections.close_device(
            &device_id,
            None,
            None,
            &CloseReason::new(1008, "device removed"),
        );
        changed(&cx.state, &device_id);
        Ok(DevicePairRemoveResult { device_id })
    }
}

impl Handle<DevicePairRename> for Methods {
    async fn handle(
        cx: Cx,
        params: DevicePairRenameParams,
    ) -> Result<DevicePairRenameResult, Failure> {
        let device_id = DeviceId::new(params.device_id.as_str());
        let label = params.label.as_str().trim();
        if label.is_empty() {
            return Err(RpcError::invalid("label must not be blank").into());
        }
        let renamed = cx.state.store.devices().rename(&device_id, Some(label)).await;
        let renamed = renamed.map_err(|error| cx.state.storage_error(&error))?;
        renamed.ok_or_else(unknown_device)?;
        changed(&cx.state, &device_id);
        Ok(DevicePairRenameResult { device_id, label: label.to_owned() })
    }
}

impl Handle<DeviceTokenRotate> for Methods {
    async fn handle(
        cx: Cx,
        params: DeviceTokenRotateParams,
    ) -> Result<DeviceTokenRotateResult, Failure> {
        let device_id = DeviceId::new(params.device_id.as_str());
        let role = parse_role(&params.role)?;
        let scopes =
            params.scopes.as_ref().map(|names| ScopeSet::parse(names.iter().map(|n| n.as_str())));
        let devices = cx.state.store.devices();
        let fail = |error| Failure::from(cx.state.storage_error(&error));
        let unknown = || Failure::from(RpcError::invalid("unknown deviceId/role"));
        let paired = devices.get(&device_id).await.map_err(fail)?.ok_or_else(unknown)?;
        let current = paired.grant(role).ok_or_else(unknown)?.scopes;
        if scopes.is_some_and(|wanted| !current.covers(wanted)) {
            let message = "scopes must be within those the device was approved for";
            return Err(RpcError::invalid(message).into());
        }
        check_reach(&cx, scopes.unwrap_or(current))?;
        let now = cx.now_ms();
        let grant = devices.rotate(&device_id, role, scopes, now).await.map_err(fail)?;
        let grant = grant.ok_or_else(unknown)?;
        let own = cx.conn.principal.device.as_ref() == Some(&device_id);
        let token = own.then(|| {
            let token = device_token(
                &cx.state.identity,
                device_id.as_str(),
                role.as_str(),
                grant.generation,
            );
            SecretText::new(token.expose_secret())
        });
        note(&cx, "rotated", &device_id);
        let reason = CloseReason::new(1008, "credential-replaced");
        cx.state.connections.close_device(&device_id, Some(role), Some(&cx.conn.id), &reason);
        changed(&cx.state, &device_id);
        Ok(DeviceTokenRotateResult {
            device_id,
            role: role.as_str().to_owned(),
            token,
            scopes: grant.scopes,
            rotated_at_ms: grant.rotated_at_ms.unwrap_or(now),
            token_delivery: Some(if own {
                TokenDelivery::InBand
            } else {
                TokenDelivery::WithheldCrossDevice
            }),
        })
    }
}

impl Handle<DeviceTokenRevoke> for Methods {
    async fn handle(
        cx: Cx,
        params: DeviceTokenRevokeParams,
    ) -> Result<DeviceTokenRevokeResult, Failure> {
        let device_id = DeviceId::new(params.device_id.as_str());
        let role = parse_role(&params.role)?;
        let now = cx.now_ms();
        let revoked = cx.state.store.devices().revoke(&device_id, role, now).await;
        let revoked = revoked.map_err(|error| cx.state.storage_error(&error))?;
        let unknown = || Failure::from(RpcError::invalid("unknown deviceId/role"));
        let grant = revoked.ok_or_else(unknown)?;
        tracing::info!(device = %device_id, %role, "grant revoked");
        note(&cx, "revoked", &device_id);
        let reason = CloseReason::new(1008, "credential-revoked");
        cx.state.connections.close_device(&device_id, Some(role), None, &reason);
        changed(&cx.state, &device_id);
        Ok(DeviceTokenRevokeResult {
            device_id,
            role: role.as_str().to_owned(),
            revoked_at_ms: grant.revoked_at_ms.unwrap_or(now),
        })
    }
}
