//! Events of the connection itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    row::{Gate, events},
    trust::GatewayProof,
};

/// Payload of `connect.challenge`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChallengePayload {
    /// What the client signs.
    pub nonce: String,
    /// The Gateway's clock, in milliseconds since 1970.
    pub ts: u64,
    /// What `connect` may ask for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// The Gateway's own proof; only for clients that sent a nonce in the upgrade request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<GatewayProof>,
}

/// Payload of `tick`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TickPayload {
    /// The Gateway's clock, in milliseconds since 1970.
    pub ts: u64,
}

events! {
    /// Sent at once on every new socket; the client answers with `connect`.
    ConnectChallenge = "connect.challenge", Gate::PreAuth, ChallengePayload;
    /// Sent at the advertised interval, so that a silent link is noticed.
    Tick = "tick", Gate::Everyone, TickPayload { droppable: true };
}
