//! What the bus remembers for those who come back: the last events, and who left when.
//!
//! A connection that took up from another belongs to its line, and one line has one live connection.
//! Nothing is remembered while nobody could come back for it.

use std::{collections::VecDeque, sync::Arc};

use openclaw_protocol::{
    ids::{ConnId, SessionKey},
    resume::{ResumeParams, ResyncReason},
    row::EventRow,
};

use super::ring::{Audience, MAX_AGE_MS, Ring};
use crate::{
    connections::{CloseReason, Connection, Connections, Principal},
    outbound::SharedEvent,
};

/// Connections that are remembered after their end.
pub(super) const MAX_DEPARTED: usize = 256;
/// The same of one principal, so that nobody pushes out everybody else.
pub(super) const MAX_DEPARTED_EACH: usize = 64;

/// A connection that ended without a goodbye.
#[derive(Debug)]
struct Departed {
    connection: Arc<Connection>,
    /// The last event that could have reached it.
    bus_id: u64,
    at_ms: u64,
}

/// Everything that is remembered. Whoever holds it decides the order of events.
#[derive(Debug, Default)]
pub(super) struct Memory {
    ring: Ring,
    departed: VecDeque<Departed>,
    /// Live connections that may come back.
    live: usize,
}

impl Memory {
    /// Whether anybody could come back for what happens now.
    pub(super) fn is_wanted(&self) -> bool {
        self.live > 0 || !self.departed.is_empty()
    }

    /// Keeps an event, if anybody could come back for it; its id.
    pub(super) fn keep(
        &mut self,
        event: &SharedEvent,
        audience: Audience,
        now_ms: u64,
    ) -> Option<u64> {
        let wanted = self.is_wanted() && !event.row.droppable;
        wanted.then(|| self.ring.keep(event.clone(), audience, now_ms))
    }

    /// Whether one who left may see such an event when it comes back.
    pub(super) fn is_awaited(&self, row: &EventRow, session: Option<&SessionKey>) -> bool {
        self.departed.iter().any(|gone| gone.connection.may_see(row, session))
    }

    /// The latest connection of a line that has none now.
    pub(super) fn gone_of_line(&self, line: &ConnId) -> Option<&Arc<Connection>> {
        let gone = self.departed.iter().rev().find(|gone| gone.connection.line() == line)?;
        Some(&gone.connection)
    }

    /// Counts a new live connection.
    pub(super) fn entered(&mut self, connection: &Connection) {
        if connection.outbound.is_resumable() {
            self.live += 1;
        }
    }

    /// Remembers a connection that is not live any more.
    pub(super) fn left(&mut self, connection: &Arc<Connection>, now_ms: u64) {
        if !connection.outbound.is_resumable() {
            return;
        }
        self.live = self.live.saturating_sub(1);
        connection.outbound.retire();
        if connection.may_return() {
            let of_same = |gone: &Departed| gone.connection.principal.id == connection.principal.id;
            if self.departed.iter().filter(|gone| of_same(gone)).count() >= MAX_DEPARTED_EACH
                && let Some(oldest) = self.departed.iter().position(of_same)
            {
                self.departed.remove(oldest);
            }
            let (connection, bus_id) = (Arc::clone(connection), self.ring.last());
            self.departed.push_back(Departed { connection, bus_id, at_ms: now_ms });
            if self.departed.len() > MAX_DEPARTED {
                self.departed.pop_front();
            }
        }
        self.expire(now_ms);
    }

    /// Forgets who will not come back, and what nobody will ask for.
    pub(super) fn expire(&mut self, now_ms: u64) {
        self.departed.retain(|gone| gone.at_ms.saturating_add(MAX_AGE_MS) >= now_ms);
        if self.is_wanted() {
            self.ring.evict(now_ms);
        } else {
            self.ring.clear();
        }
    }

    /// Hands a connection what another one missed, before anything else; how many events that is.
    pub(super) fn take_up(
        &mut self,
        connection: &Connection,
        wanted: &ResumeParams,
        live: &Connections,
        now_ms: u64,
    ) -> Result<u64, ResyncReason> {
        let named = ConnId::new(wanted.conn_id.as_str());
        // The end of the old connection may not have been noticed yet.
        if let Some(old) = live.get(&named) {
            self.detach(&old, connection, live, now_ms)?;
        }
        let gone = self.departed.iter_mut().find(|gone| gone.connection.id == named);
        let gone = gone.ok_or(ResyncReason::UnknownConnection)?;
        same(&gone.connection.principal, &connection.principal)?;
        gone.at_ms = now_ms;
        let (line, bus_id) = (gone.connection.line().clone(), gone.bus_id);
        let sent = gone.connection.outbound.sent_after(wanted.last_seq.get());
        connection.join_line(&line);
        while let Some(other) = live.of_line(&line) {
            self.detach(&other, connection, live, now_ms)?;
        }
        // The client names this one, so it never heard of those between.
        self.departed.retain(|gone| gone.connection.line() != &line || gone.connection.id == named);
        self.replay(connection, &sent?, bus_id)
    }

    /// Ends a connection whose client is here again already.
    fn detach(
        &mut self,
        old: &Arc<Connection>,
        new: &Connection,
        live: &Connections,
        now_ms: u64,
    ) -> Result<(), ResyncReason> {
        same(&old.principal, &new.principal)?;
        if !old.outbound.is_resumable() {
            return Err(ResyncReason::UnknownConnection);
        }
        old.close(CloseReason::new(1000, "the client came back on another connection"));
        if live.remove(&old.id) {
            self.left(old, now_ms);
        }
        Ok(())
    }

    /// First what the old connection was sent and did not get, then what came after its end.
    fn replay(
        &self,
        connection: &Connection,
        sent: &[u64],
        bus_id: u64,
    ) -> Result<u64, ResyncReason> {
        let oldest = sent.first().map_or(bus_id, |first| first.saturating_sub(1));
        if self.ring.lost_after(oldest) {
            return Err(ResyncReason::RingOverrun);
        }
        let missed = sent.iter().filter_map(|id| self.ring.get(*id));
        let mut count = 0;
        // Rights and subscriptions are those of now.
        for kept in missed.chain(self.ring.after(bus_id)).filter(|kept| kept.is_for(connection)) {
            match kept.audience {
                Audience::Entitled { .. } => connection.push_event(kept.event.clone()),
                Audience::Line(_) => connection.push_direct(kept.event.clone()),
            }
            count += 1;
        }
        Ok(count)
    }

    #[cfg(test)]
    pub(super) fn figures(&self) -> (usize, usize, usize) {
        (self.live, self.departed.len(), self.ring.after(0).count())
    }
}

/// Whether two connections are the same client's.
fn same(old: &Principal, new: &Principal) -> Result<(), ResyncReason> {
    if old.id == new.id && old.role == new.role {
        Ok(())
    } else {
        Err(ResyncReason::OtherPrincipal)
    }
}
