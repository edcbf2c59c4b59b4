//! Who may be a node: requests, paired nodes, names; and what nodes of the original report after connecting.

use crate::{
    ids::{DeviceId, PairingRequestId},
    macros::{params, record},
    methods::{devices::PairingDecisionParams, system::NoParams},
    row::{Since, methods},
    scope::Role,
    text::NonEmpty,
};

params! {
    /// Params of `node.pair.remove`.
    NodePairRemoveParams {
        /// The node.
        node_id: NonEmpty,
    }

    /// Params of `node.rename`.
    NodeRenameParams {
        /// The node.
        node_id: NonEmpty,
        /// What operators call it from now on; at most 64 characters.
        display_name: NonEmpty,
    }
}

record! {
    /// A node that asks to be let in, or for more commands.
    NodePairRequest {
        /// Names the request; `device.pair.*` knows it by the same name.
        request_id: PairingRequestId,
        /// The node.
        node_id: DeviceId,
        /// What it calls itself.
        display_name?: String,
        /// Operating system.
        platform?: String,
        /// Kind of device.
        device_family?: String,
        /// Program that asks.
        client_id?: String,
        /// Coarse kind of program.
        client_mode?: String,
        /// Address it asks from.
        remote_ip?: String,
        /// Commands it would have.
        commands: Vec<String>,
        /// Scopes that whoever approves needs.
        required_approve_scopes: Vec<String>,
        /// When it last asked, in milliseconds since 1970.
        ts: u64,
    }

    /// A node that was let in.
    PairedNode {
        /// The node.
        node_id: DeviceId,
        /// What it is called.
        display_name?: String,
        /// Operating system.
        platform?: String,
        /// Kind of device.
        device_family?: String,
        /// Address of its last connection.
        remote_ip?: String,
        /// Commands it was approved for.
        commands: Vec<String>,
        /// First pairing, in milliseconds since 1970.
        created_at_ms: u64,
        /// Last approval, in milliseconds since 1970.
        approved_at_ms: u64,
        /// Last connect, in milliseconds since 1970.
        last_connected_at_ms?: u64,
    }

    /// Result of `node.pair.list`.
    NodePairListResult {
        /// Those that wait.
        pending: Vec<NodePairRequest>,
        /// Those that were let in.
        paired: Vec<PairedNode>,
    }

    /// Result of `node.pair.approve`.
    NodePairApproveResult {
        /// The request.
        request_id: PairingRequestId,
        /// The node.
        node: PairedNode,
    }

    /// Result of `node.pair.reject`.
    NodePairRejectResult {
        /// The request.
        request_id: PairingRequestId,
        /// The node.
        node_id: DeviceId,
    }

    /// Result of `node.pair.remove`.
    NodePairRemoveResult {
        /// The node.
        node_id: DeviceId,
    }

    /// Result of `node.rename`.
    NodeRenameResult {
        /// The node.
        node_id: DeviceId,
        /// Its name now.
        display_name: String,
    }

    /// That something was taken note of.
    NodeUpdateAck {
        /// Always true.
        ok: bool,
    }
}

methods! {
    /// Lists nodes that ask and nodes that were let in.
    NodePairList = "node.pair.list", Pairing, NoParams => NodePairListResult;
    /// Lets a node in with the commands it asks for.
    NodePairApprove = "node.pair.approve", Pairing, PairingDecisionParams => NodePairApproveResult;
    /// Turns a node away.
    NodePairReject = "node.pair.reject", Pairing, PairingDecisionParams => NodePairRejectResult;
    /// Takes the right to be a node away and cuts the connection.
    NodePairRemove = "node.pair.remove", Pairing, NodePairRemoveParams => NodePairRemoveResult
        { since: Since::V4 };
    /// Gives a node a name.
    NodeRename = "node.rename", Pairing, NodeRenameParams => NodeRenameResult;
    /// Tools of plugins on a node; nothing is done with them yet.
    NodePluginToolsUpdate = "node.pluginTools.update", Write, NoParams
        => NodeUpdateAck { role: Role::Node, since: Since::V4, advertised: false };
    /// Skills on a node; nothing is done with them yet.
    NodeSkillsUpdate = "node.skills.update", Write, NoParams => NodeUpdateAck
        { role: Role::Node, since: Since::V4, advertised: false };
    /// What a node can run; nothing is done with it yet.
    NodeRunnerInventoryUpdate = "node.runnerInventory.update", Write, NoParams => NodeUpdateAck
        { role: Role::Node, since: Since::V4, advertised: false };
}
