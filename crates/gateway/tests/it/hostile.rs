//! Peers that want more than they may: places, rights, time, memory.

use std::{sync::Arc, time::Duration};

use openclaw_gateway::{connection, handshake::Upgrade, peer::Link};
use openclaw_protocol::ids::ConnId;
use openclaw_testkit::{
    Closed, GatewayOptions, TestGateway, WireClient, connect_params, wire::request,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    device::Device,
    ours::{self, Ours, Socket, Way, approve, asks, code, granted, owner},
};

const READ: &str = "operator.read";
const ADMIN: &str = "operator.admin";
/// Far more than the deadline these tests set.
const PATIENCE: Duration = Duration::from_secs(5);

/// A Gateway that waits 200 ms for a `connect`.
async fn impatient() -> TestGateway {
    let variables = vec![("OPENCLAW_HANDSHAKE_TIMEOUT_MS".to_owned(), "200".to_owned())];
    TestGateway::with(GatewayOptions { variables, ..GatewayOptions::default() }).await
}

/// Sends bytes and reads until the Gateway hangs up.
async fn raw(gateway: &TestGateway, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.port())).await.expect("connect");
    stream.write_all(bytes).await.expect("write");
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    // A reset ends the socket as well.
    drop(read.expect("the Gateway hangs up"));
    answer
}

fn upgrade(more: &str) -> Vec<u8> {
    format!(
        "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
    )
    .into_bytes()
}

#[tokio::test]
async fn whoever_dawdles_gives_the_place_back() {
    let gateway = impatient().await;
    let mut half_a_frame = upgrade("");
    half_a_frame.extend([0x81, 0xFE]);
    let mut claims_much = upgrade("");
    claims_much.extend([0x81, 0xFF, 0, 0, 0, 0, 1, 0x8F, 0xFF, 0xFF, 1, 2, 3, 4, b'x']);
    for bytes in [
        upgrade(""),
        upgrade("Content-Length: 5\r\n"),
        upgrade("Transfer-Encoding: chunked\r\n"),
        half_a_frame,
        claims_much,
    ] {
        let many = openclaw_protocol::limits::MAX_PREAUTH_SOCKETS_PER_ADDRESS;
        let all = (0..many).map(|_| raw(&gateway, &bytes));
        futures_util::future::join_all(all).await;
        // Every place is free again.
        gateway.wire().await;
    }
}

#[tokio::test]
async fn one_address_cannot_take_every_descriptor() {
    let gateway = TestGateway::start().await;
    let mut operator = gateway.operator().await;
    let mut silent = Vec::new();
    for _ in 0..400 {
        silent.push(TcpStream::connect(("127.0.0.1", gateway.port())).await.expect("connect"));
    }
    // The last one is turned away at once, long before the deadline for a request.
    let mut last = silent.pop().expect("a socket");
    let read = tokio::time::timeout(PATIENCE, last.read(&mut [0; 1])).await;
    assert!(matches!(read, Ok(Ok(0) | Err(_))), "{read:?}");
    operator.ok("health", json!({})).await;
    owner(&gateway).await.ok("health", json!({})).await;
    drop(silent);
}

