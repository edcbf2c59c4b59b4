//! What the audit trail says of a handshake.

use openclaw_protocol::RpcError;
use openclaw_store::trail::{TrailEvent, TrailKind};

use super::Upgrade;
use crate::state::State;

/// Adds a refusal.
pub(super) fn refusal(state: &State, upgrade: &Upgrade, who: &str, error: &RpcError) {
    let code = error.detail_code().map_or(error.code.as_str(), |code| code.as_str());
    let kind = if code == "PAIRING_REQUIRED" { TrailKind::Pairing } else { TrailKind::Refusal };
    state.record(TrailEvent {
        kind,
        outcome: code.to_owned(),
        who: who.to_owned(),
        origin: origin(upgrade),
        detail: String::new(),
    });
}

/// Where a connection comes from, for people.
pub(super) fn origin(upgrade: &Upgrade) -> String {
    upgrade.link.origin(upgrade.address).to_string()
}
