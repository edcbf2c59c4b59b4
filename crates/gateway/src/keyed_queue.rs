//! Requests on one key run one after the other, in the order in which they arrived.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::{Mutex as FairMutex, OwnedMutexGuard};

/// One fair lock per key, for as long as somebody holds it or waits for it.
#[derive(Debug, Default, Clone)]
pub struct KeyedQueue {
    lanes: Arc<Mutex<HashMap<String, Arc<FairMutex<()>>>>>,
}

/// A turn on one key; dropping it lets the next one go.
#[derive(Debug)]
pub struct Turn {
    queue: KeyedQueue,
    key: String,
    guard: Option<OwnedMutexGuard<()>>,
}

impl KeyedQueue {
    /// Waits for this key's turn. The place in the queue is taken when the future is first polled.
    pub async fn turn(&self, key: String) -> Turn {
        let lane = Arc::clone(self.lanes.lock().entry(key.clone()).or_default());
        let guard = lane.lock_owned().await;
        Turn { queue: self.clone(), key, guard: Some(guard) }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.guard.take();
        let mut lanes = self.queue.lanes.lock();
        // One reference is the map's own; more means that somebody waits or holds it.
        if lanes.get(&self.key).is_some_and(|lane| Arc::strong_count(lane) == 1) {
            lanes.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, poll};

    use super::*;

    #[tokio::test]
    async fn one_key_is_served_in_order_and_other_keys_do_not_wait() {
        let queue = KeyedQueue::default();
        let first = queue.turn("a".to_owned()).await;
        let mut second = Box::pin(queue.turn("a".to_owned()));
        let mut third = Box::pin(queue.turn("a".to_owned()));
        assert!(poll!(&mut second).is_pending() && poll!(&mut third).is_pending());
        assert!(queue.turn("b".to_owned()).now_or_never().is_some());
        drop(first);
        assert!(poll!(&mut third).is_pending());
        let second = second.await;
        drop(second);
        drop(third.await);
        assert!(queue.lanes.lock().is_empty());
    }
}
