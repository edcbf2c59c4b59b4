//! The last events, each with its bus id, so that a connection that comes back gets what it missed.
//!
//! Bounded three ways: bytes, number, age. What is pushed out is gone, and whoever would need it is told
//! so ([`Ring::lost_after`]).

use std::collections::VecDeque;

use openclaw_protocol::ids::{ConnId, SessionKey};

use crate::{connections::Connection, outbound::SharedEvent};

/// Payload bytes that are kept.
pub(super) const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Events that are kept.
pub(super) const MAX_EVENTS: usize = 16_384;
/// How long an event is kept, in milliseconds.
pub(super) const MAX_AGE_MS: u64 = 10 * 60 * 1000;
/// What an event costs beside its payload.
const OVERHEAD: usize = 160;

/// Whom an event is for.
#[derive(Clone, Debug)]
pub(super) enum Audience {
    /// Everybody whom its row entitles and who speaks at least this protocol.
    Entitled { session: Option<SessionKey>, protocol: u32 },
    /// One client, by the first connection of its line.
    Line(ConnId),
}

/// One event that is kept.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) event: SharedEvent,
    pub(super) audience: Audience,
    at_ms: u64,
}

impl Kept {
    fn bytes(&self) -> usize {
        self.event.payload.get().len() + OVERHEAD
    }

    /// Whether a connection may see it, by the rights and subscriptions it has now.
    pub(super) fn is_for(&self, connection: &Connection) -> bool {
        match &self.audience {
            Audience::Entitled { session, protocol } => {
                connection.protocol >= *protocol
                    && connection.may_see(self.event.row, session.as_ref())
            }
            Audience::Line(line) => {
                line == connection.line() && connection.may_be_told(self.event.row)
            }
        }
    }
}

/// The last events, oldest first; their ids follow each other without gaps.
#[derive(Debug, Default)]
pub(super) struct Ring {
    events: VecDeque<Kept>,
    bytes: usize,
    last: u64,
}

impl Ring {
    /// The id of the latest event; 0 before the first.
    pub(super) const fn last(&self) -> u64 {
        self.last
    }

    /// Keeps an event and gives it the next id.
    pub(super) fn keep(&mut self, mut event: SharedEvent, audience: Audience, at_ms: u64) -> u64 {
        self.last += 1;
        event.bus_id = Some(self.last);
        let kept = Kept { event, audience, at_ms };
        self.bytes += kept.bytes();
        self.events.push_back(kept);
        self.evict(at_ms);
        self.last
    }

    /// Forgets what is too old or too much.
    pub(super) fn evict(&mut self, now_ms: u64) {
        while let Some(oldest) = self.events.front() {
            let too_old = oldest.at_ms.saturating_add(MAX_AGE_MS) < now_ms;
            if !too_old && self.bytes <= MAX_BYTES && self.events.len() <= MAX_EVENTS {
                return;
            }
            self.bytes -= oldest.bytes();
            self.events.pop_front();
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.events = VecDeque::new();
        self.bytes = 0;
    }

    /// Whether an event after this id is gone already.
    pub(super) fn lost_after(&self, id: u64) -> bool {
        id < self.floor()
    }

    /// The highest id that is not kept any more.
    pub(super) fn floor(&self) -> u64 {
        self.last - u64::try_from(self.events.len()).unwrap_or(self.last)
    }

    /// One event.
    pub(super) fn get(&self, id: u64) -> Option<&Kept> {
        let index = id.checked_sub(self.floor() + 1)?;
        self.events.get(usize::try_from(index).ok()?)
    }

    /// Every event after this id.
    pub(super) fn after(&self, id: u64) -> impl Iterator<Item = &Kept> {
        let skip = id.saturating_sub(self.floor());
        self.events.iter().skip(usize::try_from(skip).unwrap_or(usize::MAX))
    }

    #[cfg(test)]
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use openclaw_protocol::row::{EventRow, Gate};
    use serde_json::value::RawValue;

    use super::*;

    static ROW: EventRow = EventRow::new("loud", "", Gate::Everyone);

    fn event(bytes: usize) -> SharedEvent {
        let text = format!("\"{}\"", "x".repeat(bytes));
        SharedEvent {
            row: &ROW,
            payload: Arc::from(RawValue::from_string(text).expect("JSON")),
            state_version: None,
            coalesce: None,
            bus_id: None,
        }
    }

    fn everybody() -> Audience {
        Audience::Entitled { session: None, protocol: 3 }
    }

    fn ids(ring: &Ring, after: u64) -> Vec<u64> {
        ring.after(after).filter_map(|kept| kept.event.bus_id).collect()
    }

    #[test]
    fn the_latest_are_found_by_id() {
        let mut ring = Ring::default();
        assert!(!ring.lost_after(0));
        for _ in 0..3 {
            ring.keep(event(1), everybody(), 0);
        }
        assert_eq!(ids(&ring, 0), [1, 2, 3]);
        assert_eq!(ids(&ring, 2), [3]);
        assert_eq!(ids(&ring, 9), [0; 0]);
        assert_eq!(ring.get(2).map(|kept| kept.event.bus_id), Some(Some(2)));
        assert!(ring.get(0).is_none() && ring.get(4).is_none());
    }

    #[test]
    fn bytes_number_and_age_are_bounded() {
        let mut ring = Ring::default();
        for _ in 0..40 {
            ring.keep(event(MAX_BYTES / 10), everybody(), 0);
            assert!(ring.bytes() <= MAX_BYTES);
        }
        assert_eq!(ring.floor(), 31);
        assert!(ring.lost_after(30) && !ring.lost_after(31));
        for _ in 0..2 * MAX_EVENTS {
            ring.keep(event(1), everybody(), 1);
        }
        assert_eq!(ids(&ring, 0).len(), MAX_EVENTS);
        ring.evict(MAX_AGE_MS + 1);
        assert_eq!(ids(&ring, 0).len(), MAX_EVENTS);
        ring.evict(MAX_AGE_MS + 2);
        assert_eq!((ids(&ring, 0).len(), ring.bytes()), (0, 0));
        assert!(ring.lost_after(ring.last() - 1) && !ring.lost_after(ring.last()));
        assert_eq!(ring.keep(event(1), everybody(), 0), ring.last());
        assert_eq!(ids(&ring, 0), [ring.last()]);
    }
}
