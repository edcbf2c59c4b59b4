//! Nodes: machines that offer commands, and calls of these commands.
//!
//! Shapes are those of the published contract; a node of either generation may send `null` where it has
//! nothing to say.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    ids::DeviceId,
    macros::{names, params, record},
    methods::system::NoParams,
    patch::Patch,
    row::{BaseScope, Idempotency, Since, methods},
    scope::{Role, Scope},
    text::{Int0, NonEmpty, Text},
};

/// Whether only an administrator may call a command: driving the browser of a node is worth the whole
/// account of its user.
#[must_use]
pub fn needs_admin(command: &str) -> bool {
    command == "browser.proxy"
}

/// The shortest beginning of an id that names a node.
const MIN_ID_PREFIX: usize = 6;

params! {
    /// Params of `node.describe`.
    NodeDescribeParams {
        /// The node.
        node_id: NonEmpty,
    }

    /// Params of `node.invoke`.
    NodeInvokeParams {
        /// The node.
        node_id: NonEmpty,
        /// Which of its commands.
        command: NonEmpty,
        /// What the command is given; its shape is the command's own.
        params?: Value,
        /// How long to wait for the result, in milliseconds; 30 000 when left out, at most ten minutes.
        timeout_ms?: Int0,
        /// A repeat with the same key gets the first result, and reaches no node.
        idempotency_key: NonEmpty,
        /// The session on whose behalf.
        session_key?: NonEmpty,
        /// The channel of the turn that asks.
        turn_source_channel?: String,
        /// Its recipient.
        turn_source_to?: String,
        /// Its account.
        turn_source_account_id?: String,
    }

    /// What went wrong on a node.
    #[derive(Default)]
    NodeError {
        /// A code of the node's own.
        code?: NonEmpty,
        /// In words.
        message?: NonEmpty,
    }

    /// Params of `node.invoke.result`.
    NodeInvokeResultParams {
        /// The call, as the request named it.
        id: NonEmpty,
        /// The node that answers: the caller itself.
        node_id: NonEmpty,
        /// Whether the command did what it was asked.
        ok: bool,
        /// The result.
        payload?: Value,
        /// The result as JSON text; it wins over `payload`.
        #[serde(rename = "payloadJSON")]
        payload_json??: String,
        /// What went wrong.
        error??: NodeError,
    }

    /// Params of `node.invoke.progress`.
    NodeInvokeProgressParams {
        /// The call, as the request named it.
        invoke_id: NonEmpty,
        /// The node that says it: the caller itself.
        node_id: NonEmpty,
        /// Which piece, from 0 on; a repeat is passed on once.
        seq: Int0,
        /// What the command says; its shape is the command's own.
        chunk: Text<0, 16384>,
    }

    /// Params of `node.event`.
    NodeEventParams {
        /// What happened.
        event: NonEmpty,
        /// More about it.
        payload?: Value,
        /// The same as JSON text.
        #[serde(rename = "payloadJSON")]
        payload_json??: String,
    }
}

names! {
    /// Whether a person agreed to what a node offers.
    NodeApprovalState = Approved {
        /// To all of it.
        Approved = "approved",
        /// Not to all that it declares now.
        PendingApproval = "pending-approval",
    }
}

record! {
    /// A node.
    NodeRow {
        /// Its device id.
        node_id: DeviceId,
        /// Name for people.
        display_name?: String,
        /// Operating system.
        platform?: String,
        /// Version of its program.
        version?: String,
        /// Kind of device.
        device_family?: String,
        /// Model of the device.
        model_identifier?: String,
        /// Address of the last connection.
        remote_ip?: String,
        /// Capabilities it announced.
        caps: Vec<String>,
        /// Commands that may be called now: declared, approved and allowed by the policy.
        commands: Vec<String>,
        /// Its search path.
        path_env?: String,
        /// Permissions of its operating system.
        permissions?: BTreeMap<String, bool>,
        /// Since when it is connected, in milliseconds since 1970.
        connected_at_ms?: u64,
        /// Last connect, in milliseconds since 1970.
        last_seen_at_ms?: u64,
        /// Whether it is paired.
        paired: bool,
        /// Whether it is connected.
        connected: bool,
        /// Whether a person agreed to all it declares.
        approval_state: NodeApprovalState,
    }

    /// Result of `node.list`.
    NodeListResult {
        /// When, in milliseconds since 1970.
        ts: u64,
        /// Known nodes: connected ones first, then by name.
        nodes: Vec<NodeRow>,
    }

    /// Result of `node.describe`.
    NodeDescribeResult {
        /// When, in milliseconds since 1970.
        ts: u64,
        /// The node.
        #[serde(flatten)]
        node: NodeRow,
    }

    /// Result of `node.invoke`.
    NodeInvokeOutcome {
        /// Always true: a failure is an error.
        ok: bool,
        /// The node.
        node_id: DeviceId,
        /// The command.
        command: String,
        /// What it gave, read from `payloadJSON` where the node sent that.
        payload?: Value,
        /// What it gave, as the node wrote it.
        #[serde(rename = "payloadJSON")]
        payload_json?: String,
    }

