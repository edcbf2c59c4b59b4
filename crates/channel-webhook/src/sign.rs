//! Signatures of bodies.

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// When it was signed, in seconds since 1970.
pub(crate) const TIMESTAMP: &str = "x-openclaw-timestamp";
/// The signature.
pub(crate) const SIGNATURE: &str = "x-openclaw-signature";
/// How far the clocks of both sides may be apart, in seconds: five minutes.
const MAX_SKEW: u64 = 300;

/// Signs a body.
pub(crate) fn sign(secret: &SecretString, stamp: &str, body: &[u8]) -> String {
    let bytes = mac(secret, stamp, body).map(|mac| mac.finalize().into_bytes());
    bytes.map(|bytes| format!("sha256={}", hex::encode(bytes))).unwrap_or_default()
}

/// Checks the signature of a body, in constant time.
pub(crate) fn check(
    secret: &SecretString,
    stamp: Option<&str>,
    shown: Option<&str>,
    body: &[u8],
    now: u64,
) -> Result<(), &'static str> {
    let (Some(stamp), Some(shown)) = (stamp, shown) else {
        return Err("X-OpenClaw-Timestamp and X-OpenClaw-Signature are missing");
    };
    let signed_at: u64 = stamp.parse().map_err(|_| "X-OpenClaw-Timestamp is no number")?;
    if signed_at.abs_diff(now) > MAX_SKEW {
        return Err("X-OpenClaw-Timestamp is more than five minutes off");
    }
    let wrong = "X-OpenClaw-Signature does not match";
    let shown = shown.strip_prefix("sha256=").and_then(|shown| hex::decode(shown).ok());
    let mac = mac(secret, stamp, body).ok_or(wrong)?;
    mac.verify_slice(&shown.ok_or(wrong)?).map_err(|_| wrong)
}

/// An empty secret signs nothing.
fn mac(secret: &SecretString, stamp: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
    let key = secret.expose_secret().as_bytes();
    let mut mac = (!key.is_empty()).then(|| Hmac::<Sha256>::new_from_slice(key).ok())??;
    mac.update(stamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_signed_passes() {
        let secret = SecretString::from("s".to_owned());
        let right = sign(&secret, "1000", b"body");
        let passes = |secret: &SecretString, stamp, shown: &str, body: &[u8], now| {
            check(secret, Some(stamp), Some(shown), body, now)
        };
        assert_eq!(passes(&secret, "1000", &right, b"body", 1_300), Ok(()));
        assert!(passes(&secret, "1000", &right, b"body", 1_301).is_err(), "too old");
        assert!(passes(&secret, "1001", &right, b"body", 1_300).is_err(), "another time");
        assert!(passes(&secret, "1000", &right, b"bodY", 1_000).is_err(), "another body");
        let other = SecretString::from("t".to_owned());
        assert!(passes(&other, "1000", &right, b"body", 1_000).is_err(), "another secret");
        for shown in ["", "sha256=", "sha256=zz", &right[..20]] {
            assert!(passes(&secret, "1000", shown, b"body", 1_000).is_err(), "{shown}");
        }
        let empty = SecretString::from(String::new());
        let signed = sign(&empty, "1000", b"body");
        assert!(passes(&empty, "1000", &signed, b"body", 1_000).is_err());
        assert!(check(&secret, None, Some(&right), b"body", 1_000).is_err());
    }
}
