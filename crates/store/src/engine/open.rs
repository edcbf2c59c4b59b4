//! Opening the file: private, with our settings, and read-only where that is all there is.

use std::{
    fs, io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags};

use crate::{error::StoreError, schema};

/// Page cache of the writing connection, in KiB.
const WRITER_CACHE_KIB: u32 = 2000;
/// Page cache of one reading connection, in KiB.
const READER_CACHE_KIB: u32 = 1000;
/// How long a connection waits for another process to let go of the file, in milliseconds.
const BUSY_TIMEOUT_MS: u32 = 5000;
/// Size to which the log is cut back after it was folded in, in bytes.
const WAL_KEPT_BYTES: u32 = 4 * 1024 * 1024;
/// Statements a connection keeps compiled.
const STATEMENTS_KEPT: usize = 64;

/// Where the rows are.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// A file we may write.
    File(PathBuf),
    /// A file on a read-only or full file system, complete without its log.
    Frozen(PathBuf),
    /// Memory of the one connection.
    Memory,
}

impl Source {
    /// Opens the file for the writer, makes it private and brings its schema up to date.
    pub(super) fn open(path: &Path) -> Result<(Self, Connection), StoreError> {
        let file = Self::File(path.to_owned());
        match file.open_writer() {
            Ok(conn) => Ok((file, conn)),
            Err(error @ StoreError::Unavailable { .. }) if is_complete_without_log(path) => {
                let frozen = Self::Frozen(path.to_owned());
                let Ok(conn) = frozen.open_frozen() else { return Err(error) };
                tracing::warn!(%error, "nothing can be changed until the next start");
                Ok((frozen, conn))
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn open_in_memory() -> Result<(Self, Connection), StoreError> {
        let conn = Connection::open_in_memory()?;
        configure(&conn, WRITER_CACHE_KIB)?;
        schema::migrate(&conn, None, schema::MIGRATIONS)?;
        Ok((Self::Memory, conn))
    }

    fn open_writer(&self) -> Result<Connection, StoreError> {
        let Self::File(path) = self else { return self.open_frozen() };
        make_private(path)?;
        let conn = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        configure(&conn, WRITER_CACHE_KIB)?;
        schema::check_owner(&conn)?;
        conn.execute_batch(&format!(
            "PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = {WAL_KEPT_BYTES};"
        ))?;
        schema::migrate(&conn, Some(path), schema::MIGRATIONS)?;
        Ok(conn)
    }

    fn open_frozen(&self) -> Result<Connection, StoreError> {
        let conn = self.open_reader()?;
        schema::require_current(&conn)?;
        Ok(conn)
    }

    pub(super) fn open_reader(&self) -> Result<Connection, StoreError> {
        let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = match self {
            Self::File(path) => Connection::open_with_flags(path, read_only)?,
            Self::Frozen(path) => Connection::open_with_flags(
                immutable_uri(path),
                read_only | OpenFlags::SQLITE_OPEN_URI,
            )?,
            Self::Memory => return Err(StoreError::Closed), // the writer serves its reads
        };
        configure(&conn, READER_CACHE_KIB)?;
        Ok(conn)
    }
}

fn configure(conn: &Connection, cache_kib: u32) -> Result<(), StoreError> {
    conn.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    conn.execute_batch(&format!(
        "PRAGMA busy_timeout = {BUSY_TIMEOUT_MS};
         PRAGMA cache_size = -{cache_kib};
         PRAGMA mmap_size = 0;
         PRAGMA temp_store = MEMORY;
         PRAGMA foreign_keys = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA secure_delete = FAST;
         PRAGMA synchronous = NORMAL;"
    ))?;
    Ok(())
}

/// Makes the file if there is none; its log and index inherit the mode.
fn make_private(path: &Path) -> Result<(), StoreError> {
    match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.into()),
    }
    let mut permissions = fs::metadata(path)?.permissions();
    if permissions.mode() & 0o077 != 0 {
        permissions.set_mode(0o600);
        fs::set_permissions(path, permissions)?;
    }
    Ok(())
}

/// Whether every committed row is in the file itself, as after a clean close.
fn is_complete_without_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let no_log = fs::metadata(PathBuf::from(log)).map_or(true, |log| log.len() == 0);
    no_log && fs::metadata(path).is_ok_and(|file| file.len() > 0)
}

fn immutable_uri(path: &Path) -> String {
    use std::fmt::Write as _;
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            // Writing to a string cannot fail.
            let _infallible = write!(uri, "%{byte:02X}");
        }
    }
    uri.push_str("?immutable=1");
    uri
}