    /// What a command said before its result: an interim answer to a caller with the capability
    /// `node-output`.
    NodeInvokeOutput {
        /// Always `accepted`: the final answer follows.
        status: String,
        /// Which piece, from 0 on.
        seq: u64,
        /// What the command says; its shape is the command's own.
        chunk: String,
    }

    /// Result of `node.invoke.result`.
    NodeInvokeResultAck {
        /// Always true.
        ok: bool,
        /// Nobody waits for this call any more.
        ignored?: bool,
    }

    /// Result of `node.invoke.progress`.
    NodeInvokeProgressAck {
        /// Always true.
        ok: bool,
        /// Nobody listens to this call, or this piece came before.
        ignored?: bool,
    }

    /// Result of `node.event`.
    NodeEventResult {
        /// Always true.
        ok: bool,
        /// The event.
        event: String,
        /// Whether anything came of it.
        handled: bool,
        /// Why not.
        reason?: String,
    }
}

methods! {
    /// Known nodes, with the commands that may be called on each.
    NodeList = "node.list", Read, NoParams => NodeListResult;
    /// One node.
    NodeDescribe = "node.describe", Read, NodeDescribeParams => NodeDescribeResult;
    /// Calls a command of a node and waits for its result. A caller with the capability `node-output` hears
    /// what the command says meanwhile, and its call ends with its connection.
    NodeInvoke = "node.invoke", Write, NodeInvokeParams => NodeInvokeOutcome
        {
            scope: BaseScope::Dynamic(Scope::Write), idempotency: Idempotency::Required,
            unbounded: true, interim: true,
        }
        [
            fn scope_for(params: &NodeInvokeParams) -> Scope {
                if needs_admin(params.command.as_str()) { Scope::Admin } else { Scope::Write }
            }
            fn idempotency_key(params: &NodeInvokeParams) -> Option<&str> {
                Some(params.idempotency_key.as_str())
            }
        ];
    /// A node's answer to a call.
    NodeInvokeResult = "node.invoke.result", Write, NodeInvokeResultParams => NodeInvokeResultAck
        { role: Role::Node };
    /// What a command says before its result, passed on to the caller if it listens.
    NodeInvokeProgress = "node.invoke.progress", Write, NodeInvokeProgressParams
        => NodeInvokeProgressAck { role: Role::Node, since: Since::V4, queued: true }
        [
            fn queue_key(params: &NodeInvokeProgressParams) -> Option<String> {
                Some(format!("{}/{}", params.node_id, params.invoke_id))
            }
        ];
    /// Something happened on a node. `voice.transcript` starts a turn; of others the answer says that
    /// nothing came of them.
    NodeEvent = "node.event", Write, NodeEventParams => NodeEventResult
        { role: Role::Node };
}

/// Why a word does not name one node.
#[derive(Clone, Debug, PartialEq)]
pub enum NotOneNode<'a> {
    /// No node is meant by it.
    None,
    /// Each of these could be.
    Several(Vec<&'a NodeRow>),
}

/// The node that a word means: its id or its name, else the beginning of its id.
///
/// # Errors
/// When no node or several are meant.
pub fn find<'a>(nodes: &'a [NodeRow], wanted: &str) -> Result<&'a NodeRow, NotOneNode<'a>> {
    let is_named = |row: &&NodeRow| {
        row.node_id.as_str() == wanted || row.display_name.as_deref() == Some(wanted)
    };
    let mut meant: Vec<&NodeRow> = nodes.iter().filter(is_named).collect();
    if meant.is_empty() && wanted.len() >= MIN_ID_PREFIX {
        meant = nodes.iter().filter(|row| row.node_id.as_str().starts_with(wanted)).collect();
    }
    match meant.as_slice() {
        [] => Err(NotOneNode::None),
        [row] => Ok(row),
        _ => Err(NotOneNode::Several(meant)),
    }
}

impl NodeEventParams {
    /// What the node tells, as a value.
    ///
    /// # Errors
    /// When `payloadJSON` is not JSON.
    pub fn told(self) -> Result<Value, serde_json::Error> {
        match self.payload_json {
            Patch::Set(json) => serde_json::from_str(&json),
            Patch::Keep | Patch::Clear => Ok(self.payload.unwrap_or_default()),
        }
    }
}

impl NodeInvokeResultParams {
    /// The result as JSON text and as a value.
    ///
    /// # Errors
    /// When `payloadJSON` is not JSON.
    pub fn outcome(self) -> Result<NodeOutcome, serde_json::Error> {
        if !self.ok {
            let error =
                if let Patch::Set(error) = self.error { error } else { NodeError::default() };
            return Ok(NodeOutcome::Failed(error));
        }
        let (payload, json) = match self.payload_json {
            Patch::Set(json) => (Some(serde_json::from_str(&json)?), Some(json)),
            Patch::Keep | Patch::Clear => (self.payload, None),
        };
        Ok(NodeOutcome::Done { payload, json })
    }
}

/// How a call ended on the node.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeOutcome {
    /// It gave a result.
    Done {
        /// As a value.
        payload: Option<Value>,
        /// As the node wrote it.
        json: Option<String>,
    },
    /// It says that it could not.
    Failed(NodeError),
}
