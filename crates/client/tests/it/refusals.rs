//! Everything that can answer instead of a Gateway, and everything a Gateway may refuse.

use std::time::{Duration, Instant};

use openclaw_base::Tasks;
use openclaw_client::{
    CallOptions, Client, ClientError, ClientOptions, Dial, Endpoint, ErrorKind, Plan, SshFailure,
    SshProblem, TcpDial, UnixDial,
    credentials::{Choice, Inputs, Pair, plan},
};
use openclaw_protocol::trust::{Binding, SecretKind};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UnixListener},
};

use crate::fake::{Carried, Fake, Piped, Reply, Shows, connect, hello, options, refusal};

async fn dial(dial: impl Dial + 'static) -> ClientError {
    let tasks = Tasks::new();
    let endpoint = Endpoint::new(dial, Plan::nothing());
    Client::connect(&endpoint, &options(&tasks)).await.expect_err("nothing to connect to")
}

#[tokio::test]
async fn nothing_listening_is_known_at_once() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let folder = tempfile::tempdir().expect("a folder");
    let localhost = TcpDial::parse(&format!("ws://localhost:{port}"), false).expect("a URL");
    let began = Instant::now();
    let errors = [
        dial(TcpDial::loopback(port)).await,
        dial(localhost).await,
        dial(UnixDial::new(folder.path().join("gateway.sock"))).await,
    ];
    assert!(began.elapsed() < Duration::from_millis(100), "{:?}", began.elapsed());
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::NothingListening, "{error}");
        assert_eq!(error.hint(), "start it: openclaw gateway run");
    }
}

/// Something that says `text` and hangs up, once the client has spoken unless it speaks first.
async fn something(tasks: &Tasks, text: &'static str, first: bool) -> TcpDial {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tasks.spawn("something", async move {
        let (mut io, _) = listener.accept().await.expect("a connection");
        if !first {
            let mut buffer = [0; 1024];
            drop(io.read(&mut buffer).await);
        }
        drop(io.write_all(text.as_bytes()).await);
        // Reads on, so that closing does not throw away what was said.
        drop(io.shutdown().await);
        let mut rest = Vec::new();
        drop(io.read_to_end(&mut rest).await);
    });
    TcpDial::loopback(port)
}

