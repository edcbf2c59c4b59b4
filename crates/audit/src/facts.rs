//! What the checks look at: plain data, gathered once.

use std::{collections::BTreeMap, fmt, net::SocketAddr, path::PathBuf, sync::Arc};

use openclaw_config::{
    Config,
    schema::{AuthMode, Bind},
};
use openclaw_remote::NamedGateway;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::raw::Raw;

/// Everything that was gathered.
#[derive(Debug)]
pub struct Facts {
    /// When.
    pub now_ms: u64,
    /// The configuration, defaults applied; the defaults alone if the file cannot be used.
    pub config: Arc<Config>,
    /// The files' own words.
    pub raw: Raw,
    /// Why the configuration cannot be used.
    pub invalid: Option<String>,
    /// Whether the Gateway's password is spelled out in a configuration file.
    pub password_spelled_out: bool,
    /// Where keys stand, `openclaw.json:3`.
    pub places: BTreeMap<&'static str, String>,
    /// Shared secrets.
    pub auth: Auth,
    /// Which addresses the Gateway listens on.
    pub bind: Bind,
    /// Its port.
    pub port: u16,
    /// Names of variables that are set.
    pub variables: Vec<String>,
    /// Who runs the audit.
    pub uid: u32,
    /// Files and folders.
    pub files: Vec<FileFact>,
    /// Whether the state folder is in a folder that a service copies elsewhere, and which.
    pub synced: Option<String>,
    /// The log file, and the folder above it that everybody may write to.
    pub log: LogFact,
    /// This machine.
    pub machine: Machine,
    /// The certificate of `gateway.tls`, if there is one.
    pub certificate: Option<Certificate>,
    /// Gateways under names.
    pub named: Vec<NamedGateway>,
    /// Names of those that are reached by a URL of another machine and whose key is not kept.
    pub unpinned: Vec<String>,
    /// What not to report.
    pub suppressions: Vec<Suppression>,
    /// What the running Gateway answered, if it was asked.
    pub live: Option<LiveReport>,
}

/// Shared secrets.
#[derive(Debug)]
pub struct Auth {
    /// What clients have to prove.
    pub mode: AuthMode,
    /// The token, if it could be looked up.
    pub token: Option<SecretString>,
    /// The password, if it could be looked up.
    pub password: Option<SecretString>,
    /// The token for the remote Gateway.
    pub remote_token: Option<SecretString>,
    /// The password for the remote Gateway.
    pub remote_password: Option<SecretString>,
    /// The token comes from the token file, which was made at random.
    pub generated: bool,
    /// What could not be looked up.
    pub unresolved: Vec<Unresolved>,
}

/// A secret that could not be looked up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unresolved {
    /// The key.
    pub path: &'static str,
    /// Why.
    pub message: String,
}

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The state folder.
    State,
    /// `openclaw.json`.
    Config,
    /// A file that it includes.
    Include,
    /// `.env` in the state folder.
    Env,
    /// The token file, private keys, pins: what must be read by nobody else.
    Secret,
    /// Keys of model providers, ours and the original's.
    ModelKeys,
    /// The original's folder of channel credentials.
    Credentials,
    /// Conversations.
    Store,
    /// The log.
    Log,
    /// The key of `gateway.tls`.
    TlsKey,
}

/// A file or folder that is there.
#[derive(Clone, Debug)]
pub struct FileFact {
    /// Where.
    pub path: PathBuf,
    /// What for.
    pub role: Role,
    /// Permission bits of what is there, links followed.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Where it leads, if it is a symbolic link.
    pub link: Option<PathBuf>,
}

/// The log file.
#[derive(Clone, Debug, Default)]
pub struct LogFact {
    /// Where.
    pub path: PathBuf,
    /// The folder above it that everybody may write to.
    pub shared: Option<PathBuf>,
}

/// Processes, sockets, and files of this machine.
#[derive(Debug, Default)]
pub struct Machine {
    /// Those whose arguments may be read.
    pub processes: Vec<ProcessFact>,
    /// TCP sockets that listen.
    pub listeners: Vec<ListenFact>,
    /// The SSH server, as its configuration has it.
    pub sshd: Option<SshServer>,
    /// Unit files that start something of OpenClaw.
    pub units: Vec<TextFact>,
    /// Shell histories of this user.
    pub histories: Vec<TextFact>,
}

