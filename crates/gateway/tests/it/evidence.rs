//! The table of evidence in `docs/trust.md`, row by row and over real sockets.

use std::os::unix::fs::PermissionsExt as _;

use openclaw_identity::legacy::LegacyFormat;
use openclaw_testkit::{TestGateway, WireClient, connect_params, wire::request};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
};

use crate::{
    device::Device,
    ours::{Ours, Socket, Way, approve, asks, code, gateway, granted, owner},
};

const READ: &str = "operator.read";
const WRITE: &str = "operator.write";
const ADMIN: &str = "operator.admin";

/// A socket without a nonce of ours, as published clients open it.
async fn published(gateway: &TestGateway, way: Way) -> WireClient {
    match way {
        Way::Door => WireClient::door(&gateway.door()).await,
        Way::NodeDoor => WireClient::door(&gateway.paths().node_socket()).await,
        Way::Local => gateway.wire().await,
        Way::Remote => {
            let mut upgrade = request(gateway.port(), "/");
            let somewhere = "203.0.113.9".parse().expect("header");
            upgrade.headers_mut().insert("x-forwarded-for", somewhere);
            WireClient::try_request(gateway.port(), upgrade).await.expect("upgrade")
        }
    }
}

/// What the store says about a device: how it was approved.
async fn approved_via(gateway: &TestGateway, id: &str) -> Option<String> {
    let list = owner(gateway).await.ok("device.pair.list", json!({})).await;
    let paired = list["paired"].as_array().expect("a list");
    let device = paired.iter().find(|device| device["deviceId"] == id)?;
    device["approvedVia"].as_str().map(str::to_owned)
}

async fn pending(gateway: &TestGateway) -> usize {
    let list = owner(gateway).await.ok("device.pair.list", json!({})).await;
    list["pending"].as_array().expect("a list").len()
}

#[tokio::test]
async fn the_owners_door_gives_an_operator_everything_and_pairs_its_device() {
    let gateway = gateway("").await;
    let device = Ours::new(&[ADMIN]);
    let answer = device.try_on(&gateway, Way::Door, None).await;
    assert_eq!(granted(&answer, "none"), json!([ADMIN]));
    assert_eq!(approved_via(&gateway, &device.key.device_id()).await.as_deref(), Some("owner"));
    let answer = device.try_on(&gateway, Way::Remote, None).await;
    assert_eq!(granted(&answer, "device-token"), json!([ADMIN]));
}

#[tokio::test]
async fn the_owners_door_pairs_no_node() {
    let gateway = gateway("").await;
    let node = Ours::node();
    let answer = node.try_on(&gateway, Way::Door, None).await;
    assert_eq!(asks(&answer), "not-paired");
    assert_eq!(approved_via(&gateway, &node.key.device_id()).await, None);
    approve(&gateway, &answer).await;
    let answer = node.try_on(&gateway, Way::Door, None).await;
    assert_eq!(granted(&answer, "device-token"), json!([]));
    assert_eq!(answer["payload"]["auth"]["role"], "node");
}

