//! A bounded queue between async callers and a thread. Full means an error, never a wait.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::{Condvar, Mutex};

/// Why an item was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// As many items as allowed are waiting.
    Full,
    /// Nobody takes items any more.
    Closed,
}

/// First in, first out.
pub(super) struct Queue<T> {
    inner: Mutex<Inner<T>>,
    changed: Condvar,
    capacity: usize,
}

struct Inner<T> {
    items: VecDeque<T>,
    closed: bool,
}

impl<T> Queue<T> {
    pub(super) fn new(capacity: usize) -> Self {
        let inner = Inner { items: VecDeque::new(), closed: false };
        Self { inner: Mutex::new(inner), changed: Condvar::new(), capacity: capacity.max(1) }
    }

    pub(super) fn push(&self, item: T) -> Result<(), Refused> {
        let mut inner = self.inner.lock();
        if inner.closed {
            return Err(Refused::Closed);
        }
        if inner.items.len() >= self.capacity {
            return Err(Refused::Full);
        }
        inner.items.push_back(item);
        drop(inner);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for an item; `None` once the queue is closed and empty.
    pub(super) fn pop(&self) -> Option<T> {
        let mut inner = self.inner.lock();
        loop {
            if let Some(item) = inner.items.pop_front() {
                return Some(item);
            }
            if inner.closed {
                return None;
            }
            self.changed.wait(&mut inner);
        }
    }

    /// Waits for an item and takes those with it that wait already, `most` in all.
    pub(super) fn pop_batch(&self, most: usize) -> Option<Vec<T>> {
        let mut batch = vec![self.pop()?];
        let mut inner = self.inner.lock();
        while batch.len() < most
            && let Some(item) = inner.items.pop_front()
        {
            batch.push(item);
        }
        Some(batch)
    }

    /// How many items wait.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.inner.lock().items.len()
    }

    /// Takes nothing new; what waits is still handed out.
    pub(super) fn close(&self) {
        self.inner.lock().closed = true;
        self.changed.notify_all();
    }

    /// Closes and forgets what waits.
    pub(super) fn abandon(&self) {
        let items = {
            let mut inner = self.inner.lock();
            inner.closed = true;
            std::mem::take(&mut inner.items)
        };
        self.changed.notify_all();
        drop(items);
    }
}

/// Held by a thread that takes items: should it end early, nobody may wait for it.
pub(super) struct AbandonOnDrop<T>(pub(super) Arc<Queue<T>>);

impl<T> Drop for AbandonOnDrop<T> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
