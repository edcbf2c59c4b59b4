//! Entering and leaving: `hello-ok`, presence, and the state a client starts from.

use std::{sync::Arc, time::Duration};

use openclaw_protocol::{
    PROTOCOL_V4, Role, Scope as Right, events,
    events::{
        core::{Presence, PresencePayload},
        voicewake::{VoicewakeChanged, VoicewakeRoutingChanged},
    },
    hello::{
        Features, HelloAuth, HelloKind, HelloOk, Policy, ServerInfo, SessionDefaults, Snapshot,
    },
    ids::{AgentId, MAIN_KEY, SessionKey},
    methods,
    resume::CAPABILITY,
};
use secrecy::ExposeSecret;

use crate::{connections::Connection, handshake::IssuedToken, state::State, survey};

/// Many clients that come at once are told of in one event.
const PRESENCE_PAUSE: Duration = Duration::from_millis(50);

/// Capabilities advertised to every client.
pub const CAPABILITIES: &[&str] = &["published-model-catalog", CAPABILITY];

/// Registers a connection and builds its `hello-ok`. What it missed, if it takes up where another ended,
/// waits in its queue already, before anything that happens later.
pub async fn enter(
    state: &State,
    connection: &Arc<Connection>,
    device_token: Option<&IssuedToken>,
) -> HelloOk {
    let now = state.clock.now_ms();
    state.presence.joined(connection);
    let health = survey::snapshot(state).await;
    let resume = state.events.enter(connection, &state.info.boot_id);
    state.nodes.joined(connection);
    if connection.principal.role == Role::Node {
        let line = connection.line();
        state.events.tell::<VoicewakeChanged>(line, &state.voicewake.triggers(), |_| true);
        let speaks = |node: &Connection| node.protocol >= PROTOCOL_V4;
        let routing = state.voicewake.routing();
        state.events.tell::<VoicewakeRoutingChanged>(line, &routing, speaks);
    }
    announce(state);
    tracing::info!(
        conn = %connection.id,
        client = connection.client.id.as_str(),
        role = %connection.principal.role,
        by = if connection.principal.owner { "door" } else { connection.principal.method },
        protocol = connection.protocol,
        resumed = resume.as_ref().map(|outcome| outcome.resumed),
        "connected"
    );
    let is_admin = connection.principal.scopes.allows(Right::Admin);
    let path = |path: &std::path::Path| is_admin.then(|| path.display().to_string());
    HelloOk {
        kind: HelloKind::HelloOk,
        protocol: connection.protocol,
        server: ServerInfo {
            version: state.info.version.clone(),
            boot_id: Some(state.info.boot_id.clone()),
            conn_id: connection.id.as_str().to_owned(),
            ..ServerInfo::default()
        },
        features: Features {
            methods: methods::advertised(),
            events: events::advertised(),
            capabilities: CAPABILITIES.iter().map(|name| (*name).to_owned()).collect(),
        },
        snapshot: Snapshot {
            presence: state.presence.list(now),
            health,
            state_version: state.events.state_version(),
            uptime_ms: state.info.uptime_ms(now),
            config_path: path(&state.info.config_path),
            state_dir: path(&state.info.state_dir),
            session_defaults: Some(session_defaults(state)),
            auth_mode: Some(state.settings.load().auth.mode().to_owned()),
            ..Snapshot::default()
        },
        auth: HelloAuth {
            method: Some(connection.principal.method.to_owned()),
            role: connection.principal.role,
            scopes: connection.principal.scopes,
            device_token: device_token.map(|issued| issued.token.expose_secret().to_owned()),
            issued_at_ms: device_token.map(|issued| issued.issued_at_ms),
        },
        policy: Policy::default(),
        resume,
    }
}

/// Which session a client opens first.
#[must_use]
pub fn session_defaults(state: &State) -> SessionDefaults {
    let settings = state.settings.load();
    let agent = AgentId::new(settings.default_agent.as_str());
    SessionDefaults {
        main_session_key: SessionKey::main_of(&agent).into_string(),
        default_agent_id: agent.into_string(),
        main_key: MAIN_KEY.to_owned(),
        scope: Some(settings.session_scope.clone()),
        // The offline assistant answers too, so the composer is never blocked.
        model_configured: Some(true),
    }
}

/// Forgets a connection.
pub fn leave(state: &State, connection: &Arc<Connection>) {
    connection.end();
    state.events.leave(connection);
    state.nodes.left(connection);
    state.presence.left(connection);
    announce(state);
    tracing::info!(conn = %connection.id, "disconnected");
}

/// Says that the list changed; whoever follows it is told once for many changes at a time.
fn announce(state: &State) {
    state.presence.changed();
}

/// Tells clients who is connected, a moment after it changed, until the Gateway stops.
pub async fn tell_presence(state: Arc<State>) {
    let stop = state.tasks.token();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = state.presence.wait_for_change() => {}
        }
        tokio::time::sleep(PRESENCE_PAUSE).await;
        let version = state.events.bump_presence();
        let payload = PresencePayload { presence: state.presence.list(state.clock.now_ms()) };
        state.events.publish_versioned::<Presence>(&payload, version);
    }
}