#[tokio::test]
async fn the_door_for_nodes_lets_in_nodes_alone_and_pairs_none() {
    let gateway = gateway("").await;
    let socket = gateway.paths().node_socket();
    let mode = std::fs::metadata(&socket).expect("a socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // No key, no secret and no right that was granted elsewhere makes an operator here.
    let owner = Ours::new(&[ADMIN]);
    granted(&owner.try_on(&gateway, Way::Door, None).await, "none");
    for token in [None, Some(gateway.token())] {
        let answer = owner.try_on(&gateway, Way::NodeDoor, token.as_deref()).await;
        assert_eq!(code(&answer), "AUTH_UNAUTHORIZED", "{answer}");
    }
    let node = Ours::node();
    let answer = node.try_on(&gateway, Way::NodeDoor, None).await;
    assert_eq!(asks(&answer), "not-paired");
    approve(&gateway, &answer).await;
    let answer = node.try_on(&gateway, Way::NodeDoor, None).await;
    assert_eq!(granted(&answer, "device-token"), json!([]));
    assert_eq!(answer["payload"]["auth"]["role"], "node");
    // Nothing but a WebSocket is served.
    let mut stream = UnixStream::connect(&socket).await.expect("a socket");
    let request = "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("a request");
    let mut said = String::new();
    stream.read_to_string(&mut said).await.expect("an answer");
    assert!(said.starts_with("HTTP/1.1 403") && said.contains("for_nodes_only"), "{said}");
}

#[tokio::test]
async fn a_paired_device_of_ours_needs_no_secret_and_gets_no_more_than_it_was_granted() {
    let gateway = gateway("").await;
    let device = Ours::new(&[READ]);
    let token = gateway.token();
    let answer = device.try_on(&gateway, Way::Local, Some(&token)).await;
    assert_eq!(granted(&answer, "token"), json!([READ]));
    assert!(answer["payload"]["auth"].get("deviceToken").is_none(), "{answer}");
    for way in [Way::Local, Way::Remote] {
        let answer = device.try_on(&gateway, way, None).await;
        assert_eq!(granted(&answer, "device-token"), json!([READ]), "{way:?}");
        assert!(answer["payload"]["auth"].get("deviceToken").is_none(), "{answer}");
        let more = device.asking("operator", &[READ, WRITE]);
        assert_eq!(asks(&more.try_on(&gateway, way, None).await), "scope-upgrade", "{way:?}");
        let node = device.asking("node", &[]);
        assert_eq!(asks(&node.try_on(&gateway, way, None).await), "role-upgrade", "{way:?}");
    }
    let more = device.asking("operator", &[WRITE]);
    let answer = more.try_on(&gateway, Way::Remote, Some(&token)).await;
    assert_eq!(asks(&answer), "scope-upgrade", "a secret alone upgrades nobody elsewhere");
    let answer = more.try_on(&gateway, Way::Local, Some(&token)).await;
    assert_eq!(granted(&answer, "token"), json!([WRITE]));
}

#[tokio::test]
async fn a_new_device_of_ours_is_paired_silently_only_here_and_with_the_secret() {
    let gateway = gateway("").await;
    let token = gateway.token();
    let elsewhere = Ours::new(&[ADMIN]);
    let answer = elsewhere.try_on(&gateway, Way::Remote, Some(&token)).await;
    assert_eq!(asks(&answer), "not-paired");
    assert_eq!(approved_via(&gateway, &elsewhere.key.device_id()).await, None);
    let here = Ours::new(&[ADMIN]);
    let answer = here.try_on(&gateway, Way::Local, Some(&token)).await;
    assert_eq!(granted(&answer, "token"), json!([ADMIN]));
    assert_eq!(approved_via(&gateway, &here.key.device_id()).await.as_deref(), Some("silent"));
}

#[tokio::test]
async fn a_new_device_of_ours_without_the_secret_is_told_what_is_missing() {
    let with_token = gateway("").await;
    let open = gateway("mode: 'none'").await;
    for way in [Way::Local, Way::Remote] {
        let answer = Ours::new(&[READ]).try_on(&with_token, way, None).await;
        assert_eq!(code(&answer), "AUTH_TOKEN_MISSING", "{way:?}");
        let answer = Ours::new(&[READ]).try_on(&open, way, None).await;
        assert_eq!(asks(&answer), "not-paired", "{way:?}");
    }
    assert_eq!(pending(&with_token).await, 0);
    assert_eq!(pending(&open).await, 2);
}

#[tokio::test]
async fn a_node_becomes_an_operator_by_a_persons_decision_alone() {
    let gateway = gateway("").await;
    let token = gateway.token();
    let node = Ours::node();
    let answer = node.try_on(&gateway, Way::Door, None).await;
    approve(&gateway, &answer).await;
    let climbing = node.asking("operator", &[ADMIN]);
    for way in [Way::Local, Way::Remote] {
        let answer = climbing.try_on(&gateway, way, Some(&token)).await;
        assert_eq!(asks(&answer), "role-upgrade", "{way:?}");
    }
    // The owner is the owner, whichever device is used, but the device stays what it is.
    let answer = climbing.try_on(&gateway, Way::Door, None).await;
    assert_eq!(granted(&answer, "none"), json!([ADMIN]));
    let answer = climbing.try_on(&gateway, Way::Local, None).await;
    assert_eq!(asks(&answer), "role-upgrade");
}

#[tokio::test]
async fn a_published_device_needs_the_secret_and_a_person_unless_it_is_here() {
    let gateway = gateway("").await;
    let token = gateway.token();
    let here = Device::new(&token, &[ADMIN]);
    let answer = here.connect(&mut published(&gateway, Way::Local).await).await;
    assert_eq!(granted(&answer, "token"), json!([ADMIN]));
    let elsewhere = Device::new(&token, &[READ]);
    let answer = elsewhere.connect(&mut published(&gateway, Way::Remote).await).await;
    assert_eq!(asks(&answer), "not-paired");
    approve(&gateway, &answer).await;
    let answer = elsewhere.connect(&mut published(&gateway, Way::Remote).await).await;
    assert_eq!(granted(&answer, "token"), json!([READ]));
    let more = Device { scopes: vec![ADMIN.to_owned()], ..elsewhere };
    let answer = more.connect(&mut published(&gateway, Way::Remote).await).await;
    assert_eq!(asks(&answer), "scope-upgrade");
    let answer = more.connect(&mut published(&gateway, Way::Local).await).await;
    assert_eq!(granted(&answer, "token"), json!([ADMIN]));
}

#[tokio::test]
async fn a_device_token_is_worth_its_grant_and_nothing_more() {
    let gateway = gateway("").await;
    let device = Device::new(&gateway.token(), &[READ]);
    let answer = device.connect(&mut published(&gateway, Way::Local).await).await;
    let token = answer["payload"]["auth"]["deviceToken"].as_str().expect("a token").to_owned();
    let alone = Device { token: token.clone(), ..device };
    for way in [Way::Local, Way::Remote] {
        let answer = alone.connect(&mut published(&gateway, way).await).await;
        assert_eq!(granted(&answer, "device-token"), json!([READ]), "{way:?}");
        for scope in [WRITE, ADMIN] {
            let more = Device { key: alone.key.clone(), ..Device::new(&token, &[scope]) };
            let answer = more.connect(&mut published(&gateway, way).await).await;
            assert_eq!(asks(&answer), "scope-upgrade", "{way:?} {scope}");
        }
        // Somebody else's device token is no secret of this device's.
        let other = Device::new(&token, &[READ]);
        let answer = other.connect(&mut published(&gateway, way).await).await;
        assert_eq!(code(&answer), "AUTH_TOKEN_MISMATCH", "{way:?}");
    }
}

#[tokio::test]
async fn a_published_signature_alone_is_nothing_unless_the_mode_is_none() {
    let with_token = gateway("").await;
    let open = gateway("mode: 'none'").await;
    for way in [Way::Local, Way::Remote] {
        for format in [LegacyFormat::V2, LegacyFormat::V3] {
            let device = Device { format, ..Device::new("", &[READ]) };
            let answer = device.connect(&mut published(&with_token, way).await).await;
            assert_eq!(code(&answer), "AUTH_TOKEN_MISSING", "{way:?} {format:?}");
            let answer = device.connect(&mut published(&open, way).await).await;
            assert_eq!(asks(&answer), "not-paired", "{way:?} {format:?}");
            approve(&open, &answer).await;
            let answer = device.connect(&mut published(&open, way).await).await;
            assert_eq!(granted(&answer, "none"), json!([READ]), "{way:?} {format:?}");
        }
    }
}

#[tokio::test]
async fn a_secret_without_a_device_is_worth_scopes_only_to_programs_of_this_machine() {
    let gateway = gateway("").await;
    let check = |way: Way, id: &'static str, mode: &'static str, keeps: bool| {
        let gateway = &gateway;
        async move {
            let client = json!({"id": id, "version": "1", "platform": "linux", "mode": mode});
            let auth = json!({"token": gateway.token()});
            let params = connect_params(&json!({"client": client, "auth": auth}));
            let answer = published(gateway, way).await.call("connect", params).await;
            let scopes = granted(&answer, "token");
            let all = json!(openclaw_protocol::ScopeSet::all().names());
            assert_eq!(scopes, if keeps { all } else { json!([]) }, "{way:?} {id} {mode}");
        }
    };
    for (id, mode) in [("cli", "cli"), ("gateway-client", "backend"), ("test", "probe")] {
        check(Way::Local, id, mode, true).await;
        check(Way::Remote, id, mode, false).await;
    }
    for (id, mode) in [("cli", "backend"), ("openclaw-macos", "ui"), ("gateway-client", "cli")] {
        check(Way::Local, id, mode, false).await;
        check(Way::Remote, id, mode, false).await;
    }
    // A proof is as good as the secret itself.
    let mut socket = Socket::open(&gateway, Way::Local, "").await;
    let auth = bare_proof(&socket, &gateway.token());
    let params = connect_params(&json!({"scopes": [READ], "auth": auth}));
    let answer = socket.wire.call("connect", params).await;
    assert_eq!(granted(&answer, "token"), json!([READ]));
}

/// Knowledge of the token, proven without a device.
fn bare_proof(socket: &Socket, token: &str) -> Value {
    use openclaw_identity::{secret, transcript::SecretTranscript};
    let scopes = [READ.to_owned()];
    let transcript = SecretTranscript {
        link: socket.link(),
        kind: "token",
        role: "operator",
        scopes: &scopes,
        device_id: "",
    };
    let mac = secret::hmac_b64(&secrecy::SecretString::from(token), &transcript.bytes());
    json!({"proof": {"kind": "token", "mac": mac}})
}

#[tokio::test]
async fn mode_none_lets_paired_devices_in_and_nobody_else() {
    let gateway = gateway("mode: 'none'").await;
    for way in [Way::Local, Way::Remote] {
        let device = Ours::new(&[READ]);
        let answer = device.try_on(&gateway, way, None).await;
        assert_eq!(asks(&answer), "not-paired", "{way:?}");
        approve(&gateway, &answer).await;
        let answer = device.try_on(&gateway, way, None).await;
        assert_eq!(granted(&answer, "device-token"), json!([READ]), "{way:?}");
        let more = device.asking("operator", &[ADMIN]).try_on(&gateway, way, None).await;
        assert_eq!(asks(&more), "scope-upgrade", "{way:?}");
        for auth in [json!({}), json!({"token": "any"}), json!({"password": "any"})] {
            let params = connect_params(&json!({"auth": auth}));
            let answer = published(&gateway, way).await.call("connect", params).await;
            assert_eq!(code(&answer), "DEVICE_IDENTITY_REQUIRED", "{way:?}");
        }
    }
}

#[tokio::test]
async fn nothing_is_worth_nothing() {
    let gateway = gateway("").await;
    for way in [Way::Local, Way::Remote] {
        for client in ["cli", "openclaw-macos"] {
            let client = json!({"id": client, "version": "1", "platform": "x", "mode": "cli"});
            let params = connect_params(&json!({"client": client}));
            let answer = published(&gateway, way).await.call("connect", params).await;
            assert_eq!(code(&answer), "DEVICE_IDENTITY_REQUIRED", "{way:?}");
        }
        let node = connect_params(&json!({"role": "node", "auth": {"token": gateway.token()}}));
        let answer = published(&gateway, way).await.call("connect", node).await;
        assert_eq!(code(&answer), "DEVICE_IDENTITY_REQUIRED", "{way:?}");
    }
}

#[tokio::test]
async fn one_wrong_thing_is_enough_to_be_refused() {
    let gateway = gateway("").await;
    let token = gateway.token();
    let ours = Ours::new(&[READ]);
    ours.try_on(&gateway, Way::Local, Some(&token)).await;
    let answer = ours.try_on(&gateway, Way::Local, Some("not the token")).await;
    assert_eq!(code(&answer), "AUTH_TOKEN_MISMATCH", "a paired device with a wrong proof");

    let device = Device::new(&token, &[READ]);
    let answer = device.connect(&mut gateway.wire().await).await;
    let issued = answer["payload"]["auth"]["deviceToken"].as_str().expect("a token").to_owned();
    let check = |auth: Value, expected: &'static str| {
        let (gateway, device) = (&gateway, &device);
        async move {
            let mut client = gateway.wire().await;
            let shown = auth["token"].as_str().unwrap_or_default().to_owned();
            let signing = Device { key: device.key.clone(), ..Device::new(&shown, &[READ]) };
            let mut params = signing.params(&client);
            params["auth"] = auth.clone();
            let answer = client.call("connect", params).await;
            if expected.is_empty() {
                assert_eq!(answer["ok"], true, "{auth}: {answer}");
            } else {
                assert_eq!(code(&answer), expected, "{auth}");
            }
        }
    };
    check(json!({"token": token, "deviceToken": issued}), "").await;
    check(json!({"token": token, "deviceToken": "stale"}), "AUTH_DEVICE_TOKEN_MISMATCH").await;
    check(json!({"token": "wrong", "deviceToken": issued}), "AUTH_TOKEN_MISMATCH").await;
    check(json!({"token": issued, "password": "wrong"}), "AUTH_TOKEN_MISMATCH").await;
    check(json!({"password": "wrong", "deviceToken": issued}), "AUTH_TOKEN_MISMATCH").await;
    // The reference client names the device token it has stored in both fields.
    check(json!({"token": issued, "deviceToken": issued}), "").await;
    check(json!({"token": "stale", "deviceToken": "stale"}), "AUTH_DEVICE_TOKEN_MISMATCH").await;
    check(json!({"deviceToken": "stale"}), "AUTH_DEVICE_TOKEN_MISMATCH").await;
}

