//! Facts about this Gateway process that never change while it runs.

use std::{net::IpAddr, path::PathBuf};

/// Where it runs and what it is.
#[derive(Clone, Debug)]
pub struct GatewayInfo {
    /// Version of the program.
    pub version: String,
    /// Changes with every start.
    pub boot_id: String,
    /// Host name.
    pub host: String,
    /// Port of the WebSocket.
    pub port: u16,
    /// The addresses it listens on from the start, loopback first.
    pub addresses: Vec<IpAddr>,
    /// SHA-256 of the certificate that is shown there at the start, where TLS is spoken.
    pub tls: Option<String>,
    /// When the process started, in milliseconds since 1970.
    pub started_at_ms: u64,
    /// The configuration file.
    pub config_path: PathBuf,
    /// The state folder.
    pub state_dir: PathBuf,
    /// The log file that `logs.tail` reads.
    pub log_file: PathBuf,
    /// The SQLite file.
    pub store_file: PathBuf,
}

impl GatewayInfo {
    /// Age of the process, in milliseconds.
    #[must_use]
    pub const fn uptime_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.started_at_ms)
    }

    /// The file's name: every reader of health may know it, the folder is for admins only.
    #[must_use]
    pub fn store_name(&self) -> String {
        let name = self.store_file.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}
