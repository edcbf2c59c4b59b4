//! Who holds a state folder, as its lock file says.

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

/// Who holds a state folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// Port of its WebSocket; absent until it listens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// When it started, in milliseconds since 1970.
    pub since_ms: u64,
    /// The owner's door.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<PathBuf>,
    /// The door for nodes that come through a login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_socket: Option<PathBuf>,
    /// Version of the program.
    #[serde(default)]
    pub version: String,
}

/// Who listens on a port, as far as the kernel tells this user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortHolder {
    /// For people: process and name, or whose process it is.
    pub who: String,
    /// The process, if this user may know.
    pub pid: Option<i32>,
    /// The process, if it is a Gateway of ours.
    pub gateway: Option<i32>,
}

impl fmt::Display for PortHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.who)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {}", self.pid)?;
        if let Some(port) = self.port {
            write!(f, ", port {port}")?;
        }
        let since = i64::try_from(self.since_ms).ok();
        match since.and_then(|since| jiff::Timestamp::from_millisecond(since).ok()) {
            Some(since) => write!(f, ", since {since:.0}"),
            None => Ok(()),
        }
    }
}

/// Who listens on a port, as far as the kernel tells this user.
#[cfg(target_os = "linux")]
#[must_use]
pub fn port_holder(port: u16) -> Option<PortHolder> {
    let tables = [procfs::net::tcp(), procfs::net::tcp6()];
    let entry = tables.into_iter().flatten().flatten().find(|entry| {
        entry.local_address.port() == port && entry.state == procfs::net::TcpState::Listen
    })?;
    let owner = procfs::process::all_processes().ok()?.flatten().find(|process| {
        let Ok(files) = process.fd() else { return false };
        files.flatten().any(|file| {
            matches!(file.target, procfs::process::FDTarget::Socket(inode) if inode == entry.inode)
        })
    });
    let Some(process) = owner else {
        let who = format!("a process of uid {}", entry.uid);
        return Some(PortHolder { who, pid: None, gateway: None });
    };
    let name = process.stat().map(|stat| stat.comm).unwrap_or_default();
    let words = process.cmdline().unwrap_or_default();
    let is_gateway = name == "openclaw" && words.iter().any(|word| word == "gateway");
    Some(PortHolder {
        who: format!("pid {} ({name})", process.pid()),
        pid: Some(process.pid()),
        gateway: is_gateway.then_some(process.pid()),
    })
}

/// Who listens on a port; this system does not tell.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn port_holder(_port: u16) -> Option<PortHolder> {
    None
}