#[tokio::test]
async fn a_wrong_signature_is_refused_whatever_else_is_right() {
    let gateway = gateway("").await;
    let device = Ours::new(&[READ]);
    for way in [Way::Local, Way::Remote, Way::Door] {
        let mut socket = Socket::open(&gateway, way, "").await;
        let auth = device.proof(socket.link(), "token", &gateway.token());
        let mut params = device.params(&socket, &auth);
        let stranger = Ours::new(&[READ]).device(socket.link());
        params["device"]["signature"] = stranger["signature"].clone();
        let answer = socket.wire.call("connect", params).await;
        assert_eq!(code(&answer), "DEVICE_AUTH_SIGNATURE_INVALID", "{way:?}");
    }
}

#[tokio::test]
async fn a_secret_of_the_wrong_kind_proves_nothing() {
    let gateway = gateway("").await;
    let token = gateway.token();
    for kind in ["password", "none"] {
        let device = Ours::new(&[READ]);
        let mut socket = Socket::open(&gateway, Way::Local, "").await;
        let auth = device.proof(socket.link(), kind, &token);
        let params = device.params(&socket, &auth);
        let answer = socket.wire.call("connect", params).await;
        assert_eq!(code(&answer), "AUTH_TOKEN_MISMATCH", "{kind}");
    }
    // Computed for one kind and declared as another.
    let device = Ours::new(&[READ]);
    let mut socket = Socket::open(&gateway, Way::Local, "").await;
    let mut auth = device.proof(socket.link(), "password", &token);
    auth["proof"]["kind"] = "token".into();
    let params = device.params(&socket, &auth);
    assert_eq!(code(&socket.wire.call("connect", params).await), "AUTH_TOKEN_MISMATCH");

    let by_password =
        crate::ours::gateway("mode: 'password', password: 'a password of some length'").await;
    let mut socket = Socket::open(&by_password, Way::Local, "").await;
    assert_eq!(socket.wire.events[0]["payload"]["gateway"]["wants"], "password");
    let auth = device.proof(socket.link(), "password", "a password of some length");
    let params = device.params(&socket, &auth);
    assert_eq!(granted(&socket.wire.call("connect", params).await, "password"), json!([READ]));
}

