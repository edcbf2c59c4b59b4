//! Work that waits for a node: what operators want to know of one that sleeps, and commands that it cannot
//! run before somebody opens its app.

use crate::{
    ids::DeviceId,
    list::{List, OpenObject},
    macros::{names, params, record},
    methods::system::NoParams,
    row::{Since, methods},
    scope::Role,
    text::{Int, NonEmpty},
};

names! {
    /// What an operator may want to know of a node.
    NodeWorkType = StatusRequest {
        /// How it is.
        StatusRequest = "status.request",
        /// Where it is.
        LocationRequest = "location.request",
    }

    /// How urgent a new request is.
    NodeWorkUrgency = Normal {
        /// In its turn.
        Normal = "normal",
        /// Before others.
        High = "high",
    }

    /// How urgent a request is that waits.
    NodeWorkPriority = Normal {
        /// Nobody asked in particular.
        Default = "default",
        /// In its turn.
        Normal = "normal",
        /// Before others.
        High = "high",
    }
}

params! {
    /// Params of `node.pending.enqueue`.
    NodePendingEnqueueParams {
        /// The node.
        node_id: NonEmpty,
        /// What is wanted.
        r#type: NodeWorkType,
        /// How urgent it is.
        priority?: NodeWorkUrgency,
        /// For how long it may wait, in milliseconds; an hour when left out.
        expires_in_ms?: Int<1000, 86_400_000>,
        /// Whether to wake the node. This Gateway has no way to; the node finds the work when it comes.
        wake?: bool,
    }

    /// Params of `node.pending.drain`.
    NodePendingDrainParams {
        /// How many at most; 4 when left out.
        max_items?: Int<1, 10>,
    }

    /// Params of `node.pending.ack`.
    NodePendingAckParams {
        /// What the node has, commands and requests alike; at most 256.
        ids: List<NonEmpty, 1, { usize::MAX }>,
    }

    /// Params of `node.pluginSurface.refresh`.
    NodePluginSurfaceRefreshParams {
        /// The surface, `canvas` say.
        surface?: NonEmpty,
    }
}

record! {
    /// A request that waits for a node.
    NodeWorkItem {
        /// Names it.
        id: String,
        /// What is wanted.
        r#type: NodeWorkType,
        /// How urgent it is.
        priority: NodeWorkPriority,
        /// When it was asked first, in milliseconds since 1970.
        created_at_ms: u64,
        /// Until when it waits.
        expires_at_ms?: u64,
        /// More about it.
        payload?: OpenObject,
    }

    /// Result of `node.pending.enqueue`.
    NodePendingEnqueueResult {
        /// The node.
        node_id: DeviceId,
        /// Counts changes of what waits for it.
        revision: u64,
        /// The request that waits: an older one, if the same was asked before.
        queued: NodeWorkItem,
        /// Whether the node is being woken.
        wake_triggered: bool,
    }

    /// Result of `node.pending.drain`.
    NodePendingDrainResult {
        /// The node.
        node_id: DeviceId,
        /// Counts changes of the queue.
        revision: u64,
        /// What waits for the node, urgent things first. It waits on until `node.pending.ack`.
        items: Vec<NodeWorkItem>,
        /// Whether more waits.
        has_more: bool,
    }

    /// A command that waits for a node.
    NodePendingAction {
        /// Names it.
        id: String,
        /// The command.
        command: String,
        /// Its params as JSON text.
        #[serde(rename = "paramsJSON")]
        params_json: Option<String>,
        /// When it was called, in milliseconds since 1970.
        enqueued_at_ms: u64,
    }

    /// Result of `node.pending.pull`.
    NodePendingPullResult {
        /// The node.
        node_id: DeviceId,
        /// What it is to run, in this order; only what may be called now. It waits on until
        /// `node.pending.ack`.
        actions: Vec<NodePendingAction>,
    }

    /// Result of `node.pending.ack`.
    NodePendingAckResult {
        /// The node.
        node_id: DeviceId,
        /// What of it was the node's and does not wait any more.
        acked_ids: Vec<String>,
        /// How many commands wait on.
        remaining_count: u64,
    }

    /// Result of `node.pluginSurface.refresh`.
    NodePluginSurfaceRefreshResult {
        /// Addresses of surfaces, by name.
        plugin_surface_urls: OpenObject,
    }
}

methods! {
    /// Asks a node for something that it answers when it wakes. The same of one node waits once.
    NodePendingEnqueue = "node.pending.enqueue", Write, NodePendingEnqueueParams
        => NodePendingEnqueueResult { since: Since::V4 };
    /// What operators wanted of a node while it slept.
    NodePendingDrain = "node.pending.drain", Write, NodePendingDrainParams
        => NodePendingDrainResult { role: Role::Node, since: Since::V4 };
    /// Commands that were called while the node's app was in the background.
    NodePendingPull = "node.pending.pull", Write, NoParams => NodePendingPullResult
        { role: Role::Node, since: Since::V4 };
    /// The node has these, and they are not handed out again.
    NodePendingAck = "node.pending.ack", Write, NodePendingAckParams => NodePendingAckResult
        { role: Role::Node, since: Since::V4 };
    /// A new address for a surface of a plugin. This Gateway has none, and says so.
    NodePluginSurfaceRefresh = "node.pluginSurface.refresh", Write, NodePluginSurfaceRefreshParams
        => NodePluginSurfaceRefreshResult { role: Role::Node, since: Since::V4, advertised: false };
}