/// A process.
pub struct ProcessFact {
    /// Its id.
    pub pid: i32,
    /// Its owner.
    pub uid: u32,
    /// Its arguments, which may hold secrets.
    pub argv: Vec<String>,
}

/// A TCP socket that listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenFact {
    /// Where.
    pub address: SocketAddr,
    /// Whose.
    pub uid: u32,
}

/// What matters of an SSH server's configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SshServer {
    /// Its ports.
    pub ports: Vec<u16>,
    /// Whether passwords are taken.
    pub passwords: bool,
    /// Whether root may log in with one.
    pub root_password: bool,
    /// Where this is known from.
    pub source: String,
}

/// A text file that is only searched.
pub struct TextFact {
    /// Where.
    pub path: PathBuf,
    /// Permission bits.
    pub mode: u32,
    /// The text, or its last part.
    pub text: String,
}

/// A certificate.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// Where.
    pub path: PathBuf,
    /// Until when it is valid, in milliseconds since 1970.
    pub not_after_ms: i64,
}

/// An item of `security.audit.suppressions`.
#[derive(Clone, Debug, Default)]
pub struct Suppression {
    /// The check.
    pub check_id: String,
    /// Only findings whose title has this in it.
    pub title_includes: Option<String>,
    /// Only findings whose detail has this in it.
    pub detail_includes: Option<String>,
}

/// What the running Gateway answered.
#[derive(Clone, Debug, Serialize)]
pub struct LiveReport {
    /// Whether it could be reached.
    pub gateway: LiveGateway,
    /// What was tried on it.
    pub probes: Vec<Probe>,
}

/// Whether the Gateway could be reached.
#[derive(Clone, Debug, Serialize)]
pub struct LiveGateway {
    /// Always true: it was tried.
    pub attempted: bool,
    /// The address.
    pub url: String,
    /// Whether it answered.
    pub ok: bool,
    /// Why not.
    pub error: Option<String>,
}

/// One thing that was tried on the running Gateway, or looked at on its behalf.
#[derive(Clone, Debug, Serialize)]
pub struct Probe {
    /// The check it belongs to.
    #[serde(rename = "checkId")]
    pub check_id: &'static str,
    /// Whether all is well.
    pub ok: bool,
    /// What came of it.
    pub detail: String,
}

impl Facts {
    /// Whether machines of other people may open a connection to the Gateway's port.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        let custom = self.config.gateway.custom_bind_host.as_deref();
        match self.bind {
            Bind::Loopback | Bind::Auto => false,
            Bind::Lan | Bind::Tailnet => true,
            Bind::Custom => custom
                .and_then(|host| host.parse::<std::net::IpAddr>().ok())
                .is_none_or(|ip| !ip.is_loopback()),
        }
    }

    /// The Gateway is published by Tailscale: `serve` or `funnel`.
    #[must_use]
    pub fn tailscale(&self) -> &'static str {
        self.config.gateway.tailscale.mode.as_str()
    }

    /// A key with the place where it stands.
    #[must_use]
    pub fn spot(&self, key: &'static str) -> String {
        match self.places.get(key) {
            Some(place) => format!("{key} ({place})"),
            None => key.to_owned(),
        }
    }

    /// Files of a role.
    pub fn files_of(&self, role: Role) -> impl Iterator<Item = &FileFact> {
        self.files.iter().filter(move |file| file.role == role)
    }
}

impl Auth {
    /// The secret that clients have to know, if any.
    #[must_use]
    pub fn secret(&self) -> Option<&SecretString> {
        match self.mode {
            AuthMode::Token => self.token.as_ref(),
            AuthMode::Password => self.password.as_ref(),
            AuthMode::None | AuthMode::TrustedProxy => None,
        }
    }

    /// Every secret that is known and long enough to be looked for, with its name.
    pub fn known(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("token", &self.token),
            ("password", &self.password),
            ("token of the remote Gateway", &self.remote_token),
            ("password of the remote Gateway", &self.remote_password),
        ];
        all.into_iter()
            .filter_map(|(name, secret)| Some((name, secret.as_ref()?.expose_secret())))
            .filter(|(_, secret)| secret.len() >= 8)
    }
}

impl fmt::Debug for ProcessFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessFact").field("pid", &self.pid).finish_non_exhaustive()
    }
}

impl fmt::Debug for TextFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextFact").field("path", &self.path).finish_non_exhaustive()
    }
}
