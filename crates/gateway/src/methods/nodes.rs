//! Nodes: listing them, calling them, and what they answer.

use std::time::Duration;

use openclaw_protocol::{
    DetailCode, RpcError,
    events::nodes::{
        NodeInvokeCancel, NodeInvokeCancelPayload, NodeInvokeRequest, NodeInvokeRequestPayload,
    },
    ids::DeviceId,
    methods::{nodes::*, system::NoParams},
};
use serde_json::json;

use crate::{
    nodes::{self, Answered, policy},
    router::{Cx, Failure, Handle, Methods},
};

const DEFAULT_TIMEOUT_MS: u64 = 30_000;
const MAX_TIMEOUT_MS: u64 = 600_000;

async fn find(cx: &Cx, node: &DeviceId) -> Result<NodeRow, Failure> {
    let paired = cx.state.store.devices().get(node).await;
    let paired = paired.map_err(|error| cx.state.storage_error(&error))?;
    let live = cx.state.nodes.connection(node);
    let policy = &cx.state.settings.load().node_commands;
    let row = paired.and_then(|paired| nodes::row(&paired, live.as_deref(), policy));
    row.ok_or_else(|| {
        let message = "unknown nodeId; `openclaw nodes list` shows the nodes that are paired";
        RpcError::invalid(message).into()
    })
}

impl Handle<NodeList> for Methods {
    async fn handle(cx: Cx, _: NoParams) -> Result<NodeListResult, Failure> {
        let paired = cx.state.store.devices().list().await;
        let paired = paired.map_err(|error| cx.state.storage_error(&error))?;
        let settings = cx.state.settings.load();
        let rows = paired.iter().filter_map(|paired| {
            let live = cx.state.nodes.connection(&paired.device.info.device_id);
            nodes::row(paired, live.as_deref(), &settings.node_commands)
        });
        let mut nodes: Vec<NodeRow> = rows.collect();
        nodes.sort_by_cached_key(|row| {
            (!row.connected, row.display_name.clone(), row.node_id.clone())
        });
        Ok(NodeListResult { ts: cx.now_ms(), nodes })
    }
}

impl Handle<NodeDescribe> for Methods {
    async fn handle(cx: Cx, params: NodeDescribeParams) -> Result<NodeDescribeResult, Failure> {
        let node = find(&cx, &DeviceId::new(params.node_id.as_str())).await?;
        Ok(NodeDescribeResult { ts: cx.now_ms(), node })
    }
}

/// Why a command may not be called, in the documented words.
fn check_allowed(cx: &Cx, row: &NodeRow, command: &str) -> Result<(), Failure> {
    if row.commands.iter().any(|allowed| allowed == command) {
        return Ok(());
    }
    let live = cx.state.nodes.connection(&row.node_id);
    let declared = live.map(|live| live.claims.commands.clone()).unwrap_or_default();
    let allowed = cx.state.settings.load().node_commands.allows(row, command);
    let reason = if !allowed {
        "command not allowlisted"
    } else if declared.is_empty() {
        "node did not declare commands"
    } else if !declared.iter().any(|declared| declared == command) {
        "command not declared by node"
    } else {
        "command not approved; `openclaw devices list` shows the request"
    };
    let error = RpcError::invalid("node command not allowed");
    Err(error.with_details([("reason", json!(reason)), ("command", json!(command))]).into())
}

fn node_failure(error: NodeError) -> Failure {
    let code = error.code.map_or("UNAVAILABLE".to_owned(), |code| code.into_string());
    let message =
        error.message.map_or("the node gave no reason".to_owned(), |text| text.into_string());
    let details = json!({"code": code, "message": message});
    RpcError::unavailable(message).with_details([("nodeError", details)]).into()
}

