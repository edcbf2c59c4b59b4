//! The latest health snapshot.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use openclaw_protocol::methods::system::HealthSnapshot;

/// A snapshot older than this is rebuilt before it is given out, in milliseconds.
const MAX_AGE_MS: u64 = 60_000;

/// The latest snapshot.
#[derive(Debug, Default)]
pub struct Health {
    latest: ArcSwapOption<HealthSnapshot>,
}

impl Health {
    /// The snapshot, unless it is older than a minute.
    #[must_use]
    pub fn fresh(&self, now_ms: u64) -> Option<Arc<HealthSnapshot>> {
        self.latest.load_full().filter(|snapshot| now_ms.saturating_sub(snapshot.ts) < MAX_AGE_MS)
    }

    /// Keeps a new one.
    pub fn keep(&self, snapshot: HealthSnapshot) {
        self.latest.store(Some(Arc::new(snapshot)));
    }
}
