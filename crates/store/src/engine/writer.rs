//! The one thread that writes: it takes the jobs that wait, runs them in one transaction, each
//! under a savepoint of its own, and acknowledges them after the commit.

use std::{sync::Arc, thread::JoinHandle};

use rusqlite::Connection;
use tokio::sync::watch;

use super::{
    job::{Durability, WriteJob},
    queue::{AbandonOnDrop, Queue},
};
use crate::error::StoreError;

/// Jobs that share a commit at most: enough to make the commit cheap, few enough that the first
/// of them does not wait long.
const MAX_BATCH: usize = 64;

pub(super) type WriteQueue = Queue<Box<dyn WriteJob>>;

pub(super) struct Writer {
    pub(super) conn: Connection,
    pub(super) queue: Arc<WriteQueue>,
    pub(super) readers: Vec<JoinHandle<()>>,
    pub(super) level: Durability,
    /// Dropped when everything is closed, which is what `close` waits for.
    pub(super) finished: watch::Sender<()>,
}

impl Writer {
    pub(super) fn run(mut self) {
        let guard = AbandonOnDrop(Arc::clone(&self.queue));
        while let Some(mut jobs) = self.queue.pop_batch(MAX_BATCH) {
            let committed = self.commit(&mut jobs);
            for job in jobs {
                job.acknowledge(committed.clone());
            }
        }
        drop(guard);
        self.finish();
    }

    fn commit(&mut self, jobs: &mut [Box<dyn WriteJob>]) -> Result<(), StoreError> {
        self.press(jobs.iter().map(|job| job.durability()).max())?;
        self.conn.execute_batch("BEGIN IMMEDIATE")?;
        let committed = self.run_all(jobs).and_then(|()| Ok(self.conn.execute_batch("COMMIT")?));
        if let Err(error) = &committed {
            tracing::warn!(jobs = jobs.len(), %error, "commit failed");
            self.roll_back();
        }
        committed
    }

    fn run_all(&self, jobs: &mut [Box<dyn WriteJob>]) -> Result<(), StoreError> {
        for job in jobs {
            self.conn.prepare_cached("SAVEPOINT job")?.execute([])?;
            let done = job.run(&self.conn);
            if self.conn.is_autocommit() {
                // SQLite gave the whole transaction up, as it does when the disk is full.
                return Err(done.err().unwrap_or(StoreError::Busy));
            }
            if done.is_err() {
                self.conn.prepare_cached("ROLLBACK TO job")?.execute([])?;
            }
            self.conn.prepare_cached("RELEASE job")?.execute([])?;
        }
        Ok(())
    }

    /// Sets how hard the next commit is pressed; that is not possible inside a transaction.
    fn press(&mut self, wanted: Option<Durability>) -> Result<(), StoreError> {
        let wanted = wanted.unwrap_or(Durability::Process);
        if wanted != self.level {
            self.conn.execute_batch(match wanted {
                Durability::Process => "PRAGMA synchronous = NORMAL",
                Durability::Power => "PRAGMA synchronous = FULL",
            })?;
            self.level = wanted;
        }
        Ok(())
    }

    fn roll_back(&self) {
        if !self.conn.is_autocommit()
            && let Err(error) = self.conn.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "rollback failed");
        }
    }

    /// Closes the file last, so that SQLite folds the log into it.
    fn finish(self) {
        for reader in self.readers {
            if reader.join().is_err() {
                tracing::error!("a reading thread of the store panicked");
            }
        }
        if let Err((_, error)) = self.conn.close() {
            tracing::warn!(%error, "the state file was not closed cleanly");
        }
        drop(self.finished);
    }
}
