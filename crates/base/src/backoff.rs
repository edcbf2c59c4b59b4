//! How long to wait before trying again: growing, capped, and jittered, so that many clients of one
//! Gateway do not come back in the same instant.

use std::time::Duration;

/// A growing delay between attempts.
#[derive(Clone, Debug)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    factor: f64,
    jitter: f64,
    healthy: Duration,
    next: Duration,
}

impl Backoff {
    /// Doubles from `min` to `max`, each delay up to a quarter shorter by chance.
    #[must_use]
    pub fn new(min: Duration, max: Duration) -> Self {
        Self {
            min,
            max: max.max(min),
            factor: 2.0,
            jitter: 0.25,
            healthy: Duration::from_secs(10),
            next: min,
        }
    }

    /// Grows by another factor; less than 1 counts as 1.
    #[must_use]
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = if factor.is_finite() { factor.max(1.0) } else { 1.0 };
        self
    }

    /// The share of a delay that chance may take away, from 0 to 1.
    #[must_use]
    pub fn jitter(mut self, share: f64) -> Self {
        self.jitter = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
        self
    }

    /// How long something must have worked before [`Backoff::reset_after`] forgets past failures.
    #[must_use]
    pub const fn healthy(mut self, healthy: Duration) -> Self {
        self.healthy = healthy;
        self
    }

    /// The delay before the next attempt.
    pub fn next_delay(&mut self) -> Duration {
        let delay = self.next;
        let grown = delay.as_secs_f64() * self.factor;
        self.next = Duration::try_from_secs_f64(grown).unwrap_or(self.max).min(self.max);
        delay.mul_f64(1.0 - self.jitter * chance()).max(Duration::ZERO)
    }

    /// Forgets past failures.
    pub const fn reset(&mut self) {
        self.next = self.min;
    }

    /// Forgets past failures if the last life was long enough to count as healthy.
    pub fn reset_after(&mut self, lived: Duration) {
        if lived >= self.healthy {
            self.reset();
        }
    }
}

/// A number from 0 to 1; 0 should the system have no randomness, which only means no jitter.
fn chance() -> f64 {
    let random = getrandom::u32().unwrap_or(0);
    f64::from(random) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn grows_to_the_cap_and_starts_again() {
        let mut backoff = Backoff::new(SECOND, 5 * SECOND).jitter(0.0);
        let delays: Vec<_> = (0..5).map(|_| backoff.next_delay().as_secs()).collect();
        assert_eq!(delays, [1, 2, 4, 5, 5]);
        backoff.reset();
        assert_eq!(backoff.next_delay(), SECOND);
    }

    #[test]
    fn only_a_healthy_life_resets() {
        let mut backoff = Backoff::new(SECOND, 60 * SECOND).jitter(0.0).healthy(10 * SECOND);
        backoff.next_delay();
        backoff.reset_after(9 * SECOND);
        assert_eq!(backoff.next_delay(), 2 * SECOND);
        backoff.reset_after(10 * SECOND);
        assert_eq!(backoff.next_delay(), SECOND);
    }

    #[test]
    fn jitter_only_shortens() {
        let mut backoff = Backoff::new(SECOND, SECOND).jitter(0.5);
        for _ in 0..200 {
            let delay = backoff.next_delay();
            assert!(delay >= SECOND / 2 && delay <= SECOND, "{delay:?}");
        }
    }

    #[test]
    fn impossible_settings_are_bent() {
        let mut backoff = Backoff::new(2 * SECOND, SECOND).factor(f64::NAN).jitter(-3.0);
        assert_eq!(backoff.next_delay(), 2 * SECOND);
        assert_eq!(backoff.next_delay(), 2 * SECOND);
    }
}
