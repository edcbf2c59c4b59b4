//! The event bus: a typed event in, shared bytes into every entitled connection's queue.
//!
//! Who may see an event, which session it is about, and what it may replace all stand in its row. What
//! no client may miss is kept for a while, for those who lose their connection and come back.
//!
//! One lock gives events their order: an event is kept and queued under it, and so a connection that
//! comes back gets what it missed before anything that happens later.

mod memory;
mod ring;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use openclaw_base::SharedClock;
use openclaw_protocol::{
    PROTOCOL_V3,
    frame::StateVersion,
    ids::{ConnId, SessionKey},
    resume::{MAX_SESSIONS, ResumeOutcome, ResumeParams, Resync, ResyncReason},
    row::{Event, EventRow},
};
use parking_lot::Mutex;
use serde_json::value::to_raw_value;

use self::{memory::Memory, ring::Audience};
use crate::{
    connections::{Connection, Connections},
    outbound::SharedEvent,
};

/// What a client reads anew that cannot take up where it ended.
const RELOAD: &[&str] = &["health", "system-presence", "sessions.list", "chat.history"];

/// A row as something that can be shared for ever.
struct StaticRow<E>(std::marker::PhantomData<E>);

impl<E: Event> StaticRow<E> {
    const ROW: &'static EventRow = &E::ROW;
}

/// Hands events to connections.
#[derive(Debug)]
pub struct EventBus {
    connections: Arc<Connections>,
    clock: SharedClock,
    memory: Mutex<Memory>,
    presence: AtomicU64,
    health: AtomicU64,
}

impl EventBus {
    /// A bus for these connections.
    #[must_use]
    pub fn new(connections: Arc<Connections>, clock: SharedClock) -> Self {
        Self {
            connections,
            clock,
            memory: Mutex::default(),
            presence: AtomicU64::new(1),
            health: AtomicU64::new(1),
        }
    }

    /// The connections served.
    #[must_use]
    pub const fn connections(&self) -> &Arc<Connections> {
        &self.connections
    }

    /// Versions of the presence list and the health snapshot.
    #[must_use]
    pub fn state_version(&self) -> StateVersion {
        StateVersion {
            presence: self.presence.load(Ordering::Acquire),
            health: self.health.load(Ordering::Acquire),
        }
    }

    /// Counts a new presence list.
    pub fn bump_presence(&self) -> StateVersion {
        self.presence.fetch_add(1, Ordering::AcqRel);
        self.state_version()
    }

    /// Counts a new health snapshot.
    pub fn bump_health(&self) -> StateVersion {
        self.health.fetch_add(1, Ordering::AcqRel);
        self.state_version()
    }

    /// Sends an event to everybody whom its row entitles.
    pub fn publish<E: Event>(&self, payload: &E::Payload) {
        self.send::<E>(payload, None, PROTOCOL_V3);
    }

    /// The same for presence and health, which carry their versions.
    pub fn publish_versioned<E: Event>(&self, payload: &E::Payload, version: StateVersion) {
        self.send::<E>(payload, Some(version), PROTOCOL_V3);
    }

    /// Sends an event to the entitled connections that speak at least this protocol.
    pub fn publish_since<E: Event>(&self, payload: &E::Payload, protocol: u32) {
        self.send::<E>(payload, None, protocol);
    }

    /// Sends an event to one client, entitled or not, if it is one that `wanted` picks. The client is
    /// named by the first connection of its line, and may be away for the moment.
    pub fn tell<E: Event>(
        &self,
        line: &ConnId,
        payload: &E::Payload,
        wanted: impl Fn(&Connection) -> bool,
    ) {
        let Some(mut event) = shared::<E>(payload, None) else { return };
        let mut memory = self.memory.lock();
        let live = self.connections.of_line(line);
        let Some(client) = live.as_ref().or_else(|| memory.gone_of_line(line)) else { return };
        if !wanted(client) {
            return;
        }
        if client.outbound.is_resumable() {
            event.bus_id = memory.keep(&event, Audience::Line(line.clone()), self.clock.now_ms());
        }
        if let Some(connection) = live {
            connection.push_direct(event);
        }
    }

