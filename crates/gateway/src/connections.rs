//! Every authenticated connection, and who among them may see an event.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use openclaw_protocol::{
    Role, Scope, ScopeSet,
    client_info::{CAP_NODE_OUTPUT, CAP_SESSION_SCOPED_EVENTS, CAP_TOOL_EVENTS},
    connect::ClientInfo,
    ids::{ConnId, DeviceId, SessionKey},
    resume::{self, ResumeParams},
    row::{EventRow, Gate},
};
use parking_lot::{Mutex, RwLock};
use tokio_util::sync::CancellationToken;

use crate::{
    claims::NodeClaims,
    outbound::{Outbound, SharedEvent},
    peer::Origin,
};

/// Who a connection speaks for, and how that was shown.
#[derive(Clone, Debug)]
pub struct Principal {
    /// Stable name for the ledger: the device id where there is one.
    pub id: String,
    /// The device.
    pub device: Option<DeviceId>,
    /// Role granted.
    pub role: Role,
    /// Scopes granted.
    pub scopes: ScopeSet,
    /// How it was authenticated.
    pub method: &'static str,
    /// Came through the owner's door.
    pub owner: bool,
}

/// Why the Gateway closes a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseReason {
    /// WebSocket close code.
    pub code: u16,
    /// Text, at most 120 bytes.
    pub text: String,
}

impl CloseReason {
    /// A reason; the text is cut to what a close frame can carry.
    pub fn new(code: u16, text: impl Into<String>) -> Self {
        let mut text: String = text.into();
        let mut end = text.len().min(120);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        Self { code, text }
    }

    /// The client reads too slowly.
    #[must_use]
    pub fn slow_consumer() -> Self {
        Self::new(1008, "slow consumer")
    }

    /// The Gateway stops or restarts.
    #[must_use]
    pub fn restart() -> Self {
        Self::new(1012, "service restart")
    }
}

#[derive(Debug, Default)]
struct Subscriptions {
    session_list: bool,
    messages: HashSet<SessionKey>,
}

/// One authenticated connection.
#[derive(Debug)]
pub struct Connection {
    /// Its id.
    pub id: ConnId,
    /// The protocol picked.
    pub protocol: u32,
    /// Who it speaks for.
    pub principal: Principal,
    /// The program.
    pub client: ClientInfo,
    /// Where it comes from.
    pub origin: Origin,
    /// Since when, in milliseconds since 1970.
    pub connected_at_ms: u64,
    /// What waits to be written.
    pub outbound: Outbound,
    /// What the client had when its last connection ended.
    pub resume: Option<ResumeParams>,
    /// Nodes: what it says it can do.
    pub claims: NodeClaims,
    caps: HashSet<String>,
    subscriptions: Mutex<Subscriptions>,
    /// The first connection of those that took up from each other.
    line: OnceLock<ConnId>,
    said_goodbye: AtomicBool,
    closing: CancellationToken,
    ended: CancellationToken,
    close_reason: Mutex<Option<CloseReason>>,
}

/// What a new connection is made of.
#[derive(Debug)]
pub struct NewConnection {
    /// Its id.
    pub id: ConnId,
    /// The protocol picked.
    pub protocol: u32,
    /// Who it speaks for.
    pub principal: Principal,
    /// The program.
    pub client: ClientInfo,
    /// Where it comes from.
    pub origin: Origin,
    /// Now, in milliseconds since 1970.
    pub now_ms: u64,
    /// Capabilities announced.
    pub caps: HashSet<String>,
    /// What the client had when its last connection ended.
    pub resume: Option<ResumeParams>,
    /// Nodes: what it says it can do.
    pub claims: NodeClaims,
}

impl Connection {
    /// A connection whose queue holds at most `limit` bytes.
    #[must_use]
    pub fn new(new: NewConnection, limit: usize) -> Self {
        let resumable = new.caps.contains(resume::CAPABILITY);
        let outbound = if resumable { Outbound::resumable } else { Outbound::new };
        Self {
            id: new.id,
            protocol: new.protocol,
            principal: new.principal,
            client: new.client,
            origin: new.origin,
            connected_at_ms: new.now_ms,
            outbound: outbound(limit),
            resume: new.resume,
            claims: new.claims,
            caps: new.caps,
            subscriptions: Mutex::default(),
            line: OnceLock::new(),
            said_goodbye: AtomicBool::new(false),
            closing: CancellationToken::new(),
            ended: CancellationToken::new(),
            close_reason: Mutex::default(),
        }
    }

    /// The first connection of those that took up from each other; itself if it took up from none.
    #[must_use]
    pub fn line(&self) -> &ConnId {
        self.line.get().unwrap_or(&self.id)
    }

    /// Goes on with the line of another connection. Only the first call counts.
    pub(crate) fn join_line(&self, line: &ConnId) {
        self.line.get_or_init(|| line.clone());
    }

    /// The client said that it leaves, so it will not come back for what it missed.
    pub fn say_goodbye(&self) {
        self.said_goodbye.store(true, Ordering::Release);
    }

    /// Whether the client may come back for what it missed.
    #[must_use]
    pub fn may_return(&self) -> bool {
        self.outbound.is_resumable() && !self.said_goodbye.load(Ordering::Acquire)
    }

    /// Asks the connection's task to close the socket; the first reason wins.
    pub fn close(&self, reason: CloseReason) {
        self.close_reason.lock().get_or_insert(reason);
        self.closing.cancel();
    }

    /// Waits until somebody wants the socket closed.
    pub async fn closed(&self) -> CloseReason {
        self.closing.cancelled().await;
        self.close_reason.lock().clone().unwrap_or_else(CloseReason::restart)
    }