#[tokio::test]
async fn noise_is_refused_and_hurts_nobody() {
    let gateway = impatient().await;
    // A small generator with a fixed seed, so that a failure can be repeated.
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    for round in 0..60 {
        let noise: Vec<u8> = (0..round).flat_map(|_| next()).collect();
        let mut bytes = if round % 2 == 0 { upgrade("") } else { Vec::new() };
        bytes.extend(noise);
        bytes.extend(b"\r\n\r\n");
        raw(&gateway, &bytes).await;
    }
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    for text in [
        deep.clone(),
        format!(r#"{{"type":"req","id":"1","method":"connect","params":{deep}}}"#),
        format!(
            r#"{{"type":"req","id":"1","method":"connect","params":{{"modelCatalog":{deep}}}}}"#
        ),
        r#"{"type":"req","type":"req","id":"1","method":"connect","params":{}}"#.to_owned(),
    ] {
        let mut client = gateway.wire().await;
        client.send_text(&text).await;
        let closed = client.closed().await;
        assert!([1000, 1008].contains(&closed.code), "{closed:?}");
    }
    let mut client = gateway.operator().await;
    client
        .send_text(&format!(r#"{{"type":"req","id":"1","method":"health","params":{deep}}}"#))
        .await;
    assert_eq!(client.response("1").await.expect("open")["ok"], false);
    client.ok("health", json!({})).await;
}

#[tokio::test]
async fn nobody_guesses_for_long_even_with_something_right_beside_it() {
    let limit = "rateLimit: { exemptLoopback: false, maxAttempts: 3, lockoutMs: 600000 }";
    let gateway =
        TestGateway::with_config(&format!("{{ gateway: {{ auth: {{ {limit} }} }} }}")).await;
    let device = Device::new(&gateway.token(), &[READ]);
    let answer = device.connect(&mut gateway.wire().await).await;
    let issued = answer["payload"]["auth"]["deviceToken"].as_str().expect("a token").to_owned();
    let with = |auth: Value| {
        let (gateway, device) = (&gateway, &device);
        async move {
            let mut client = gateway.wire().await;
            let shown = auth["token"].as_str().unwrap_or_default();
            let signing = Device { key: device.key.clone(), ..Device::new(shown, &[READ]) };
            let mut params = signing.params(&client);
            params["auth"] = auth;
            client.call("connect", params).await
        }
    };
    for _ in 0..3 {
        let guess = json!({"token": "guess", "deviceToken": issued});
        assert_eq!(code(&with(guess).await), "AUTH_TOKEN_MISMATCH");
        // In between, what is right forgives nothing.
        granted(&with(json!({"token": issued})).await, "device-token");
    }
    assert_eq!(code(&with(json!({"token": "guess"})).await), "AUTH_RATE_LIMITED");
    let error = with(json!({"token": gateway.token()})).await;
    assert_eq!(code(&error), "AUTH_RATE_LIMITED", "even the right one has to wait");
    assert!(error["error"]["retryAfterMs"].as_u64().is_some_and(|wait| wait > 500_000), "{error}");
    granted(&with(json!({"token": issued})).await, "device-token");
    // The owner is never counted.
    owner(&gateway).await.ok("health", json!({})).await;
}

#[tokio::test]
async fn behind_a_proxy_everybody_is_counted_for_themselves() {
    let limit = "auth: { rateLimit: { maxAttempts: 3 } }, trustedProxies: ['127.0.0.1']";
    let gateway = TestGateway::with_config(&format!("{{ gateway: {{ {limit} }} }}")).await;
    let through = |address: &'static str, token: String| {
        let gateway = &gateway;
        async move {
            let mut upgrade = request(gateway.port(), "/");
            upgrade.headers_mut().insert("x-forwarded-for", address.parse().expect("header"));
            let wire = WireClient::try_request(gateway.port(), upgrade).await;
            let params = connect_params(&json!({"auth": {"token": token}}));
            wire.expect("upgrade").call("connect", params).await
        }
    };
    for claimed in ["203.0.113.9", "127.0.0.1, 203.0.113.9", "198.51.100.1, 203.0.113.9"] {
        let answer = through(claimed, "guess".to_owned()).await;
        assert_eq!(code(&answer), "AUTH_TOKEN_MISMATCH");
    }
    let answer = through("203.0.113.9", gateway.token()).await;
    assert_eq!(code(&answer), "AUTH_RATE_LIMITED");
    granted(&through("203.0.113.10", gateway.token()).await, "token");
    gateway.operator().await;
}

#[tokio::test]
async fn a_revoked_device_is_a_stranger_again() {
    let gateway = ours::gateway("").await;
    let device = Ours::new(&[READ]);
    granted(&device.try_on(&gateway, Way::Local, Some(&gateway.token())).await, "token");
    let id = device.key.device_id();
    let revoke = json!({"deviceId": id, "role": "operator"});
    owner(&gateway).await.ok("device.token.revoke", revoke).await;
    for way in [Way::Local, Way::Remote] {
        let answer = device.try_on(&gateway, way, None).await;
        assert_eq!(code(&answer), "AUTH_TOKEN_MISSING", "{way:?}");
    }
    let list = owner(&gateway).await.ok("device.pair.list", json!({})).await;
    assert_eq!(list["pending"], json!([]));
}

#[tokio::test]
async fn a_device_that_rotates_its_own_token_cuts_its_other_connections() {
    let gateway = TestGateway::start().await;
    let device = Device::new(&gateway.token(), &[ADMIN]);
    let mut other = gateway.wire().await;
    device.connect(&mut other).await;
    let mut own = gateway.wire().await;
    device.connect(&mut own).await;
    let rotate = json!({"deviceId": device.key.device_id(), "role": "operator", "scopes": [READ]});
    let rotated = own.ok("device.token.rotate", rotate).await;
    assert_eq!(rotated["tokenDelivery"], "in-band");
    let closed = Closed { code: 1008, reason: "credential-replaced".to_owned() };
    assert_eq!(other.closed().await, closed);
    let token = rotated["token"].as_str().expect("a token").to_owned();
    let answer = Device { token, key: device.key.clone(), ..Device::new("", &[READ]) }
        .connect(&mut gateway.wire().await)
        .await;
    assert_eq!(granted(&answer, "device-token"), json!([READ]));
}

#[tokio::test]
async fn a_removed_device_leaves_no_request_and_no_waiting_socket_behind() {
    let gateway = ours::gateway("").await;
    let device = Ours::new(&[READ]);
    device.try_on(&gateway, Way::Local, Some(&gateway.token())).await;
    let mut held = Socket::open(&gateway, Way::Local, "&oc_wait=1").await;
    let more = device.asking("operator", &[ADMIN]);
    assert_eq!(asks(&more.connect(&mut held, None).await), "scope-upgrade");
    let mut owner = owner(&gateway).await;
    owner.ok("device.pair.remove", json!({"deviceId": device.key.device_id()})).await;
    let told = held.wire.event("device.pair.resolved", |_| true).await;
    assert_eq!(told["payload"]["decision"], "rejected");
    owner.event("device.pair.resolved", |payload| payload["decision"] == "rejected").await;

    // One that only asks is no device yet: it cannot be removed, and its request stays.
    let stranger = Ours::new(&[READ]);
    stranger.try_on(&gateway, Way::Remote, Some(&gateway.token())).await;
    let id = stranger.key.device_id();
    let error = owner.refused("device.pair.remove", json!({"deviceId": id})).await;
    assert_eq!(error["message"], "unknown deviceId");
    let list = owner.ok("device.pair.list", json!({})).await;
    assert_eq!(list["pending"].as_array().map(Vec::len), Some(1), "{list}");
}

#[tokio::test]
async fn one_device_cannot_push_the_requests_of_others_out() {
    let gateway = ours::gateway("").await;
    let patient = Ours::new(&[READ]);
    let asked = patient.try_on(&gateway, Way::Remote, Some(&gateway.token())).await;
    let greedy = Ours::node();
    let first = greedy.try_on(&gateway, Way::Door, None).await;
    approve(&gateway, &first).await;
    for number in 0..70 {
        let mut socket = Socket::open(&gateway, Way::Local, "").await;
        let mut params = greedy.asking("operator", &[ADMIN]).params(&socket, &json!({}));
        params["commands"] = json!([format!("command-{number}")]);
        assert_eq!(asks(&socket.wire.call("connect", params).await), "role-upgrade");
    }
    let list = owner(&gateway).await.ok("device.pair.list", json!({})).await;
    let pending = list["pending"].as_array().expect("a list");
    let id = &asked["error"]["details"]["requestId"];
    assert!(pending.iter().any(|request| request["requestId"] == *id), "{list}");
    approve(&gateway, &asked).await;
}

/// Connects and revokes at the same moment, again and again: whoever got in is cut off.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_connection_slips_past_a_revocation() {
    let gateway = ours::gateway("").await;
    let mut owner = owner(&gateway).await;
    let device = Ours::new(&[READ]);
    let revoke = json!({"deviceId": device.key.device_id(), "role": "operator"});
    let mut slipped = 0;
    for _ in 0..60 {
        granted(&device.try_on(&gateway, Way::Local, Some(&gateway.token())).await, "token");
        let mut socket = Socket::open(&gateway, Way::Local, "").await;
        let params = device.params(&socket, &json!({}));
        let (answer, _) = tokio::join!(
            async {
                let id = socket.wire.send("connect", &params).await;
                socket.wire.response(&id).await
            },
            owner.ok("device.token.revoke", revoke.clone()),
        );
        if answer.is_ok_and(|answer| answer["ok"] == true) {
            // Who is in must be on the way out; a request that is answered proves the contrary.
            let id = socket.wire.send("gateway.identity.get", &json!({})).await;
            let answered = socket.wire.response(&id).await;
            slipped += usize::from(answered.is_ok());
        }
    }
    assert_eq!(slipped, 0);
}

#[tokio::test]
async fn a_key_is_used_once_for_one_thing_by_one_principal() {
    let gateway = TestGateway::start().await;
    let mut client = gateway.operator().await;
    let create = |label: &str| json!({"idempotencyKey": "k", "label": label});
    let first = client.ok("sessions.create", create("one")).await;
    let again = client.ok("sessions.create", create("one")).await;
    assert_eq!(first["key"], again["key"], "{first} {again}");
    let error = client.refused("sessions.create", create("two")).await;
    assert_eq!(error["details"]["code"], "IDEMPOTENCY_CONFLICT", "{error}");
    // Another principal's key is another key.
    let mut owner = owner(&gateway).await;
    let other = owner.ok("sessions.create", create("two")).await;
    assert_ne!(first["key"], other["key"]);
    // The same key at the same moment: one runs, the other is told so or gets what came out.
    let frame = |id: &str| {
        let params = json!({"idempotencyKey": "twice", "label": "three"});
        json!({"type": "req", "id": id, "method": "sessions.create", "params": params}).to_string()
    };
    client.send_text(&frame("a")).await;
    client.send_text(&frame("b")).await;
    let (a, b) =
        (client.response("a").await.expect("open"), client.response("b").await.expect("open"));
    let made: Vec<_> =
        [&a, &b].iter().filter_map(|answer| answer["payload"]["key"].as_str()).collect();
    assert!(made.len() == 1 || made.len() == 2 && made[0] == made[1], "{a} {b}");
}

#[tokio::test]
async fn secrets_do_not_come_back_in_errors() {
    let gateway = ours::gateway("").await;
    let secret = "a-secret-that-nobody-must-see-again";
    for auth in [
        json!({"token": secret}),
        json!({"password": secret}),
        json!({"deviceToken": secret}),
        json!({"token": [secret]}),
        json!({"proof": {"kind": secret, "mac": secret}}),
        json!({"proof": {"kind": "token", "mac": secret}}),
    ] {
        let mut client: WireClient = gateway.wire().await;
        let answer = client.call("connect", connect_params(&json!({"auth": auth}))).await;
        assert_eq!(answer["ok"], false, "{answer}");
        assert!(!answer.to_string().contains(secret), "{answer}");
        assert!(!client.closed().await.reason.contains(secret));
    }
}

#[tokio::test]
async fn secrets_that_others_could_read_are_closed_to_them() {
    use std::os::unix::fs::PermissionsExt;
    let mut gateway = TestGateway::start().await;
    gateway.stop().await;
    let paths = gateway.paths();
    let files = [paths.token_file(), paths.identity_dir().join("gateway.json")];
    for file in &files {
        let open = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(file, open).expect("mode");
    }
    gateway.resume().await;
    for file in &files {
        let mode = std::fs::metadata(file).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn a_stop_does_not_wait_for_whoever_waits() {
    let mut gateway = ours::gateway("").await;
    let token = gateway.token();
    let mut held = Socket::open(&gateway, Way::Remote, "&oc_wait=1").await;
    let refused = Ours::new(&[READ]).connect(&mut held, Some(&token)).await;
    assert_eq!(refused["error"]["details"]["held"], true, "{refused}");
    let mut silent = gateway.wire().await;
    let idle = TcpStream::connect(("127.0.0.1", gateway.port())).await.expect("connect");
    let began = std::time::Instant::now();
    let (held, silent, ()) = tokio::join!(held.wire.closed(), silent.closed(), gateway.stop());
    assert_eq!((held.code, silent.code), (1012, 1012));
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    drop(idle);
}

/// Serves one end of a pipe that holds `room` bytes.
fn pipe(gateway: &TestGateway, room: usize) -> (tokio::io::DuplexStream, impl Future<Output = ()>) {
    let (peer, io) = tokio::io::duplex(room);
    let (peer_address, local) = ("127.0.0.1:1", "127.0.0.1:2");
    let upgrade = Upgrade {
        id: ConnId::new("piped"),
        link: Link::Tcp {
            peer: peer_address.parse().expect("address"),
            local: local.parse().expect("address"),
            exporter: None,
        },
        voucher: Default::default(),
        address: None,
        headers: Default::default(),
        forwarded: false,
        client_nonce: None,
        can_wait: false,
        server_nonce: "nonce".to_owned(),
    };
    let state = Arc::clone(gateway.running().gateway.state());
    let served = async {
        if let Some(open) = connection::open(state, upgrade, None, io).await {
            open.run().await;
        }
    };
    (peer, served)
}

/// A masked text frame; the mask is zero, so the text stands there as it is.
fn frame(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("short").to_be_bytes();
    [&[0x81, 0xFE, length[0], length[1], 0, 0, 0, 0], text.as_bytes()].concat()
}

#[tokio::test]
async fn whoever_does_not_read_gives_the_place_back() {
    let gateway = impatient().await;
    let connect = |token: &str| {
        let params = connect_params(&json!({"auth": {"token": token}}));
        let request = json!({"type": "req", "id": "1", "method": "connect", "params": params});
        frame(&request.to_string())
    };
    let right = connect(&gateway.token());
    for (room, sent) in [(64, frame("x")), (1_500, connect("wrong")), (1_500, right)] {
        let (mut peer, served) = pipe(&gateway, room);
        let write = async {
            // A peer that is cut off cannot write any more.
            peer.write_all(&sent).await.ok();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            ended = tokio::time::timeout(PATIENCE, served) => ended.expect("served in time"),
            () = write => {}
        }
        let state = gateway.running().gateway.state();
        assert_eq!(state.connections.count(), 0, "room for {room} bytes");
    }
}

#[tokio::test]
async fn without_its_state_the_gateway_says_so_at_every_step() {
    let gateway = ours::gateway("").await;
    let token = gateway.token();
    let paired = Ours::new(&[READ]);
    granted(&paired.try_on(&gateway, Way::Local, Some(&token)).await, "token");
    gateway.running().gateway.state().store.close().await;
    for way in [Way::Local, Way::Remote, Way::Door] {
        for device in [&paired, &Ours::new(&[READ]), &Ours::node()] {
            let mut socket = Socket::open(&gateway, way, "&oc_wait=1").await;
            let answer = device.connect(&mut socket, Some(&token)).await;
            assert_eq!(code(&answer), "STORAGE_UNAVAILABLE", "{way:?}");
            assert_eq!(socket.wire.closed().await.code, 1008);
        }
    }
    // What needs no state still works.
    gateway.operator().await.ok("gateway.identity.get", json!({})).await;
    owner(&gateway).await.ok("system-presence", json!({})).await;
}

#[tokio::test]
async fn a_token_in_the_url_opens_nothing() {
    let gateway = TestGateway::start().await;
    let token = gateway.token();
    for key in ["token", "auth", "password", "access_token"] {
        let upgrade = request(gateway.port(), &format!("/?{key}={token}"));
        let mut client = WireClient::try_request(gateway.port(), upgrade).await.expect("upgrade");
        let error = client.refused("connect", connect_params(&json!({}))).await;
        let said = &error["details"]["code"];
        assert_eq!(said, "DEVICE_IDENTITY_REQUIRED", "as if nothing was shown, {key}: {error}");
    }
    // The same in its place is let in.
    let shown = connect_params(&json!({"auth": {"token": token}}));
    gateway.wire().await.ok("connect", shown).await;
}
