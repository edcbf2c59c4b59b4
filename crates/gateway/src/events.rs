//! The event bus: a typed event in, shared bytes into every entitled connection's queue.
//!
//! Who may see an event, which session it is about, and what it may replace all stand in its row.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use openclaw_protocol::{
    frame::StateVersion,
    ids::ConnId,
    row::{Event, EventRow},
};
use serde_json::value::to_raw_value;

use crate::{
    connections::{Connection, Connections},
    outbound::SharedEvent,
};

/// A row as something that can be shared for ever.
struct StaticRow<E>(std::marker::PhantomData<E>);

impl<E: Event> StaticRow<E> {
    const ROW: &'static EventRow = &E::ROW;
}

/// Hands events to connections.
#[derive(Debug, Default)]
pub struct EventBus {
    connections: Arc<Connections>,
    presence: AtomicU64,
    health: AtomicU64,
}

impl EventBus {
    /// A bus for these connections.
    #[must_use]
    pub fn new(connections: Arc<Connections>) -> Self {
        Self { connections, presence: AtomicU64::new(1), health: AtomicU64::new(1) }
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
        self.send::<E>(payload, None, |_| true);
    }

    /// The same for presence and health, which carry their versions.
    pub fn publish_versioned<E: Event>(&self, payload: &E::Payload, version: StateVersion) {
        self.send::<E>(payload, Some(version), |_| true);
    }

    /// Sends an event to the entitled connections that `wanted` picks.
    pub fn publish_to<E: Event>(&self, payload: &E::Payload, wanted: impl Fn(&Connection) -> bool) {
        self.send::<E>(payload, None, wanted);
    }

    /// Sends an event to one connection, entitled or not, without a sequence number.
    pub fn push<E: Event>(&self, to: &ConnId, payload: &E::Payload) {
        let Some(connection) = self.connections.get(to) else { return };
        if let Some(event) = shared::<E>(payload, None) {
            connection.push_direct(event);
        }
    }

    fn send<E: Event>(
        &self,
        payload: &E::Payload,
        version: Option<StateVersion>,
        wanted: impl Fn(&Connection) -> bool,
    ) {
        if self.connections.count() == 0 {
            return;
        }
        let Some(event) = shared::<E>(payload, version) else { return };
        self.connections.for_entitled(event.row, E::session_key(payload), |connection| {
            if wanted(connection) {
                connection.push_event(event.clone());
            }
        });
    }
}

fn shared<E: Event>(payload: &E::Payload, version: Option<StateVersion>) -> Option<SharedEvent> {
    match to_raw_value(payload) {
        Ok(raw) => Some(SharedEvent {
            row: StaticRow::<E>::ROW,
            payload: Arc::from(raw),
            state_version: version,
            coalesce: E::coalesce_key(payload).map(Arc::from),
        }),
        Err(error) => {
            tracing::error!(event = E::ROW.name, %error, "event does not serialise");
            None
        }
    }
}
