//! What can go wrong with the state, sorted by what a caller can do about it.

use std::{error::Error, fmt, io, sync::Arc};

use openclaw_protocol::ids::SessionId;
use rusqlite::ErrorCode;

/// The error underneath. Shared, because one failed commit fails every write that was in it.
pub type Cause = Arc<dyn Error + Send + Sync>;

/// A failed operation on the state. Whatever is said here, nothing of the operation was kept.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full, read-only or broken. Reads may well still work, and so may this operation
    /// once the disk is in order again.
    #[error("the state file is not usable: {reason}")]
    Unavailable {
        /// What is wrong with it, for a person.
        reason: Unavailable,
        /// The error underneath.
        source: Cause,
    },
    /// The file is damaged, or is not ours.
    #[error("the state file is damaged")]
    Corrupt {
        /// The error underneath.
        source: Cause,
    },
    /// A newer release wrote the file, and this one does not touch what it does not know.
    #[error("the state file has version {found}, this release knows up to {known}")]
    TooNew {
        /// The version in the file.
        found: u32,
        /// The newest version this release knows.
        known: u32,
    },
    /// Too much is waiting already, or another process holds the file. Try again.
    #[error("the state is busy")]
    Busy,
    /// The store was closed.
    #[error("the state is closed")]
    Closed,
    /// The operation does not fit the state as it is now.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// What the operation is about does not exist.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The database refused a statement: a mistake of ours.
    #[error("the database refused a statement")]
    Internal {
        /// The error underneath.
        source: Cause,
    },
}

/// Why the state file cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// No space is left.
    DiskFull,
    /// The file or its file system cannot be written.
    ReadOnly,
    /// The file cannot be opened or made.
    CannotOpen,
    /// Reading or writing failed.
    Io,
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DiskFull => "the disk is full",
            Self::ReadOnly => "it is read-only",
            Self::CannotOpen => "it cannot be opened",
            Self::Io => "the disk reported an error",
        })
    }
}

/// Why an operation does not fit the state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Another session has this label.
    #[error("label already in use: {label}")]
    LabelInUse {
        /// The label.
        label: String,
    },
    /// The session was reset since the caller looked.
    #[error("the session changed")]
    SessionChanged {
        /// The transcript the session is at now.
        current: SessionId,
    },
    /// A device id came with another key than the one on record.
    #[error("the device is on record with another key")]
    DeviceKeyChanged,
}

impl StoreError {
    /// Whether the same operation may succeed later without anything being changed about it.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Busy)
    }

    pub(crate) fn corrupt(what: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Corrupt { source: Arc::from(what.into()) }
    }

    fn unavailable(reason: Unavailable, source: impl Error + Send + Sync + 'static) -> Self {
        Self::Unavailable { reason, source: Arc::new(source) }
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        let reason = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Unavailable::DiskFull,
            io::ErrorKind::ReadOnlyFilesystem => Unavailable::ReadOnly,
            _ => Unavailable::CannotOpen,
        };
        Self::unavailable(reason, error)
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error as E;
        if is_unreadable_row(&error) {
            return Self::Corrupt { source: Arc::new(error) };
        }
        let code = match &error {
            E::SqliteFailure(failure, _) | E::SqlInputError { error: failure, .. } => failure.code,
            _ => ErrorCode::Unknown,
        };
        match code {
            ErrorCode::DiskFull => Self::unavailable(Unavailable::DiskFull, error),
            ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
                Self::unavailable(Unavailable::ReadOnly, error)
            }
            ErrorCode::CannotOpen => Self::unavailable(Unavailable::CannotOpen, error),
            ErrorCode::SystemIoFailure | ErrorCode::OutOfMemory => {
                Self::unavailable(Unavailable::Io, error)
            }
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
                Self::Corrupt { source: Arc::new(error) }
            }
            _ => Self::Internal { source: Arc::new(error) },
        }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Internal { source: Arc::new(error) }
    }
}

/// A row we cannot make sense of was not written by us, or was damaged since.
const fn is_unreadable_row(error: &rusqlite::Error) -> bool {
    use rusqlite::Error as E;
    matches!(
        error,
        E::FromSqlConversionFailure(..)
            | E::IntegralValueOutOfRange(..)
            | E::InvalidColumnType(..)
            | E::Utf8Error(..)
    )
}