#[tokio::test]
async fn a_proof_for_another_gateway_or_another_link_is_worthless() {
    let gateway = gateway("").await;
    let token = gateway.token();
    let device = Ours::new(&[READ]);
    device.try_on(&gateway, Way::Local, Some(&token)).await;
    let other = openclaw_identity::KeyPair::generate().expect("a key").public_key();
    let mut socket = Socket::open(&gateway, Way::Local, "").await;
    let link = openclaw_identity::transcript::Link { gateway: &other, ..socket.link() };
    let params = connect_params(&json!({"scopes": [READ], "device": device.device(link)}));
    let answer = socket.wire.call("connect", params).await;
    assert_eq!(code(&answer), "DEVICE_AUTH_SIGNATURE_INVALID");

    let mut socket = Socket::open(&gateway, Way::Local, "").await;
    let link = openclaw_identity::transcript::Link { gateway: &other, ..socket.link() };
    let params = device.params(&socket, &device.proof(link, "token", &token));
    assert_eq!(code(&socket.wire.call("connect", params).await), "AUTH_TOKEN_MISMATCH");

    let mut socket = Socket::open(&gateway, Way::Local, "").await;
    let link = openclaw_identity::transcript::Link { binding: "unix", ..socket.link() };
    let params = connect_params(&json!({"scopes": [READ], "device": device.device(link)}));
    let answer = socket.wire.call("connect", params).await;
    assert_eq!(code(&answer), "DEVICE_AUTH_SIGNATURE_INVALID");
}