#[tokio::test]
async fn says_what_answers_instead_of_a_gateway() {
    let cases = [
        ("SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0-OpenSSH_9.2"),
        ("", "without a word"),
        ("HTTP/1.1 404 Not Found\r\n\r\nnothing here\n", "HTTP 404 Not Found: nothing here"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP 200 OK"),
        ("220 mail ESMTP\r\n", "220 mail ESMTP"),
    ];
    for (text, expected) in cases {
        let tasks = Tasks::new();
        let error = dial(something(&tasks, text, false).await).await;
        assert_eq!(error.kind(), ErrorKind::NotAGateway, "{text}: {error}");
        assert!(error.to_string().contains(expected), "{text}: {error}");
    }
    let tasks = Tasks::new();
    let busy = "HTTP/1.1 503 Service Unavailable\r\n\r\nstarting";
    let error = dial(something(&tasks, busy, false).await).await;
    assert!(error.is_passing(), "{error}");
}

#[tokio::test]
async fn a_websocket_server_is_not_yet_a_gateway() {
    let error = connect(&Fake::new(Shows::NoChallenge), Plan::nothing()).await.expect_err("none");
    assert_eq!(error.kind(), ErrorKind::NotAGateway, "{error}");
}

#[tokio::test]
async fn says_at_which_stage_time_ran_out() {
    let tasks = Tasks::new();
    let fake = Fake::new(Shows::Silence);
    let endpoint = Endpoint::new(fake.listen(&tasks).await, Plan::nothing());
    let connect_timeout = Duration::from_millis(80);
    let options = ClientOptions { connect_timeout, ..options(&tasks) };
    let error = Client::connect(&endpoint, &options).await.expect_err("silence");
    assert_eq!(error.to_string(), "the Gateway's challenge took longer than 80 ms");
    assert_eq!(error.kind(), ErrorKind::LinkLost);
}

async fn refused(fake: Fake, error: Value) -> ClientError {
    let fake = fake.decides(move |_, _| Reply::Refuse(error.clone()));
    let flags = Pair { token: Some(SecretString::from("T".to_owned())), password: None };
    let plan = plan(&Inputs { flags, ..Inputs::new(Choice::UrlFlag) }).expect("a plan");
    connect(&fake, plan).await.expect_err("refused")
}

#[tokio::test]
async fn refusals_have_their_kind_and_a_next_step() {
    let cases = [
        ("AUTH_TOKEN_MISMATCH", ErrorKind::CredentialRefused, "--token was used"),
        ("AUTH_PASSWORD_MISSING", ErrorKind::CredentialRefused, "--password"),
        ("AUTH_RATE_LIMITED", ErrorKind::CredentialRefused, "wait"),
        ("AUTH_TOKEN_NOT_CONFIGURED", ErrorKind::CredentialRefused, "gateway.auth"),
        ("DEVICE_AUTH_SIGNATURE_EXPIRED", ErrorKind::CredentialRefused, ""),
        ("PAIRING_REQUIRED", ErrorKind::PairingRequired, "openclaw devices list"),
        ("PROTOCOL_MISMATCH", ErrorKind::Protocol, "openclaw --version"),
        ("MISSING_SCOPE", ErrorKind::ScopeMissing, "openclaw devices"),
    ];
    for (code, kind, hint) in cases {
        for fake in [Fake::ours(), Fake::foreign()] {
            let error = refusal("INVALID_REQUEST", "no", json!({"code": code}));
            let error = refused(fake, error).await;
            assert_eq!(error.kind(), kind, "{code}: {error}");
            assert!(error.hint().contains(hint), "{code}: {}", error.hint());
            assert!(!error.hint().is_empty());
        }
    }
}

#[tokio::test]
async fn gateways_without_fine_codes_are_understood() {
    let cases = [
        ("unauthorized: gateway token mismatch (x)", ErrorKind::CredentialRefused),
        ("unauthorized: gateway password missing (x)", ErrorKind::CredentialRefused),
        ("pairing required", ErrorKind::PairingRequired),
        ("protocol mismatch", ErrorKind::Protocol),
        ("something else", ErrorKind::Failed),
    ];
    for (message, kind) in cases {
        let error = json!({"code": "INVALID_REQUEST", "message": message});
        assert_eq!(refused(Fake::foreign(), error).await.kind(), kind, "{message}");
    }
}

#[tokio::test]
async fn an_older_gateway_is_spoken_to_in_its_own_protocol() {
    let fake = Fake::foreign().decides(|_, params| {
        if params["minProtocol"] == 3 {
            let mut hello = hello(3);
            hello.as_object_mut().expect("an object").remove("auth");
            Reply::Hello(hello)
        } else {
            let details = json!({"expectedProtocol": 3});
            Reply::Refuse(refusal("INVALID_REQUEST", "protocol mismatch", details))
        }
    });
    let client = connect(&fake, Plan::nothing()).await.expect("connected");
    assert_eq!(client.hello().protocol, 3);
    let connects = fake.log.connects();
    let range = |connect: &Value| (connect["minProtocol"].clone(), connect["maxProtocol"].clone());
    assert_eq!(range(&connects[0]), (json!(4), json!(4)));
    assert_eq!(range(&connects[1]), (json!(3), json!(3)));
    // The older Gateway verifies signatures without platform and device family.
    let device = &connects[1]["device"];
    let scopes: Vec<String> =
        serde_json::from_value(connects[1]["scopes"].clone()).expect("a list");
    let text = format!(
        "v2|{}|cli|cli|operator|{}|{}||{}",
        device["id"].as_str().expect("an id"),
        scopes.join(","),
        device["signedAt"],
        device["nonce"].as_str().expect("a nonce"),
    );
    let key = crate::fake::device_key().public_key();
    assert!(key.verify(text.as_bytes(), device["signature"].as_str().expect("a signature")));
}

#[tokio::test]
async fn a_close_instead_of_an_answer_is_explained() {
    let closes = |code, reason| Fake::ours().decides(move |_, _| Reply::Close(code, reason));
    let protocol = connect(&closes(1002, "protocol mismatch"), Plan::nothing()).await;
    assert_eq!(protocol.expect_err("closed").kind(), ErrorKind::Protocol);
    let busy = connect(&closes(1013, "starting"), Plan::nothing()).await.expect_err("closed");
    assert_eq!(busy.to_string(), "the connection to the Gateway was lost: starting (1013)");
}

#[tokio::test]
async fn the_owners_door_needs_neither_device_nor_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gateway.sock");
    let listener = UnixListener::bind(&path).expect("a socket");
    let tasks = Tasks::new();
    let mut fake = Fake::ours().wants(SecretKind::None);
    fake.binding = Binding::Unix;
    let server = fake.clone();
    tasks.spawn("door", async move {
        let (io, _) = listener.accept().await.expect("a connection");
        server.serve(io).await;
    });
    let endpoint = Endpoint::new(UnixDial::new(path), Plan::door());
    let options = ClientOptions { device: None, ..options(&tasks) };
    let client = Client::connect(&endpoint, &options).await.expect("connected");
    assert!(client.proof().key().is_some());
    let connects = fake.log.connects();
    assert!(connects[0].get("device").is_none() && connects[0].get("auth").is_none());
}

/// A connection through an `ssh` that fails with "no route".
async fn over_ssh(fake: Fake) -> Result<Client, ClientError> {
    let tasks = Tasks::new();
    let failure = SshFailure {
        problem: SshProblem::TimedOut,
        message: "no route".to_owned(),
        hint: "look".to_owned(),
    };
    let dial = Carried(Piped { fake, tasks: tasks.clone() }, failure);
    Client::connect(&Endpoint::new(dial, Plan::door()), &options(&tasks)).await
}

#[tokio::test]
async fn ssh_explains_why_its_stream_ended() {
    // Before the Gateway said a word,
    let mute = Fake::ours().decides(|_, _| Reply::Close(1011, ""));
    let error = over_ssh(mute).await.expect_err("failed");
    assert_eq!((error.kind(), error.hint()), (ErrorKind::Ssh, "look".to_owned()), "{error}");
    assert!(error.is_passing());
    // and in the middle of a connection.
    let client = over_ssh(Fake::ours()).await.expect("connected");
    let error = client.call_raw("vanish", &json!({}), CallOptions::default()).await;
    let error = error.expect_err("cut");
    assert_eq!(error.to_string(), "the connection to the Gateway was lost: no route");
}
