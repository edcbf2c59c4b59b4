//! The Gateway: listeners, handshake, routing, events. It composes nothing concrete; the daemon does.
//!
//! ```text
//! bytes -> transport -> connection (challenged, then connected) -> router -> methods/* -> domain
//! domain -> events -> outbound queue of every entitled connection -> bytes
//! ```
//!
//! [`Gateway::new`] takes its [`Parts`], [`Gateway::listen`] serves a listener, [`Gateway::shutdown`]
//! announces the end, drains, and closes.

pub mod admission;
pub mod agent_events;
pub mod announce;
mod approval_chat;
pub mod approval_flow;
mod approval_grants;
mod approval_word;
pub mod approvals;
pub(crate) mod attempts;
pub mod auth;
pub mod claims;
pub mod config_source;
pub mod connection;
pub mod connections;
pub mod endpoints;
pub mod events;
pub mod handshake;
pub mod health;
pub mod hello;
pub mod hosts;
pub mod http;
pub mod info;
pub mod keyed_queue;
mod lan;
pub mod listen;
pub mod methods;
pub(crate) mod node_approval;
pub mod node_invoke;
mod node_later;
pub mod node_reach;
pub mod nodes;
pub mod outbound;
pub mod pairing;
pub mod peer;
pub mod presence;
pub mod router;
pub mod run_events;
pub mod settings;
pub mod shape;
pub mod state;
pub mod survey;
pub mod tailnet;
pub mod tls;
pub(crate) mod tool_call;
pub mod trail;
pub mod transport;
pub mod ui;
pub mod voicewake;
pub mod write_limit;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::{ArcSwap, ArcSwapOption};
use openclaw_agent::{Agent, Models};
use openclaw_base::{SharedClock, Tasks};
use openclaw_identity::KeyPair;
use openclaw_protocol::{
    events::{
        chat::{ChatMetadataChanged, ChatMetadataChangedPayload},
        core::{ConfigChanged, ConfigChangedPayload, Shutdown, ShutdownPayload, Tick, TickPayload},
        pairing::PairingDecision,
    },
    limits::TICK_INTERVAL_MS,
};
use openclaw_store::{
    Store,
    trail::{TrailEvent, TrailKind},
};

use crate::{
    config_source::ConfigSource,
    connections::{CloseReason, Connections},
    events::EventBus,
    health::Health,
    info::GatewayInfo,
    listen::Listener,
    presence::Presence,
    run_events::RunEvents,
    settings::Settings,
    state::State,
};

/// Between two rounds of sweeping what expired.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// Time for requests that are being worked on when the Gateway stops.
const DRAIN_GRACE: Duration = Duration::from_millis(200);
/// Time for all tasks to end after that.
const STOP_GRACE: Duration = Duration::from_millis(500);

/// What a Gateway is made of.
pub struct Parts {
    /// Facts about the process.
    pub info: GatewayInfo,
    /// From the configuration.
    pub settings: Settings,
    /// Its key.
    pub identity: Arc<KeyPair>,
    /// State.
    pub store: Store,
    /// Agents.
    pub agent: Agent,
    /// Channels.
    pub channels: openclaw_channels::Hub,
    /// Models.
    pub models: Arc<dyn Models>,
    /// Configuration.
    pub config: Arc<dyn ConfigSource>,
    /// How the agent already reaches nodes.
    pub node_reach: Arc<node_reach::AgentReach>,
    /// Commands that wait for a person's word.
    pub approver: Arc<approval_flow::AgentApprover>,
    /// Where the agent already sends its events.
    pub run_events: RunEvents,
    /// The tailnet, if the configuration has to do with one.
    pub tailnet: Option<Arc<dyn tailnet::Tailnet>>,
    /// Clock.
    pub clock: SharedClock,
    /// Owner of all tasks.
    pub tasks: Tasks,
}

/// A running Gateway.
#[derive(Clone, Debug)]
pub struct Gateway {
    state: Arc<State>,
}