#[tokio::test]
async fn a_proof_cannot_be_used_on_a_second_socket() {
    let gateway = gateway("").await;
    let device = Ours::new(&[READ]);
    let first = Socket::open(&gateway, Way::Local, "").await;
    let recorded = device.params(&first, &device.proof(first.link(), "token", &gateway.token()));
    let mut second = Socket::open(&gateway, Way::Local, "").await;
    let answer = second.wire.call("connect", recorded.clone()).await;
    assert_eq!(code(&answer), "DEVICE_AUTH_NONCE_MISMATCH");

    // With the nonce put right, the signature is not.
    let mut second = Socket::open(&gateway, Way::Local, "").await;
    let mut patched = recorded.clone();
    patched["device"]["nonce"] = second.wire.nonce().into();
    let answer = second.wire.call("connect", patched).await;
    assert_eq!(code(&answer), "DEVICE_AUTH_SIGNATURE_INVALID");

    // With a device proof of its own, the recorded secret proof is not.
    let mut second = Socket::open(&gateway, Way::Local, "").await;
    let params = device.params(&second, &recorded["auth"]);
    assert_eq!(code(&second.wire.call("connect", params).await), "AUTH_TOKEN_MISMATCH");
    let mut second = Socket::open(&gateway, Way::Local, "").await;
    let params = connect_params(&json!({"scopes": [READ], "auth": recorded["auth"]}));
    assert_eq!(code(&second.wire.call("connect", params).await), "AUTH_TOKEN_MISMATCH");
    assert_eq!(approved_via(&gateway, &device.key.device_id()).await, None);
}

