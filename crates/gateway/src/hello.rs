//! Entering and leaving: `hello-ok`, presence, and the state a client starts from.

use std::sync::Arc;

use openclaw_protocol::{
    Scope as Right, events,
    events::core::{Presence, PresencePayload},
    hello::{
        Features, HelloAuth, HelloKind, HelloOk, Policy, ServerInfo, SessionDefaults, Snapshot,
    },
    ids::{AgentId, MAIN_KEY, SessionKey},
    methods,
};
use secrecy::ExposeSecret;

use crate::{connections::Connection, handshake::IssuedToken, state::State, survey};

/// Capabilities advertised to every client.
pub const CAPABILITIES: &[&str] = &["published-model-catalog"];

/// Registers a connection and builds its `hello-ok`.
pub async fn enter(
    state: &State,
    connection: &Arc<Connection>,
    device_token: Option<&IssuedToken>,
) -> HelloOk {
    let now = state.clock.now_ms();
    state.presence.joined(connection);
    let health = survey::snapshot(state).await;
    state.connections.insert(Arc::clone(connection));
    announce(state);
    tracing::info!(
        conn = %connection.id,
        client = connection.client.id.as_str(),
        role = %connection.principal.role,
        method = connection.principal.method,
        protocol = connection.protocol,
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
            auth_mode: Some(state.settings.load().auth.kind().as_str().to_owned()),
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
    state.connections.remove(&connection.id);
    state.presence.left(connection);
    announce(state);
    tracing::info!(conn = %connection.id, "disconnected");
}

fn announce(state: &State) {
    let version = state.events.bump_presence();
    let payload = PresencePayload { presence: state.presence.list(state.clock.now_ms()) };
    state.events.publish_versioned::<Presence>(&payload, version);
}
