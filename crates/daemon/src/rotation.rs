//! The shared secret that was in force before a rotation: it is accepted until its time is over, so that
//! what still uses it can be told the new one without being cut off.

use std::path::Path;

use openclaw_base::fs;
use openclaw_config::{Editor, Environment, Loaded, Paths};
use openclaw_gateway::settings::{Previous, SharedAuth};
use openclaw_identity::secret;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::{
    auth::{self, AuthFlags, AuthSource},
    error::DaemonError,
};

/// Largest file that is read, in bytes.
const MAX_FILE: u64 = 8 * 1024;

/// The file, 0600 in the state folder.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    kind: Kind,
    secret: String,
    until_ms: u64,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Token,
    Password,
}

/// A shared secret that can be replaced where it stands.
#[derive(Debug)]
pub struct Rotation {
    /// `token` or `password`.
    pub kind: &'static str,
    /// Where it stands, for people.
    pub place: String,
    old: SharedAuth,
    key: Option<&'static str>,
}

impl Rotation {
    /// Finds the secret of this state folder.
    ///
    /// # Errors
    /// When there is none, or it stands where only a person can change it; the hint says how.
    pub fn prepare(paths: &Paths, loaded: &Loaded) -> Result<Self, DaemonError> {
        let resolved = auth::resolve(paths, loaded, &AuthFlags::default())?;
        let (kind, key, variable) = match &resolved.auth {
            SharedAuth::Token(_) => ("token", "gateway.auth.token", "OPENCLAW_GATEWAY_TOKEN"),
            SharedAuth::Password(_) => {
                ("password", "gateway.auth.password", "OPENCLAW_GATEWAY_PASSWORD")
            }
            SharedAuth::None | SharedAuth::TrustedProxy(_) => {
                return Err(DaemonError::setting(
                    "this Gateway asks for no shared secret",
                    "cut devices instead: openclaw devices list, openclaw devices remove",
                ));
            }
        };
        let elsewhere = |place: &str, hint: String| {
            Err(DaemonError::setting(format!("the {kind} comes from {place}"), hint))
        };
        let place = match resolved.source {
            AuthSource::TokenFile => (paths.token_file().display().to_string(), None),
            AuthSource::Config if loaded.is_spelled_out(key) => {
                (format!("{}, {key}", paths.config_file().display()), Some(key))
            }
            AuthSource::Config => {
                return elsewhere(
                    &format!("where {key} refers to"),
                    "change it there; the Gateway follows when the configuration is saved"
                        .to_owned(),
                );
            }
            AuthSource::Nothing
            | AuthSource::Proxy
            | AuthSource::Flag
            | AuthSource::Environment => {
                return elsewhere(
                    "the environment",
                    format!("change {variable} where it is set, and restart the Gateway"),
                );
            }
        };
        Ok(Self { kind, place: place.0, old: resolved.auth, key: place.1 })
    }

    /// Writes a new secret in its place. The old one counts until `until_ms`, in milliseconds since
    /// 1970; with none it counts no more.
    ///
    /// # Errors
    /// When something cannot be written; then the old secret is in force still.
    pub fn commit(
        self,
        paths: &Paths,
        env: &Environment,
        until_ms: Option<u64>,
    ) -> Result<(), DaemonError> {
        let new = secret::generate_token()?;
        match until_ms {
            // First of all, so that there is no moment in which the old one is refused.
            Some(until_ms) => keep_previous(paths, &self.old, until_ms)?,
            None => forget_previous(paths)?,
        }
        match self.key {
            None => {
                let path = paths.token_file();
                let line = format!("{}\n", new.expose_secret());
                fs::write_private(&path, line.as_bytes()).map_err(|source| DaemonError::File {
                    action: "cannot write",
                    path,
                    source,
                })
            }
            Some(key) => {
                let mut editor = Editor::open(paths, env)?;
                editor.set_json(key, &new.expose_secret().into())?;
                editor.save()?;
                Ok(())
            }
        }
    }
}

/// Until when an earlier secret is in force, in milliseconds since 1970.
#[must_use]
pub fn overlap_until(paths: &Paths, now_ms: u64) -> Option<u64> {
    previous(paths, now_ms).map(|previous| previous.until_ms)
}

/// Keeps a secret in force until a time, in milliseconds since 1970.
fn keep_previous(paths: &Paths, auth: &SharedAuth, until_ms: u64) -> Result<(), DaemonError> {
    let (kind, secret) = match auth {
        SharedAuth::Token(secret) => (Kind::Token, secret),
        SharedAuth::Password(secret) => (Kind::Password, secret),
        SharedAuth::None | SharedAuth::TrustedProxy(_) => return Ok(()),
    };
    let path = paths.previous_secret_file();
    let wire = Wire { kind, secret: secret.expose_secret().to_owned(), until_ms };
    let written = serde_json::to_vec(&wire).map_err(std::io::Error::other);
    written.and_then(|bytes| fs::write_private(&path, &bytes)).map_err(|source| DaemonError::File {
        action: "cannot write",
        path,
        source,
    })
}

/// Takes an earlier secret out of force.
fn forget_previous(paths: &Paths) -> Result<(), DaemonError> {
    let path = paths.previous_secret_file();
    match std::fs::remove_file(&path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(DaemonError::File { action: "cannot remove", path, source })
        }
        _ => Ok(()),
    }
}

/// The earlier secret that is in force still; one whose time is over is removed.
pub(crate) fn previous(paths: &Paths, now_ms: u64) -> Option<Previous> {
    let path = paths.previous_secret_file();
    let wire = read(&path)?;
    if wire.until_ms <= now_ms {
        if let Err(error) = forget_previous(paths) {
            tracing::warn!(%error, "an earlier secret stays in its file, and is refused");
        }
        return None;
    }
    let secret = SecretString::from(wire.secret);
    let auth = match wire.kind {
        Kind::Token => SharedAuth::Token(secret),
        Kind::Password => SharedAuth::Password(secret),
    };
    Some(Previous { auth, until_ms: wire.until_ms })
}

fn read(path: &Path) -> Option<Wire> {
    let bytes = match fs::read_limited(path, MAX_FILE) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "an earlier secret cannot be read");
            return None;
        }
    };
    auth::keep_private(path);
    let wire = serde_json::from_slice(&bytes);
    if wire.is_err() {
        tracing::warn!(path = %path.display(), "an earlier secret cannot be read");
    }
    wire.ok()
}

#[cfg(test)]
mod tests {
    use openclaw_config::{Environment, PathOptions};

    use super::*;

    #[test]
    fn an_earlier_secret_counts_until_its_time_is_over() {
        let home = tempfile::tempdir().expect("a folder");
        let env = Environment::from_pairs([("HOME".to_owned(), home.path().display().to_string())]);
        let paths = Paths::resolve(&env, &PathOptions::default()).expect("paths");
        paths.create_folders().expect("folders");
        assert!(previous(&paths, 0).is_none());
        let secret = SharedAuth::Token(SecretString::from("the-one-before".to_owned()));
        keep_previous(&paths, &secret, 1_000).expect("kept");
        let file = paths.previous_secret_file();
        assert!(fs::is_private(&file).expect("mode"));
        let kept = previous(&paths, 999).expect("in force");
        assert!(kept.auth.is_same(&secret));
        assert!(!format!("{kept:?}").contains("the-one-before"));
        assert!(previous(&paths, 1_000).is_none());
        assert!(!file.exists(), "and is gone");
    }
}
