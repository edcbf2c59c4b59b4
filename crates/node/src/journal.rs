//! What became of calls, kept in a file: a call that comes again, even after this program was killed, is
//! answered from it and not done a second time.
//!
//! A line says that a call begins, and is written before anything is done; another says how it ended, and is
//! written before the answer is sent. Where the second line is missing nobody knows what was done, and a
//! repeat is told just that.

use std::{
    borrow::Cow,
    collections::VecDeque,
    fs::{File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use openclaw_base::fs::{create_private_dir, read_limited, write_private};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{command::CommandError, desk::Outcome};

/// Calls that are remembered.
const MAX_CALLS: usize = 1024;
/// Bytes of all results that are remembered; a call is remembered longer than its result.
const MAX_RESULTS: usize = 2 * 1024 * 1024;
/// Largest result that is remembered.
const MAX_RESULT: usize = 256 * 1024;
/// The file is written anew when it has become this long.
const MAX_FILE: u64 = 8 * 1024 * 1024;
/// Nothing longer is read; it was not written by this program.
const MAX_READ: u64 = 4 * MAX_FILE;

/// Why there is no journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process has it.
    #[error("another node host on this machine already serves this Gateway")]
    Held,
    /// It cannot be read or written.
    #[error("the journal of calls {} cannot be used: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the file system says.
        source: io::Error,
    },
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Line<'a> {
    Begun {
        key: Cow<'a, str>,
        id: Cow<'a, str>,
    },
    Done {
        key: Cow<'a, str>,
        result: Cow<'a, Value>,
    },
    Failed {
        key: Cow<'a, str>,
        code: Cow<'a, str>,
        message: Cow<'a, str>,
    },
    /// It ended, and its result was too large to be kept.
    Forgotten {
        key: Cow<'a, str>,
    },
}

/// What is known of a call.
#[derive(Clone, Debug)]
enum Fate {
    /// It began.
    Open,
    /// It ended like this.
    Ended(Arc<Outcome>, usize),
}

#[derive(Debug)]
struct Known {
    key: String,
    id: String,
    fate: Fate,
}

#[derive(Debug, Default)]
struct Inside {
    /// Oldest first.
    calls: VecDeque<Known>,
    result_bytes: usize,
    file: Option<Written>,
}

#[derive(Debug)]
struct Written {
    path: PathBuf,
    file: File,
    length: u64,
    /// Held for as long as the journal lives.
    _lock: File,
}

/// The calls that were done.
#[derive(Debug, Default)]
pub struct Journal {
    inside: Mutex<Inside>,
}

/// It began before this program was started anew.
fn unknown() -> CommandError {
    CommandError {
        code: "UNKNOWN_OUTCOME".into(),
        message:
            "this call began before the node was restarted, and it is not known how far it came; \
                  it is not done again: look at what it did, then call with a new idempotency key"
                .to_owned(),
    }
}

fn forgotten() -> CommandError {
    CommandError {
        code: "RESULT_GONE".into(),
        message:
            "this call was done before and is not done again, but its result is no longer kept; \
                  call with a new idempotency key to do it anew"
                .to_owned(),
    }
}

impl Journal {
    /// Reads what is known from a file, which is made if it is missing.
    ///
    /// # Errors
    /// When another process uses it, or the file system refuses.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let fail = |source| JournalError::File { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            create_private_dir(folder).map_err(fail)?;
        }
        let lock = open_private(&path.with_extension("lock")).map_err(fail)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalError::Held),
            Err(TryLockError::Error(error)) => return Err(fail(error)),
        }
        let bytes = match read_limited(path, MAX_READ) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(fail(error)),
        };
        let mut inside = Inside::default();
        inside.replay(&bytes);
        let file = inside.rewrite(path).map_err(fail)?;
        let length = file.metadata().map_err(fail)?.len();
        inside.file = Some(Written { path: path.to_owned(), file, length, _lock: lock });
        Ok(Self { inside: Mutex::new(inside) })
    }

    /// How a call ended that came before, under this key or this id.
    pub(crate) fn outcome(&self, key: &str, id: &str) -> Option<Arc<Outcome>> {
        let inside = self.inside.lock();
        let known = inside.calls.iter().rev().find(|known| known.key == key || known.id == id)?;
        Some(match &known.fate {
            Fate::Open => Arc::new(Err(unknown())),
            Fate::Ended(outcome, _) => Arc::clone(outcome),
        })
    }

    /// Writes down that a call begins. Blocks until the disk has it.
    ///
    /// # Errors
    /// Whatever the file system says; then nothing may be done.
    pub(crate) fn begins(&self, key: &str, id: &str) -> io::Result<()> {
        let mut inside = self.inside.lock();
        let line = Line::Begun { key: key.into(), id: id.into() };
        inside.append(&line)?;
        if let Some(written) = &inside.file {
            written.file.sync_data()?;
        }
        inside.begun(key, id);
        Ok(())
    }

    /// Writes down how a call ended.
    ///
    /// # Errors
    /// Whatever the file system says; it is remembered all the same until the program ends.
    pub(crate) fn ended(&self, key: &str, outcome: &Arc<Outcome>) -> io::Result<()> {
        let mut inside = self.inside.lock();
        inside.over(key, Arc::clone(outcome));
        let Some(fate) = inside.calls.iter().rev().find(|known| known.key == key) else {
            return Ok(());
        };
        let Fate::Ended(kept, _) = fate.fate.clone() else { return Ok(()) };
        inside.append(&line_of(key, &kept))
    }
}

