//! Ed25519 keys of devices and Gateways.

use std::{fmt, path::Path};

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey, pkcs8::DecodePublicKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest, Sha256};

use crate::{IdentityError, from_base64, to_base64url};

mod file;

/// Longest text that can hold a public key; a PEM with its armour is the longest form.
const MAX_KEY_TEXT: usize = 512;

/// A public key that is a usable point of the curve.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads base64url or standard base64 of the raw 32 bytes, or an SPKI PEM.
    ///
    /// # Errors
    /// [`IdentityError::PublicKey`] when the text is none of these, or the key is a weak one.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let text = text.trim();
        if text.len() > MAX_KEY_TEXT {
            return Err(IdentityError::PublicKey);
        }
        let key = if text.starts_with("-----") {
            VerifyingKey::from_public_key_pem(text).map_err(|_| IdentityError::PublicKey)?
        } else {
            let raw = from_base64(text).ok_or(IdentityError::PublicKey)?;
            let raw = raw.try_into().map_err(|_| IdentityError::PublicKey)?;
            VerifyingKey::from_bytes(&raw).map_err(|_| IdentityError::PublicKey)?
        };
        if key.is_weak() { Err(IdentityError::PublicKey) } else { Ok(Self(key)) }
    }

    /// Unpadded base64url of the raw bytes.
    #[must_use]
    pub fn to_base64url(&self) -> String {
        to_base64url(self.0.as_bytes())
    }

    /// The raw 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Lowercase hex SHA-256 of the raw bytes.
    #[must_use]
    pub fn device_id(&self) -> String {
        hex::encode(Sha256::digest(self.0.as_bytes()))
    }

    /// Whether the holder of this key signed `message`; the signature is base64url or standard base64.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &str) -> bool {
        from_base64(signature)
            .and_then(|bytes| Signature::from_slice(&bytes).ok())
            .is_some_and(|signature| self.0.verify_strict(message, &signature).is_ok())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_base64url())
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_base64url())
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A private key with its public half.
#[derive(Clone)]
pub struct KeyPair(SigningKey);

impl KeyPair {
    /// A new key from the system's randomness.
    ///
    /// # Errors
    /// [`IdentityError::Random`] when the system has none.
    pub fn generate() -> Result<Self, IdentityError> {
        let mut seed = zeroize::Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(|_| IdentityError::Random)?;
        Ok(Self::from_seed(&seed))
    }

    /// The key of a seed; tests use it for fixed vectors.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Reads the key in a file, or makes the file (0600) with a new key. The format is that of the
    /// original's `identity/device.json`. Of several processes that start at once, one makes it.
    ///
    /// # Errors
    /// [`IdentityError`] when the file cannot be read, made, or does not hold a key.
    pub fn load_or_create(path: &Path, now_ms: u64) -> Result<Self, IdentityError> {
        file::load_or_create(path, now_ms)
    }

    /// Reads the key in a file; `None` if there is no file.
    ///
    /// # Errors
    /// [`IdentityError`] when the file cannot be read or does not hold a key.
    pub fn load(path: &Path) -> Result<Option<Self>, IdentityError> {
        file::load(path)
    }

    /// The id of a device with this key.
    #[must_use]
    pub fn device_id(&self) -> String {
        self.public_key().device_id()
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs; the signature is unpadded base64url.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> String {
        to_base64url(&self.0.sign(message).to_bytes())
    }

    pub(crate) const fn signing_key(&self) -> &SigningKey {
        &self.0
    }

    fn from_signing_key(key: SigningKey) -> Self {
        Self(key)
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({})", self.public_key())
    }
}

#[cfg(test)]
mod tests;
