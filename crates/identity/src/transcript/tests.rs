use proptest::prelude::*;
use secrecy::ExposeSecret;

use super::*;

fn gateway() -> KeyPair {
    KeyPair::from_seed(&[1; 32])
}

fn device() -> KeyPair {
    KeyPair::from_seed(&[2; 32])
}

fn scopes() -> Vec<String> {
    vec!["operator.read".to_owned(), "operator.write".to_owned()]
}

fn link(gateway: &PublicKey) -> Link<'_> {
    Link {
        client_nonce: &[0xAA; 32],
        server_nonce: "nonce-1",
        gateway,
        binding: "none",
        exporter: &[],
    }
}

/// Written out by hand: the domain, then the fields every proof shares.
fn start(domain: &str) -> String {
    let mut hex = format!("{:08x}{}", domain.len(), hex::encode(domain));
    hex.push_str("00000020");
    hex.push_str(&"aa".repeat(32));
    hex.push_str("000000076e6f6e63652d31");
    hex.push_str("000000208a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c");
    hex.push_str("000000046e6f6e65");
    hex.push_str("00000000");
    hex
}

#[test]
fn gateway_proof_bytes_are_fixed() {
    let public = gateway().public_key();
    let bytes = GatewayTranscript { link: link(&public), wants: "token" }.bytes();
    let expected = format!("{}00000005746f6b656e", start("openclaw-gateway-proof-v1"));
    assert_eq!(hex::encode(&bytes), expected);
    assert_eq!(gateway().sign(&bytes), GATEWAY_SIGNATURE);
}

#[test]
fn secret_proof_bytes_are_fixed() {
    let public = gateway().public_key();
    let transcript = SecretTranscript {
        link: link(&public),
        kind: "token",
        role: "operator",
        scopes: &scopes(),
        device_id: "d1",
    };
    let bytes = transcript.bytes();
    let start = start("openclaw-secret-proof-v1");
    let expected = [
        start.as_str(),
        "00000005746f6b656e",
        "000000086f70657261746f72",
        "0000001c6f70657261746f722e726561642c6f70657261746f722e7772697465",
        "000000026431",
    ];
    assert_eq!(hex::encode(&bytes), expected.concat());
    let mac = secret::hmac_b64(&SecretString::from("hunter2".to_owned()), &bytes);
    assert_eq!(mac, SECRET_MAC);
}

#[test]
fn device_proof_bytes_are_fixed() {
    let public = gateway().public_key();
    let transcript = DeviceTranscript {
        link: link(&public),
        device_id: "d1",
        client_id: "cli",
        client_mode: "cli",
        role: "operator",
        scopes: &scopes(),
        signed_at_ms: 1_790_000_000_000,
    };
    let bytes = transcript.bytes();
    let start = start("openclaw-device-proof-v1");
    let expected = [
        start.as_str(),
        "000000026431",
        "00000003636c69",
        "00000003636c69",
        "000000086f70657261746f72",
        "0000001c6f70657261746f722e726561642c6f70657261746f722e7772697465",
        "0000000d31373930303030303030303030",
    ];
    assert_eq!(hex::encode(&bytes), expected.concat());
    assert_eq!(device().sign(&bytes), DEVICE_SIGNATURE);
}

// Computed once with another implementation (Python's `hmac` and OpenSSL), so that a change of ours
// cannot change both sides.
const GATEWAY_SIGNATURE: &str =
    "nCuvtIpdGEt7yQwlzahgTGCP_Rimdm2AkfI_8-N70wLEJ2FQJhDe_fFhLD2pgl73cAuYfpeEzIJ88KeZHeZRCA";
const SECRET_MAC: &str = "DaQckt6Rz2OsT8SeoijKtnOgynnUgsr3lQAor2pUzCk";
const DEVICE_SIGNATURE: &str =
    "vSucbe1cFPtmugm2gQ7gkXoEO_0gxzRQGBsSU2KLksyW1hz07sFePK_LYCph045nveEPedXcH9dQMcC3YvkjAQ";
const TOKEN: &str = "j-vz-f4mkjfsXCz5m0gIv6HDcR9FQRKEVCx-pgNO2KA";
const REQUEST_ID: &str = "fcdb8ec9-3569-fa4f-b2b5-d444d713d350";

#[test]
fn a_proof_is_worth_nothing_elsewhere() {
    let (mine, other) = (gateway().public_key(), device().public_key());
    let base = GatewayTranscript { link: link(&mine), wants: "token" };
    let changed = [
        GatewayTranscript { link: Link { gateway: &other, ..base.link }, ..base },
        GatewayTranscript { link: Link { server_nonce: "nonce-2", ..base.link }, ..base },
        GatewayTranscript { link: Link { client_nonce: &[0xAB; 32], ..base.link }, ..base },
        GatewayTranscript { link: Link { binding: "unix", ..base.link }, ..base },
        GatewayTranscript { link: Link { exporter: &[1], ..base.link }, ..base },
        GatewayTranscript { wants: "password", ..base },
    ];
    let signature = gateway().sign(&base.bytes());
    assert!(mine.verify(&base.bytes(), &signature));
    for transcript in changed {
        assert!(!mine.verify(&transcript.bytes(), &signature), "{transcript:?}");
    }
}

#[test]
fn request_ids_are_stable_and_tell_requests_apart() {
    let key = device().public_key();
    let commands = ["system.run".to_owned()];
    let id = pairing_request_id(&key, "operator", &scopes(), &[]);
    assert_eq!(id, REQUEST_ID);
    let mut turned = scopes();
    turned.reverse();
    turned.push("operator.read".to_owned());
    assert_eq!(pairing_request_id(&key, "operator", &turned, &[]), id);
    let others = [
        pairing_request_id(&gateway().public_key(), "operator", &scopes(), &[]),
        pairing_request_id(&key, "node", &scopes(), &[]),
        pairing_request_id(&key, "operator", &scopes()[..1], &[]),
        pairing_request_id(&key, "operator", &scopes(), &commands),
    ];
    assert!(others.iter().all(|other| *other != id));
    let (one, two) = (["a,b".to_owned()], ["a".to_owned(), "b".to_owned()]);
    assert_ne!(
        pairing_request_id(&key, "node", &[], &one),
        pairing_request_id(&key, "node", &[], &two)
    );
}

#[test]
fn a_new_generation_is_a_new_token() {
    let token = |device: &str, role: &str, generation| {
        device_token(&gateway(), device, role, generation).expose_secret().to_owned()
    };
    assert_eq!(token("d1", "operator", 1), TOKEN);
    assert_eq!(token("d1", "operator", 1).len(), 43);
    for other in [
        token("d1", "operator", 2),
        token("d1", "node", 1),
        token("d2", "operator", 1),
        device_token(&device(), "d1", "operator", 1).expose_secret().to_owned(),
    ] {
        assert_ne!(other, TOKEN);
    }
}

proptest! {
    /// However text is moved from one field to its neighbour, the bytes differ.
    #[test]
    fn fields_cannot_run_into_each_other(left in ".{0,20}", right in ".{1,20}", cut in 0usize..20) {
        let joined = format!("{left}{right}");
        let cut = joined.char_indices().map(|(at, _)| at).nth(cut).unwrap_or(0);
        let (a, b) = joined.split_at(cut);
        let one = Fields::default().text(&left).text(&right).done();
        let two = Fields::default().text(a).text(b).done();
        prop_assert_eq!(one == two, a == left);
    }
}
