//! Which Gateway holds the state folder, as its lock file says.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Largest lock file that is read.
const MAX_LOCK_BYTES: u64 = 64 * 1024;

/// What a running Gateway publishes in its lock file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Holder {
    /// Its process.
    pub(crate) pid: u32,
    /// The port it listens on, once it does.
    #[serde(default)]
    pub(crate) port: Option<u16>,
    /// When it started, in milliseconds since 1970.
    #[serde(default)]
    pub(crate) since_ms: u64,
    /// The owner's door.
    #[serde(default)]
    pub(crate) socket: Option<PathBuf>,
    /// The door for nodes that come through a login; an older Gateway has none.
    #[serde(default)]
    pub(crate) node_socket: Option<PathBuf>,
    /// Its version.
    #[serde(default)]
    pub(crate) version: Option<String>,
}

impl Holder {
    /// Reads the lock file; `None` when nobody who is still alive holds it.
    pub(crate) fn read(lock_file: &Path) -> Option<Self> {
        let bytes = openclaw_base::fs::read_limited(lock_file, MAX_LOCK_BYTES).ok()?;
        let holder: Self = serde_json::from_slice(&bytes).ok()?;
        holder.is_alive().then_some(holder)
    }

    /// The process may belong to another user: then it may not be signalled, but it lives.
    fn is_alive(&self) -> bool {
        let pid = i32::try_from(self.pid).ok().and_then(rustix::process::Pid::from_raw);
        pid.is_some_and(|pid| {
            !matches!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_living_process_holds_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gateway.lock");
        assert_eq!(Holder::read(&file), None);
        let own = std::process::id();
        std::fs::write(&file, format!(r#"{{"pid":{own},"port":7,"sinceMs":5,"later":1}}"#))
            .unwrap();
        let holder = Holder::read(&file).unwrap();
        assert_eq!((holder.pid, holder.port, holder.since_ms), (own, Some(7), 5));
        std::fs::write(&file, r#"{"pid":2147483647,"port":7}"#).unwrap();
        assert_eq!(Holder::read(&file), None);
        std::fs::write(&file, "").unwrap();
        assert_eq!(Holder::read(&file), None);
    }
}
