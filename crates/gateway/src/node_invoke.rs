//! Calling a command of a node, for whoever may.

use std::{sync::Arc, time::Duration};

use openclaw_protocol::{
    DetailCode, PROTOCOL_V3, RpcError,
    events::nodes::{
        NodeInvokeCancel, NodeInvokeCancelPayload, NodeInvokeRequest, NodeInvokeRequestPayload,
    },
    ids::{ConnId, DeviceId},
    methods::approvals::ApprovalDecision,
    methods::nodes::{NodeError, NodeInvokeOutcome, NodeOutcome, NodeRow},
};
use serde_json::{Value, json};

use crate::{
    connections::Connection,
    nodes::{self, CallRefused, Listener, policy},
    state::State,
};

const DEFAULT_TIMEOUT_MS: u64 = 30_000;
const MAX_TIMEOUT_MS: u64 = 600_000;
/// For a caller that listens: its call ends with its connection anyway.
const MAX_LISTENED_MS: u64 = 24 * 60 * 60 * 1000;
/// When a call that reached no node may be tried again.
const RETRY_MS: u64 = 1_000;
/// With these a caller would vouch for a command in the name of whoever approves.
const APPROVAL_KEYS: [&str; 2] = ["approved", "approvalDecision"];

/// What is called.
#[derive(Clone, Debug)]
pub struct Request {
    /// The node.
    pub node: DeviceId,
    /// The command.
    pub command: String,
    /// What it is given.
    pub params: Option<Value>,
    /// How long to wait, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// Handed to the node, which tells a repeat by it.
    pub key: String,
}

/// Every paired node: connected ones first, then by name.
///
/// # Errors
/// When the store cannot be read.
pub async fn list(state: &State) -> Result<Vec<NodeRow>, RpcError> {
    let paired = state.store.devices().list().await;
    let paired = paired.map_err(|error| state.storage_error(&error))?;
    let settings = state.settings.load();
    let rows = paired.iter().filter_map(|paired| {
        let live = state.nodes.connection(&paired.device.info.device_id);
        nodes::row(paired, live.as_deref(), &settings.node_commands)
    });
    let mut rows: Vec<NodeRow> = rows.collect();
    rows.sort_by_cached_key(|row| (!row.connected, row.display_name.clone(), row.node_id.clone()));
    Ok(rows)
}

/// One of them.
///
/// # Errors
/// When no such node is paired.
pub async fn find(state: &State, node: &DeviceId) -> Result<NodeRow, RpcError> {
    let paired = state.store.devices().get(node).await;
    let paired = paired.map_err(|error| state.storage_error(&error))?;
    let live = state.nodes.connection(node);
    let policy = &state.settings.load().node_commands;
    let row = paired.and_then(|paired| nodes::row(&paired, live.as_deref(), policy));
    row.ok_or_else(|| {
        RpcError::invalid("unknown nodeId; `openclaw nodes list` shows the nodes that are paired")
    })
}

/// Why a command may not be called, in the documented words.
fn check_allowed(state: &State, row: &NodeRow, command: &str) -> Result<(), RpcError> {
    if row.commands.iter().any(|allowed| allowed == command) {
        return Ok(());
    }
    let live = state.nodes.connection(&row.node_id);
    let declared = live.map(|live| live.claims.commands.clone()).unwrap_or_default();
    let reason = if !state.settings.load().node_commands.allows(row, command) {
        "command not allowlisted"
    } else if declared.is_empty() {
        "node did not declare commands"
    } else if !declared.iter().any(|declared| declared == command) {
        "command not declared by node"
    } else {
        "command not approved; `openclaw devices list` shows the request"
    };
    let error = RpcError::invalid("node command not allowed");
    Err(error.with_details([("reason", json!(reason)), ("command", json!(command))]))
}

fn check_params(command: &str, params: Option<&Value>) -> Result<(), RpcError> {
    if policy::is_reserved(command) {
        return Err(RpcError::invalid(format!("{command} is not called through node.invoke")));
    }
    let given = |key: &&str| params.is_some_and(|params| params.get(*key).is_some());
    match APPROVAL_KEYS.into_iter().find(given) {
        Some(key) => Err(RpcError::invalid(format!(
            "params.{key} cannot be given: a node's approvals are decided on the node"
        ))),
        None => Ok(()),
    }
}

fn node_failure(error: NodeError) -> RpcError {
    let or = |text: Option<openclaw_protocol::text::NonEmpty>, other: &str| {
        text.map_or_else(|| other.to_owned(), |text| text.into_string())
    };
    let code = or(error.code, "UNAVAILABLE");
    let message = or(error.message, "the node gave no reason");
    let details = json!({"code": code, "message": message});
    RpcError::unavailable(message).with_details([("nodeError", details)])
}

/// Nothing happened, so a repeat with the same key may try again.
fn not_connected() -> RpcError {
    let error = RpcError::unavailable("node not connected");
    error.with_code(DetailCode::NotConnected).retry_after(RETRY_MS)
}

