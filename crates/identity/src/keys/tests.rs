use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::pkcs8::{EncodePublicKey, spki::der::pem::LineEnding};
use proptest::prelude::*;

use super::*;

/// RFC 8032, section 7.1, test 2.
const SEED: &str = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
const PUBLIC: &str = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
const SIGNATURE: &str = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                         085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";

fn key() -> KeyPair {
    let seed: [u8; 32] = hex::decode(SEED).expect("hex").try_into().expect("32 bytes");
    KeyPair::from_seed(&seed)
}

#[test]
fn signs_as_rfc_8032_does() {
    let key = key();
    assert_eq!(hex::encode(key.public_key().as_bytes()), PUBLIC);
    let signature = key.sign(&[0x72]);
    assert_eq!(signature, to_base64url(&hex::decode(SIGNATURE).expect("hex")));
    assert!(key.public_key().verify(&[0x72], &signature));
    assert!(key.public_key().verify(&[0x72], &STANDARD.encode(hex::decode(SIGNATURE).unwrap())));
    assert!(!key.public_key().verify(&[0x73], &signature));
    assert!(!key.public_key().verify(&[0x72], ""));
    assert!(!key.public_key().verify(&[0x72], &signature[..80]));
}

#[test]
fn a_device_id_is_the_digest_of_the_key() {
    assert_eq!(
        key().device_id(),
        "39f713d0a644253f04529421b9f51b9b08979d08295959c4f3990ee617f5139f"
    );
}

#[test]
fn reads_every_form_of_a_public_key() {
    let public = key().public_key();
    let pem = public.0.to_public_key_pem(LineEnding::LF).expect("PEM");
    let standard = STANDARD.encode(public.as_bytes());
    for text in [public.to_base64url(), standard.clone(), pem, format!(" {standard}\n")] {
        assert_eq!(PublicKey::parse(&text).expect("a key"), public, "{text}");
    }
    let json = serde_json::to_string(&public).expect("JSON");
    assert_eq!(json, format!("\"{}\"", public.to_base64url()));
    assert_eq!(serde_json::from_str::<PublicKey>(&json).expect("a key"), public);
}

#[test]
fn refuses_what_is_no_key() {
    let zero = to_base64url(&[0; 32]);
    let identity = to_base64url(&{
        let mut point = [0; 32];
        point[0] = 1;
        point
    });
    let long = "A".repeat(600);
    for text in ["", "AAAA", "?", "-----BEGIN", &zero, &identity, &long] {
        assert!(PublicKey::parse(text).is_err(), "{text}");
    }
}

#[test]
fn debug_shows_no_private_key() {
    let shown = format!("{:?}", key());
    assert_eq!(shown, format!("KeyPair({})", key().public_key().to_base64url()));
}

proptest! {
    #[test]
    fn parsing_never_panics(text in ".{0,200}", signature in ".{0,120}") {
        if let Ok(key) = PublicKey::parse(&text) {
            prop_assert!(!key.verify(b"x", &signature));
        }
        prop_assert!(!key().public_key().verify(b"x", &signature));
    }

    #[test]
    fn signatures_hold_for_their_message_only(message: Vec<u8>, flip: u8) {
        let signature = key().sign(&message);
        prop_assert!(key().public_key().verify(&message, &signature));
        let mut other = message;
        other.push(flip);
        prop_assert!(!key().public_key().verify(&other, &signature));
    }
}
