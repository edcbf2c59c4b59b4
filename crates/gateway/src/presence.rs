//! Who is connected right now, as `system-presence` and the `presence` event list it.

use std::collections::BTreeMap;

use openclaw_protocol::hello::PresenceEntry;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::connections::Connection;

/// At most this many entries are listed.
const MAX_ENTRIES: usize = 200;

/// The list: the Gateway itself, then its connections, oldest first.
#[derive(Debug)]
pub struct Presence {
    own: PresenceEntry,
    entries: Mutex<BTreeMap<(u64, String), PresenceEntry>>,
    change: Notify,
}

impl Presence {
    /// A list that holds only the Gateway.
    #[must_use]
    pub fn new(host: &str, version: &str, now_ms: u64) -> Self {
        let own = PresenceEntry {
            host: Some(host.to_owned()),
            version: Some(version.to_owned()),
            platform: Some(std::env::consts::OS.to_owned()),
            mode: Some("gateway".to_owned()),
            reason: Some("self".to_owned()),
            text: Some(format!("Gateway: {host} · app {version} · mode gateway · reason self")),
            ts: now_ms,
            ..PresenceEntry::default()
        };
        Self { own, entries: Mutex::default(), change: Notify::new() }
    }

    /// Adds a connection.
    pub fn joined(&self, connection: &Connection) {
        let client = &connection.client;
        let text = |value: &Option<openclaw_protocol::text::NonEmpty>| {
            value.as_ref().map(|value| value.as_str().to_owned())
        };
        let name = text(&client.display_name).unwrap_or_else(|| client.id.as_str().to_owned());
        let entry = PresenceEntry {
            host: Some(name.clone()),
            ip: connection.origin.address().map(|address| address.to_string()),
            version: Some(client.version.as_str().to_owned()),
            platform: Some(client.platform.as_str().to_owned()),
            device_family: text(&client.device_family),
            model_identifier: text(&client.model_identifier),
            time_zone: client.time_zone.as_ref().map(|zone| zone.as_str().to_owned()),
            mode: Some(client.mode.as_str().to_owned()),
            reason: Some("connect".to_owned()),
            text: Some(format!("{name} · {} · connected", client.mode.as_str())),
            ts: connection.connected_at_ms,
            online_since: Some(connection.connected_at_ms),
            device_id: connection.principal.device.as_ref().map(|id| id.as_str().to_owned()),
            roles: Some(vec![connection.principal.role.as_str().to_owned()]),
            scopes: Some(connection.principal.scopes.names()),
            instance_id: text(&client.instance_id),
            ..PresenceEntry::default()
        };
        self.entries.lock().insert(key(connection), entry);
    }

    /// Removes a connection.
    pub fn left(&self, connection: &Connection) {
        self.entries.lock().remove(&key(connection));
    }

    /// Notes that there is something to tell.
    pub fn changed(&self) {
        self.change.notify_one();
    }

    /// Waits until there is something to tell.
    pub async fn wait_for_change(&self) {
        self.change.notified().await;
    }

    /// The list as it is sent.
    #[must_use]
    pub fn list(&self, now_ms: u64) -> Vec<PresenceEntry> {
        let own = PresenceEntry { ts: now_ms, ..self.own.clone() };
        let entries = self.entries.lock();
        std::iter::once(own).chain(entries.values().take(MAX_ENTRIES - 1).cloned()).collect()
    }
}

fn key(connection: &Connection) -> (u64, String) {
    (connection.connected_at_ms, connection.id.as_str().to_owned())
}
