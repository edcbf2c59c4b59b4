//! Listeners that whoever started this process holds: they are used instead of binding, so that a
//! connection made while no Gateway runs waits for the next one.

use std::{
    io,
    net::{SocketAddr, TcpListener as StdListener},
    os::unix::{
        fs::{FileTypeExt, MetadataExt},
        net::UnixListener as StdUnixListener,
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::net::{TcpListener, UnixListener};

use crate::error::DaemonError;

/// Permissions that anybody has.
const OTHERS: u32 = 0o007;
/// Permission of the group and of anybody to replace what is in a folder.
const OTHERS_WRITE: u32 = 0o022;

/// Looks at the file of a door, and says what is wrong with it.
fn only_its_group_may_open(path: &Path) -> Result<(), String> {
    let own = rustix::process::getuid().as_raw();
    let is_trusted = |uid: u32| uid == own || uid == 0;
    let file = std::fs::symlink_metadata(path)
        .map_err(|error| format!("is not at {}: {error}", path.display()))?;
    if !file.file_type().is_socket() || !is_trusted(file.uid()) {
        return Err(format!("is not ours: {}", path.display()));
    }
    if file.mode() & OTHERS != 0 {
        let mode = file.mode() & 0o777;
        return Err(format!("anybody may open: {} has mode {mode:04o}, not 0660", path.display()));
    }
    let folder = path.parent().map(PathBuf::from).unwrap_or_default();
    let above = std::fs::metadata(&folder)
        .map_err(|error| format!("is in a folder that cannot be read: {error}"))?;
    if !is_trusted(above.uid()) || above.mode() & OTHERS_WRITE != 0 {
        return Err(format!("others could replace, in {}", folder.display()));
    }
    Ok(())
}

/// What was handed over.
#[derive(Clone, Debug, Default)]
pub struct Inherited {
    listeners: Arc<[StdListener]>,
    doors: Arc<[StdUnixListener]>,
}

impl Inherited {
    /// Takes over what the caller got.
    #[must_use]
    pub fn new(listeners: Vec<StdListener>, doors: Vec<StdUnixListener>) -> Self {
        Self { listeners: listeners.into(), doors: doors.into() }
    }

    /// The door for a group of owners, if there is one: a Unix socket whose group may open it and nobody
    /// else, in a folder where nobody else could put another in its place.
    ///
    /// # Errors
    /// [`DaemonError::Setting`] for more than one, or one that others could open or replace.
    pub(crate) fn group_door(&self) -> Result<Option<UnixListener>, DaemonError> {
        let refuse = |text: String| {
            Err(DaemonError::setting(
                format!("the service manager handed over a Unix socket that {text}"),
                "write the service anew: openclaw gateway install --system --group GROUP",
            ))
        };
        let [door] = &*self.doors else {
            return if self.doors.is_empty() {
                Ok(None)
            } else {
                refuse("is not the only one".into())
            };
        };
        let address = door.local_addr().ok();
        let Some(path) = address.as_ref().and_then(|address| address.as_pathname()) else {
            return refuse("has no path".into());
        };
        if let Err(problem) = only_its_group_may_open(path) {
            return refuse(problem);
        }
        let open = || -> io::Result<UnixListener> {
            let door = door.try_clone()?;
            door.set_nonblocking(true)?;
            UnixListener::from_std(door)
        };
        let fail = |source| DaemonError::Listen { address: path.display().to_string(), source };
        open().map(Some).map_err(fail)
    }

    /// The port, when any will do: that of the first listener.
    pub(crate) fn port(&self, wanted: u16) -> u16 {
        let first = self.listeners.first().and_then(|listener| listener.local_addr().ok());
        if wanted == 0 { first.map_or(0, |address| address.port()) } else { wanted }
    }

    /// The listener for an address, if it was handed over.
    pub(crate) fn at(&self, address: SocketAddr) -> Option<io::Result<TcpListener>> {
        let found = self
            .listeners
            .iter()
            .find(|listener| listener.local_addr().is_ok_and(|local| local == address))?;
        let listener = found.try_clone().and_then(|listener| {
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        });
        Some(listener)
    }

    /// Refuses a listener that is not among those that are used: what connects to it would wait for
    /// ever, and an address that nobody configured must not lead here.
    ///
    /// # Errors
    /// [`DaemonError::Setting`] naming the address.
    pub(crate) fn expect_only(&self, used: &[SocketAddr]) -> Result<(), DaemonError> {
        for listener in self.listeners.iter() {
            let local = listener.local_addr().ok();
            if !local.is_some_and(|local| used.contains(&local)) {
                let address = local.map_or_else(|| "of no address".to_owned(), |a| a.to_string());
                return Err(DaemonError::setting(
                    format!(
                        "the service manager handed over a socket that is not configured: {address}"
                    ),
                    "write the service anew with the port of the configuration: openclaw gateway install",
                ));
            }
        }
        Ok(())
    }
}
