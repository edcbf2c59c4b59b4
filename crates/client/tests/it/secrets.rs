//! Row by row, secret by secret: what leaves, and what does not.

use openclaw_base::Tasks;
use openclaw_client::{
    Client, ClientError, Dial, Endpoint, ErrorKind, SavedFile, SavedGateway, TcpDial,
    credentials::{Choice, Inputs, Pair, plan},
};
use openclaw_identity::{
    secret,
    transcript::{DeviceTranscript, Link, SecretTranscript},
};
use openclaw_protocol::trust::{DEVICE_SCHEME, SecretKind};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::fake::{
    Fake, Reply, SERVER_NONCE, Shows, connect, device_key, gateway_key, hello, options, refusal,
};

const SECRETS: [&str; 10] = [
    "flag-token",
    "flag-password",
    "env-token",
    "env-password",
    "remote-token",
    "remote-password",
    "auth-token",
    "auth-password",
    "file-token",
    "saved-token",
];

fn pair(name: &str) -> Pair {
    Pair {
        token: Some(SecretString::from(format!("{name}-token"))),
        password: Some(SecretString::from(format!("{name}-password"))),
    }
}

/// Every source of secrets filled, flags only where they are asked for.
fn inputs(choice: Choice, flags: bool) -> Inputs {
    Inputs {
        flags: if flags { pair("flag") } else { Pair::default() },
        env: pair("env"),
        remote: pair("remote"),
        auth: pair("auth"),
        token_file: Some(SecretString::from("file-token".to_owned())),
        ..Inputs::new(choice)
    }
}

fn seen(fake: &Fake) -> Vec<&'static str> {
    SECRETS.into_iter().filter(|secret| fake.log.holds(secret)).collect()
}

/// Every row of the table, with and without flags.
fn rows() -> Vec<Inputs> {
    let choices = [
        Choice::UrlFlag,
        Choice::Ssh { dial_stdio: true },
        Choice::Ssh { dial_stdio: false },
        Choice::EnvUrl,
        Choice::Remote,
        Choice::Local,
    ];
    choices
        .into_iter()
        .flat_map(|choice| [inputs(choice, false), inputs(choice, true)])
        .filter(|inputs| plan(inputs).is_ok())
        .collect()
}

#[tokio::test]
async fn no_secret_ever_leaves_for_a_gateway_that_proves_itself() {
    for inputs in rows() {
        for wants in [SecretKind::None, SecretKind::Token, SecretKind::Password] {
            let fake = Fake::ours().wants(wants);
            let client = connect(&fake, plan(&inputs).expect("a plan")).await.expect("connected");
            assert_eq!(client.proof().key(), Some(&gateway_key().public_key()));
            assert_eq!(seen(&fake), [""; 0], "{inputs:?}");
            let connects = fake.log.connects();
            assert_eq!(connects[0]["device"]["scheme"], DEVICE_SCHEME);
            let auth = connects[0].get("auth").and_then(Value::as_object);
            assert!(auth.is_none_or(|auth| auth.keys().eq(["proof"])), "{auth:?}");
        }
    }
}

#[tokio::test]
async fn a_gateway_without_proof_gets_only_what_was_named_for_it() {
    let cases: [(Inputs, &[&str]); 6] = [
        (inputs(Choice::UrlFlag, true), &["flag-token"]),
        (inputs(Choice::EnvUrl, true), &["flag-token"]),
        (inputs(Choice::EnvUrl, false), &[]),
        (inputs(Choice::Remote, false), &["remote-token"]),
        (inputs(Choice::Local, true), &["flag-token"]),
        (inputs(Choice::Local, false), &[]),
    ];
    for (inputs, expected) in cases {
        let fake = Fake::foreign();
        connect(&fake, plan(&inputs).expect("a plan")).await.expect("connected");
        assert_eq!(seen(&fake), expected, "{inputs:?}");
        let connects = fake.log.connects();
        assert!(connects[0]["device"].get("scheme").is_none(), "only published keys");
        assert!(connects[0]["auth"].get("proof").is_none(), "only published keys");
    }
}

#[tokio::test]
async fn a_gateway_without_proof_gets_the_password_only_when_it_asks() {
    let asks = |code: &'static str| {
        move |attempt: usize, _: &Value| {
            if attempt == 0 {
                Reply::Refuse(refusal("INVALID_REQUEST", "unauthorized", json!({"code": code})))
            } else {
                Reply::Hello(hello(4))
            }
        }
    };
    let plan = || plan(&inputs(Choice::UrlFlag, true)).expect("a plan");

    let fake = Fake::foreign().decides(asks("AUTH_PASSWORD_MISSING"));
    connect(&fake, plan()).await.expect("connected with the password");
    let connects = fake.log.connects();
    assert_eq!(connects[0]["auth"], json!({"token": "flag-token"}));
    assert_eq!(connects[1]["auth"], json!({"password": "flag-password"}), "one kind at a time");

    for code in ["AUTH_TOKEN_MISMATCH", "AUTH_PASSWORD_MISMATCH", "AUTH_RATE_LIMITED"] {
        let fake = Fake::foreign().decides(asks(code));
        let error = connect(&fake, plan()).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::CredentialRefused, "{code}");
        assert_eq!(seen(&fake), ["flag-token"], "{code}");
    }

    let env = plan_for(Choice::EnvUrl);
    let fake = Fake::foreign().decides(asks("AUTH_PASSWORD_MISSING"));
    let error = connect(&fake, env).await.expect_err("the environment's secrets are not for it");
    assert_eq!(seen(&fake), [""; 0]);
    assert!(error.hint().contains("OPENCLAW_GATEWAY_TOKEN was not sent"), "{}", error.hint());
}