/// Calls a command and waits for its result.
///
/// # Errors
/// When it may not be called, when the node is away or does not answer in time, and with what the node
/// says went wrong.
pub async fn invoke(
    state: &State,
    request: Request,
    listener: Option<Listener>,
) -> Result<NodeInvokeOutcome, RpcError> {
    check(state, &request).await?;
    deliver(state, request, listener).await
}

/// Whether a command may be called now.
async fn check(state: &State, request: &Request) -> Result<(), RpcError> {
    check_params(&request.command, request.params.as_ref())?;
    let row = find(state, &request.node).await?;
    if !row.connected {
        return Err(not_connected());
    }
    check_allowed(state, &row, &request.command)
}

/// Calls one of the commands that only the methods for approvals reach; the node says whether it has it.
///
/// # Errors
/// As [`invoke`].
pub(crate) async fn invoke_reserved(
    state: &State,
    request: Request,
) -> Result<NodeInvokeOutcome, RpcError> {
    if !find(state, &request.node).await?.connected {
        return Err(not_connected());
    }
    deliver(state, request, None).await
}

/// Calls a command again that the node wanted a person to be asked about, with the decision. Nobody but the
/// Gateway itself may add one.
///
/// # Errors
/// As [`invoke`].
pub(crate) async fn invoke_approved(
    state: &State,
    mut request: Request,
    decision: ApprovalDecision,
    listener: Option<Listener>,
) -> Result<NodeInvokeOutcome, RpcError> {
    check(state, &request).await?;
    if let Some(params) = request.params.as_mut().and_then(Value::as_object_mut) {
        let [approved, how] = APPROVAL_KEYS;
        params.insert(approved.to_owned(), json!(true));
        params.insert(how.to_owned(), json!(decision.as_str()));
    }
    deliver(state, request, listener).await
}

async fn deliver(
    state: &State,
    request: Request,
    listener: Option<Listener>,
) -> Result<NodeInvokeOutcome, RpcError> {
    let Request { node, command, params, timeout_ms, key } = request;
    let timeout_ms = timeout_ms.filter(|limit| *limit > 0).unwrap_or(DEFAULT_TIMEOUT_MS);
    let timeout_ms =
        timeout_ms.min(if listener.is_some() { MAX_LISTENED_MS } else { MAX_TIMEOUT_MS });
    let caller = listener.as_ref().map(|listener| Arc::clone(&listener.connection));
    let id = uuid::Uuid::now_v7().to_string();
    let (mut call, live) = match state.nodes.call(&id, &node, &command, listener) {
        Ok(registered) => registered,
        // It left since.
        Err(CallRefused::NotConnected) => return Err(not_connected()),
        Err(CallRefused::TooMany) => {
            let message = "the node has too many calls open; wait for some of them to end";
            return Err(RpcError::unavailable(message).retry_after(RETRY_MS));
        }
    };
    let asked = NodeInvokeRequestPayload {
        id: id.clone(),
        node_id: node.clone(),
        command: command.clone(),
        params_json: params.as_ref().map(ToString::to_string),
        timeout_ms: Some(timeout_ms),
        idempotency_key: Some(key),
    };
    let line = live.line().clone();
    state.events.tell::<NodeInvokeRequest>(&line, &asked, |_| true);
    let gone = NodeInvokeCancelPayload { id, node_id: node.clone() };
    let mut stop = StopOnDrop { state, line, gone: Some(gone) };
    let limit = Duration::from_millis(timeout_ms);
    let answer = tokio::select! {
        answer = tokio::time::timeout(limit, call.answer()) => answer,
        () = left(caller.as_deref()) => {
            return Err(RpcError::unavailable("the caller left, and the node was told to stop"));
        }
    };
    match answer {
        Ok(NodeOutcome::Done { payload, json }) => {
            stop.gone = None;
            Ok(NodeInvokeOutcome { ok: true, node_id: node, command, payload, payload_json: json })
        }
        Ok(NodeOutcome::Failed(error)) => {
            stop.gone = None;
            Err(node_failure(error))
        }
        Err(_) => Err(RpcError::unavailable("node invoke timed out").with_details([(
            "nodeError",
            json!({"code": "TIMEOUT", "message": "node invoke timed out"}),
        )])),
    }
}

/// Tells the node to stop when nobody waits for its answer any more: the time is over, the caller left,
/// or the turn that asked was stopped. A Gateway that stops says nothing: it asks again afterwards.
struct StopOnDrop<'a> {
    state: &'a State,
    line: ConnId,
    gone: Option<NodeInvokeCancelPayload>,
}

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(gone) = self.gone.take().filter(|_| !self.state.is_draining()) {
            let modern = |node: &Connection| node.protocol > PROTOCOL_V3;
            self.state.events.tell::<NodeInvokeCancel>(&self.line, &gone, modern);
        }
    }
}

/// Waits until a caller that listens is gone; for ever for others.
async fn left(caller: Option<&Connection>) {
    match caller {
        Some(caller) => caller.ended().await,
        None => std::future::pending().await,
    }
}
