//! The files of a service, and whose they are.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::error::ServiceError;

/// What stands in the first lines of every file we write; the state folder follows.
pub(crate) const MARK: &str = "openclaw-service:";
/// Largest file that is looked into.
const MAX_BYTES: u64 = 64 * 1024;

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceFile {
    /// Where.
    pub path: PathBuf,
    /// What.
    pub text: String,
}

/// Whose a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// There is none.
    Absent,
    /// Ours, for this state folder.
    Ours {
        /// The state folder.
        owner: String,
        /// What it says now.
        text: String,
    },
    /// Somebody else's.
    Foreign,
}

/// Looks at a file.
///
/// # Errors
/// A file that is there and cannot be read.
pub fn owner_of(path: &Path) -> Result<Ownership, ServiceError> {
    let bytes = match openclaw_base::fs::read_limited(path, MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ownership::Absent),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => return Ok(Ownership::Foreign),
        Err(source) => {
            return Err(ServiceError::File { action: "cannot read", path: path.into(), source });
        }
    };
    let Ok(text) = String::from_utf8(bytes) else { return Ok(Ownership::Foreign) };
    let owner = text.lines().take(4).find_map(|line| {
        let (_, owner) = line.split_once(MARK)?;
        Some(owner.trim().trim_end_matches("-->").trim_end().to_owned())
    });
    Ok(owner.map_or(Ownership::Foreign, |owner| Ownership::Ours { owner, text }))
}

/// What our file said before, or `None` if there is none.
///
/// # Errors
/// A file of somebody else's, or of another state folder.
pub(crate) fn ours(path: &Path, owner: &Path) -> Result<Option<String>, ServiceError> {
    match owner_of(path)? {
        Ownership::Absent => Ok(None),
        Ownership::Foreign => Err(ServiceError::Foreign { path: path.into() }),
        Ownership::Ours { owner: other, .. } if Path::new(&other) != owner => {
            Err(ServiceError::OtherOwner { path: path.into(), owner: other })
        }
        Ownership::Ours { text, .. } => Ok(Some(text)),
    }
}

/// Writes a file that everybody may read, in one step.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), ServiceError> {
    let folder = path.parent().unwrap_or(path);
    let made = std::fs::create_dir_all(folder);
    made.and_then(|()| openclaw_base::fs::write_public(path, text.as_bytes()))
        .map_err(|source| ServiceError::File { action: "cannot write", path: path.into(), source })
}

/// Removes a file; one that is gone already is fine.
pub(crate) fn remove(path: &Path) -> Result<(), ServiceError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(ServiceError::File { action: "cannot remove", path: path.into(), source })
        }
        _ => Ok(()),
    }
}
