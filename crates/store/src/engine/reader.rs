//! A thread that reads. It opens its connection when the first read comes and sees everything that
//! was acknowledged before the read was asked for.

use std::sync::Arc;

use rusqlite::Connection;

use super::{
    job::ReadJob,
    open::Source,
    queue::{AbandonOnDrop, Queue},
};
use crate::error::StoreError;

pub(super) type ReadQueue = Queue<ReadJob>;

pub(super) fn run(source: &Source, queue: &Arc<ReadQueue>) {
    let _guard = AbandonOnDrop(Arc::clone(queue));
    let mut kept = None;
    while let Some(job) = queue.pop() {
        if kept.is_none() {
            match source.open_reader() {
                Ok(conn) => kept = Some(conn),
                Err(error) => {
                    job(Err(error));
                    continue;
                }
            }
        }
        if let Some(conn) = &kept {
            serve(conn, job);
        }
    }
}

/// Runs a read in a transaction, so that all of its statements see one state.
fn serve(conn: &Connection, job: ReadJob) {
    match conn.unchecked_transaction() {
        Ok(transaction) => {
            job(Ok(conn));
            if let Err(error) = transaction.finish() {
                tracing::warn!(%error, "a read did not end cleanly");
            }
        }
        Err(error) => job(Err(StoreError::from(error))),
    }
}
