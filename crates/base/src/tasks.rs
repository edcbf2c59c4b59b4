//! Every task has an owner that can stop it and wait for it.
//!
//! [`Tasks`] is a node of a tree: cancelling or shutting down a node reaches everything spawned on it
//! and on its children. Tasks watch [`Tasks::token`] and end by themselves; [`Tasks::shutdown`] aborts
//! those that do not.

use std::{collections::HashMap, future::Future, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::task::{AbortHandle, JoinHandle};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};
use tracing::Instrument;

/// How long aborted tasks get to be dropped; only one that blocks its thread needs longer.
const ABORT_GRACE: Duration = Duration::from_secs(1);

/// An owner of tasks. Clones are the same owner.
#[derive(Clone, Debug)]
pub struct Tasks {
    node: Arc<Node>,
}

#[derive(Debug)]
struct Node {
    parent: Option<Arc<Node>>,
    token: CancellationToken,
    tracker: TaskTracker,
    running: Mutex<Running>,
}

#[derive(Debug, Default)]
struct Running {
    next: u64,
    /// Without a handle between registration and start.
    tasks: HashMap<u64, Option<AbortHandle>>,
}

impl Default for Tasks {
    fn default() -> Self {
        Self::new()
    }
}

impl Tasks {
    /// The root of a new tree.
    #[must_use]
    pub fn new() -> Self {
        Self::with(None, CancellationToken::new())
    }

    /// An owner that is cancelled together with this one.
    #[must_use]
    pub fn child(&self) -> Self {
        Self::with(Some(Arc::clone(&self.node)), self.node.token.child_token())
    }

    fn with(parent: Option<Arc<Node>>, token: CancellationToken) -> Self {
        let node = Node { parent, token, tracker: TaskTracker::new(), running: Mutex::default() };
        Self { node: Arc::new(node) }
    }

    /// Starts a task under a span of its name; a panic in it is logged with that name.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[expect(clippy::disallowed_methods, reason = "this is the owner everybody else must use")]
    pub fn spawn<F>(&self, name: &'static str, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let watch = Watch { name, places: self.node.enter() };
        let places: Vec<_> =
            watch.places.iter().map(|place| (Arc::clone(&place.node), place.key)).collect();
        let span = tracing::debug_span!("task", name);
        let task = async move {
            let _watch = watch;
            future.await
        };
        let handle = tokio::spawn(task.instrument(span));
        for (node, key) in places {
            node.keep(key, handle.abort_handle());
        }
        handle
    }

    /// Cancelled when this owner is told to stop.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.node.token.clone()
    }

    /// Tells every task of this owner and its children to stop, and does not wait.
    pub fn cancel(&self) {
        self.node.token.cancel();
    }

    /// Whether this owner was told to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.node.token.is_cancelled()
    }

    /// How many tasks run, those of children included.
    #[must_use]
    pub fn running(&self) -> usize {
        self.node.tracker.len()
    }

    /// Waits until every task has ended, without telling any to.
    pub async fn wait(&self) {
        self.node.tracker.close();
        self.node.tracker.wait().await;
    }

    /// Tells all to stop and waits; aborts what still runs after `grace`. True if none had to be.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        self.cancel();
        if tokio::time::timeout(grace, self.wait()).await.is_ok() {
            return true;
        }
        let left: Vec<_> = self.node.running.lock().tasks.values().flatten().cloned().collect();
        tracing::warn!(count = left.len(), "tasks did not stop in time");
        for task in left {
            task.abort();
        }
        if tokio::time::timeout(ABORT_GRACE, self.wait()).await.is_err() {
            tracing::error!("aborted tasks do not give way");
        }
        false
    }
}

impl Node {
    /// Registers one more task with this node and all above it.
    fn enter(self: &Arc<Self>) -> Vec<Place> {
        let mut places = Vec::new();
        let mut next = Some(Arc::clone(self));
        while let Some(node) = next {
            next = node.parent.clone();
            let key = {
                let mut running = node.running.lock();
                let key = running.next;
                running.next += 1;
                running.tasks.insert(key, None);
                key
            };
            let token = node.tracker.token();
            places.push(Place { node, key, _token: token });
        }
        places
    }

    /// Remembers how to abort a task, unless it has ended meanwhile.
    fn keep(&self, key: u64, task: AbortHandle) {
        if let Some(place) = self.running.lock().tasks.get_mut(&key) {
            *place = Some(task);
        }
    }
}

/// A task's entry in one node.
struct Place {
    node: Arc<Node>,
    key: u64,
    _token: TaskTrackerToken,
}

/// Lives as long as a task.
struct Watch {
    name: &'static str,
    places: Vec<Place>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(task = self.name, "task panicked");
        }
        for place in &self.places {
            place.node.running.lock().tasks.remove(&place.key);
        }
    }
}

#[cfg(test)]
mod tests;
