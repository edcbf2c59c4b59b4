//! Work for the threads: a closure, and the caller who waits for its result.

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::error::StoreError;

/// How hard a write is pressed onto the disk before it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Durability {
    /// Survives the end of the process at any moment.
    Process,
    /// Survives a power cut as well.
    Power,
}

/// A write, seen from the writer.
pub(super) trait WriteJob: Send {
    fn durability(&self) -> Durability;

    /// Does the work inside the open transaction. An error undoes this job alone.
    fn run(&mut self, conn: &Connection) -> Result<(), StoreError>;

    /// Tells the caller, once it is known whether the transaction was committed.
    fn acknowledge(self: Box<Self>, committed: Result<(), StoreError>);
}

/// A read, seen from a reader: the closure runs with a connection or the reason there is none.
pub(super) type ReadJob = Box<dyn FnOnce(Result<&Connection, StoreError>) + Send>;

pub(super) type Answer<T> = oneshot::Receiver<Result<T, StoreError>>;

struct Write<T, F> {
    durability: Durability,
    work: Option<F>,
    result: Result<T, StoreError>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

pub(super) fn write<T, F>(durability: Durability, work: F) -> (Box<dyn WriteJob>, Answer<T>)
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    let job = Write { durability, work: Some(work), result: Err(StoreError::Closed), reply };
    (Box::new(job), answer)
}

impl<T, F> WriteJob for Write<T, F>
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
{
    fn durability(&self) -> Durability {
        self.durability
    }

    fn run(&mut self, conn: &Connection) -> Result<(), StoreError> {
        if let Some(work) = self.work.take() {
            self.result = work(conn);
        }
        self.result.as_ref().map(|_| ()).map_err(Clone::clone)
    }

    fn acknowledge(self: Box<Self>, committed: Result<(), StoreError>) {
        // The job's own refusal says more than the commit it was part of.
        let result = match (self.work, self.result, committed) {
            (None, Err(refusal), _) => Err(refusal),
            (_, _, Err(error)) => Err(error),
            (_, result, Ok(())) => result,
        };
        // A caller that went away does not undo its write.
        drop(self.reply.send(result));
    }
}

pub(super) fn read<T, F>(work: F) -> (ReadJob, Answer<T>)
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
{
    let (reply, answer) = oneshot::channel::<Result<T, StoreError>>();
    let job = move |conn: Result<&Connection, StoreError>| {
        if reply.is_closed() {
            return; // nobody waits for the answer
        }
        drop(reply.send(conn.and_then(work)));
    };
    (Box::new(job), answer)
}
