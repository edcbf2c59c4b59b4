//! How often a growing text is told: at most once per interval, never the same twice, and nothing of a
//! beginning that may still turn out to be silence.

use std::time::Duration;

use tokio::time::Instant;

use crate::{events::AgentEventKind, silent::hold_back};

/// What is to be told now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// The whole text.
    pub(crate) cumulative: String,
    /// What is new.
    pub(crate) delta: String,
    /// Whether the text does not continue what was told before.
    pub(crate) replace: bool,
}

impl Told {
    /// As text of the answer.
    pub(crate) fn into_text(self) -> AgentEventKind {
        let Self { cumulative, delta, replace } = self;
        AgentEventKind::Text { cumulative, delta, replace }
    }

    /// As thinking.
    pub(crate) fn into_thinking(self) -> AgentEventKind {
        let Self { cumulative, delta, .. } = self;
        AgentEventKind::Thinking { cumulative, delta }
    }
}

/// The text of one run on its way to the listeners. Survives a retry, which makes it start again.
#[derive(Debug)]
pub(crate) struct Throttle {
    interval: Duration,
    text: String,
    /// Bytes of `text` that were told.
    told: usize,
    /// Whether what was told before is no longer the beginning of `text`.
    replaced: bool,
    last: Option<Instant>,
    /// Whether silence is looked out for.
    guarded: bool,
}

impl Throttle {
    /// For an answer, where silence is looked out for.
    pub(crate) fn answer(interval: Duration) -> Self {
        Self { guarded: true, ..Self::thinking(interval) }
    }

    /// For thinking, which is always told.
    pub(crate) const fn thinking(interval: Duration) -> Self {
        Self { interval, text: String::new(), told: 0, replaced: false, last: None, guarded: false }
    }

    /// The text so far.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Adds to the text.
    pub(crate) fn push(&mut self, more: &str) {
        self.text.push_str(more);
    }

    /// Starts a new text, as after a tool call or a failed attempt.
    pub(crate) fn restart(&mut self) {
        self.replaced |= self.told > 0;
        self.told = 0;
        self.text.clear();
    }

    /// When there will be something to tell, if there is anything.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        if self.told >= self.text.len() || (self.guarded && hold_back(&self.text)) {
            return None;
        }
        Some(self.last.map_or(now, |last| (last + self.interval).max(now)))
    }

    /// What is to be told now, if it is time.
    pub(crate) fn take(&mut self, now: Instant) -> Option<Told> {
        if self.due(now)? > now {
            return None;
        }
        self.flush(now)
    }

    /// What is left to be told, whatever the time.
    pub(crate) fn flush(&mut self, now: Instant) -> Option<Told> {
        self.due(now)?;
        let replace = std::mem::take(&mut self.replaced);
        let delta = self.text.get(self.told..).unwrap_or_default().to_owned();
        self.told = self.text.len();
        self.last = Some(now);
        Some(Told { cumulative: self.text.clone(), delta, replace })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(150);

    fn told(cumulative: &str, delta: &str, replace: bool) -> Option<Told> {
        Some(Told { cumulative: cumulative.to_owned(), delta: delta.to_owned(), replace })
    }

    #[test]
    fn tells_at_once_and_then_once_per_interval() {
        let start = Instant::now();
        let mut throttle = Throttle::answer(INTERVAL);
        throttle.push("Hel");
        assert_eq!(throttle.take(start), told("Hel", "Hel", false));
        throttle.push("lo");
        assert_eq!(throttle.take(start + INTERVAL / 2), None);
        assert_eq!(throttle.due(start + INTERVAL / 2), Some(start + INTERVAL));
        throttle.push(" you");
        assert_eq!(throttle.take(start + INTERVAL), told("Hello you", "lo you", false));
        assert_eq!(throttle.due(start + INTERVAL), None);
        assert_eq!(throttle.flush(start + INTERVAL), None);
    }

    #[test]
    fn a_new_attempt_replaces_what_was_told() {
        let now = Instant::now();
        let mut throttle = Throttle::answer(INTERVAL);
        throttle.push("first try");
        throttle.take(now);
        throttle.restart();
        throttle.push("second");
        assert_eq!(throttle.take(now + INTERVAL), told("second", "second", true));
        throttle.push("!");
        assert_eq!(throttle.take(now + 2 * INTERVAL), told("second!", "!", false));
    }

    #[test]
    fn silence_is_never_told() {
        let now = Instant::now();
        let mut throttle = Throttle::answer(INTERVAL);
        for piece in ["NO", "_RE", "PLY"] {
            throttle.push(piece);
            assert_eq!(throttle.due(now), None);
            assert_eq!(throttle.flush(now), None);
        }
        throttle.push("ING");
        assert_eq!(throttle.take(now), told("NO_REPLYING", "NO_REPLYING", false));
    }

    #[test]
    fn thinking_is_told_whatever_it_says() {
        let now = Instant::now();
        let mut throttle = Throttle::thinking(INTERVAL);
        throttle.push("NO");
        assert_eq!(throttle.take(now), told("NO", "NO", false));
    }
}
