//! Why a Gateway does not start, and what to do about it.

use std::path::PathBuf;

use openclaw_config::ConfigError;
use openclaw_identity::IdentityError;
use openclaw_store::StoreError;

use crate::holder::{Holder, PortHolder};

/// A Gateway that does not start.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The configuration cannot be used; nothing was changed.
    #[error("the configuration cannot be used")]
    Config(#[from] ConfigError),
    /// A setting that this release does not serve, or that contradicts another.
    #[error("{message}")]
    Setting {
        /// What is wrong.
        message: String,
        /// What to type or write.
        hint: String,
    },
    /// Another Gateway has this state folder.
    #[error("another Gateway already runs on this state folder ({holder})")]
    Held {
        /// Who.
        holder: Holder,
    },
    /// The original's Gateway has this state folder.
    #[error("the original OpenClaw Gateway runs on this state folder (pid {pid})")]
    HeldByOriginal {
        /// Its process.
        pid: u32,
    },
    /// The port is taken.
    #[error("port {port} is in use{}", holder.as_ref().map(|who| format!(" by {who}")).unwrap_or_default())]
    PortInUse {
        /// The port.
        port: u16,
        /// Who has it, where the kernel tells.
        holder: Option<PortHolder>,
    },
    /// A file or folder cannot be used.
    #[error("{action} {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The state file cannot be opened.
    #[error("the state file cannot be opened")]
    Store(#[from] StoreError),
    /// The key of the Gateway cannot be read or made.
    #[error("the key of the Gateway cannot be read or made")]
    Identity(#[from] IdentityError),
    /// The listener cannot be made.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: String,
        /// Why.
        source: std::io::Error,
    },
}

impl DaemonError {
    /// A refused setting.
    pub fn setting(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Setting { message: message.into(), hint: hint.into() }
    }

    /// Whether the configuration or a lock is the reason, which a restart cannot mend.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        matches!(
            self,
            Self::Config(_)
                | Self::Setting { .. }
                | Self::Held { .. }
                | Self::HeldByOriginal { .. }
                | Self::Store(StoreError::TooNew { .. })
        )
    }

    /// The next thing to type.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Config(_) => "run: openclaw config validate".to_owned(),
            Self::Setting { hint, .. } => hint.clone(),
            Self::Held { holder } => format!(
                "talk to it with: openclaw status, stop it with: kill {}, or start a second one with: \
                 openclaw --profile NAME gateway",
                holder.pid
            ),
            Self::HeldByOriginal { pid } => {
                format!(
                    "stop it first (kill {pid}), or use a state folder of its own: openclaw --profile NAME gateway"
                )
            }
            Self::PortInUse { port, holder } => {
                let next = port.saturating_add(1);
                let other = format!("choose another port: openclaw gateway --port {next}");
                match holder.as_ref().and_then(|holder| holder.gateway) {
                    Some(_) => format!("{other}, or end that Gateway: openclaw gateway --force"),
                    None => other,
                }
            }
            Self::File { path, .. } => {
                format!(
                    "check that you own the folder and that the disk has room: ls -ld {}",
                    path.display()
                )
            }
            Self::Store(StoreError::TooNew { .. }) => {
                "a newer release wrote this state; install that release again".to_owned()
            }
            Self::Store(_) => {
                "check that the disk has room and that you own the state folder".to_owned()
            }
            Self::Identity(_) => {
                "check the owner and mode of the identity folder (0700)".to_owned()
            }
            Self::Listen { .. } => "choose another port: openclaw gateway --port PORT".to_owned(),
        }
    }
}
