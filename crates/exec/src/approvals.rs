//! `exec-approvals.json`: who may run what.
//!
//! The file is replaced as a whole. One that cannot be read or holds what we do not know allows nothing.

mod file;

use std::{
    io,
    path::{Path, PathBuf},
};

pub use file::{AgentRules, ApprovalsFile, Defaults, Entry, Grant, McpGrant, Socket, Source};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use crate::policy::Policy;

/// Largest file that is read, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// Most entries of one agent; the one not used for longest gives way.
const MAX_ENTRIES: usize = 1000;

/// The agent whose rules hold for all.
const EVERYBODY: &str = "*";

/// Why the approvals cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum ApprovalsError {
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not as documented; nothing is allowed until it is.
    #[error("{path} is not as documented: {reason}")]
    Malformed {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A change came without saying what it is a change of.
    #[error("exec approvals base hash required; re-run exec.approvals.get and retry")]
    HashRequired,
    /// Somebody changed it meanwhile.
    #[error("exec approvals changed since last load; re-run exec.approvals.get and retry")]
    Changed,
}

/// The file as it is at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it is there.
    pub exists: bool,
    /// SHA-256 of its text.
    pub hash: String,
    /// What it says.
    pub file: ApprovalsFile,
}

/// The approvals of this machine.
#[derive(Debug)]
pub struct Approvals {
    path: PathBuf,
    home: PathBuf,
    /// Held while the file is read and written.
    lock: Mutex<()>,
}

/// The rules for one agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// How strict to be.
    pub policy: Policy,
    /// What may run, the agent's own first.
    pub entries: Vec<Entry>,
    /// Where `~` is in a pattern.
    pub home: PathBuf,
}

/// An entry that allowed a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// The entry.
    pub id: String,
    /// The program's real path.
    pub path: PathBuf,
}

impl Approvals {
    /// The approvals in this file; `~` in patterns is `home`.
    #[must_use]
    pub fn new(path: PathBuf, home: PathBuf) -> Self {
        Self { path, home, lock: Mutex::new(()) }
    }

    /// Where they are.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file as it is now.
    ///
    /// # Errors
    /// If it cannot be read or is not as documented.
    pub fn snapshot(&self) -> Result<Snapshot, ApprovalsError> {
        let _held = self.lock.lock();
        self.read()
    }

    /// Replaces it. `base` is the hash of what was seen, needed if there is a file. A socket's token that
    /// is left out is kept.
    ///
    /// # Errors
    /// If the file has changed, or cannot be written.
    pub fn replace(
        &self,
        mut file: ApprovalsFile,
        base: Option<&str>,
    ) -> Result<Snapshot, ApprovalsError> {
        let _held = self.lock.lock();
        let (exists, text) = self.read_text()?;
        if exists {
            match base {
                None => return Err(ApprovalsError::HashRequired),
                Some(hash) if hash != digest(&text) => return Err(ApprovalsError::Changed),
                Some(_) => {}
            }
        }
        let problem = file.problem();
        if let Some(reason) = problem {
            return Err(ApprovalsError::Malformed { path: self.path.clone(), reason });
        }
        if let Ok(old) = ApprovalsFile::parse(&text) {
            file.keep_token(&old);
        }
        file.fill_ids();
        self.write(&file)?;
        self.read()
    }

    /// The rules for an agent: its own, those for everybody, the defaults, in this order.
    ///
    /// # Errors
    /// If the file cannot be read or is not as documented.
    pub fn rules(&self, agent: &str) -> Result<Rules, ApprovalsError> {
        let file = self.snapshot()?.file;
        let own = file.agents.get(agent);
        let all = file.agents.get(EVERYBODY);
        let security =
            own.and_then(|rules| rules.security).or(all.and_then(|rules| rules.security));
        let ask = own.and_then(|rules| rules.ask).or(all.and_then(|rules| rules.ask));
        let fallback =
            own.and_then(|rules| rules.ask_fallback).or(all.and_then(|rules| rules.ask_fallback));
        let fresh = file.defaults();
        let policy = Policy {
            security: security.unwrap_or(fresh.security),
            ask: ask.unwrap_or(fresh.ask),
            fallback: fallback.unwrap_or(fresh.fallback),
        };
        let entries =
            own.into_iter().chain(all).flat_map(|rules| rules.allowlist.clone()).collect();
        Ok(Rules { policy, entries, home: self.home.clone() })
    }

