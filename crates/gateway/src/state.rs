//! What all connections share.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use arc_swap::{ArcSwap, ArcSwapOption};
use openclaw_agent::{Agent, Models};
use openclaw_base::{CancellationToken, SharedClock, Tasks};
use openclaw_identity::{KeyPair, PublicKey};
use openclaw_protocol::{DetailCode, RpcError, ids::AgentId, limits::MAX_IN_FLIGHT_BYTES};
use openclaw_store::{
    Store, StoreError,
    trail::{TrailEvent, TrailKind},
};
use tokio::sync::Semaphore;

use crate::{
    admission::Admission,
    auth::limiter::Limiter,
    config_source::ConfigSource,
    connections::{Connection, Connections},
    events::EventBus,
    health::Health,
    info::GatewayInfo,
    keyed_queue::KeyedQueue,
    pairing::PairingDesk,
    presence::Presence,
    run_events::RunEvents,
    settings::Settings,
    tailnet::Tailnet,
    trail::TrailSink,
    write_limit::WriteLimit,
};

/// Everything a handler or connection may need.
pub struct State {
    /// Facts about this process.
    pub info: GatewayInfo,
    /// Replaced whole when the configuration changes.
    pub settings: ArcSwap<Settings>,
    /// SHA-256 of the certificate that is shown now, where TLS is spoken.
    pub certificate: ArcSwapOption<String>,
    /// The Gateway's key.
    pub identity: Arc<KeyPair>,
    /// Its public half.
    pub public_key: PublicKey,
    /// Sessions, devices, runs.
    pub store: Store,
    /// Runs agents.
    pub agent: Agent,
    /// Where people write to agents.
    pub channels: openclaw_channels::Hub,
    /// Knows the models.
    pub models: Arc<dyn Models>,
    /// The configuration, for `config.*`.
    pub config: Arc<dyn ConfigSource>,
    /// Sends events.
    pub events: EventBus,
    /// Commands that wait for a person's word.
    pub approvals: crate::approvals::Desk,
    /// What the agent says, and who started which run.
    pub run_events: RunEvents,
    /// Live connections.
    pub connections: Arc<Connections>,
    /// Connected nodes and open calls to them.
    pub nodes: crate::nodes::Nodes,
    /// Who is connected.
    pub presence: Presence,
    /// Latest health.
    pub health: Health,
    /// Failure limits.
    pub limiter: Limiter,
    /// How often somebody may change the configuration.
    pub writes: WriteLimit,
    /// The audit trail.
    pub trail: TrailSink,
    /// Sockets that wait for a pairing decision.
    pub pairing: PairingDesk,
    /// Order of requests on one session.
    pub lanes: KeyedQueue,
    /// Sockets before authentication.
    pub admission: Admission,
    /// Sockets that are no WebSockets, or not yet.
    pub http_sockets: Admission,
    /// Bytes of inbound frames that are being worked on, all connections together.
    pub in_flight: Arc<Semaphore>,
    /// The tailnet of this machine, if it has one to do with.
    pub tailnet: Option<Arc<dyn Tailnet>>,
    /// Wake words.
    pub voicewake: crate::voicewake::VoiceWake,
    /// The clock.
    pub clock: SharedClock,
    /// Owner of every task.
    pub tasks: Tasks,
    pub(crate) draining: AtomicBool,
    /// Cancelled when nobody is let in any more.
    pub(crate) accepting: CancellationToken,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("info", &self.info)
            .field("connections", &self.connections.count())
            .finish_non_exhaustive()
    }
}

impl State {
    /// A budget for inbound frames.
    #[must_use]
    pub fn frame_budget() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(MAX_IN_FLIGHT_BYTES))
    }

    /// Whether the Gateway is shutting down.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// This machine's name in its tailnet, once known.
    #[must_use]
    pub fn own_name(&self) -> Option<String> {
        self.tailnet.as_ref()?.name()
    }

    /// Adds an entry to the audit trail.
    pub fn record(&self, event: TrailEvent) {
        self.trail.record(event, self.clock.now_ms());
    }

    /// The same about something that a connection did.
    pub fn record_of(&self, connection: &Connection, kind: TrailKind, outcome: &str, detail: &str) {
        self.record(TrailEvent {
            kind,
            outcome: outcome.to_owned(),
            who: connection.principal.id.clone(),
            origin: connection.origin.to_string(),
            detail: detail.to_owned(),
        });
    }

    /// The agents that are configured, the default one first.
    #[must_use]
    pub fn agent_ids(&self) -> Vec<AgentId> {
        self.settings.load().agents.clone()
    }

    /// What a client is told when the store fails.
    #[must_use]
    pub fn storage_error(&self, error: &StoreError) -> RpcError {
        tracing::error!(error = %chain(error), "store failed");
        let message = match error {
            StoreError::Unavailable { .. } => {
                "the state folder cannot be written (disk full or read-only); free space and try again"
            }
            StoreError::Busy => "the Gateway is busy; try again",
            _ => "the state of the Gateway cannot be read or written; see `openclaw logs`",
        };
        RpcError::unavailable(message).with_code(DetailCode::StorageUnavailable).retry_after(2_000)
    }
}

/// An error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
