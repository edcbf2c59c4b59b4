//! The node registry: which nodes are connected, and the calls that wait for their answers.
//!
//! A call belongs to a node, not to its socket: a node that lost its connection and comes back within its
//! time still answers, if it is one that takes up where it ended.

mod budget;
pub mod policy;

use std::{collections::HashMap, sync::Arc};

use openclaw_protocol::{
    Role,
    ids::{ConnId, DeviceId},
    methods::nodes::{NodeApprovalState, NodeError, NodeOutcome, NodeRow},
    text::NonEmpty,
};
use openclaw_store::devices::Paired;
use parking_lot::Mutex;
use tokio::sync::oneshot;

pub use self::budget::{Spent, WINDOW_MS as EVENT_WINDOW_MS};
use self::{budget::Budget, policy::CommandPolicy};
use crate::connections::{CloseReason, Connection};

/// Calls that one node may have open at a time; more are refused.
pub const MAX_CALLS_PER_NODE: usize = 256;

/// Most that a command may say before its result, in bytes.
const MAX_SAID: usize = 64 * 1024 * 1024;

/// Who hears what a command says before its result.
#[derive(Clone)]
pub struct Listener {
    /// The caller's connection.
    pub connection: Arc<Connection>,
    /// Tells it a piece, by number.
    pub say: Arc<dyn Fn(u64, String) + Send + Sync>,
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").field("connection", &self.connection.id).finish_non_exhaustive()
    }
}

/// A call that waits.
#[derive(Debug)]
struct Waiting {
    node: DeviceId,
    /// The connections over which it may be answered.
    line: ConnId,
    command: String,
    answer: oneshot::Sender<NodeOutcome>,
    listener: Option<Listener>,
    /// The next piece of what it says.
    next: u64,
    /// Bytes said so far.
    said: usize,
}

#[derive(Debug, Default)]
struct Desk {
    live: HashMap<DeviceId, Arc<Connection>>,
    /// Of nodes that told of something lately.
    budgets: HashMap<DeviceId, Budget>,
    calls: HashMap<String, Waiting>,
}

/// Every connected node and every open call.
#[derive(Debug, Default)]
pub struct Nodes {
    desk: Mutex<Desk>,
}

/// Why a call was not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallRefused {
    /// The node is away.
    NotConnected,
    /// [`MAX_CALLS_PER_NODE`] are open.
    TooMany,
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// The caller has it.
    Delivered,
    /// Nobody waits for it.
    Late,
    /// The call is another node's.
    NotYours,
}

/// What becomes of a piece that a command says.
#[derive(Debug)]
pub enum Heard {
    /// This one hears it.
    By(Listener),
    /// Nobody hears it, or heard it before.
    Nobody,
    /// The command said too much.
    TooMuch,
    /// A piece before it never came.
    Missing,
    /// The call is another node's.
    NotYours,
}

/// A call that was registered. Dropping it gives the call up.
#[derive(Debug)]
pub struct Call<'a> {
    nodes: &'a Nodes,
    id: String,
    answer: oneshot::Receiver<NodeOutcome>,
}

impl Call<'_> {
    /// Waits for the node's answer.
    pub async fn answer(&mut self) -> NodeOutcome {
        (&mut self.answer).await.unwrap_or_else(|_| failed("UNAVAILABLE", "the call was dropped"))
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.nodes.desk.lock().calls.remove(&self.id);
    }
}

/// A failure as a node would report it.
#[must_use]
pub fn failed(code: &str, message: &str) -> NodeOutcome {
    let text = |text: &str| NonEmpty::new(text).ok();
    NodeOutcome::Failed(NodeError { code: text(code), message: text(message) })
}

/// Tells those who wait that the node is gone.
fn fail(calls: Vec<Waiting>) {
    for call in calls {
        let message = format!("node disconnected ({})", call.command);
        // The caller may have given up by now.
        drop(call.answer.send(failed("NOT_CONNECTED", &message)));
    }
}

impl Nodes {
    /// A node connected; an older connection of the same node gives way. Calls that went over one from which
    /// this does not take up fail at once: the node knows nothing of them any more.
    pub fn joined(&self, connection: &Arc<Connection>) {
        let Some(node) = device_of(connection) else { return };
        let mut desk = self.desk.lock();
        let older = desk.live.insert(node.clone(), Arc::clone(connection));
        let line = connection.line();
        let lost = desk.calls.extract_if(|_, call| call.node == *node && call.line != *line);
        let lost: Vec<Waiting> = lost.map(|(_, call)| call).collect();
        drop(desk);
        fail(lost);
        if let Some(older) = older.filter(|older| older.id != connection.id) {
            older.close(CloseReason::new(1008, "replaced by a newer connection of this node"));
        }
    }

    /// A connection ended. Calls wait on if the node may take up where it ended; they fail at once if it
    /// cannot. A connection that was replaced takes nothing with it.
    pub fn left(&self, connection: &Connection) {
        let Some(node) = device_of(connection) else { return };
        let mut desk = self.desk.lock();
        if desk.live.get(node).is_none_or(|live| live.id != connection.id) {
            return;
        }
        desk.live.remove(node);
        desk.budgets.remove(node);
        if connection.may_return() {
            return;
        }
        let gone: Vec<Waiting> =
            desk.calls.extract_if(|_, call| call.node == *node).map(|(_, call)| call).collect();
        drop(desk);
        fail(gone);
    }