    /// Every entry of everybody.
    ///
    /// # Errors
    /// If the file cannot be read or is not as documented.
    pub fn grants(&self) -> Result<Vec<Grant>, ApprovalsError> {
        Ok(self.snapshot()?.file.grants())
    }

    /// Adds an entry by hand. True if it was not there.
    ///
    /// # Errors
    /// If the pattern can match nothing, or the file cannot be changed.
    pub fn allow(&self, agent: &str, pattern: &str) -> Result<bool, ApprovalsError> {
        let malformed = |reason| ApprovalsError::Malformed { path: self.path.clone(), reason };
        self.change(|file| file.allow(agent, pattern))?.map_err(malformed)
    }

    /// Takes entries away, by id, the beginning of an id (eight characters or more) or pattern.
    ///
    /// # Errors
    /// If the file cannot be changed.
    pub fn revoke(&self, wanted: &str) -> Result<Vec<Grant>, ApprovalsError> {
        self.change(|file| file.revoke(wanted))
    }

    /// Remembers what somebody said "always" to.
    ///
    /// # Errors
    /// If the file cannot be changed.
    pub fn remember(&self, agent: &str, granted: Vec<Entry>) -> Result<(), ApprovalsError> {
        self.change(|file| {
            let list = &mut file.agents.entry(agent.to_owned()).or_default().allowlist;
            for entry in granted {
                list.retain(|old| {
                    (&old.pattern, &old.arg_pattern) != (&entry.pattern, &entry.arg_pattern)
                });
                list.push(entry);
            }
            if list.len() > MAX_ENTRIES {
                list.sort_by_key(|entry| entry.last_used_at.unwrap_or(0));
                list.drain(..list.len() - MAX_ENTRIES);
            }
        })
    }

    /// Writes down which entries a command has used, and when.
    ///
    /// # Errors
    /// If the file cannot be changed.
    pub fn used(&self, command: &str, entries: &[Used], now_ms: u64) -> Result<(), ApprovalsError> {
        if entries.is_empty() {
            return Ok(());
        }
        self.change(|file| {
            for entry in file.agents.values_mut().flat_map(|rules| &mut rules.allowlist) {
                let used = entries.iter().find(|used| entry.id.as_ref() == Some(&used.id));
                let Some(used) = used else { continue };
                entry.last_used_at = Some(now_ms);
                entry.last_used_command = Some(file::shortened(command));
                entry.last_resolved_path = Some(used.path.display().to_string());
            }
        })
    }

    fn change<T>(&self, change: impl FnOnce(&mut ApprovalsFile) -> T) -> Result<T, ApprovalsError> {
        let _held = self.lock.lock();
        let mut file = self.read()?.file;
        let before = file.clone();
        let result = change(&mut file);
        if file != before {
            file.fill_ids();
            self.write(&file)?;
        }
        Ok(result)
    }

    fn read_text(&self) -> Result<(bool, String), ApprovalsError> {
        match openclaw_base::fs::read_limited(&self.path, MAX_FILE) {
            Ok(bytes) => String::from_utf8(bytes).map(|text| (true, text)).map_err(|_| {
                ApprovalsError::Malformed {
                    path: self.path.clone(),
                    reason: "it is no text".into(),
                }
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok((false, String::new())),
            Err(source) => Err(ApprovalsError::File { path: self.path.clone(), source }),
        }
    }

    fn read(&self) -> Result<Snapshot, ApprovalsError> {
        let (exists, text) = self.read_text()?;
        let file = if exists {
            ApprovalsFile::parse(&text)
                .map_err(|reason| ApprovalsError::Malformed { path: self.path.clone(), reason })?
        } else {
            ApprovalsFile::default()
        };
        Ok(Snapshot { path: self.path.clone(), exists, hash: digest(&text), file })
    }

    fn write(&self, file: &ApprovalsFile) -> Result<(), ApprovalsError> {
        let failed = |source| ApprovalsError::File { path: self.path.clone(), source };
        let mut text =
            serde_json::to_string_pretty(file).map_err(|error| failed(io::Error::other(error)))?;
        text.push('\n');
        if let Some(folder) = self.path.parent() {
            openclaw_base::fs::create_private_dir(folder).map_err(failed)?;
        }
        openclaw_base::fs::write_private(&self.path, text.as_bytes()).map_err(failed)
    }
}

fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests;
