//! The state of a Gateway in one SQLite file, and the only place that knows SQL.
//!
//! [`Store`] is a cheap handle; each repository has the operations of one subject:
//!
//! | Repository | Holds |
//! |---|---|
//! | [`Store::devices`] | paired devices, what they may do, who asks to be paired |
//! | [`Store::ledger`] | requests that must not run twice, with their results |
//! | [`Store::sessions`] | sessions: settings, counters, flags |
//! | [`Store::transcripts`] | the messages of every session |
//! | [`Store::runs`] | agent runs, which are the inbox as well |
//! | [`Store::channels`] | how far channels have read, who may write to an agent |
//! | [`Store::outbox`] | what is to be sent to people |
//! | [`Store::node_work`] | what waits for nodes that sleep |
//! | [`Store::exec_grants`] | who allowed what to run without asking |
//! | [`Store::trail`] | who came and was refused, and failed attempts |
//!
//! The contract:
//! * An operation is one transaction. It returns after the commit, so what was answered survives
//!   the end of the process at any moment; pairing and grants survive a power cut as well.
//! * An operation that failed changed nothing. [`StoreError::Unavailable`] means that the disk is
//!   full or read-only; reads go on, and writes work again when the disk does.
//! * Nothing waits without a bound: when too much waits already, the answer is
//!   [`StoreError::Busy`]. A caller that goes away does not undo its write.
//! * Times are milliseconds since 1970 and come from the caller.
//! * A read sees everything that was acknowledged before it was asked for.

mod digest;
mod engine;
mod error;
mod row;
mod schema;

pub mod arrivals;
pub mod channels;
pub mod devices;
pub mod exec_grants;
pub mod ledger;
pub mod node_work;
pub mod outbox;
pub mod overheard;
pub mod runs;
pub mod sessions;
pub mod trail;
pub mod transcripts;

use std::{fmt, path::Path};

use self::engine::Engine;
pub use self::{
    arrivals::Arrivals,
    channels::Channels,
    devices::Devices,
    digest::ParamsDigest,
    error::{Cause, Conflict, StoreError, Unavailable},
    exec_grants::ExecGrants,
    ledger::Ledger,
    node_work::NodeWork,
    outbox::Outbox,
    overheard::Overheard,
    runs::Runs,
    sessions::Sessions,
    trail::Trail,
    transcripts::Transcripts,
};

/// How much may wait, and how many threads read.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Writes that may wait; one more is [`StoreError::Busy`].
    pub write_queue: usize,
    /// Reads that may wait; one more is [`StoreError::Busy`].
    pub read_queue: usize,
    /// Threads that read, each with a connection from its first read on.
    pub readers: usize,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { write_queue: 1024, read_queue: 1024, readers: 2 }
    }
}

/// The state of one Gateway.
#[derive(Clone)]
pub struct Store {
    engine: Engine,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// Opens the file, makes it (0600) if there is none, and brings it up to this release. An older
    /// file is copied to `NAME.bak-vN` first. Blocks for a few milliseconds.
    ///
    /// On a read-only or full file system the state can still be read if it was closed cleanly;
    /// every write is then [`StoreError::Unavailable`] until the store is opened again.
    ///
    /// # Errors
    /// [`StoreError::TooNew`] for the file of a newer release, [`StoreError::Corrupt`] for one that
    /// is damaged or not ours, [`StoreError::Unavailable`] if the disk does not let us.
    pub fn open(path: &Path, options: &StoreOptions) -> Result<Self, StoreError> {
        Ok(Self { engine: Engine::open(path, options)? })
    }

    /// A store that ends with its last handle, for tests.
    ///
    /// # Errors
    /// Only if a thread cannot be started.
    pub fn in_memory() -> Result<Self, StoreError> {
        Ok(Self { engine: Engine::in_memory(&StoreOptions::default())? })
    }

    /// Devices, grants and pairing requests.
    #[must_use]
    pub fn devices(&self) -> Devices<'_> {
        Devices::new(&self.engine)
    }

    /// Requests with an idempotency key.
    #[must_use]
    pub fn ledger(&self) -> Ledger<'_> {
        Ledger::new(&self.engine)
    }

    /// Sessions.
    #[must_use]
    pub fn sessions(&self) -> Sessions<'_> {
        Sessions::new(&self.engine)
    }

    /// Messages.
    #[must_use]
    pub fn transcripts(&self) -> Transcripts<'_> {
        Transcripts::new(&self.engine)
    }

    /// Agent runs.
    #[must_use]
    pub fn runs(&self) -> Runs<'_> {
        Runs::new(&self.engine)
    }

    /// What came in from channels.
    #[must_use]
    pub fn arrivals(&self) -> Arrivals<'_> {
        Arrivals::new(&self.engine)
    }

    /// What channels remember.
    #[must_use]
    pub fn channels(&self) -> Channels<'_> {
        Channels::new(&self.engine)
    }

    /// What is to be sent to people.
    #[must_use]
    pub fn outbox(&self) -> Outbox<'_> {
        Outbox::new(&self.engine)
    }

    /// What waits for nodes.
    #[must_use]
    pub fn node_work(&self) -> NodeWork<'_> {
        NodeWork::new(&self.engine)
    }

    /// What was said in groups, not to us.
    #[must_use]
    pub fn overheard(&self) -> Overheard<'_> {
        Overheard::new(&self.engine)
    }

    /// Who allowed what to run without asking.
    #[must_use]
    pub fn exec_grants(&self) -> ExecGrants<'_> {
        ExecGrants::new(&self.engine)
    }

    /// The audit trail.
    #[must_use]
    pub fn trail(&self) -> Trail<'_> {
        Trail::new(&self.engine)
    }

    /// Returns when the writer has done everything that was asked before.
    ///
    /// # Errors
    /// A disk that refuses, or a store that is closed.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.engine.write(engine::Durability::Process, |_| Ok(())).await
    }

    /// Finishes what waits and closes the file. Every later operation is [`StoreError::Closed`];
    /// dropping the last handle does the same, blocking.
    pub async fn close(&self) {
        self.engine.close().await;
    }
}
