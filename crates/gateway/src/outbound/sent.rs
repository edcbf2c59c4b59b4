//! Which events of the bus a connection was sent, by their numbers on that connection.

use std::collections::VecDeque;

/// Entries at most; as many as the ring keeps events.
const MAX_ENTRIES: usize = 16_384;

/// Grows only with events that are kept, and forgets the oldest.
#[derive(Debug, Default)]
pub(super) struct SentLog {
    entries: VecDeque<(u64, u64)>,
    /// Number of the latest entry that was forgotten.
    forgotten: u64,
}

impl SentLog {
    /// Notes that the event with this bus id has this number.
    pub(super) fn note(&mut self, seq: u64, bus_id: u64) {
        if self.entries.len() >= MAX_ENTRIES
            && let Some((oldest, _)) = self.entries.pop_front()
        {
            self.forgotten = oldest;
        }
        self.entries.push_back((seq, bus_id));
    }

    /// The bus ids of what was sent after this number; nothing if that is not known any more.
    pub(super) fn after(&self, seq: u64) -> Option<Vec<u64>> {
        if seq < self.forgotten {
            return None;
        }
        let from = self.entries.partition_point(|(sent, _)| *sent <= seq);
        Some(self.entries.iter().skip(from).map(|(_, bus_id)| *bus_id).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_came_later() {
        let mut log = SentLog::default();
        for (seq, bus_id) in [(1, 10), (3, 12), (4, 15)] {
            log.note(seq, bus_id);
        }
        assert_eq!(log.after(0), Some(vec![10, 12, 15]));
        assert_eq!(log.after(2), Some(vec![12, 15]));
        assert_eq!(log.after(4), Some(vec![]));
    }

    #[test]
    fn is_bounded_and_says_so() {
        let mut log = SentLog::default();
        for seq in 1..=MAX_ENTRIES as u64 + 5 {
            log.note(seq, seq);
        }
        assert_eq!(log.entries.len(), MAX_ENTRIES);
        assert_eq!(log.after(4), None);
        assert_eq!(log.after(5).map(|ids| ids.len()), Some(MAX_ENTRIES));
    }
}
