//! Our own client against a whole Gateway: over the owner's door, over loopback, and through a tunnel
//! made by hand.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "the helpers of a test may fail it"
)]

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use openclaw_base::Tasks;
use openclaw_client::{
    CallOptions, Client, ClientError, ClientOptions, CloseReason, Dial, Endpoint, ErrorKind,
    PairingWait, Plan, Reconnecting, SavedFile, Secret, SecretSource, TcpDial, UnixDial,
};
use openclaw_identity::{KeyPair, PublicKey};
use openclaw_protocol::{
    methods::{
        devices::{DevicePairApprove, DevicePairList, DevicePairRemove},
        system::{Health, HealthParams},
    },
    params,
};
use openclaw_testkit::{TestGateway, sshd::Sshd};
use serde_json::{json, value::to_raw_value};

mod resume;

const OPTIONS: CallOptions = CallOptions { timeout: None, expect_final: false };

/// A client machine with a device key of its own.
struct Machine {
    folder: tempfile::TempDir,
    tasks: Tasks,
    options: ClientOptions,
}

impl Machine {
    fn new() -> Self {
        let tasks = Tasks::new();
        let device = Some(Arc::new(KeyPair::generate().expect("randomness")));
        let options = ClientOptions { device, ..ClientOptions::cli(tasks.clone(), "1.0.0") };
        Self { folder: tempfile::tempdir().expect("a folder"), tasks, options }
    }

