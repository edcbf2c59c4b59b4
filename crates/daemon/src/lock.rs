//! One Gateway per state folder.
//!
//! The lock is an advisory lock of the kernel on `gateway.lock`, so it frees itself when its holder dies,
//! however it dies. The file's text names the holder and publishes its port and door for the CLI.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use openclaw_config::Paths;
use rustix::fs::{FlockOperation, flock};
use serde::Deserialize;

use crate::{error::DaemonError, holder::Holder};

/// Largest lock file that is read.
const MAX_BYTES: u64 = 64 * 1024;
const LOCK_ATTEMPTS: u32 = 5;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// The lock, for as long as it lives.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock and names its holder.
    ///
    /// # Errors
    /// [`DaemonError::Held`] naming the holder, or what is wrong with the file.
    pub async fn acquire(paths: &Paths, holder: &Holder) -> Result<Self, DaemonError> {
        if let Some(pid) = original_holder(paths) {
            return Err(DaemonError::HeldByOriginal { pid });
        }
        let path = paths.lock_file();
        let fail = |action, source| DaemonError::File { action, path: path.clone(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|source| fail("cannot open", source))?;
        if !take(&file).await {
            let holder = read(&mut file).unwrap_or_else(|| Holder {
                pid: 0,
                port: None,
                since_ms: 0,
                socket: None,
                node_socket: None,
                version: String::new(),
            });
            return Err(DaemonError::Held { holder });
        }
        let mut lock = Self { file, path: path.clone() };
        lock.publish(holder).map_err(|source| fail("cannot write", source))?;
        Ok(lock)
    }

    /// Rewrites what the file says about its holder.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn publish(&mut self, holder: &Holder) -> std::io::Result<()> {
        let mut text = serde_json::to_string(holder)?;
        text.push('\n');
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(text.as_bytes())?;
        self.file.flush()
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Emptied rather than removed: whoever waits on the file holds the same one.
        self.file.set_len(0).ok();
    }
}

/// Tries for a moment: a command that looks who holds the lock has it for an instant itself.
async fn take(file: &File) -> bool {
    for _ in 0..LOCK_ATTEMPTS {
        if flock(file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            return true;
        }
        tokio::time::sleep(LOCK_PAUSE).await;
    }
    false
}

/// Who holds the state folder now, if anybody does.
#[must_use]
pub fn holder(paths: &Paths) -> Option<Holder> {
    let mut file = File::open(paths.lock_file()).ok()?;
    // A Gateway that stopped in good order left nothing to look into.
    if file.metadata().ok()?.len() == 0 {
        return None;
    }
    if flock(&file, FlockOperation::NonBlockingLockShared).is_ok() {
        return None;
    }
    read(&mut file)
}

fn read(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(MAX_BYTES).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// The original's Gateway writes its process id into lock files below the state folder.
fn original_holder(paths: &Paths) -> Option<u32> {
    #[derive(Deserialize)]
    struct Payload {
        pid: u32,
    }
    let entries = std::fs::read_dir(paths.original_lock_dir()).ok()?;
    entries.flatten().find_map(|entry| {
        let name = entry.file_name();
        let name = name.to_str()?;
        if !name.starts_with("gateway.") || !name.ends_with(".lock") {
            return None;
        }
        let mut text = String::new();
        File::open(entry.path()).ok()?.take(MAX_BYTES).read_to_string(&mut text).ok()?;
        let payload: Payload = serde_json::from_str(&text).ok()?;
        is_alive(payload.pid).then_some(payload.pid)
    })
}

fn is_alive(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) else {
        return false;
    };
    match rustix::process::test_kill_process(pid) {
        Ok(()) => true,
        Err(error) => error == rustix::io::Errno::PERM,
    }
}
