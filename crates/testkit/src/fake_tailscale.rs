//! A stand-in for `tailscaled`: its LocalAPI on a Unix socket, and the proxy of `tailscale serve`.
//!
//! Paths, fields, statuses and the ETag of the serve configuration are those of the LocalAPI, version 0;
//! the proxy takes away what a client says of itself and adds what Tailscale documents.

use std::{
    collections::HashMap,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    extract::{Query, Request, State as Extract},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use openclaw_base::Tasks;
use serde_json::{Value, json};
use tokio::net::{TcpListener, UnixListener};

mod front;

/// Serves until it is dropped.
#[derive(Debug)]
pub struct FakeTailscale {
    folder: tempfile::TempDir,
    shared: Arc<Shared>,
    tasks: Tasks,
}

#[derive(Debug)]
struct Shared {
    name: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    backend: String,
    addresses: Vec<IpAddr>,
    logins: HashMap<IpAddr, String>,
    config: Value,
    denied: bool,
    may_funnel: bool,
    writes: usize,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FakeTailscale {
    /// A connected machine of this name, such as `box.tail1.ts.net`.
    ///
    /// # Panics
    /// When no socket can be made.
    pub async fn start(name: &str) -> Self {
        let state = State {
            backend: "Running".to_owned(),
            addresses: Vec::new(),
            logins: HashMap::new(),
            config: Value::Null,
            denied: false,
            may_funnel: true,
            writes: 0,
        };
        let shared = Arc::new(Shared { name: name.to_owned(), state: Mutex::new(state) });
        let folder = tempfile::tempdir().expect("a folder");
        let fake = Self { folder, shared, tasks: Tasks::new() };
        fake.listen().await;
        fake
    }

    /// Listens on the socket, again after [`Self::stop`].
    ///
    /// # Panics
    /// When no socket can be made.
    pub async fn listen(&self) {
        let socket = self.socket();
        std::fs::remove_file(&socket).ok();
        let listener = UnixListener::bind(&socket).expect("a socket");
        let router = Router::new()
            .route("/localapi/v0/status", get(status))
            .route("/localapi/v0/whois", get(whois))
            .route("/localapi/v0/serve-config", get(read).post(write))
            .layer(middleware::from_fn_with_state(Arc::clone(&self.shared), guard))
            .with_state(Arc::clone(&self.shared));
        let child = self.tasks.child();
        let stop = child.token();
        drop(self.tasks.spawn("fake tailscaled", async move {
            let served =
                axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
            served.await.ok();
        }));
    }

    /// The daemon goes away: its socket is there no more.
    pub fn stop(&self) {
        std::fs::remove_file(self.socket()).ok();
    }

    /// The socket of the LocalAPI.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.path().join("tailscaled.sock")
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// An address belongs to this login from now on.
    pub fn knows(&self, address: &str, login: &str) {
        let address = address.parse().expect("an address");
        self.shared.state().logins.insert(address, login.to_owned());
    }

    /// The addresses of this machine.
    pub fn has_addresses(&self, addresses: &[IpAddr]) {
        self.shared.state().addresses = addresses.to_vec();
    }

    /// `Running`, `Stopped`, `NeedsLogin` and the like.
    pub fn becomes(&self, backend: &str) {
        backend.clone_into(&mut self.shared.state().backend);
    }

    /// Whether writing is refused to this user.
    pub fn denies(&self, denied: bool) {
        self.shared.state().denied = denied;
    }

    /// The serve configuration.
    #[must_use]
    pub fn config(&self) -> Value {
        self.shared.state().config.clone()
    }

    /// Somebody else writes the serve configuration.
    pub fn set_config(&self, config: Value) {
        self.shared.state().config = config;
    }

    /// How often the serve configuration was written over the socket.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.shared.state().writes
    }

    /// A port that stands for `https://NAME/` as a peer with this address reaches it.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn front(&self, peer: &str, funnel: bool) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let peer = peer.parse().expect("an address");
        let (shared, tasks) = (Arc::clone(&self.shared), self.tasks.clone());
        drop(self.tasks.spawn("fake serve", async move {
            let stop = tasks.token();
            while let Some(Ok((socket, _))) = stop.run_until_cancelled(listener.accept()).await {
                let (shared, stop) = (Arc::clone(&shared), tasks.token());
                drop(tasks.spawn("fake serve's guest", async move {
                    stop.run_until_cancelled(front::forward(socket, &shared, peer, funnel)).await;
                }));
            }
        }));
        port
    }
}

impl Drop for FakeTailscale {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

/// The daemon answers to its own name only.
async fn guard(Extract(_): Extract<Arc<Shared>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    if host == Some("local-tailscaled.sock") {
        next.run(request).await
    } else {
        (StatusCode::FORBIDDEN, "invalid localapi request").into_response()
    }
}

async fn status(Extract(shared): Extract<Arc<Shared>>) -> Response {
    let state = shared.state();
    let caps = if state.may_funnel { json!({"funnel": null, "https": null}) } else { json!({}) };
    let status = json!({
        "Version": "1.90.0",
        "TUN": true,
        "BackendState": state.backend,
        "CertDomains": [shared.name],
        "MagicDNSSuffix": shared.name.split_once('.').map(|(_, suffix)| suffix),
        "Self": {
            "DNSName": format!("{}.", shared.name),
            "TailscaleIPs": state.addresses,
            "CapMap": caps,
        },
    });
    status.to_string().into_response()
}

async fn whois(
    Extract(shared): Extract<Arc<Shared>>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let address = query.get("addr").map(String::as_str).unwrap_or_default();
    let Ok(address) = address.parse::<IpAddr>() else {
        return (StatusCode::BAD_REQUEST, "invalid 'addr' parameter").into_response();
    };
    let Some(login) = shared.state().logins.get(&address).cloned() else {
        return (StatusCode::NOT_FOUND, "no match for IP:port").into_response();
    };
    json!({"Node": {"Name": "laptop.tail1.ts.net."}, "UserProfile": {"ID": 1, "LoginName": login}})
        .to_string()
        .into_response()
}

fn tag(config: &Value) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    config.to_string().hash(&mut hasher);
    format!("{:x}", hasher.finish())
}

async fn read(Extract(shared): Extract<Arc<Shared>>) -> Response {
    let config = shared.state().config.clone();
    ([(header::ETAG, tag(&config))], config.to_string()).into_response()
}

async fn write(
    Extract(shared): Extract<Arc<Shared>>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let mut state = shared.state();
    if state.denied {
        return (StatusCode::FORBIDDEN, "access denied").into_response();
    }
    let Ok(config) = serde_json::from_str(&body) else {
        return (StatusCode::BAD_REQUEST, "decoding config").into_response();
    };
    let expected = headers.get(header::IF_MATCH).and_then(|tag| tag.to_str().ok());
    if expected.is_some_and(|expected| expected != tag(&state.config)) {
        return (StatusCode::PRECONDITION_FAILED, "etag mismatch").into_response();
    }
    state.config = config;
    state.writes += 1;
    StatusCode::OK.into_response()
}
