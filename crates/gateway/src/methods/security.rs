//! The audit trail.

use openclaw_protocol::methods::security::*;
use openclaw_store::trail::TrailEntry;

use crate::router::{Cx, Failure, Handle, Methods};

const DEFAULT_LIMIT: u32 = 100;

impl Handle<SecurityTrail> for Methods {
    async fn handle(cx: Cx, params: SecurityTrailParams) -> Result<SecurityTrailResult, Failure> {
        let kind = params.kind.and_then(|kind| kind.as_str().parse().ok());
        let before = params.before.map(|id| id.get());
        let limit = params.limit.and_then(|limit| u32::try_from(limit.get()).ok());
        let trail = cx.state.store.trail();
        let entries = trail.list(kind, before, limit.unwrap_or(DEFAULT_LIMIT)).await;
        let entries = entries.map_err(|error| cx.state.storage_error(&error))?;
        Ok(SecurityTrailResult { entries: entries.into_iter().map(wire).collect() })
    }
}

fn wire(entry: TrailEntry) -> TrailRecord {
    TrailRecord {
        id: entry.id,
        at_ms: entry.at_ms,
        last_ms: entry.last_ms,
        count: entry.count,
        kind: entry.event.kind.as_str().to_owned(),
        outcome: entry.event.outcome,
        who: entry.event.who,
        origin: entry.event.origin,
        detail: entry.event.detail,
    }
}