    /// The live connection of a node.
    #[must_use]
    pub fn connection(&self, node: &DeviceId) -> Option<Arc<Connection>> {
        self.desk.lock().live.get(node).cloned()
    }

    /// Registers a call on a connected node, and gives the connection that reaches it. From here on the
    /// call ends when the node leaves.
    ///
    /// # Errors
    /// When the node is away, or has too many calls open.
    pub fn call(
        &self,
        id: &str,
        node: &DeviceId,
        command: &str,
        listener: Option<Listener>,
    ) -> Result<(Call<'_>, Arc<Connection>), CallRefused> {
        let (sender, answer) = oneshot::channel();
        let mut desk = self.desk.lock();
        let live = desk.live.get(node).cloned().ok_or(CallRefused::NotConnected)?;
        if desk.calls.values().filter(|call| call.node == *node).count() >= MAX_CALLS_PER_NODE {
            return Err(CallRefused::TooMany);
        }
        let (node, command) = (node.clone(), command.to_owned());
        let line = live.line().clone();
        let waiting = Waiting { node, line, command, answer: sender, listener, next: 0, said: 0 };
        desk.calls.insert(id.to_owned(), waiting);
        drop(desk);
        Ok((Call { nodes: self, id: id.to_owned(), answer }, live))
    }

    /// Says who hears a piece. Each is heard once, and none before those that come before it.
    pub fn said(&self, node: &DeviceId, id: &str, seq: u64, bytes: usize) -> Heard {
        let mut desk = self.desk.lock();
        let call = match desk.calls.get_mut(id) {
            None => return Heard::Nobody,
            Some(call) if call.node != *node => return Heard::NotYours,
            Some(call) => call,
        };
        if seq < call.next {
            return Heard::Nobody;
        }
        if seq > call.next {
            return Heard::Missing;
        }
        call.said = call.said.saturating_add(bytes);
        if call.said > MAX_SAID {
            return Heard::TooMuch;
        }
        call.next += 1;
        call.listener.clone().map_or(Heard::Nobody, Heard::By)
    }

    /// Counts an event of a node.
    pub fn tells(&self, node: &DeviceId, now_ms: u64) -> Spent {
        self.desk.lock().budgets.entry(node.clone()).or_default().spend(now_ms)
    }

    /// Hands an answer to whoever waits for it.
    pub fn answered(&self, node: &DeviceId, id: &str, outcome: NodeOutcome) -> Answered {
        let mut desk = self.desk.lock();
        match desk.calls.get(id) {
            None => return Answered::Late,
            Some(call) if call.node != *node => return Answered::NotYours,
            Some(_) => {}
        }
        let call = desk.calls.remove(id);
        drop(desk);
        match call.map(|call| call.answer.send(outcome)) {
            Some(Ok(())) => Answered::Delivered,
            Some(Err(_)) | None => Answered::Late,
        }
    }
}

fn device_of(connection: &Connection) -> Option<&DeviceId> {
    connection.principal.device.as_ref().filter(|_| connection.principal.role == Role::Node)
}

/// A node of which only the id is known.
pub(crate) fn empty_row(id: &str) -> NodeRow {
    NodeRow {
        node_id: DeviceId::new(id),
        display_name: None,
        platform: None,
        version: None,
        device_family: None,
        model_identifier: None,
        remote_ip: None,
        caps: Vec::new(),
        commands: Vec::new(),
        path_env: None,
        permissions: None,
        connected_at_ms: None,
        last_seen_at_ms: None,
        paired: true,
        connected: false,
        approval_state: NodeApprovalState::Approved,
    }
}

/// A node as lists show it: what is stored about it, and what its connection says.
#[must_use]
pub fn row(paired: &Paired, live: Option<&Connection>, policy: &CommandPolicy) -> Option<NodeRow> {
    let grant = paired.grant(Role::Node)?;
    let info = &paired.device.info;
    let mut row = NodeRow {
        display_name: paired.device.name().map(str::to_owned),
        platform: info.platform.clone(),
        device_family: info.device_family.clone(),
        remote_ip: info.remote_ip.clone(),
        last_seen_at_ms: paired.device.last_seen_at_ms,
        ..empty_row(info.device_id.as_str())
    };
    let Some(connection) = live else { return Some(row) };
    let (client, claims) = (&connection.client, &connection.claims);
    row.version = Some(client.version.as_str().to_owned());
    row.platform = Some(client.platform.as_str().to_owned());
    row.model_identifier = client.model_identifier.as_ref().map(|text| text.as_str().to_owned());
    row.remote_ip = connection.origin.address().map(|address| address.to_string());
    row.caps = connection.caps();
    row.path_env = claims.path_env.clone();
    row.permissions = claims.permissions.clone();
    row.connected_at_ms = Some(connection.connected_at_ms);
    row.connected = true;
    let approved = |command: &&String| grant.commands.contains(command);
    if !claims.commands.iter().all(|command| approved(&command)) {
        row.approval_state = NodeApprovalState::PendingApproval;
    }
    let callable = claims.commands.iter().filter(approved);
    let callable = callable.filter(|command| policy.allows(&row, command));
    row.commands = callable.cloned().collect();
    Some(row)
}