impl Gateway {
    /// Puts the parts together and starts ticking; nothing is listened on yet.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let now = parts.clock.now_ms();
        let connections = Arc::new(Connections::default());
        let (trail, entries) = trail::queue();
        let voicewake = voicewake::VoiceWake::new(&parts.info.state_dir);
        let state = Arc::new(State {
            trail,
            presence: Presence::new(&parts.info.host, &parts.info.version, now),
            certificate: ArcSwapOption::from_pointee(parts.info.tls.clone()),
            info: parts.info,
            settings: ArcSwap::from_pointee(parts.settings),
            public_key: parts.identity.public_key(),
            identity: parts.identity,
            store: parts.store,
            agent: parts.agent,
            channels: parts.channels,
            models: parts.models,
            config: parts.config,
            events: EventBus::new(Arc::clone(&connections), Arc::clone(&parts.clock)),
            connections,
            nodes: nodes::Nodes::default(),
            approvals: approvals::Desk::new(Arc::clone(parts.approver.file())),
            run_events: parts.run_events,
            health: Health::default(),
            limiter: auth::limiter::Limiter::default(),
            writes: write_limit::WriteLimit::default(),
            pairing: pairing::PairingDesk::default(),
            lanes: keyed_queue::KeyedQueue::default(),
            admission: admission::Admission::of_websockets(),
            http_sockets: admission::Admission::of_http(),
            in_flight: State::frame_budget(),
            tailnet: parts.tailnet,
            voicewake,
            clock: parts.clock,
            accepting: parts.tasks.token().child_token(),
            tasks: parts.tasks,
            draining: AtomicBool::new(false),
        });
        parts.node_reach.serve(&state);
        parts.approver.serve(&state);
        let gateway = Self { state };
        let (store, stop) = (gateway.state.store.clone(), gateway.state.tasks.token());
        drop(gateway.state.tasks.spawn("audit trail", trail::write(store, entries, stop)));
        let forward = agent_events::forward(Arc::clone(&gateway.state));
        drop(gateway.state.tasks.spawn("agent events", forward));
        let presence = hello::tell_presence(Arc::clone(&gateway.state));
        drop(gateway.state.tasks.spawn("presence", presence));
        gateway.start_housekeeping();
        gateway
    }

    /// Takes up the failures that were counted before a restart, and notes the start. To be called before
    /// anybody is let in.
    pub async fn remember(&self) {
        trail::restore(&self.state.store, &self.state.limiter).await;
        self.note("started");
    }

    fn note(&self, outcome: &str) {
        self.state.record(TrailEvent {
            kind: TrailKind::Gateway,
            outcome: outcome.to_owned(),
            who: "gateway".to_owned(),
            origin: self.state.info.host.clone(),
            detail: self.state.info.version.clone(),
        });
    }

    /// Serves a listener until the Gateway stops.
    pub fn listen(&self, listener: Listener) {
        let serve = listen::serve(Arc::clone(&self.state), listener);
        drop(self.state.tasks.spawn("listener", serve));
    }

    /// What all connections share.
    #[must_use]
    pub const fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// Applies changed settings; clients of a replaced secret are told to come back.
    pub fn reload(&self, settings: Settings, payload: &ConfigChangedPayload) {
        let before = self.state.settings.swap(Arc::new(settings));
        let after = self.state.settings.load();
        let now = self.state.clock.now_ms();
        let goes_on = after
            .previous
            .as_ref()
            .and_then(|previous| previous.at(now))
            .is_some_and(|previous| previous.is_same(&before.auth));
        let changed = !after.auth.is_same(&before.auth);
        let (kind, outcome) =
            if changed { (TrailKind::Secret, "replaced") } else { (TrailKind::Config, "applied") };
        self.state.record(TrailEvent {
            kind,
            outcome: outcome.to_owned(),
            who: "owner".to_owned(),
            origin: "file".to_owned(),
            detail: payload.paths.join(", "),
        });
        if changed && !goes_on {
            let reason = CloseReason::new(4001, "gateway auth changed");
            for connection in self.state.connections.all() {
                let by_secret = matches!(connection.principal.method, "token" | "password");
                if by_secret {
                    connection.close(reason.clone());
                }
            }
        }
        self.state.events.publish::<ConfigChanged>(payload);
        self.models_changed();
    }

    /// Another certificate is shown from now on; `fingerprint` is its SHA-256 as lowercase hex.
    pub fn certificate_changed(&self, fingerprint: &str) {
        self.state.certificate.store(Some(Arc::new(fingerprint.to_owned())));
    }

    /// Tells clients that pick models to ask for the list again.
    pub fn models_changed(&self) {
        self.state.events.publish::<ChatMetadataChanged>(&ChatMetadataChangedPayload::default());
    }

    /// Announces the end, lets running requests finish, closes every socket and ends all tasks.
    /// Whether all ended in time.
    pub async fn shutdown(&self, restart_expected_ms: Option<u64>) -> bool {
        let state = &self.state;
        self.note("stopped");
        state.draining.store(true, Ordering::Release);
        state.accepting.cancel();
        let payload =
            ShutdownPayload { reason: "gateway stopping".to_owned(), restart_expected_ms };
        state.events.publish::<Shutdown>(&payload);
        let idle = async {
            while state.in_flight.available_permits()
                < openclaw_protocol::limits::MAX_IN_FLIGHT_BYTES
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(DRAIN_GRACE, idle).await.ok();
        state.connections.close_all(&CloseReason::restart());
        state.tasks.shutdown(STOP_GRACE).await
    }

    fn start_housekeeping(&self) {
        let state = Arc::clone(&self.state);
        drop(self.state.tasks.spawn("tick", async move {
            let stop = state.tasks.token();
            let mut tick = tokio::time::interval(Duration::from_millis(TICK_INTERVAL_MS));
            let mut sweep = tokio::time::interval(SWEEP_INTERVAL);
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    _ = tick.tick() => {
                        let payload = TickPayload { ts: state.clock.now_ms() };
                        state.events.publish::<Tick>(&payload);
                    }
                    _ = sweep.tick() => sweep_expired(&state).await,
                }
            }
        }));
    }
}

/// Ends pairing requests nobody decided, and forgets what the ledger need not know any more.
async fn sweep_expired(state: &Arc<State>) {
    state.events.sweep();
    let now = state.clock.now_ms();
    match state.store.devices().expire_requests(now).await {
        Ok(expired) => {
            for request in expired {
                let device = &request.ask.info.device_id;
                let decision = PairingDecision::Rejected;
                announce::request_decided(state, &request.request_id, device, decision);
            }
        }
        Err(error) => tracing::warn!(%error, "expired pairing requests stay"),
    }
    if let Err(error) = state.store.ledger().sweep(now).await {
        tracing::warn!(%error, "old ledger entries stay");
    }
}
