//! Counting credentials that were shown: whoever guesses is slowed, then locked out.

use std::net::IpAddr;

use openclaw_store::trail::{TrailEvent, TrailKind};

use crate::{auth::limiter::CredentialKind, peer::bucket, state::State};

/// A credential that somebody showed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    /// Of which kind.
    pub(crate) kind: CredentialKind,
    /// Whether it was wrong.
    pub(crate) wrong: bool,
    /// From where; the owner's door has no address, and is never counted.
    pub(crate) address: Option<IpAddr>,
    /// Whether a proxy says that somebody else stands behind the peer.
    pub(crate) forwarded: bool,
}

/// Counts it, and holds the answer back where the limits say so.
///
/// # Errors
/// The milliseconds for which the address is locked, whatever it showed.
pub(crate) async fn count(state: &State, shown: Shown) -> Result<(), u64> {
    let Shown { kind, wrong, forwarded, .. } = shown;
    let Some(address) = shown.address.map(bucket) else { return Ok(()) };
    let now = state.clock.now_ms();
    let mut limits = state.settings.load().limits;
    // Only what really comes from this machine is never locked out.
    limits.exempt_loopback &= !forwarded;
    if let Some(retry_after_ms) = state.limiter.locked_for(kind, address, now) {
        return Err(retry_after_ms);
    }
    if wrong {
        let penalty = state.limiter.failed(kind, address, limits, now);
        tracing::warn!(%address, ?kind, "credential refused");
        state.trail.keep_attempts(kind, address, state.limiter.failures(kind, address));
        if let Some(until_ms) = penalty.locked_until_ms {
            state.record(TrailEvent {
                kind: TrailKind::Lockout,
                outcome: "locked".to_owned(),
                who: kind.as_str().to_owned(),
                origin: address.to_string(),
                detail: format!("until {until_ms}"),
            });
        }
        tokio::time::sleep(penalty.delay).await;
    } else if state.limiter.succeeded(kind, address) {
        state.trail.keep_attempts(kind, address, state.limiter.failures(kind, address));
    }
    Ok(())
}
