//! What we claimed and how it stands, in the state folder: so that a later start knows its own leftover,
//! and `openclaw status` can say what is published.

use std::path::Path;

use openclaw_base::fs;
use serde::{Deserialize, Serialize};

use super::{Route, TailscaleError};

/// Largest record that is read, in bytes.
const MAX_RECORD: u64 = 64 * 1024;

/// The record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Record {
    /// What was claimed, or is about to be; the newest is last.
    pub routes: Vec<Route>,
    /// The port that the newest one leads to; the next start takes it again if it can.
    pub port: Option<u16>,
    /// Whether it stands.
    pub published: bool,
    /// Why it does not.
    pub problem: Option<String>,
    /// What to do about that.
    pub hint: Option<String>,
}

impl Record {
    /// Reads it; one that is missing or damaged is empty, and then nothing is taken for ours.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let bytes = fs::read_limited(path, MAX_RECORD).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), TailscaleError> {
        let text = serde_json::to_vec_pretty(self).unwrap_or_default();
        fs::write_private(path, &text)
            .map_err(|source| TailscaleError::Record { path: path.to_owned(), source })
    }

    /// The same, unless it says that already.
    pub(super) fn write_if_new(&self, path: &Path) -> Result<(), TailscaleError> {
        if Self::read(path) == *self { Ok(()) } else { self.write(path) }
    }
}
