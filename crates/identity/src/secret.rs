//! Random secrets, keyed digests, and comparing without telling how much was right.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{IdentityError, from_base64, to_base64url};

/// A secret shorter than this is easy to guess.
pub const SHORT_CHARS: usize = 24;

/// Values that stand in examples and are no secret.
const PLACEHOLDERS: &[&str] = &[
    "undefined",
    "null",
    "your-token",
    "your-password",
    "change-me",
    "changeme",
    "token",
    "password",
    "secret",
];

/// Whether a text is no secret at all: blank, or a value that stands in examples.
#[must_use]
pub fn is_placeholder(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || PLACEHOLDERS.contains(&text.to_ascii_lowercase().as_str())
}

/// Whether a secret is easy to guess.
#[must_use]
pub fn is_short(text: &str) -> bool {
    text.chars().count() < SHORT_CHARS
}

/// A new shared token: 32 random bytes as unpadded base64url, never beginning with a dash, which
/// command lines take for an option.
///
/// # Errors
/// [`IdentityError::Random`] when the system has no randomness.
pub fn generate_token() -> Result<SecretString, IdentityError> {
    loop {
        let token = to_base64url(&*random()?);
        if !token.starts_with('-') {
            return Ok(SecretString::from(token));
        }
    }
}

/// What is kept of a single-use token: SHA-256 as unpadded base64url. The token is 32 random bytes, so
/// nobody finds it from this.
#[must_use]
pub fn digest(token: &str) -> String {
    to_base64url(&Sha256::digest(token))
}

/// A new nonce: 32 random bytes as unpadded base64url. Not a secret.
///
/// # Errors
/// [`IdentityError::Random`] when the system has no randomness.
pub fn nonce() -> Result<String, IdentityError> {
    Ok(to_base64url(&*random()?))
}

/// The bytes of a nonce made by [`nonce`]; `None` unless there are exactly 32.
#[must_use]
pub fn nonce_bytes(nonce: &str) -> Option<[u8; 32]> {
    from_base64(nonce)?.try_into().ok()
}

/// HMAC-SHA-256 of `message` under the secret, as unpadded base64url.
#[must_use]
pub fn hmac_b64(secret: &SecretString, message: &[u8]) -> String {
    to_base64url(&hmac(secret.expose_secret().as_bytes(), message))
}

/// Whether `mac` is the HMAC of `message` under the secret. An empty secret proves nothing.
#[must_use]
pub fn verify_hmac(secret: &SecretString, message: &[u8], mac: &str) -> bool {
    let right = hmac(secret.expose_secret().as_bytes(), message);
    let given = from_base64(mac).unwrap_or_default();
    !secret.expose_secret().is_empty() && bool::from(right.as_slice().ct_eq(&given))
}

/// Whether two texts are the same, in a time that tells neither content nor length.
#[must_use]
pub fn eq_constant_time(left: &str, right: &str) -> bool {
    bool::from(Sha256::digest(left).ct_eq(&Sha256::digest(right)))
}

pub(crate) fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

fn random() -> Result<zeroize::Zeroizing<[u8; 32]>, IdentityError> {
    let mut bytes = zeroize::Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|_| IdentityError::Random)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_nonces_are_32_fresh_bytes() {
        let (one, two) = (nonce().expect("random"), nonce().expect("random"));
        assert_ne!(one, two);
        assert_eq!(one.len(), 43);
        assert!(nonce_bytes(&one).is_some());
        assert_eq!(nonce_bytes("AAAA"), None);
        assert_eq!(nonce_bytes("not base64!"), None);
        let token = generate_token().expect("random");
        assert_eq!(token.expose_secret().len(), 43);
        assert!(!format!("{token:?}").contains(token.expose_secret()));
    }

    #[test]
    fn hmac_matches_rfc_4231() {
        let key = SecretString::from("Jefe".to_owned());
        let message = b"what do ya want for nothing?";
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex::encode(hmac(b"Jefe", message)), expected);
        let mac = hmac_b64(&key, message);
        assert!(verify_hmac(&key, message, &mac));
        assert!(!verify_hmac(&key, b"other", &mac));
        assert!(!verify_hmac(&SecretString::from("jefe".to_owned()), message, &mac));
        assert!(!verify_hmac(&key, message, ""));
        assert!(!verify_hmac(&key, message, &mac[1..]));
    }

    #[test]
    fn an_empty_secret_proves_nothing() {
        let empty = SecretString::from(String::new());
        assert!(!verify_hmac(&empty, b"x", &hmac_b64(&empty, b"x")));
    }

    #[test]
    fn texts_compare_by_content() {
        assert!(eq_constant_time("secret", "secret"));
        for (left, right) in [("secret", "secreT"), ("secret", "secret "), ("", "x")] {
            assert!(!eq_constant_time(left, right), "{left} {right}");
        }
    }
}