fn plan_for(choice: Choice) -> openclaw_client::Plan {
    plan(&inputs(choice, false)).expect("a plan")
}

#[tokio::test]
async fn a_pinned_gateway_that_does_not_prove_itself_gets_nothing() {
    let other = openclaw_identity::KeyPair::from_seed(&[9; 32]);
    let liars = [
        Shows::Nothing,
        Shows::Garbage,
        Shows::Forged(gateway_key()),
        Shows::OtherBinding(gateway_key()),
        Shows::Proof(other.clone()),
        Shows::Forged(other),
    ];
    for shows in liars {
        for inputs in rows() {
            let fake = Fake::new(shows.clone());
            let tasks = Tasks::new();
            let endpoint = Endpoint::new(fake.listen(&tasks).await, plan(&inputs).expect("a plan"))
                .pinned(gateway_key().public_key());
            let error = Client::connect(&endpoint, &options(&tasks)).await.expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::Identity, "{error}");
            assert!(!error.hint().is_empty());
            assert_eq!(fake.log.frames(), [] as [Value; 0], "not one frame is sent");
            assert_eq!(seen(&fake), [""; 0]);
        }
    }
}

#[tokio::test]
async fn a_proof_that_does_not_hold_is_refused_without_a_pin_too() {
    for shows in [Shows::Garbage, Shows::Forged(gateway_key()), Shows::OtherBinding(gateway_key())]
    {
        let fake = Fake::new(shows);
        let plan = plan(&inputs(Choice::UrlFlag, true)).expect("a plan");
        let error = connect(&fake, plan).await.expect_err("refused");
        assert!(matches!(error, ClientError::ProofInvalid { .. }), "{error}");
        assert_eq!(fake.log.frames(), [] as [Value; 0]);
    }
}

#[tokio::test]
async fn proofs_are_made_over_the_documented_transcripts() {
    let fake = Fake::ours();
    connect(&fake, plan_for(Choice::Local)).await.expect("connected");
    let connect = &fake.log.connects()[0];
    let uri = &fake.log.uris()[0];
    let nonce = uri.split("oc_nonce=").nth(1).expect("a nonce in the query");
    let client_nonce = secret::nonce_bytes(nonce).expect("32 bytes");
    let gateway = gateway_key().public_key();
    let link = Link {
        client_nonce: &client_nonce,
        server_nonce: SERVER_NONCE,
        gateway: &gateway,
        binding: "none",
        exporter: &[],
    };
    let scopes: Vec<String> =
        serde_json::from_value(connect["scopes"].clone()).expect("a list of scopes");
    let device_id = device_key().device_id();
    let signed = DeviceTranscript {
        link,
        device_id: &device_id,
        client_id: "cli",
        client_mode: "cli",
        role: "operator",
        scopes: &scopes,
        signed_at_ms: connect["device"]["signedAt"].as_u64().expect("a time"),
    };
    let signature = connect["device"]["signature"].as_str().expect("a signature");
    assert!(device_key().public_key().verify(&signed.bytes(), signature));
    let proven = SecretTranscript {
        link,
        kind: "token",
        role: "operator",
        scopes: &scopes,
        device_id: &device_id,
    };
    let mac = connect["auth"]["proof"]["mac"].as_str().expect("a proof");
    let env = SecretString::from("env-token".to_owned());
    assert!(secret::verify_hmac(&env, &proven.bytes(), mac));
}