#[tokio::test]
async fn a_proof_cannot_be_bent_to_another_role_scope_or_device() {
    let gateway = gateway("").await;
    let token = gateway.token();
    let device = Ours::new(&[READ]);
    let bend = |change: fn(&mut Value), expected: &'static str| {
        let (gateway, device, token) = (&gateway, &device, &token);
        async move {
            let mut socket = Socket::open(gateway, Way::Local, "").await;
            let auth = device.proof(socket.link(), "token", token);
            let mut params = device.params(&socket, &auth);
            change(&mut params);
            let answer = socket.wire.call("connect", params).await;
            assert_eq!(code(&answer), expected);
        }
    };
    let signature = "DEVICE_AUTH_SIGNATURE_INVALID";
    bend(|params| params["scopes"] = json!([ADMIN]), signature).await;
    bend(|params| params["role"] = "node".into(), signature).await;
    bend(|params| params["client"]["mode"] = "probe".into(), signature).await;
    // Taken for a published one, our signature is none.
    bend(|params| drop(params["device"].as_object_mut().map(|d| d.remove("scheme"))), signature)
        .await;
    let bare: fn(&mut Value) = |params| drop(params.as_object_mut().map(|p| p.remove("device")));
    bend(bare, "AUTH_TOKEN_MISMATCH").await;
    // The Gateway's own proof is no proof of anybody else's.
    let mut socket = Socket::open(&gateway, Way::Local, "").await;
    let mut params = device.params(&socket, &json!({}));
    let own = socket.wire.events[0]["payload"]["gateway"].clone();
    params["device"]["publicKey"] = own["publicKey"].clone();
    params["device"]["id"] = socket.gateway.device_id().into();
    params["device"]["signature"] = own["signature"].clone();
    assert_eq!(code(&socket.wire.call("connect", params).await), signature);
}