fn line_of<'a>(key: &'a str, outcome: &'a Outcome) -> Line<'a> {
    let key = Cow::Borrowed(key);
    match outcome {
        Ok(result) => Line::Done { key, result: Cow::Borrowed(result) },
        Err(error) if error.code == "RESULT_GONE" => Line::Forgotten { key },
        Err(error) => {
            Line::Failed { key, code: (&*error.code).into(), message: (&*error.message).into() }
        }
    }
}

fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

fn encoded(line: &Line<'_>) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    Ok(bytes)
}

impl Inside {
    /// Takes in every whole line; one that was cut off says nothing.
    fn replay(&mut self, bytes: &[u8]) {
        for text in bytes.split(|byte| *byte == b'\n').filter(|text| !text.is_empty()) {
            match serde_json::from_slice(text) {
                Ok(Line::Begun { key, id }) => self.begun(&key, &id),
                Ok(Line::Done { key, result }) => {
                    self.over(&key, Arc::new(Ok(result.into_owned())));
                }
                Ok(Line::Failed { key, code, message }) => {
                    let (code, message) = (code.into_owned().into(), message.into_owned());
                    self.over(&key, Arc::new(Err(CommandError { code, message })));
                }
                Ok(Line::Forgotten { key }) => self.over(&key, Arc::new(Err(forgotten()))),
                Err(error) => tracing::warn!(%error, "a line of the journal of calls is no line"),
            }
        }
    }

    fn begun(&mut self, key: &str, id: &str) {
        let (key, id) = (key.to_owned(), id.to_owned());
        self.calls.push_back(Known { key, id, fate: Fate::Open });
        while self.calls.len() > MAX_CALLS {
            if let Some(Known { fate: Fate::Ended(_, bytes), .. }) = self.calls.pop_front() {
                self.result_bytes -= bytes;
            }
        }
    }

    fn over(&mut self, key: &str, outcome: Arc<Outcome>) {
        let Some(known) = self.calls.iter_mut().rev().find(|known| known.key == key) else {
            return;
        };
        let bytes = outcome.as_ref().as_ref().map_or(0, |value| value.to_string().len());
        let (outcome, bytes) =
            if bytes > MAX_RESULT { (Arc::new(Err(forgotten())), 0) } else { (outcome, bytes) };
        known.fate = Fate::Ended(outcome, bytes);
        self.result_bytes += bytes;
        if self.result_bytes <= MAX_RESULTS {
            return;
        }
        let gone: Arc<Outcome> = Arc::new(Err(forgotten()));
        for known in &mut self.calls {
            if self.result_bytes <= MAX_RESULTS {
                break;
            }
            if let Fate::Ended(outcome, bytes) = &mut known.fate
                && *bytes > 0
            {
                self.result_bytes -= *bytes;
                (*outcome, *bytes) = (Arc::clone(&gone), 0);
            }
        }
    }

    fn append(&mut self, line: &Line<'_>) -> io::Result<()> {
        let Some(written) = &mut self.file else { return Ok(()) };
        let bytes = encoded(line)?;
        if let Err(error) = written.file.write_all(&bytes) {
            // A line of which half is there ends here, so that the next one is whole.
            written.file.set_len(written.length).ok();
            return Err(error);
        }
        written.length += u64::try_from(bytes.len()).unwrap_or(0);
        if written.length <= MAX_FILE {
            return Ok(());
        }
        let path = written.path.clone();
        // What was appended is there whether or not this succeeds; it is tried again with the next line.
        match self.rewrite(&path).and_then(|file| Ok((file.metadata()?.len(), file))) {
            Ok((length, file)) => {
                if let Some(written) = &mut self.file {
                    (written.file, written.length) = (file, length);
                }
            }
            Err(error) => tracing::warn!(%error, "the journal of calls could not be shortened"),
        }
        Ok(())
    }

    /// Writes a file of what is remembered and no more, in one step, and opens it.
    fn rewrite(&self, path: &Path) -> io::Result<File> {
        let mut bytes = Vec::new();
        for known in &self.calls {
            let (key, id) = (&*known.key, &*known.id);
            bytes.extend(encoded(&Line::Begun { key: key.into(), id: id.into() })?);
            if let Fate::Ended(outcome, _) = &known.fate {
                bytes.extend(encoded(&line_of(key, outcome))?);
            }
        }
        write_private(path, &bytes)?;
        open_private(path)
    }
}

#[cfg(test)]
mod tests;