impl Handle<NodeInvoke> for Methods {
    async fn handle(cx: Cx, params: NodeInvokeParams) -> Result<NodeInvokeOutcome, Failure> {
        let (command, node) = (params.command.as_str(), DeviceId::new(params.node_id.as_str()));
        if policy::is_reserved(command) {
            let message = format!("{command} is not called through node.invoke");
            return Err(RpcError::invalid(message).into());
        }
        let row = find(&cx, &node).await?;
        let Some(live) = cx.state.nodes.connection(&node) else {
            let error = RpcError::unavailable("node not connected");
            return Err(error.with_code(DetailCode::NotConnected).into());
        };
        check_allowed(&cx, &row, command)?;
        let given = params.timeout_ms.map(|limit| limit.get()).filter(|limit| *limit > 0);
        let timeout_ms = given.unwrap_or(DEFAULT_TIMEOUT_MS).min(MAX_TIMEOUT_MS);
        let id = uuid::Uuid::now_v7().to_string();
        let Some(mut call) = cx.state.nodes.call(&id, &node, command) else {
            let message = "the node has too many calls open; wait for some of them to end";
            return Err(RpcError::unavailable(message).retry_after(1_000).into());
        };
        let request = NodeInvokeRequestPayload {
            id: id.clone(),
            node_id: node.clone(),
            command: command.to_owned(),
            params_json: params.params.as_ref().map(ToString::to_string),
            timeout_ms: Some(timeout_ms),
            idempotency_key: Some(params.idempotency_key.as_str().to_owned()),
        };
        let line = live.line().clone();
        cx.state.events.tell::<NodeInvokeRequest>(&line, &request, |_| true);
        let limit = Duration::from_millis(timeout_ms);
        let Ok(outcome) = tokio::time::timeout(limit, call.answer()).await else {
            drop(call);
            let gone = NodeInvokeCancelPayload { id, node_id: node.clone() };
            let is_v4 = |node: &crate::connections::Connection| {
                node.protocol > openclaw_protocol::PROTOCOL_V3
            };
            cx.state.events.tell::<NodeInvokeCancel>(&line, &gone, is_v4);
            let timed_out = nodes::failed("TIMEOUT", "node invoke timed out");
            return finished(node, command, timed_out);
        };
        finished(node, command, outcome)
    }
}

fn finished(
    node: DeviceId,
    command: &str,
    outcome: NodeOutcome,
) -> Result<NodeInvokeOutcome, Failure> {
    match outcome {
        NodeOutcome::Failed(error) => Err(node_failure(error)),
        NodeOutcome::Done { payload, json } => Ok(NodeInvokeOutcome {
            ok: true,
            node_id: node,
            command: command.to_owned(),
            payload,
            payload_json: json,
        }),
    }
}

/// The calling node; nobody answers in another's name.
fn caller(cx: &Cx, named: &str) -> Result<DeviceId, Failure> {
    let own = cx.conn.principal.device.clone().filter(|own| own.as_str() == named);
    own.ok_or_else(|| RpcError::invalid("nodeId mismatch").into())
}

impl Handle<NodeInvokeResult> for Methods {
    async fn handle(
        cx: Cx,
        params: NodeInvokeResultParams,
    ) -> Result<NodeInvokeResultAck, Failure> {
        let node = caller(&cx, params.node_id.as_str())?;
        let id = params.id.as_str().to_owned();
        let outcome = params.outcome().unwrap_or_else(|error| {
            nodes::failed("INVALID_RESULT", &format!("the node's payloadJSON is no JSON: {error}"))
        });
        match cx.state.nodes.answered(&node, &id, outcome) {
            Answered::Delivered => Ok(NodeInvokeResultAck { ok: true, ignored: None }),
            Answered::Late => Ok(NodeInvokeResultAck { ok: true, ignored: Some(true) }),
            Answered::NotYours => Err(RpcError::invalid("nodeId mismatch").into()),
        }
    }
}

impl Handle<NodeEvent> for Methods {
    async fn handle(cx: Cx, params: NodeEventParams) -> Result<NodeEventResult, Failure> {
        tracing::debug!(conn = %cx.conn.id, event = params.event.as_str(), "event of a node");
        let reason = "this Gateway does nothing with this event yet";
        Ok(NodeEventResult {
            ok: true,
            event: params.event.into_string(),
            handled: false,
            reason: Some(reason.to_owned()),
        })
    }
}
