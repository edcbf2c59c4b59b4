//! Nodes that ask to be let in, those that were, and what they report after connecting.
//!
//! A node is a device: these methods show and decide the same requests as `device.pair.*`.

use openclaw_protocol::{
    Role, RpcError, Scope,
    ids::{DeviceId, PairingRequestId},
    methods::{devices::PairingDecisionParams, node_pairing::*, system::NoParams},
};
use openclaw_store::devices::{Paired, PairingRequest};

use super::devices;
use crate::{
    connections::CloseReason,
    router::{Cx, Failure, Handle, Methods},
};

/// Longest name, in characters.
const MAX_NAME: usize = 64;

fn request(request: &PairingRequest) -> NodePairRequest {
    let (ask, info) = (&request.ask, &request.ask.info);
    NodePairRequest {
        request_id: request.request_id.clone(),
        node_id: info.device_id.clone(),
        display_name: info.display_name.clone(),
        platform: info.platform.clone(),
        device_family: info.device_family.clone(),
        client_id: info.client_id.clone(),
        client_mode: info.client_mode.clone(),
        remote_ip: info.remote_ip.clone(),
        commands: ask.commands.clone(),
        required_approve_scopes: vec![Scope::Pairing.as_str().to_owned()],
        ts: request.created_at_ms,
    }
}

fn node(paired: &Paired) -> Option<PairedNode> {
    let (device, grant) = (&paired.device, paired.grant(Role::Node)?);
    Some(PairedNode {
        node_id: device.info.device_id.clone(),
        display_name: device.name().map(str::to_owned),
        platform: device.info.platform.clone(),
        device_family: device.info.device_family.clone(),
        remote_ip: device.info.remote_ip.clone(),
        commands: grant.commands.clone(),
        created_at_ms: grant.created_at_ms,
        approved_at_ms: device.approved_at_ms,
        last_connected_at_ms: grant.last_used_at_ms,
    })
}

fn unknown_node() -> Failure {
    RpcError::invalid("unknown nodeId; `openclaw nodes list` shows the nodes that are paired")
        .into()
}

/// The request of a node; others are decided by `device.pair.*`.
async fn of_node(cx: &Cx, id: &PairingRequestId) -> Result<(), Failure> {
    let found = cx.state.store.devices().get_request(id, cx.now_ms()).await;
    let found = found.map_err(|error| cx.state.storage_error(&error))?;
    let found = found.filter(|request| request.ask.role == Role::Node);
    found.map(drop).ok_or_else(|| RpcError::invalid("unknown requestId").into())
}

impl Handle<NodePairList> for Methods {
    async fn handle(cx: Cx, _: NoParams) -> Result<NodePairListResult, Failure> {
        let devices = cx.state.store.devices();
        let fail = |error| Failure::from(cx.state.storage_error(&error));
        let pending = devices.list_requests(cx.now_ms()).await.map_err(fail)?;
        let paired = devices.list().await.map_err(fail)?;
        let of_nodes = pending.iter().filter(|request| request.ask.role == Role::Node);
        Ok(NodePairListResult {
            pending: of_nodes.map(request).collect(),
            paired: paired.iter().filter_map(node).collect(),
        })
    }
}

impl Handle<NodePairApprove> for Methods {
    async fn handle(
        cx: Cx,
        params: PairingDecisionParams,
    ) -> Result<NodePairApproveResult, Failure> {
        let id = PairingRequestId::new(params.request_id.as_str());
        of_node(&cx, &id).await?;
        let paired = devices::approve(&cx, &id).await?;
        let node = node(&paired).ok_or_else(unknown_node)?;
        Ok(NodePairApproveResult { request_id: id, node })
    }
}

impl Handle<NodePairReject> for Methods {
    async fn handle(
        cx: Cx,
        params: PairingDecisionParams,
    ) -> Result<NodePairRejectResult, Failure> {
        let id = PairingRequestId::new(params.request_id.as_str());
        of_node(&cx, &id).await?;
        let node_id = devices::reject(&cx, &id).await?;
        Ok(NodePairRejectResult { request_id: id, node_id })
    }
}

impl Handle<NodePairRemove> for Methods {
    async fn handle(cx: Cx, params: NodePairRemoveParams) -> Result<NodePairRemoveResult, Failure> {
        let node_id = DeviceId::new(params.node_id.as_str());
        let store = cx.state.store.devices();
        let fail = |error| Failure::from(cx.state.storage_error(&error));
        let revoked = store.revoke(&node_id, Role::Node, cx.now_ms()).await.map_err(fail)?;
        revoked.ok_or_else(unknown_node)?;
        let left = store.get(&node_id).await.map_err(fail)?;
        // A device that has no other role is forgotten altogether.
        if left.is_some_and(|left| !left.grants.iter().any(|grant| grant.is_active())) {
            store.remove(&node_id).await.map_err(fail)?;
        }
        tracing::info!(node = %node_id, "node removed");
        devices::note(&cx, "removed as a node", &node_id);
        let reason = CloseReason::new(1008, "node removed");
        cx.state.connections.close_device(&node_id, Some(Role::Node), None, &reason);
        devices::changed(&cx.state, &node_id);
        Ok(NodePairRemoveResult { node_id })
    }
}

impl Handle<NodeRename> for Methods {
    async fn handle(cx: Cx, params: NodeRenameParams) -> Result<NodeRenameResult, Failure> {
        let node_id = DeviceId::new(params.node_id.as_str());
        let name = params.display_name.as_str().trim();
        if name.is_empty() || name.chars().count() > MAX_NAME {
            let text = format!("displayName has to have 1 to {MAX_NAME} characters");
            return Err(RpcError::invalid(text).into());
        }
        let store = cx.state.store.devices();
        let fail = |error| Failure::from(cx.state.storage_error(&error));
        let known = store.get(&node_id).await.map_err(fail)?;
        known.as_ref().and_then(|known| known.grant(Role::Node)).ok_or_else(unknown_node)?;
        store.rename(&node_id, Some(name)).await.map_err(fail)?;
        devices::changed(&cx.state, &node_id);
        Ok(NodeRenameResult { node_id, display_name: name.to_owned() })
    }
}

const NOTED: NodeUpdateAck = NodeUpdateAck { ok: true };

impl Handle<NodePluginToolsUpdate> for Methods {
    async fn handle(_: Cx, _: NoParams) -> Result<NodeUpdateAck, Failure> {
        Ok(NOTED)
    }
}

impl Handle<NodeSkillsUpdate> for Methods {
    async fn handle(_: Cx, _: NoParams) -> Result<NodeUpdateAck, Failure> {
        Ok(NOTED)
    }
}

impl Handle<NodeRunnerInventoryUpdate> for Methods {
    async fn handle(_: Cx, _: NoParams) -> Result<NodeUpdateAck, Failure> {
        Ok(NOTED)
    }
}
