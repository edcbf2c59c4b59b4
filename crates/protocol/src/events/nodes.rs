//! What a node is told.

use crate::{
    ids::DeviceId,
    macros::record,
    row::{Gate, Since, events},
};

record! {
    /// Payload of `node.invoke.request`.
    NodeInvokeRequestPayload {
        /// The call; the answer names it.
        id: String,
        /// The node.
        node_id: DeviceId,
        /// The command.
        command: String,
        /// Its params as JSON text.
        #[serde(rename = "paramsJSON")]
        params_json?: String,
        /// How long the caller waits, in milliseconds.
        timeout_ms?: u64,
        /// The same for a repeat of the call.
        idempotency_key?: String,
    }

    /// Payload of `node.invoke.cancel`.
    NodeInvokeCancelPayload {
        /// The call.
        id: String,
        /// The node.
        node_id: DeviceId,
    }
}

events! {
    /// Asks a node to run one of its commands.
    NodeInvokeRequest = "node.invoke.request", Gate::Direct, NodeInvokeRequestPayload;
    /// Nobody waits for this call any more.
    NodeInvokeCancel = "node.invoke.cancel", Gate::Direct, NodeInvokeCancelPayload
        { since: Since::V4 };
}
