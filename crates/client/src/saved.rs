//! What is remembered of each Gateway: its key, whether this device is paired, the device tokens that
//! an original's Gateway issued. One 0600 file per endpoint in the state folder's `clients/`.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use openclaw_base::fs;
use openclaw_identity::PublicKey;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::dial::Target;

/// Largest file that is read, in bytes.
const MAX_FILE: u64 = 64 * 1024;

/// The file of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedFile {
    path: PathBuf,
    origin: String,
}

/// What a file holds.
#[derive(Clone, Debug, Default)]
pub struct SavedGateway {
    /// The key the Gateway proved.
    pub key: Option<PublicKey>,
    /// Roles in which this device was accepted with nothing but its own key.
    pub paired: Vec<String>,
    /// Device tokens by role.
    pub tokens: BTreeMap<String, SecretString>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    version: u32,
    origin: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gateway_key: Option<PublicKey>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    paired: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    device_tokens: BTreeMap<String, String>,
}

impl SavedFile {
    /// The file of a target in the folder `clients`.
    #[must_use]
    pub fn of(clients: &Path, target: &Target) -> Self {
        let origin = target.origin();
        let digest = hex::encode(Sha256::digest(&origin));
        let name = digest.get(..32).unwrap_or(&digest);
        Self { path: clients.join(format!("{name}.json")), origin }
    }

    /// Where the file is, if it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file; a missing one is empty.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged. It may hold a pin, so it is never taken for empty.
    pub fn load(&self) -> io::Result<SavedGateway> {
        let bytes = match fs::read_limited(&self.path, MAX_FILE) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(SavedGateway::default());
            }
            Err(error) => return Err(error),
        };
        let wire: Wire = serde_json::from_slice(&bytes)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the file is damaged"))?;
        if wire.version != 1 || wire.origin != self.origin {
            let text = "the file belongs to another version or endpoint";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let tokens = wire.device_tokens.into_iter();
        Ok(SavedGateway {
            key: wire.gateway_key,
            paired: wire.paired,
            tokens: tokens.map(|(role, token)| (role, SecretString::from(token))).collect(),
        })
    }

    /// Replaces the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, gateway: &SavedGateway) -> io::Result<()> {
        let tokens = gateway.tokens.iter();
        let wire = Wire {
            version: 1,
            origin: self.origin.clone(),
            gateway_key: gateway.key,
            paired: gateway.paired.clone(),
            device_tokens: tokens
                .map(|(role, token)| (role.clone(), token.expose_secret().to_owned()))
                .collect(),
        };
        if let Some(folder) = self.path.parent() {
            fs::create_private_dir(folder)?;
        }
        let mut text = serde_json::to_string_pretty(&wire).map_err(io::Error::other)?;
        text.push('\n');
        fs::write_private(&self.path, text.as_bytes())
    }

    /// Forgets everything about the endpoint.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn forget(&self) -> io::Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use openclaw_identity::KeyPair;

    use super::*;

    fn file(folder: &Path, url: &str) -> SavedFile {
        SavedFile::of(&folder.join("clients"), &Target::Url(url.to_owned()))
    }

    #[test]
    fn keeps_what_was_learnt_apart_for_each_endpoint() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, two) = (file(folder.path(), "ws://a:1"), file(folder.path(), "ws://a:2"));
        assert_ne!(one.path(), two.path());
        let key = KeyPair::from_seed(&[1; 32]).public_key();
        let mut gateway = SavedGateway { key: Some(key), ..one.load().expect("empty") };
        gateway.paired.push("operator".to_owned());
        gateway.tokens.insert("node".to_owned(), SecretString::from("T".to_owned()));
        one.save(&gateway).expect("saved");
        assert!(fs::is_private(one.path()).expect("mode"));

        let again = one.load().expect("read");
        assert_eq!(again.key, Some(key));
        assert_eq!(again.paired, ["operator"]);
        assert_eq!(again.tokens.get("node").map(|token| token.expose_secret()), Some("T"));
        assert!(!format!("{again:?}").contains("\"T\""));
        assert_eq!(two.load().expect("empty").key, None);

        one.forget().expect("removed");
        one.forget().expect("nothing to remove");
        assert_eq!(one.load().expect("empty").key, None);
    }

    #[test]
    fn a_damaged_file_is_not_taken_for_an_empty_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let saved = file(folder.path(), "ws://a:1");
        saved.save(&SavedGateway::default()).expect("saved");
        let other =
            std::fs::read_to_string(saved.path()).expect("read").replace("ws://a:1", "ws://b");
        for text in ["", "{}", &other] {
            std::fs::write(saved.path(), text).expect("written");
            let error = saved.load().expect_err(text);
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{text}");
        }
    }
}
