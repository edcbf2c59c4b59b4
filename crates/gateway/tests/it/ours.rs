//! A device of our own clients, proving by hand what `docs/trust.md` says it proves.

use std::time::{SystemTime, UNIX_EPOCH};

use openclaw_identity::{
    KeyPair, PublicKey, secret,
    transcript::{DeviceTranscript, Link, SecretTranscript},
};
use openclaw_testkit::{TestGateway, WireClient, connect_params, wire::request};
use secrecy::SecretString;
use serde_json::{Value, json};

/// How a socket reaches the Gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Loopback, own uid.
    Local,
    /// Through a proxy that the Gateway trusts, for somebody elsewhere.
    Remote,
    /// The owner's Unix socket.
    Door,
    /// The Unix socket for nodes that come through a login.
    NodeDoor,
}

/// A socket that was opened with a nonce of the client's, and what the Gateway proved on it.
pub(crate) struct Socket {
    pub(crate) wire: WireClient,
    pub(crate) client_nonce: [u8; 32],
    pub(crate) gateway: PublicKey,
    pub(crate) binding: &'static str,
}

/// A Gateway whose trusted proxy is this machine, so that a forwarded socket counts as remote, and
/// that neither slows nor locks out who is wrong.
pub(crate) async fn gateway(auth: &str) -> TestGateway {
    let patient = "rateLimit: { exemptLoopback: false, maxAttempts: 1000 }";
    let proxies = "trustedProxies: ['127.0.0.1']";
    let config = format!("{{ gateway: {{ {proxies}, auth: {{ {patient}, {auth} }} }} }}");
    TestGateway::with_config(&config.replace(", }", " }")).await
}

impl Socket {
    /// Opens one; `more` is appended to the query.
    pub(crate) async fn open(gateway: &TestGateway, way: Way, more: &str) -> Self {
        let nonce = secret::nonce().expect("randomness");
        let path = format!("/?oc_nonce={nonce}{more}");
        let (wire, binding) = match way {
            Way::Door => {
                (WireClient::door_request(&gateway.door(), request(0, &path)).await, "unix")
            }
            Way::NodeDoor => {
                let door = gateway.paths().node_socket();
                (WireClient::door_request(&door, request(0, &path)).await, "unix")
            }
            Way::Local | Way::Remote => {
                let mut upgrade = request(gateway.port(), &path);
                if way == Way::Remote {
                    let somewhere = "203.0.113.9".parse().expect("header");
                    upgrade.headers_mut().insert("x-forwarded-for", somewhere);
                }
                let wire = WireClient::try_request(gateway.port(), upgrade).await;
                (wire.expect("upgrade"), "none")
            }
        };
        let shown = wire.events[0]["payload"]["gateway"].clone();
        assert_eq!(shown["binding"], binding, "{shown}");
        let key = shown["publicKey"].as_str().expect("a proof");
        Self {
            wire,
            client_nonce: secret::nonce_bytes(&nonce).expect("a nonce"),
            gateway: PublicKey::parse(key).expect("a key"),
            binding,
        }
    }

    /// What proofs on this socket are bound to.
    pub(crate) fn link(&self) -> Link<'_> {
        Link {
            client_nonce: &self.client_nonce,
            server_nonce: self.wire.nonce(),
            gateway: &self.gateway,
            binding: self.binding,
            exporter: &[],
        }
    }
}

/// A device of ours.
pub(crate) struct Ours {
    pub(crate) key: KeyPair,
    pub(crate) role: &'static str,
    pub(crate) scopes: Vec<String>,
}

impl Ours {
    /// A new device that asks for these scopes.
    pub(crate) fn new(scopes: &[&str]) -> Self {
        let key = KeyPair::generate().expect("a key");
        Self { key, role: "operator", scopes: names(scopes) }
    }

    /// A new device that is a node.
    pub(crate) fn node() -> Self {
        Self { role: "node", ..Self::new(&[]) }
    }