    fn saved(&self, dial: &TcpDial) -> SavedFile {
        SavedFile::of(self.folder.path(), &dial.target())
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Client, ClientError> {
        Client::connect(endpoint, &self.options).await
    }
}

fn token(gateway: &TestGateway) -> Plan {
    secret(&gateway.token(), SecretSource::TokenFile)
}

fn secret(text: &str, source: SecretSource) -> Plan {
    Plan { token: Secret::new(Some(text.to_owned().into()), source), ..Plan::nothing() }
}

fn key(gateway: &TestGateway) -> PublicKey {
    let path = gateway.paths().identity_dir().join("gateway.json");
    KeyPair::load(&path).expect("readable").expect("there").public_key()
}

async fn owner(gateway: &TestGateway) -> Client {
    let endpoint = Endpoint::new(UnixDial::new(gateway.door()), Plan::door());
    let machine = Machine::new();
    let options = ClientOptions { device: None, ..machine.options.clone() };
    Client::connect(&endpoint, &options).await.expect("the owner gets in")
}

async fn healthy(client: &Client) {
    let health = client.call::<Health>(&HealthParams::default(), OPTIONS).await.expect("healthy");
    assert!(health.ok);
}

/// The params of a method, from JSON.
fn from_json<T: serde::de::DeserializeOwned>(json: &serde_json::Value) -> T {
    let raw = to_raw_value(json).expect("JSON");
    params::decode("test", Some(&raw)).expect("params")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owners_door_is_open_to_the_owner() {
    let gateway = TestGateway::start().await;
    let client = owner(&gateway).await;
    assert_eq!(client.proof().key(), Some(&key(&gateway)));
    healthy(&client).await;
    client.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_contact_proves_the_token_and_later_ones_the_device() {
    let gateway = TestGateway::start().await;
    let machine = Machine::new();
    let dial = TcpDial::loopback(gateway.port());
    let saved = machine.saved(&dial);
    let first = Endpoint::new(dial.clone(), token(&gateway)).saved(saved.clone());
    healthy(&machine.connect(&first).await.expect("paired silently")).await;
    assert_eq!(saved.load().expect("readable").key, Some(key(&gateway)));

    let later = Endpoint::new(dial.clone(), Plan::nothing()).saved(saved);
    healthy(&machine.connect(&later).await.expect("the device is enough")).await;

    let stranger = Endpoint::new(dial, Plan::nothing());
    let error = Machine::new().connect(&stranger).await.expect_err("nothing to show");
    assert_eq!(error.kind(), ErrorKind::CredentialRefused, "{error}");
    assert!(error.hint().contains("--token"), "{}", error.hint());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_refused_and_named() {
    let gateway = TestGateway::start().await;
    let plan = secret("not-the-token-of-this-gateway", SecretSource::FlagToken);
    let endpoint = Endpoint::new(TcpDial::loopback(gateway.port()), plan);
    let error = Machine::new().connect(&endpoint).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::CredentialRefused, "{error}");
    assert!(error.hint().contains("--token was used"), "{}", error.hint());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_gateway_on_the_port_is_noticed() {
    let (mine, other) = (TestGateway::start().await, TestGateway::start().await);
    let endpoint = Endpoint::new(TcpDial::loopback(other.port()), token(&mine)).pinned(key(&mine));
    let error = Machine::new().connect(&endpoint).await.expect_err("another key");
    assert!(matches!(error, ClientError::IdentityMismatch { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_device_is_told_that_it_was_approved_and_removed() {
    let config = r#"{ gateway: { auth: { mode: "none" } } }"#;
    let gateway = TestGateway::with_config(config).await;
    let owner = owner(&gateway).await;
    let approver = owner.clone();
    let notify = move |notice: &openclaw_client::PairingNotice| {
        let id = notice.request_id.clone().expect("a request");
        let approver = approver.clone();
        Tasks::new().spawn("approve", async move {
            let params = from_json(&json!({ "requestId": id }));
            approver.call::<DevicePairApprove>(&params, OPTIONS).await.expect("approved");
        });
    };
    let mut machine = Machine::new();
    let at_most = Duration::from_secs(20);
    machine.options.pairing = PairingWait::For { at_most, notify: Arc::new(notify) };
    let endpoint = Endpoint::new(TcpDial::loopback(gateway.port()), Plan::nothing());
    let client = machine.connect(&endpoint).await.expect("approved and connected");
    healthy(&client).await;

    let list = owner.call::<DevicePairList>(&from_json(&json!({})), OPTIONS).await.expect("a list");
    let device_id = machine.options.device.as_ref().expect("a device").device_id();
    assert!(list.paired.iter().any(|device| device.device_id.as_str() == device_id));
    let params = from_json(&json!({ "deviceId": device_id }));
    owner.call::<DevicePairRemove>(&params, OPTIONS).await.expect("removed");
    let reason = client.closed().await;
    assert!(matches!(reason, CloseReason::Closed { code: 1008, .. }), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_is_lived_through() {
    let mut gateway = TestGateway::start().await;
    let machine = Machine::new();
    // The door keeps its place, while a port that nobody asked for by number changes.
    let endpoint = Endpoint::new(UnixDial::new(gateway.door()), Plan::door());
    let link = Reconnecting::start(endpoint, machine.options.clone());
    let client = link.client().await.expect("up");
    healthy(&client).await;
    gateway.stop().await;
    let reason = client.closed().await;
    assert!(reason.is_restart(), "{reason}");
    gateway.resume().await;
    healthy(&link.client().await.expect("up again")).await;
    link.close().await;
    assert!(machine.tasks.shutdown(Duration::from_secs(5)).await);
}

/// `ssh -N -L`, as a person makes it.
struct Tunnel {
    ssh: Child,
    port: u16,
}

impl Tunnel {
    fn open(sshd: &Sshd, to: u16) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let forward = format!("{port}:127.0.0.1:{to}");
        let ssh = Command::new("ssh")
            .args(sshd.arguments())
            .args(["-N", "-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes"])
            .args(["-L", &forward, "-p", &sshd.port().to_string(), "127.0.0.1"])
            .stdin(Stdio::null())
            .spawn()
            .expect("ssh starts");
        Self { ssh, port }
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.ssh.kill().ok();
        self.ssh.wait().ok();
    }
}

/// Connects as soon as the tunnel listens.
async fn through(tunnel: &Tunnel, endpoint: &Endpoint, machine: &Machine) -> Reconnecting {
    let options = machine.options.clone();
    let backoff =
        openclaw_base::Backoff::new(Duration::from_millis(20), Duration::from_millis(200));
    let link = Reconnecting::with_backoff(endpoint.clone(), options, backoff);
    let up = tokio::time::timeout(Duration::from_secs(20), link.client()).await;
    let up = up.expect("in time");
    assert!(up.is_ok(), "through port {}: {up:?}", tunnel.port);
    link
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_made_by_hand_works_like_the_port_itself() {
    let gateway = TestGateway::start().await;
    let sshd = Sshd::start().expect("sshd");
    let tunnel = Tunnel::open(&sshd, gateway.port());
    let machine = Machine::new();
    let plan = secret(&gateway.token(), SecretSource::FlagToken);
    let dial = TcpDial::loopback(tunnel.port);
    let saved = machine.saved(&dial);
    let endpoint = Endpoint::new(dial, plan).saved(saved);
    let link = through(&tunnel, &endpoint, &machine).await;
    healthy(&link.client().await.expect("up")).await;
    link.close().await;
}