#[tokio::test]
async fn what_is_learnt_is_kept_for_exactly_that_endpoint() {
    let folder = tempfile::tempdir().expect("a folder");
    let tasks = Tasks::new();

    // Ours: the key is pinned after the first success, and the next contact proves only the device.
    let fake = Fake::ours();
    let dial = fake.listen(&tasks).await;
    let file = SavedFile::of(folder.path(), &dial.target());
    let endpoint = Endpoint::new(dial.clone(), plan_for(Choice::Local)).saved(file.clone());
    for _ in 0..2 {
        Client::connect(&endpoint, &options(&tasks)).await.expect("connected");
    }
    let connects = fake.log.connects();
    assert!(connects[0]["auth"]["proof"].is_object());
    assert!(connects[1].get("auth").is_none(), "a paired device needs no secret");
    assert_eq!(file.load().expect("saved").key, Some(gateway_key().public_key()));

    // The same address with another key afterwards.
    let thief = Fake::new(Shows::Proof(openclaw_identity::KeyPair::from_seed(&[9; 32])));
    let other =
        Endpoint::new(thief.listen(&tasks).await, plan_for(Choice::Local)).saved(file.clone());
    let error = Client::connect(&other, &options(&tasks)).await.expect_err("another key");
    assert!(matches!(error, ClientError::IdentityMismatch { .. }), "{error}");
    assert!(error.hint().contains(&format!("rm {}", file.path().display())), "{}", error.hint());
    assert_eq!(thief.log.frames(), [] as [Value; 0]);
}

#[tokio::test]
async fn a_pin_that_another_process_made_meanwhile_is_kept() {
    let other = openclaw_identity::KeyPair::from_seed(&[9; 32]).public_key();
    let mut issued = hello(4);
    issued["auth"]["deviceToken"] = json!("saved-token");
    for shows in [Shows::Nothing, Shows::Proof(gateway_key())] {
        let folder = tempfile::tempdir().expect("a folder");
        let tasks = Tasks::new();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let dial = TcpDial::loopback(listener.local_addr().expect("an address").port());
        let file = SavedFile::of(folder.path(), &dial.target());
        // The other process is done between our look at the file and the Gateway's answer.
        let (meanwhile, issued) = (file.clone(), issued.clone());
        let fake = Fake::new(shows).decides(move |_, _| {
            let pinned = SavedGateway { key: Some(other), ..SavedGateway::default() };
            meanwhile.save(&pinned).expect("saved");
            Reply::Hello(issued.clone())
        });
        tasks.spawn("fake", async move {
            let (io, _) = listener.accept().await.expect("a connection");
            fake.serve(io).await;
        });
        let endpoint = Endpoint::new(dial, plan_for(Choice::Local)).saved(file.clone());
        Client::connect(&endpoint, &options(&tasks)).await.expect("connected");
        let kept = file.load().expect("saved");
        assert_eq!(kept.key, Some(other));
        assert!(kept.tokens.is_empty() && kept.paired.is_empty(), "{kept:?}");
    }
}

#[tokio::test]
async fn device_tokens_of_the_original_go_back_to_it_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let tasks = Tasks::new();
    let mut issued = hello(4);
    issued["auth"]["deviceToken"] = json!("saved-token");
    let fake = Fake::foreign().decides(move |_, _| Reply::Hello(issued.clone()));
    let dial = fake.listen(&tasks).await;
    let file = SavedFile::of(folder.path(), &dial.target());
    let with_flag = plan(&inputs(Choice::UrlFlag, true)).expect("a plan");
    let endpoint = Endpoint::new(dial.clone(), with_flag).saved(file.clone());
    Client::connect(&endpoint, &options(&tasks)).await.expect("connected");
    assert_eq!(seen(&fake), ["flag-token"]);

    let bare = Inputs { remote: Pair::default(), ..inputs(Choice::Remote, false) };
    let endpoint = Endpoint::new(dial, plan(&bare).expect("a plan")).saved(file);
    Client::connect(&endpoint, &options(&tasks)).await.expect("connected");
    assert_eq!(fake.log.connects()[1]["auth"], json!({"deviceToken": "saved-token"}));

    let stranger = Fake::foreign();
    let dial = stranger.listen(&tasks).await;
    let file = SavedFile::of(folder.path(), &dial.target());
    let endpoint = Endpoint::new(dial, plan(&bare).expect("a plan")).saved(file);
    Client::connect(&endpoint, &options(&tasks)).await.expect("connected");
    assert_eq!(seen(&stranger), [""; 0]);
}

#[tokio::test]
async fn a_forgotten_device_proves_the_secret_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let tasks = Tasks::new();
    let fake = Fake::ours().decides(|_, params| {
        if params["auth"]["proof"].is_object() {
            Reply::Hello(hello(4))
        } else {
            let details = json!({"code": "AUTH_TOKEN_MISSING"});
            Reply::Refuse(refusal(
                "INVALID_REQUEST",
                "unauthorized: gateway token missing",
                details,
            ))
        }
    });
    let dial = fake.listen(&tasks).await;
    let file = SavedFile::of(folder.path(), &dial.target());
    let known = SavedGateway {
        key: Some(gateway_key().public_key()),
        paired: vec!["operator".to_owned()],
        ..SavedGateway::default()
    };
    file.save(&known).expect("saved");
    let endpoint = Endpoint::new(dial, plan_for(Choice::Local)).saved(file);
    Client::connect(&endpoint, &options(&tasks)).await.expect("connected in the end");
    assert_eq!(fake.log.connects().len(), 2);
    assert_eq!(seen(&fake), [""; 0]);
}
