//! How many runs go on at once, over all sessions; first come, first served.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// A semaphore whose size follows a setting.
#[derive(Debug)]
pub(crate) struct Gate {
    semaphore: Arc<Semaphore>,
    /// Permits that exist, and those that are still to be taken away.
    size: Mutex<Size>,
}

#[derive(Debug)]
struct Size {
    wanted: usize,
    surplus: usize,
}

impl Gate {
    pub(crate) fn new(size: usize) -> Self {
        let size = size.max(1);
        Self {
            semaphore: Arc::new(Semaphore::new(size)),
            size: Mutex::new(Size { wanted: size, surplus: 0 }),
        }
    }

    /// Waits for a free place among `size`.
    pub(crate) async fn enter(&self, size: usize) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.resize(size.max(1));
        Arc::clone(&self.semaphore).acquire_owned().await
    }

    fn resize(&self, wanted: usize) {
        let mut size = self.size.lock();
        if wanted > size.wanted {
            let more = wanted - size.wanted;
            let kept = more.min(size.surplus);
            size.surplus -= kept;
            self.semaphore.add_permits(more - kept);
        } else {
            size.surplus += size.wanted - wanted;
        }
        size.wanted = wanted;
        let gone = self.semaphore.forget_permits(size.surplus);
        size.surplus -= gone;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_number_of_places_follows_the_setting() {
        let gate = Gate::new(1);
        let first = gate.enter(2).await.unwrap();
        let second = gate.enter(2).await.unwrap();
        assert_eq!(gate.semaphore.available_permits(), 0);
        gate.resize(1);
        drop(first);
        gate.resize(1);
        assert_eq!(gate.semaphore.available_permits(), 0);
        drop(second);
        let only = gate.enter(1).await.unwrap();
        assert_eq!(gate.semaphore.available_permits(), 0);
        drop(only);
        gate.resize(3);
        assert_eq!(gate.semaphore.available_permits(), 3);
    }
}
