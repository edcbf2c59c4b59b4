//! The file a key lives in, in the format of the original's `identity/device.json`.

use std::{
    fs::{DirBuilder, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use ed25519_dalek::{
    SigningKey,
    pkcs8::{
        DecodePrivateKey, EncodePrivateKey, EncodePublicKey, KeypairBytes,
        spki::der::pem::LineEnding,
    },
};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::{KeyPair, PublicKey};
use crate::IdentityError;

/// The largest key file that is read, in bytes.
const MAX_FILE: u64 = 16 * 1024;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyFile {
    version: u32,
    device_id: String,
    public_key_pem: String,
    private_key_pem: String,
    created_at_ms: u64,
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        self.private_key_pem.zeroize();
    }
}

pub(crate) fn load_or_create(path: &Path, now_ms: u64) -> Result<KeyPair, IdentityError> {
    if let Some(key) = load(path)? {
        return Ok(key);
    }
    let key = KeyPair::generate()?;
    match create(path, &key, now_ms) {
        Ok(()) => Ok(key),
        // Another process was faster; its key is the one.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            load(path)?.ok_or_else(|| IdentityError::Write { path: path.to_owned(), source: error })
        }
        Err(source) => Err(IdentityError::Write { path: path.to_owned(), source }),
    }
}

pub(crate) fn load(path: &Path) -> Result<Option<KeyPair>, IdentityError> {
    let mut text = Zeroizing::new(String::new());
    let read = OpenOptions::new()
        .read(true)
        .open(path)
        .and_then(|file| file.take(MAX_FILE).read_to_string(&mut text));
    match read {
        Ok(_) => parse(path, &text).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(IdentityError::Read { path: path.to_owned(), source }),
    }
}

fn parse(path: &Path, text: &str) -> Result<KeyPair, IdentityError> {
    let invalid = |reason| IdentityError::Invalid { path: path.to_owned(), reason };
    let file: KeyFile =
        serde_json::from_str(text).map_err(|_| invalid("it is not the JSON of a key file"))?;
    if file.version != 1 {
        return Err(invalid("its version is unknown"));
    }
    let key = SigningKey::from_pkcs8_pem(&file.private_key_pem)
        .map(KeyPair::from_signing_key)
        .map_err(|_| invalid("its private key cannot be read"))?;
    let public = PublicKey::parse(&file.public_key_pem)
        .map_err(|_| invalid("its public key cannot be read"))?;
    if public != key.public_key() {
        return Err(invalid("its public key belongs to another private key"));
    }
    if file.device_id != key.device_id() {
        return Err(invalid("its device id belongs to another key"));
    }
    Ok(key)
}

/// Writes the file under another name and links it into place, which fails if somebody else was first.
fn create(path: &Path, key: &KeyPair, now_ms: u64) -> io::Result<()> {
    let text = render(key, now_ms)?;
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let random = getrandom::u64().map_err(|error| io::Error::other(error.to_string()))?;
    let temporary = folder.join(format!(".identity.{random:016x}.tmp"));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    let linked = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::hard_link(&temporary, path));
    let removed = std::fs::remove_file(&temporary);
    linked.and(removed)
}

fn render(key: &KeyPair, now_ms: u64) -> io::Result<Zeroizing<String>> {
    // Without the public key inside: Node.js does not read that newer form.
    let private = KeypairBytes { secret_key: key.signing_key().to_bytes(), public_key: None };
    let private_key_pem = private.to_pkcs8_pem(LineEnding::LF).map_err(io::Error::other)?;
    let public_key_pem = key
        .signing_key()
        .verifying_key()
        .to_public_key_pem(LineEnding::LF)
        .map_err(io::Error::other)?;
    let file = KeyFile {
        version: 1,
        device_id: key.device_id(),
        public_key_pem,
        private_key_pem: private_key_pem.to_string(),
        created_at_ms: now_ms,
    };
    let mut text = serde_json::to_string_pretty(&file).map_err(io::Error::other)?;
    text.push('\n');
    Ok(Zeroizing::new(text))
}

#[cfg(test)]
mod tests;