    /// The socket is gone.
    pub(crate) fn end(&self) {
        self.ended.cancel();
    }

    /// Waits until the socket is gone.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Whether the client hears what commands of nodes say before their results.
    #[must_use]
    pub fn hears_node_output(&self) -> bool {
        self.caps.contains(CAP_NODE_OUTPUT)
    }

    /// Whether the client wants tool events of the runs it starts.
    #[must_use]
    pub fn wants_tool_events(&self) -> bool {
        self.caps.contains(CAP_TOOL_EVENTS)
    }

    /// The capabilities it announced, in order.
    #[must_use]
    pub fn caps(&self) -> Vec<String> {
        let mut caps: Vec<String> = self.caps.iter().cloned().collect();
        caps.sort_unstable();
        caps
    }

    /// Turns `sessions.changed` on.
    pub fn subscribe_session_list(&self) {
        self.subscriptions.lock().session_list = true;
    }

    /// Turns the messages of one session on or off; at most 256 sessions.
    pub fn subscribe_messages(&self, key: &SessionKey, on: bool) -> bool {
        let messages = &mut self.subscriptions.lock().messages;
        if !on {
            return messages.remove(key);
        }
        messages.len() < MAX_MESSAGE_SUBSCRIPTIONS && messages.insert(key.clone())
            || messages.contains(key)
    }

    /// Whether this connection may see an event that belongs to `session`.
    #[must_use]
    pub fn may_see(&self, row: &EventRow, session: Option<&SessionKey>) -> bool {
        let scope = |needed: Scope| {
            self.principal.role == Role::Operator && self.principal.scopes.allows(needed)
        };
        match row.gate {
            Gate::PreAuth | Gate::Direct => false,
            Gate::Everyone => true,
            Gate::Scope(needed) => scope(needed),
            Gate::Session(needed) => scope(needed) && self.follows(session),
            Gate::SessionList(needed) => scope(needed) && self.subscriptions.lock().session_list,
            Gate::SessionMessages(needed) => {
                scope(needed)
                    && session.is_some_and(|key| self.subscriptions.lock().messages.contains(key))
            }
        }
    }

    /// Whether this connection's rights allow an event that is meant for it alone.
    #[must_use]
    pub fn may_be_told(&self, row: &EventRow) -> bool {
        match row.gate {
            Gate::PreAuth => false,
            Gate::Everyone | Gate::Direct => true,
            Gate::Scope(needed)
            | Gate::Session(needed)
            | Gate::SessionList(needed)
            | Gate::SessionMessages(needed) => {
                self.principal.role == Role::Operator && self.principal.scopes.allows(needed)
            }
        }
    }

    /// Clients with the capability only get the sessions they subscribed to.
    fn follows(&self, session: Option<&SessionKey>) -> bool {
        match session {
            Some(key) if self.caps.contains(CAP_SESSION_SCOPED_EVENTS) => {
                self.subscriptions.lock().messages.contains(key)
            }
            _ => true,
        }
    }

    /// Queues an event; a client that reads too slowly is closed.
    pub fn push_event(&self, event: SharedEvent) {
        if self.outbound.send_event(event).is_err() {
            self.close(CloseReason::slow_consumer());
        }
    }

    /// Queues an event without sequence number.
    pub fn push_direct(&self, event: SharedEvent) {
        if self.outbound.send_direct(event).is_err() {
            self.close(CloseReason::slow_consumer());
        }
    }

    /// Queues a response.
    pub fn push_text(&self, text: String) {
        if self.outbound.send_text(text).is_err() {
            self.close(CloseReason::slow_consumer());
        }
    }
}

const MAX_MESSAGE_SUBSCRIPTIONS: usize = resume::MAX_SESSIONS;

/// All of them.
#[derive(Debug, Default)]
pub struct Connections {
    live: RwLock<HashMap<ConnId, Arc<Connection>>>,
}

impl Connections {
    /// Adds one.
    pub fn insert(&self, connection: Arc<Connection>) {
        self.live.write().insert(connection.id.clone(), connection);
    }

    /// Removes one; whether it was there.
    pub fn remove(&self, id: &ConnId) -> bool {
        self.live.write().remove(id).is_some()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.live.read().len()
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: &ConnId) -> Option<Arc<Connection>> {
        self.live.read().get(id).cloned()
    }

    /// The live connection of a line.
    #[must_use]
    pub fn of_line(&self, line: &ConnId) -> Option<Arc<Connection>> {
        let live = self.live.read();
        let own = live.get(line).filter(|connection| connection.line() == line);
        own.or_else(|| live.values().find(|connection| connection.line() == line)).cloned()
    }

    /// All of them, as they are now.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Connection>> {
        self.live.read().values().cloned().collect()
    }

    /// Calls `each` for every connection that may see the event.
    pub fn for_entitled(
        &self,
        row: &EventRow,
        session: Option<&SessionKey>,
        mut each: impl FnMut(&Arc<Connection>),
    ) {
        for connection in self.live.read().values() {
            if connection.may_see(row, session) {
                each(connection);
            }
        }
    }

    /// Closes the connections of a device, of one role or of all, but not `kept`.
    pub fn close_device(
        &self,
        device: &DeviceId,
        role: Option<Role>,
        kept: Option<&ConnId>,
        reason: &CloseReason,
    ) {
        for connection in self.live.read().values() {
            let same_device = connection.principal.device.as_ref() == Some(device)
                && Some(&connection.id) != kept;
            if same_device && role.is_none_or(|role| role == connection.principal.role) {
                connection.close(reason.clone());
            }
        }
    }

    /// Closes all of them.
    pub fn close_all(&self, reason: &CloseReason) {
        for connection in self.live.read().values() {
            connection.close(reason.clone());
        }
    }
}
