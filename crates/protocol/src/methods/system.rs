//! The Gateway about itself: health, status, presence, logs, identity.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::row::methods;

/// Params of `health`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthParams {
    /// Ask every channel now instead of answering from the cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<bool>,
}

/// Result of `health`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthSnapshot {
    /// Always true: a Gateway that answers is up.
    pub ok: bool,
    /// When it was taken, in milliseconds since 1970.
    pub ts: u64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

methods! {
    /// Reports whether the Gateway is up and what it looks after.
    Health = "health", Read, HealthParams => HealthSnapshot;
}
