//! Who is who: Ed25519 keys, the bytes that are signed, and comparing secrets.
//!
//! The transcripts are defined in `docs/trust.md`; tests hold their bytes and signatures fixed. Nothing
//! here talks to anybody, and no secret has a readable `Debug`.

pub mod keys;
pub mod legacy;
pub mod secret;
pub mod transcript;

mod error;

pub use error::IdentityError;
pub use keys::{KeyPair, PublicKey};

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose},
};

/// Unpadded base64url, the form everything is sent in.
#[must_use]
pub fn to_base64url(bytes: &[u8]) -> String {
    general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads base64url or standard base64, padded or not.
#[must_use]
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
    URL_SAFE.decode(text).or_else(|_| STANDARD.decode(text)).ok()
}
