//! How much a node may tell by itself: each event may start a turn, and turns cost.

/// Within this time so much may be told, in milliseconds.
pub const WINDOW_MS: u64 = 10_000;
/// Events within the window.
const EVENTS: u32 = 240;
/// Events that are refused within the window before it is a flood.
const REFUSED: u32 = 1_000;

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// It counts.
    Within,
    /// It is refused.
    TooMuch,
    /// The node was told to slow down, and did not.
    Flood,
}

/// What a node told within the window.
#[derive(Debug, Default)]
pub(super) struct Budget {
    since_ms: u64,
    events: u32,
}

impl Budget {
    /// Counts one more event.
    pub(super) fn spend(&mut self, now_ms: u64) -> Spent {
        // A clock that was set back begins a window as well.
        if now_ms.abs_diff(self.since_ms) >= WINDOW_MS {
            *self = Self { since_ms: now_ms, events: 0 };
        }
        self.events = self.events.saturating_add(1);
        if self.events <= EVENTS {
            Spent::Within
        } else if self.events <= EVENTS + REFUSED {
            Spent::TooMuch
        } else {
            Spent::Flood
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_tells_so_much_is_told_to_slow_down_and_is_a_flood_then() {
        let mut budget = Budget::default();
        let mut told = |count: u32, now_ms: u64| {
            (0..count).map(|_| budget.spend(now_ms)).last().unwrap_or(Spent::Within)
        };
        assert_eq!(told(EVENTS, 50_000), Spent::Within);
        assert_eq!(told(1, 50_001), Spent::TooMuch);
        assert_eq!(told(REFUSED - 1, 59_999), Spent::TooMuch);
        assert_eq!(told(1, 59_999), Spent::Flood);
        assert_eq!(told(1, 60_000), Spent::Within, "a new window");
        assert_eq!(told(1, 10_000), Spent::Within, "the clock was set back");
    }
}
