//! Gateways that have a name, and the one that is used unless a command says otherwise.
//!
//! One 0600 file per name in the state folder's `gateways/`. It says how the Gateway is reached and
//! nothing secret: keys and device tokens are kept per endpoint, in `clients/`.

use std::{
    io,
    path::{Path, PathBuf},
};

use openclaw_base::fs;
use serde::{Deserialize, Serialize};

/// Largest file that is read, in bytes.
const MAX_FILE: u64 = 16 * 1024;
/// Longest name, in bytes.
const MAX_NAME: usize = 40;
/// The file that says which name is used.
const CURRENT: &str = "current";
/// The form of the files.
const VERSION: u32 = 1;

/// How a named Gateway is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "how")]
pub enum How {
    /// Another machine, by `ssh`.
    #[serde(rename_all = "camelCase")]
    Ssh {
        /// `user@host[:port]`.
        target: String,
        /// A private key to log in with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        identity: Option<PathBuf>,
        /// What is reached there.
        via: Via,
    },
    /// A WebSocket URL.
    Url {
        /// The URL.
        url: String,
        /// SHA-256 of the certificate that it has to show, if one was named.
        #[serde(default, skip_serializing_if = "Option::is_none", rename = "tlsFingerprint")]
        tls_fingerprint: Option<String>,
    },
}

/// What is reached on the other machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Via {
    /// The owner's door: the SSH login is the proof.
    #[serde(rename_all = "camelCase")]
    Door {
        /// Where the door is there; a held tunnel needs to know.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<PathBuf>,
        /// The Gateway's port there; browsers need it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        port: Option<u16>,
    },
    /// The Gateway's port on that machine's loopback interface.
    Port(u16),
}

/// A Gateway that has a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NamedGateway {
    version: u32,
    /// The name.
    pub name: String,
    /// How it is reached.
    #[serde(flatten)]
    pub how: How,
    /// The port on this machine that a held tunnel offers to browsers; the same every time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_port: Option<u16>,
    /// When it was added, in milliseconds since 1970.
    pub created_at_ms: u64,
}

impl NamedGateway {
    /// A Gateway that is being added.
    #[must_use]
    pub fn new(name: impl Into<String>, how: How, now_ms: u64) -> Self {
        let name = name.into();
        Self { version: VERSION, name, how, local_port: None, created_at_ms: now_ms }
    }

    /// The address for people.
    #[must_use]
    pub fn address(&self) -> String {
        match &self.how {
            How::Url { url, .. } => url.clone(),
            How::Ssh { target, via: Via::Door { .. }, .. } => format!("ssh://{target}"),
            How::Ssh { target, via: Via::Port(port), .. } => format!("ssh://{target} port {port}"),
        }
    }
}

/// Why a name cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    /// The text is no name.
    #[error(
        "{0:?} is no name: use up to 40 letters, digits, dots, dashes and underscores, a letter or digit first"
    )]
    Bad(String),
    /// Nothing has this name.
    #[error("no Gateway is called {0}")]
    Unknown(String),
    /// The file cannot be used.
    #[error("{} cannot be used", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// All named Gateways of a state folder.
#[derive(Clone, Debug)]
pub struct Book {
    folder: PathBuf,
}

