//! How an account is doing.

use openclaw_base::SharedClock;
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::{Map, Value};

/// An account as `channels.status` shows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountStatus {
    /// Its name.
    pub account_id: String,
    /// Whether the configuration wants it to run.
    pub enabled: bool,
    /// Whether there is what it needs to run, such as a token.
    pub configured: bool,
    /// Whether it runs.
    pub running: bool,
    /// Whether the service was reached when it was asked last.
    pub connected: bool,
    /// How often it failed in a row.
    pub reconnect_attempts: u32,
    /// When it was started last, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_start_at: Option<u64>,
    /// When it stopped last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_stop_at: Option<u64>,
    /// When the service was reached last after it had not been.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_connected_at: Option<u64>,
    /// When a message came last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_inbound_at: Option<u64>,
    /// When a message was sent last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_outbound_at: Option<u64>,
    /// What is wrong, or was last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Why something waits to be sent that was tried already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sending: Option<Sending>,
    /// The channel's own facts, and what a probe said.
    #[serde(flatten)]
    pub facts: Map<String, Value>,
}

/// What keeps an account from sending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sending {
    /// To which chat.
    pub chat: String,
    /// Why it failed last.
    pub why: String,
    /// When it is tried again, in milliseconds since 1970.
    pub until_ms: u64,
}

/// Where an account says how it is doing.
#[derive(Debug)]
pub struct Condition {
    status: Mutex<AccountStatus>,
    clock: SharedClock,
}

impl Condition {
    pub(crate) fn new(status: AccountStatus, clock: SharedClock) -> Self {
        Self { status: Mutex::new(status), clock }
    }

    /// The service was reached.
    pub fn connected(&self) {
        let now = self.clock.now_ms();
        let mut status = self.status.lock();
        if !status.connected {
            status.last_connected_at = Some(now);
        }
        status.connected = true;
        status.reconnect_attempts = 0;
        status.last_error = None;
    }

    /// Something is wrong, and it is tried again.
    pub fn trouble(&self, why: &str) {
        let mut status = self.status.lock();
        if status.last_error.as_deref() != Some(why) {
            tracing::warn!(account = %status.account_id, why, "channel in trouble");
        }
        status.connected = false;
        status.reconnect_attempts = status.reconnect_attempts.saturating_add(1);
        status.last_error = Some(why.to_owned());
    }

    /// Adds a fact of the channel's own.
    pub fn fact(&self, name: &str, value: Value) {
        self.status.lock().facts.insert(name.to_owned(), value);
    }

    /// Sending was put off, until then at the earliest, for this reason.
    pub(crate) fn sending_waits(&self, chat: &str, why: &str, until_ms: u64) {
        let sending = Sending { chat: chat.to_owned(), why: why.to_owned(), until_ms };
        self.status.lock().sending = Some(sending);
    }

    pub(crate) fn inbound(&self) {
        self.status.lock().last_inbound_at = Some(self.clock.now_ms());
    }

    pub(crate) fn outbound(&self, chat: &str) {
        let mut status = self.status.lock();
        status.last_outbound_at = Some(self.clock.now_ms());
        if status.sending.as_ref().is_some_and(|sending| sending.chat == chat) {
            status.sending = None;
        }
    }

    pub(crate) fn started(&self) {
        let mut status = self.status.lock();
        status.running = true;
        status.last_start_at = Some(self.clock.now_ms());
    }

    pub(crate) fn stopped(&self, why: Option<String>) {
        let mut status = self.status.lock();
        status.running = false;
        status.connected = false;
        status.last_stop_at = Some(self.clock.now_ms());
        if let Some(why) = why {
            tracing::error!(account = %status.account_id, why, "channel stopped");
            status.last_error = Some(why);
        }
    }

    pub(crate) fn now(&self) -> AccountStatus {
        self.status.lock().clone()
    }
}
