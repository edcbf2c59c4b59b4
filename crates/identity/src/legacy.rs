//! The published signature formats, fields joined with `|`.
//!
//! They do not name the Gateway, so a signature alone is never enough: a matching shared secret or
//! device token always has to stand beside it.

use std::fmt;

use crate::PublicKey;

/// Which published format a signature was made in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegacyFormat {
    /// Without a nonce: only from a client on the same machine.
    V1,
    /// With the nonce.
    V2,
    /// With the nonce, platform and device family.
    V3,
}

/// What the published formats are made of.
#[derive(Clone, Copy)]
pub struct LegacyPayload<'a> {
    /// `device.id`.
    pub device_id: &'a str,
    /// `client.id`.
    pub client_id: &'a str,
    /// `client.mode`.
    pub client_mode: &'a str,
    /// Role asked for; `operator` when absent.
    pub role: &'a str,
    /// Scopes in the order sent.
    pub scopes: &'a [String],
    /// `device.signedAt`.
    pub signed_at_ms: u64,
    /// First of `auth.token`, `auth.deviceToken`, `auth.bootstrapToken`; else empty.
    pub token: &'a str,
    /// `device.nonce`; `None` if it was not sent.
    pub nonce: Option<&'a str>,
    /// `client.platform`.
    pub platform: &'a str,
    /// `client.deviceFamily`, or empty.
    pub device_family: &'a str,
}

impl fmt::Debug for LegacyPayload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LegacyPayload")
            .field("device_id", &self.device_id)
            .field("role", &self.role)
            .field("token", &!self.token.is_empty())
            .finish_non_exhaustive()
    }
}

impl LegacyPayload<'_> {
    /// The text that is signed in a format.
    #[must_use]
    pub fn text(&self, format: LegacyFormat) -> String {
        let version = match format {
            LegacyFormat::V1 => "v1",
            LegacyFormat::V2 => "v2",
            LegacyFormat::V3 => "v3",
        };
        let scopes = self.scopes.join(",");
        let signed_at = self.signed_at_ms.to_string();
        let mut fields = vec![
            version,
            self.device_id,
            self.client_id,
            self.client_mode,
            self.role,
            &scopes,
            &signed_at,
            self.token,
        ];
        let (platform, family) = (folded(self.platform), folded(self.device_family));
        if format != LegacyFormat::V1 {
            fields.push(self.nonce.unwrap_or_default());
        }
        if format == LegacyFormat::V3 {
            fields.extend([platform.as_str(), family.as_str()]);
        }
        fields.join("|")
    }

    /// The format in which `signature` is a signature by `key`: v3, then v2; v1 only without a nonce.
    #[must_use]
    pub fn verify(&self, key: &PublicKey, signature: &str) -> Option<LegacyFormat> {
        let formats: &[LegacyFormat] = match self.nonce {
            Some(_) => &[LegacyFormat::V3, LegacyFormat::V2],
            None => &[LegacyFormat::V1],
        };
        let signed = |format: &&LegacyFormat| key.verify(self.text(**format).as_bytes(), signature);
        formats.iter().find(signed).copied()
    }
}

fn folded(text: &str) -> String {
    text.trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyPair;

    fn payload<'a>(scopes: &'a [String], nonce: Option<&'a str>) -> LegacyPayload<'a> {
        LegacyPayload {
            device_id: "d1",
            client_id: "cli",
            client_mode: "cli",
            role: "operator",
            scopes,
            signed_at_ms: 1_790_000_000_000,
            token: "T",
            nonce,
            platform: " Linux ",
            device_family: "",
        }
    }

    #[test]
    fn texts_are_as_published() {
        let scopes = ["operator.read".to_owned(), "operator.write".to_owned()];
        let head = "d1|cli|cli|operator|operator.read,operator.write|1790000000000|T";
        let payload = payload(&scopes, Some("n"));
        assert_eq!(payload.text(LegacyFormat::V1), format!("v1|{head}"));
        assert_eq!(payload.text(LegacyFormat::V2), format!("v2|{head}|n"));
        assert_eq!(payload.text(LegacyFormat::V3), format!("v3|{head}|n|linux|"));
    }

    #[test]
    fn finds_the_format_that_was_signed() {
        let key = KeyPair::from_seed(&[7; 32]);
        let public = key.public_key();
        let sign = |payload: &LegacyPayload<'_>, format| key.sign(payload.text(format).as_bytes());

        let with = payload(&[], Some("n"));
        for format in [LegacyFormat::V2, LegacyFormat::V3] {
            assert_eq!(with.verify(&public, &sign(&with, format)), Some(format));
        }
        assert_eq!(with.verify(&public, &sign(&with, LegacyFormat::V1)), None, "nonce was sent");

        let without = payload(&[], None);
        let v1 = sign(&without, LegacyFormat::V1);
        assert_eq!(without.verify(&public, &v1), Some(LegacyFormat::V1));
        assert_eq!(without.verify(&public, &sign(&without, LegacyFormat::V2)), None);

        let other = KeyPair::from_seed(&[8; 32]).public_key();
        assert_eq!(without.verify(&other, &v1), None);
        let changed = LegacyPayload { token: "U", ..without };
        assert_eq!(changed.verify(&public, &v1), None);
    }

    #[test]
    fn the_token_is_not_printed() {
        let payload = LegacyPayload { token: "very-secret", ..payload(&[], None) };
        assert!(!format!("{payload:?}").contains("very-secret"));
    }
}