impl Book {
    /// The book in a folder, which need not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Every Gateway, by name.
    ///
    /// # Errors
    /// [`NameError::File`] when a file cannot be read.
    pub fn list(&self) -> Result<Vec<NamedGateway>, NameError> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(NameError::File { path: self.folder.clone(), source }),
        };
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter_map(|file| file.strip_suffix(".json").map(str::to_owned))
            .filter(|name| is_name(name))
            .collect();
        names.sort();
        names.iter().map(|name| self.load(name)).collect()
    }

    /// One Gateway.
    ///
    /// # Errors
    /// [`NameError`] when there is none of this name, or its file is damaged.
    pub fn load(&self, name: &str) -> Result<NamedGateway, NameError> {
        let path = self.file(name)?;
        let bytes = fs::read_limited(&path, MAX_FILE).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => NameError::Unknown(name.to_owned()),
            _ => NameError::File { path: path.clone(), source },
        })?;
        let damaged = |text: &str| NameError::File {
            path: path.clone(),
            source: io::Error::new(io::ErrorKind::InvalidData, text.to_owned()),
        };
        let gateway: NamedGateway =
            serde_json::from_slice(&bytes).map_err(|error| damaged(&error.to_string()))?;
        if gateway.version != VERSION || gateway.name != name {
            return Err(damaged("the file belongs to another version or name"));
        }
        Ok(gateway)
    }

    /// Keeps a Gateway, in place of one of the same name.
    ///
    /// # Errors
    /// [`NameError`] for a bad name, or when the file cannot be written.
    pub fn save(&self, gateway: &NamedGateway) -> Result<(), NameError> {
        let path = self.file(&gateway.name)?;
        let mut text = serde_json::to_string_pretty(gateway).map_err(io::Error::other);
        if let Ok(text) = &mut text {
            text.push('\n');
        }
        text.and_then(|text| self.write(&path, &text))
            .map_err(|source| NameError::File { path, source })
    }

    /// Forgets a Gateway; if it was the one in use, none is.
    ///
    /// # Errors
    /// [`NameError`] when there is none of this name, or its file cannot be removed.
    pub fn remove(&self, name: &str) -> Result<(), NameError> {
        let path = self.file(name)?;
        if self.current()?.as_deref() == Some(name) {
            self.choose(None)?;
        }
        std::fs::remove_file(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => NameError::Unknown(name.to_owned()),
            _ => NameError::File { path, source },
        })
    }

    /// The name in use, as `gateway use` left it.
    ///
    /// # Errors
    /// [`NameError::File`] when the file cannot be read.
    pub fn current(&self) -> Result<Option<String>, NameError> {
        let path = self.folder.join(CURRENT);
        match fs::read_limited(&path, MAX_FILE) {
            Ok(bytes) => {
                let name = String::from_utf8_lossy(&bytes).trim().to_owned();
                Ok(Some(name).filter(|name| !name.is_empty()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(NameError::File { path, source }),
        }
    }

    /// Uses a Gateway from now on, or none.
    ///
    /// # Errors
    /// [`NameError`] when there is none of this name, or the file cannot be written.
    pub fn choose(&self, name: Option<&str>) -> Result<(), NameError> {
        let path = self.folder.join(CURRENT);
        let done = if let Some(name) = name {
            self.load(name)?;
            self.write(&path, &format!("{name}\n"))
        } else {
            std::fs::remove_file(&path).or_else(|error| match error.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })
        };
        done.map_err(|source| NameError::File { path, source })
    }

    fn write(&self, path: &Path, text: &str) -> io::Result<()> {
        fs::create_private_dir(&self.folder)?;
        fs::write_private(path, text.as_bytes())
    }

    fn file(&self, name: &str) -> Result<PathBuf, NameError> {
        if is_name(name) {
            Ok(self.folder.join(format!("{name}.json")))
        } else {
            Err(NameError::Bad(name.chars().take(80).collect()))
        }
    }
}

/// Names are parts of file names and stand on command lines.
fn is_name(name: &str) -> bool {
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    first && name.len() <= MAX_NAME && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(name: &str) -> NamedGateway {
        let via = Via::Door { path: Some(PathBuf::from("/s/door")), port: Some(18789) };
        let how = How::Ssh { target: "me@server:22".to_owned(), identity: None, via };
        NamedGateway::new(name, how, 7)
    }

    #[test]
    fn names_are_kept_and_one_is_in_use() {
        let folder = tempfile::tempdir().expect("a folder");
        let book = Book::new(folder.path().join("gateways"));
        assert!(book.list().expect("empty").is_empty());
        assert_eq!(book.current().expect("none"), None);
        let by_url = How::Url { url: "ws://127.0.0.1:1".to_owned(), tls_fingerprint: None };
        let by_url = NamedGateway { local_port: Some(18801), ..NamedGateway::new("b", by_url, 1) };
        let by_port = How::Ssh { target: "s".to_owned(), identity: None, via: Via::Port(7) };
        let by_port = NamedGateway::new("c", by_port, 1);
        let all = [server("a"), by_url, by_port];
        for gateway in &all {
            book.save(gateway).expect("saved");
        }
        assert_eq!(book.list().expect("all"), all);
        assert!(fs::is_private(&folder.path().join("gateways/a.json")).expect("mode"));

        assert!(matches!(book.choose(Some("nobody")), Err(NameError::Unknown(_))));
        book.choose(Some("a")).expect("chosen");
        assert_eq!(book.current().expect("a").as_deref(), Some("a"));
        book.remove("a").expect("removed");
        assert_eq!(book.current().expect("none"), None);
        assert!(matches!(book.load("a"), Err(NameError::Unknown(_))));
        assert!(matches!(book.remove("a"), Err(NameError::Unknown(_))));
        book.choose(None).expect("none already");
    }

    #[test]
    fn a_name_is_never_a_path_or_an_option() {
        let book = Book::new("/nowhere");
        for name in ["", ".", "..", "a/b", "-x", "a b", "é", &"x".repeat(41)] {
            assert!(matches!(book.load(name), Err(NameError::Bad(_))), "{name}");
        }
        assert!(matches!(book.load("me.server-1_x"), Err(NameError::Unknown(_))));
    }

    #[test]
    fn a_file_of_another_name_is_not_used() {
        let folder = tempfile::tempdir().expect("a folder");
        let book = Book::new(folder.path());
        book.save(&server("a")).expect("saved");
        std::fs::rename(folder.path().join("a.json"), folder.path().join("b.json")).expect("moved");
        assert!(matches!(book.load("b"), Err(NameError::File { .. })));
    }
}
