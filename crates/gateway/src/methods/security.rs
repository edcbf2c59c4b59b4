//! The audit trail, and the security audit.

use openclaw_protocol::methods::{security::*, system::NoParams};
use openclaw_store::trail::{TrailEntry, TrailKind};

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

impl Handle<SecurityAudit> for Methods {
    async fn handle(cx: Cx, _: NoParams) -> Result<SecurityAuditResult, Failure> {
        Ok(cx.state.config.audit().await?)
    }
}

impl Handle<SecurityFix> for Methods {
    async fn handle(cx: Cx, params: SecurityFixParams) -> Result<SecurityFixResult, Failure> {
        let done = cx.state.config.fix(params.check_id.into_string()).await?;
        for step in &done.steps {
            let outcome = if step.ok { "fixed" } else { "not fixed" };
            cx.state.record_of(&cx.conn, TrailKind::Config, outcome, &step.action);
        }
        Ok(done)
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