    /// The same key, asking for something else.
    pub(crate) fn asking(&self, role: &'static str, scopes: &[&str]) -> Self {
        Self { key: self.key.clone(), role, scopes: names(scopes) }
    }

    /// `device` of `connect`, signed over a link.
    pub(crate) fn device(&self, link: Link<'_>) -> Value {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let signed_at_ms = u64::try_from(since.as_millis()).expect("fits");
        let device_id = self.key.device_id();
        let transcript = DeviceTranscript {
            link,
            device_id: &device_id,
            client_id: "cli",
            client_mode: "cli",
            role: self.role,
            scopes: &self.scopes,
            signed_at_ms,
        };
        json!({
            "id": device_id,
            "publicKey": self.key.public_key().to_base64url(),
            "signature": self.key.sign(&transcript.bytes()),
            "signedAt": signed_at_ms,
            "nonce": link.server_nonce,
            "scheme": "openclaw-connect-v1",
        })
    }

    /// `auth` of `connect`: the proof of a secret of a kind over a link.
    pub(crate) fn proof(&self, link: Link<'_>, kind: &str, shared: &str) -> Value {
        let device_id = self.key.device_id();
        let (role, scopes) = (self.role, &self.scopes[..]);
        let transcript = SecretTranscript { link, kind, role, scopes, device_id: &device_id };
        let mac = secret::hmac_b64(&SecretString::from(shared), &transcript.bytes());
        json!({"proof": {"kind": kind, "mac": mac}})
    }

    /// `connect` params with a device proof and any credentials.
    pub(crate) fn params(&self, socket: &Socket, auth: &Value) -> Value {
        connect_params(&json!({
            "role": self.role,
            "scopes": self.scopes,
            "device": self.device(socket.link()),
            "auth": auth,
        }))
    }

    /// Connects with the device proof alone, or with that of the shared token beside it.
    pub(crate) async fn connect(&self, socket: &mut Socket, token: Option<&str>) -> Value {
        let auth = token.map_or(json!({}), |token| self.proof(socket.link(), "token", token));
        let params = self.params(socket, &auth);
        socket.wire.call("connect", params).await
    }

    /// The same on a socket of its own.
    pub(crate) async fn try_on(
        &self,
        gateway: &TestGateway,
        way: Way,
        token: Option<&str>,
    ) -> Value {
        self.connect(&mut Socket::open(gateway, way, "").await, token).await
    }
}

fn names(scopes: &[&str]) -> Vec<String> {
    scopes.iter().map(|scope| (*scope).to_owned()).collect()
}

/// The owner, who needs neither device nor secret.
pub(crate) async fn owner(gateway: &TestGateway) -> WireClient {
    let mut owner = WireClient::door(&gateway.door()).await;
    owner.ok("connect", connect_params(&json!({}))).await;
    owner
}

/// Approves the request a refusal names.
pub(crate) async fn approve(gateway: &TestGateway, refused: &Value) {
    let request = &refused["error"]["details"]["requestId"];
    assert!(request.is_string(), "{refused}");
    owner(gateway).await.ok("device.pair.approve", json!({"requestId": request})).await;
}

/// The scopes a response grants.
#[track_caller]
pub(crate) fn granted(answer: &Value, method: &str) -> Value {
    assert_eq!(answer["ok"], true, "{answer}");
    assert_eq!(answer["payload"]["auth"]["method"], method, "{answer}");
    answer["payload"]["auth"]["scopes"].clone()
}

/// The detail code of a refusal.
#[track_caller]
pub(crate) fn code(answer: &Value) -> String {
    assert_eq!(answer["ok"], false, "{answer}");
    answer["error"]["details"]["code"].as_str().unwrap_or_default().to_owned()
}

/// The reason for which a person must decide.
#[track_caller]
pub(crate) fn asks(answer: &Value) -> String {
    assert_eq!(code(answer), "PAIRING_REQUIRED", "{answer}");
    answer["error"]["details"]["reason"].as_str().unwrap_or_default().to_owned()
}
