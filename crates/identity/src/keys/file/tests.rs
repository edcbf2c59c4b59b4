use std::os::unix::fs::PermissionsExt;

use super::*;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn a_key_is_made_once_and_found_again() {
    let folder = folder();
    let path = folder.path().join("identity/device.json");
    let made = load_or_create(&path, 42).expect("made");
    let found = load_or_create(&path, 43).expect("found");
    assert_eq!(made.device_id(), found.device_id());

    let mode = std::fs::metadata(&path).expect("metadata").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).expect("read")).expect("JSON");
    assert_eq!(json["version"], 1);
    assert_eq!(json["deviceId"], made.device_id());
    assert_eq!(json["createdAtMs"], 42);
    let left: Vec<_> = std::fs::read_dir(path.parent().expect("a folder")).expect("list").collect();
    assert_eq!(left.len(), 1, "no temporary file stays");
}

#[test]
fn reads_and_writes_the_form_of_the_original() {
    // The seed of RFC 8032, test 2, as OpenSSL (and so Node.js) writes it: PKCS #8 without the public key.
    let folder = folder();
    let path = folder.path().join("device.json");
    let text = r#"{
        "version": 1,
        "deviceId": "39f713d0a644253f04529421b9f51b9b08979d08295959c4f3990ee617f5139f",
        "publicKeyPem": "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=\n-----END PUBLIC KEY-----\n",
        "privateKeyPem": "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n-----END PRIVATE KEY-----\n",
        "createdAtMs": 1790000000000
    }"#;
    std::fs::write(&path, text).expect("written");
    let key = load(&path).expect("read").expect("there");
    assert_eq!(key.sign(&[0x72]).get(..8), Some("kqAJqfDU"));
    let rendered = render(&key, 1_790_000_000_000).expect("rendered");
    let ours: serde_json::Value = serde_json::from_str(&rendered).expect("JSON");
    let theirs: serde_json::Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(ours, theirs);
}

#[test]
fn says_why_a_file_is_no_identity() {
    let folder = folder();
    let path = folder.path().join("device.json");
    assert!(load(&path).expect("no file is no error").is_none());
    let good = KeyPair::from_seed(&[1; 32]);
    let render = |key: &KeyPair| render(key, 0).expect("rendered").to_string();
    let other = KeyPair::from_seed(&[2; 32]);
    let swap = |field: &str| {
        let mut mine: serde_json::Value = serde_json::from_str(&render(&good)).expect("JSON");
        let theirs: serde_json::Value = serde_json::from_str(&render(&other)).expect("JSON");
        mine[field] = theirs[field].clone();
        mine.to_string()
    };
    let cases = [
        (String::new(), "it is not the JSON of a key file"),
        (r#"{"version":1}"#.to_owned(), "it is not the JSON of a key file"),
        (render(&good).replace("\"version\": 1", "\"version\": 2"), "its version is unknown"),
        (swap("publicKeyPem"), "its public key belongs to another private key"),
        (swap("deviceId"), "its device id belongs to another key"),
        (render(&good).replace("BEGIN PRIVATE", "BEGIN PUBLIC"), "its private key cannot be read"),
    ];
    for (text, expected) in cases {
        std::fs::write(&path, text).expect("written");
        let Err(IdentityError::Invalid { reason, .. }) = load_or_create(&path, 0) else {
            panic!("{expected}: taken for an identity");
        };
        assert_eq!(reason, expected);
    }
}

#[test]
fn of_many_makers_one_wins() {
    let folder = folder();
    let path = folder.path().join("device.json");
    let ids: Vec<_> = std::thread::scope(|scope| {
        let make = || load_or_create(&path, 0).expect("made or found").device_id();
        let makers: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
        makers.into_iter().map(|maker| maker.join().expect("no panic")).collect()
    });
    let stored = load(&path).expect("read").expect("there").device_id();
    assert!(ids.iter().all(|id| *id == stored), "{ids:?}");
}