#[tokio::test]
async fn a_request_keeps_its_id_and_a_held_socket_is_told_the_decision() {
    let gateway = gateway("").await;
    let token = gateway.token();
    let device = Ours::new(&[READ]);
    let mut held = Socket::open(&gateway, Way::Remote, "&oc_wait=1").await;
    let first = device.connect(&mut held, Some(&token)).await;
    assert_eq!(first["error"]["details"]["held"], true, "{first}");
    let again = device.try_on(&gateway, Way::Remote, Some(&token)).await;
    let id = first["error"]["details"]["requestId"].clone();
    assert_eq!(again["error"]["details"]["requestId"], id);
    assert_eq!(again["error"]["details"]["held"], false, "{again}");
    let more = device.asking("operator", &[READ, WRITE]);
    let more = more.try_on(&gateway, Way::Remote, Some(&token)).await;
    assert_ne!(more["error"]["details"]["requestId"], id);

    approve(&gateway, &first).await;
    let told = held.wire.event("device.pair.resolved", |_| true).await;
    assert_eq!(told["payload"]["decision"], "approved");
    assert_eq!(told["payload"]["requestId"], id);
    assert!(told.get("seq").is_none(), "{told}");
    assert_eq!(held.wire.closed().await.code, 1008);
    let answer = device.try_on(&gateway, Way::Remote, None).await;
    assert_eq!(granted(&answer, "device-token"), json!([READ]));
}

#[tokio::test]
async fn a_held_socket_is_told_of_a_rejection_too() {
    let gateway = gateway("").await;
    let device = Ours::new(&[READ]);
    let mut held = Socket::open(&gateway, Way::Remote, "&oc_wait=1").await;
    let refused = device.connect(&mut held, Some(&gateway.token())).await;
    let request = json!({"requestId": refused["error"]["details"]["requestId"]});
    owner(&gateway).await.ok("device.pair.reject", request).await;
    let told = held.wire.event("device.pair.resolved", |_| true).await;
    assert_eq!(told["payload"]["decision"], "rejected");
    assert_eq!(held.wire.closed().await.code, 1008);
}
