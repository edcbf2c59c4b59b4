//! The schema and its versions: `PRAGMA user_version` counts the migrations that were applied.
//!
//! A newer file is refused untouched, an older one is copied aside before it is changed, and all
//! migrations that are missing happen in one transaction or not at all.

use std::{
    fs,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rusqlite::Connection;

use crate::error::StoreError;

/// Every migration there is, oldest first.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_initial.sql"),
    include_str!("../migrations/0002_trail.sql"),
    include_str!("../migrations/0003_channels.sql"),
    include_str!("../migrations/0004_invites.sql"),
    include_str!("../migrations/0005_outbox_files.sql"),
    include_str!("../migrations/0006_node_work.sql"),
    include_str!("../migrations/0007_channel_arrivals.sql"),
    include_str!("../migrations/0008_channel_overheard.sql"),
    include_str!("../migrations/0009_exec_grants.sql"),
    include_str!("../migrations/0010_outbox_reply.sql"),
];

/// Marks the file as ours: "OCLW".
const APPLICATION_ID: u32 = 0x4F43_4C57;

/// Refuses a database that some other program made, before anything is changed in it.
pub(crate) fn check_owner(conn: &Connection) -> Result<(), StoreError> {
    let owner: u32 = conn.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let tables: u32 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if owner == APPLICATION_ID || (owner == 0 && tables == 0) {
        Ok(())
    } else {
        Err(StoreError::corrupt("the file belongs to another program"))
    }
}

/// Refuses a file whose version is not exactly ours, where migrating is not possible.
pub(crate) fn require_current(conn: &Connection) -> Result<(), StoreError> {
    check_owner(conn)?;
    if version(conn)? == known(MIGRATIONS) {
        Ok(())
    } else {
        Err(StoreError::corrupt("the file needs a migration and cannot be written"))
    }
}

/// Applies what is missing of `steps`.
pub(crate) fn migrate(
    conn: &Connection,
    path: Option<&Path>,
    steps: &[&str],
) -> Result<(), StoreError> {
    let (found, known) = (version(conn)?, known(steps));
    if found > known {
        return Err(StoreError::TooNew { found, known });
    }
    if found == known {
        return Ok(());
    }
    if let Some(path) = path
        && found > 0
    {
        let copy = copy_aside(conn, path, found)?;
        tracing::info!(from = found, to = known, copy = %copy.display(), "migrating the state");
    }
    conn.execute_batch("PRAGMA synchronous = FULL")?;
    let transaction = conn.unchecked_transaction()?;
    for step in steps.iter().skip(usize::try_from(found).unwrap_or(usize::MAX)) {
        conn.execute_batch(step)?;
    }
    conn.pragma_update(None, "application_id", APPLICATION_ID)?;
    conn.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    conn.execute_batch("PRAGMA synchronous = NORMAL")?;
    Ok(())
}

fn version(conn: &Connection) -> Result<u32, StoreError> {
    Ok(conn.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

fn known(steps: &[&str]) -> u32 {
    u32::try_from(steps.len()).unwrap_or(u32::MAX)
}

/// Copies the file, with what its log holds, to `NAME.bak-vVERSION`.
fn copy_aside(conn: &Connection, path: &Path, version: u32) -> Result<PathBuf, StoreError> {
    let copy = with_suffix(path, &format!(".bak-v{version}"));
    let half_done = with_suffix(path, &format!(".bak-v{version}.tmp"));
    match fs::remove_file(&half_done) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    // `VACUUM INTO` writes into an empty file that exists, and keeps its mode.
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&half_done)?;
    conn.execute("VACUUM INTO ?1", [half_done.to_string_lossy()])?;
    file.sync_all()?;
    fs::rename(&half_done, &copy)?;
    Ok(copy)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests;