    /// Whether anybody sees such an event, now or on coming back.
    #[must_use]
    pub fn is_awaited<E: Event>(&self, session: &SessionKey) -> bool {
        let mut awaited = false;
        self.connections.for_entitled(&E::ROW, Some(session), |_| awaited = true);
        awaited || self.memory.lock().is_awaited(&E::ROW, Some(session))
    }

    /// Adds a connection, with what it missed if it takes up where another ended.
    pub fn enter(&self, connection: &Arc<Connection>, boot_id: &str) -> Option<ResumeOutcome> {
        let now = self.clock.now_ms();
        let mut memory = self.memory.lock();
        memory.expire(now);
        let resume = connection.resume.as_ref().filter(|_| connection.outbound.is_resumable());
        let outcome = resume.map(|wanted| {
            subscribe(connection, wanted);
            if wanted.boot_id.as_str() == boot_id {
                memory.take_up(connection, wanted, &self.connections, now)
            } else {
                Err(ResyncReason::UnknownBoot)
            }
        });
        memory.entered(connection);
        self.connections.insert(Arc::clone(connection));
        outcome.map(told)
    }

    /// Removes a connection, and remembers it for a while if its client may come back.
    pub fn leave(&self, connection: &Arc<Connection>) {
        let mut memory = self.memory.lock();
        if self.connections.remove(&connection.id) {
            memory.left(connection, self.clock.now_ms());
        }
    }

    /// Forgets what nobody will ask for any more.
    pub fn sweep(&self) {
        self.memory.lock().expire(self.clock.now_ms());
    }

    fn send<E: Event>(&self, payload: &E::Payload, version: Option<StateVersion>, protocol: u32) {
        if self.connections.count() == 0 && !self.memory.lock().is_wanted() {
            return;
        }
        let Some(mut event) = shared::<E>(payload, version) else { return };
        let session = E::session_key(payload);
        let audience = Audience::Entitled { session: session.cloned(), protocol };
        let mut memory = self.memory.lock();
        event.bus_id = memory.keep(&event, audience, self.clock.now_ms());
        self.connections.for_entitled(event.row, session, |connection| {
            if connection.protocol >= protocol {
                connection.push_event(event.clone());
            }
        });
        drop(memory);
    }
}

/// Turns on what the client watched before.
fn subscribe(connection: &Connection, wanted: &ResumeParams) {
    if wanted.session_list {
        connection.subscribe_session_list();
    }
    for key in wanted.messages.iter().take(MAX_SESSIONS) {
        connection.subscribe_messages(key, true);
    }
}

fn told(outcome: Result<u64, ResyncReason>) -> ResumeOutcome {
    match outcome {
        Ok(replayed) => {
            ResumeOutcome { resumed: true, replayed: Some(replayed), ..ResumeOutcome::default() }
        }
        Err(reason) => {
            let reload = RELOAD.iter().map(|name| (*name).to_owned()).collect();
            ResumeOutcome { resync: Some(Resync { reason, reload }), ..ResumeOutcome::default() }
        }
    }
}

fn shared<E: Event>(payload: &E::Payload, version: Option<StateVersion>) -> Option<SharedEvent> {
    match to_raw_value(payload) {
        Ok(raw) => Some(SharedEvent {
            row: StaticRow::<E>::ROW,
            payload: Arc::from(raw),
            state_version: version,
            coalesce: E::coalesce_key(payload).map(Arc::from),
            bus_id: None,
        }),
        Err(error) => {
            tracing::error!(event = E::ROW.name, %error, "event does not serialise");
            None
        }
    }
}

#[cfg(test)]
mod tests;
