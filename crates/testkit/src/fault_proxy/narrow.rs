//! What makes a line of a proxy: a rate that all connections share, and a window that opens slowly.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

/// What TCP sends at once over an ordinary line.
pub(super) const SEGMENT: usize = 1_460;
/// How many segments it sends before it hears of the first.
const FIRST_WINDOW: usize = 10 * SEGMENT;

/// One direction of a line: one segment after the other, whosesoever they are.
#[derive(Clone, Default)]
pub(super) struct Narrow {
    free: Arc<Mutex<Option<Instant>>>,
}

impl Narrow {
    /// Waits until these bytes are on the line.
    pub(super) async fn pass(&self, bytes: usize, rate: u32) {
        let takes = Duration::from_secs_f64(bytes as f64 / f64::from(rate));
        let done = {
            let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let done = free.map_or(now, |free| free.max(now)) + takes;
            *free = Some(done);
            done
        };
        sleep_until(done).await;
    }
}

/// How much of one connection may be on its way; grows with what has arrived.
pub(super) struct Window {
    size: usize,
    under_way: usize,
    acknowledged: VecDeque<(Instant, usize)>,
}

impl Default for Window {
    fn default() -> Self {
        Self { size: FIRST_WINDOW, under_way: 0, acknowledged: VecDeque::new() }
    }
}

impl Window {
    /// Waits until so many bytes may be sent.
    pub(super) async fn room(&mut self, bytes: usize) {
        while let Some((at, count)) = self.acknowledged.front().copied() {
            let full = self.under_way + bytes > self.size;
            if at > Instant::now() {
                if !full {
                    return;
                }
                sleep_until(at).await;
            }
            self.acknowledged.pop_front();
            self.under_way = self.under_way.saturating_sub(count);
            self.size = self.size.saturating_add(count);
        }
    }

    /// Notes bytes that are acknowledged after this time.
    pub(super) fn sent(&mut self, bytes: usize, after: Duration) {
        self.under_way += bytes;
        self.acknowledged.push_back((Instant::now() + after, bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_line_is_shared_and_a_window_opens() {
        let begun = Instant::now();
        let line = Narrow::default();
        tokio::join!(line.pass(100_000, 200_000), line.pass(100_000, 200_000));
        assert_eq!(begun.elapsed().as_millis(), 1_000);

        let (begun, mut window) = (Instant::now(), Window::default());
        for _ in 0..30 {
            window.room(SEGMENT).await;
            window.sent(SEGMENT, Duration::from_millis(150));
        }
        // Ten, then twenty more.
        assert_eq!(begun.elapsed().as_millis(), 150);
        window.room(SEGMENT).await;
        assert_eq!(begun.elapsed().as_millis(), 300);
    }
}
