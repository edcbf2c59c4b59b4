//! The threads behind the store: one writer, a few readers, a bounded queue before each.
//!
//! * A write is acknowledged after its commit, never before; writes that wait together share one.
//! * A full queue is [`StoreError::Busy`] at once: callers never pile up behind a slow disk.
//! * A caller that goes away while it waits does not undo its write.
//! * When the last handle is dropped, what waits is still written, and the file is closed.

mod job;
mod open;
mod queue;
mod reader;
mod writer;

use std::{
    path::Path,
    sync::Arc,
    thread::{self, JoinHandle},
};

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::watch;

pub(crate) use self::job::Durability;
use self::{
    job::Answer,
    open::Source,
    queue::{Queue, Refused},
    reader::ReadQueue,
    writer::{WriteQueue, Writer},
};
use crate::{StoreOptions, error::StoreError};

/// Stack of a thread of ours: SQLite is modest, and reserved memory is counted by some.
const STACK_BYTES: usize = 512 * 1024;

/// A handle on the threads.
#[derive(Clone)]
pub(crate) struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    writes: Arc<WriteQueue>,
    /// `None` for a store in memory, whose only connection is the writer's.
    reads: Option<Arc<ReadQueue>>,
    finished: watch::Receiver<()>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Engine {
    pub(crate) fn open(path: &Path, options: &StoreOptions) -> Result<Self, StoreError> {
        let (source, conn) = Source::open(path)?;
        Self::start(&source, conn, options)
    }

    pub(crate) fn in_memory(options: &StoreOptions) -> Result<Self, StoreError> {
        let (source, conn) = Source::open_in_memory()?;
        Self::start(&source, conn, options)
    }

    fn start(
        source: &Source,
        conn: Connection,
        options: &StoreOptions,
    ) -> Result<Self, StoreError> {
        let writes = Arc::new(Queue::new(options.write_queue));
        let (sender, finished) = watch::channel(());
        let (reads, readers) = match source {
            Source::Memory => (None, Vec::new()),
            Source::File(_) | Source::Frozen(_) => {
                let queue = Arc::new(Queue::new(options.read_queue));
                let readers = start_readers(source, &queue, options.readers.max(1))?;
                (Some(queue), readers)
            }
        };
        let writer = Writer {
            conn,
            queue: Arc::clone(&writes),
            readers,
            level: Durability::Process,
            finished: sender,
        };
        let writer = spawn("store-write", move || writer.run())?;
        let shared = Shared { writes, reads, finished, writer: Mutex::new(Some(writer)) };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Runs `work` in a transaction of the writer and waits for the commit. An error of `work`
    /// undoes what it did.
    pub(crate) async fn write<T, F>(&self, durability: Durability, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (job, answer) = job::write(durability, work);
        self.shared.writes.push(job)?;
        wait(answer).await
    }

    /// Runs `work` over one state of the file that has everything acknowledged so far.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let Some(reads) = &self.shared.reads else {
            return self.write(Durability::Process, work).await;
        };
        let (job, answer) = job::read(work);
        reads.push(job)?;
        wait(answer).await
    }

    /// Takes nothing new, finishes what waits, and closes the file.
    pub(crate) async fn close(&self) {
        self.shared.stop();
        let mut finished = self.shared.finished.clone();
        while finished.changed().await.is_ok() {}
    }
}

impl Shared {
    fn stop(&self) {
        if let Some(reads) = &self.reads {
            reads.close();
        }
        self.writes.close();
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stop();
        if let Some(writer) = self.writer.get_mut().take()
            && writer.join().is_err()
        {
            tracing::error!("the writing thread of the store panicked");
        }
    }
}

impl From<Refused> for StoreError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Full => Self::Busy,
            Refused::Closed => Self::Closed,
        }
    }
}

async fn wait<T>(answer: Answer<T>) -> Result<T, StoreError> {
    answer.await.unwrap_or(Err(StoreError::Closed))
}

fn start_readers(
    source: &Source,
    queue: &Arc<ReadQueue>,
    count: usize,
) -> Result<Vec<JoinHandle<()>>, StoreError> {
    (0..count)
        .map(|_| {
            let (source, queue) = (source.clone(), Arc::clone(queue));
            spawn("store-read", move || reader::run(&source, &queue))
        })
        .collect::<Result<_, _>>()
        .inspect_err(|_| queue.close())
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    Ok(thread::Builder::new().name(name.to_owned()).stack_size(STACK_BYTES).spawn(work)?)
}

#[cfg(test)]
mod tests;
