//! Tailscale beside the Gateway: what it asks about its tailnet, and the route that publishes it.
//!
//! All of it may fail without the Gateway noticing more than that nobody comes from there.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use futures_util::future::BoxFuture;
use openclaw_base::Tasks;
use openclaw_config::{
    Environment, Paths,
    schema::{Config, TailscaleMode},
};
use openclaw_gateway::{listen::Listener, settings::SharedAuth, tailnet::Tailnet};
use openclaw_remote::tailscale::{Published, Publisher, Record, TAGGED, Whereabouts};
use parking_lot::Mutex;
use tokio::{
    net::TcpListener,
    sync::watch,
    time::{Instant, timeout},
};

use crate::{auth::ResolvedAuth, bind::tcp, error::DaemonError};

/// Where the daemon's socket is, if not in its usual place.
const SOCKET: &str = "OPENCLAW_TAILSCALE_SOCKET";
/// Time for one question.
const DEADLINE: Duration = Duration::from_secs(5);
/// How long an answer of `whois` holds, and how long that there is none.
const HOLDS: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(5));
/// Answers that are kept.
const MAX_KEPT: usize = 1024;
/// Time for giving the route up at the end.
const STOP: Duration = Duration::from_millis(2500);

/// Where Tailscale is, as the environment says.
pub(crate) fn whereabouts(env: &Environment) -> Whereabouts {
    let socket = env.get(SOCKET).filter(|path| !path.is_empty()).map(PathBuf::from);
    Whereabouts::usual(socket, env.get("PATH").map(std::ffi::OsStr::new))
}

/// This machine's tailnet, asked when somebody wants to know.
#[derive(Debug)]
pub(crate) struct LocalTailnet {
    whereabouts: Whereabouts,
    name: watch::Sender<Option<String>>,
    logins: Mutex<HashMap<IpAddr, (Instant, Option<String>)>>,
}

impl LocalTailnet {
    pub(crate) fn new(whereabouts: Whereabouts) -> Arc<Self> {
        Arc::new(Self { whereabouts, name: watch::Sender::default(), logins: Mutex::default() })
    }

    /// The addresses of this machine in its tailnet; `None` if the daemon cannot be asked.
    pub(crate) async fn addresses(&self) -> Option<Vec<IpAddr>> {
        let ask = async { self.whereabouts.daemon().await?.status().await };
        let status = timeout(DEADLINE, ask).await.ok()?.ok()?;
        self.name.send_replace(status.name().map(str::to_owned));
        let connected = status.name().is_some();
        Some(if connected { status.own.addresses } else { Vec::new() })
    }

    async fn ask(&self, address: IpAddr) -> Option<String> {
        let ask = async { self.whereabouts.daemon().await?.whois(address).await };
        match timeout(DEADLINE, ask).await {
            Ok(Ok(found)) => found.map(|who| who.login).filter(|login| login != TAGGED),
            Ok(Err(error)) => {
                tracing::warn!(%error, "tailscaled was not able to say who asks");
                None
            }
            Err(_) => None,
        }
    }
}

impl Tailnet for LocalTailnet {
    fn name(&self) -> Option<String> {
        self.name.borrow().clone()
    }

    fn daemon_uid(&self) -> BoxFuture<'_, Option<u32>> {
        Box::pin(async {
            let ask = async { self.whereabouts.daemon().await.ok()?.uid().await };
            timeout(DEADLINE, ask).await.ok()?
        })
    }

    fn whois(&self, address: IpAddr) -> BoxFuture<'_, Option<String>> {
        Box::pin(async move {
            let now = Instant::now();
            let kept = self.logins.lock().get(&address).filter(|(until, _)| now < *until).cloned();
            if let Some((_, login)) = kept {
                return login;
            }
            let login = self.ask(address).await;
            let holds = if login.is_some() { HOLDS.0 } else { HOLDS.1 };
            let mut logins = self.logins.lock();
            if logins.len() >= MAX_KEPT {
                logins.retain(|_, (until, _)| now < *until);
            }
            if logins.len() < MAX_KEPT {
                logins.insert(address, (now + holds, login.clone()));
            }
            login
        })
    }
}

/// The listener that Tailscale is to forward to, before it is published.
#[derive(Debug)]
pub(crate) struct Publication {
    socket: TcpListener,
    target: String,
    funnel: bool,
    record: PathBuf,
}

/// A publication at work.
#[derive(Debug)]
pub(crate) struct Publishing {
    tasks: Tasks,
}

impl Publication {
    /// Prepares what the configuration asks for.
    ///
    /// # Errors
    /// When it asks for something that would not be safe, or loopback cannot be listened on.
    pub(crate) fn prepare(
        config: &Config,
        paths: &Paths,
        auth: &ResolvedAuth,
    ) -> Result<Option<Self>, DaemonError> {
        let mode = config.gateway.tailscale.mode;
        if mode == TailscaleMode::Off {
            return Ok(None);
        }
        let funnel = mode == TailscaleMode::Funnel;
        check(funnel, auth)?;
        let record = paths.tailscale_file();
        let socket = listener(&record)?;
        let port = socket.local_addr().map(|address| address.port()).map_err(|source| {
            DaemonError::Listen { address: "a port for Tailscale".to_owned(), source }
        })?;
        Ok(Some(Self { socket, target: format!("http://127.0.0.1:{port}"), funnel, record }))
    }

    /// Publishes in a task of its own; `tailnet` learns the name.
    pub(crate) fn start(self, tailnet: &Arc<LocalTailnet>) -> (Listener, Publishing) {
        let tasks = Tasks::new();
        let (told, mut seen) = watch::channel(Published::default());
        let whereabouts = tailnet.whereabouts.clone();
        let Self { socket, target, funnel, record } = self;
        let publisher = Publisher { whereabouts, target, funnel, record, told };
        drop(tasks.spawn("tailscale", publisher.run(tasks.token())));
        let tailnet = Arc::clone(tailnet);
        drop(tasks.spawn("tailnet name", async move {
            while seen.changed().await.is_ok() {
                if let Some(name) = seen.borrow_and_update().name() {
                    tailnet.name.send_replace(Some(name.to_owned()));
                }
            }
        }));
        (Listener::Tailscale { socket, funnel }, Publishing { tasks })
    }
}

impl Publishing {
    /// Begins to give the route up.
    pub(crate) fn cancel(&self) {
        self.tasks.cancel();
    }

    /// Waits until it is given up.
    pub(crate) async fn stop(self) {
        if !self.tasks.shutdown(STOP).await {
            tracing::warn!("Tailscale did not take the route back in time; the next start does");
        }
    }
}

/// The port of the last start, if it is free: what an earlier route points to is ours then, and nobody
/// else gets what is meant for this Gateway.
fn listener(record: &std::path::Path) -> Result<TcpListener, DaemonError> {
    let at = |port: u16| tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    match Record::read(record).port.map(at) {
        Some(Ok(socket)) => Ok(socket),
        Some(Err(_)) | None => at(0),
    }
}

/// Nothing is published that does not ask for a secret that holds.
fn check(funnel: bool, auth: &ResolvedAuth) -> Result<(), DaemonError> {
    let setting = if funnel { "funnel" } else { "serve" };
    let refuse = |why: &str, hint: &str| {
        let message = format!("gateway.tailscale.mode is \"{setting}\", but {why}");
        Err(DaemonError::setting(message, hint))
    };
    match &auth.auth {
        SharedAuth::None => refuse(
            "gateway.auth.mode is \"none\": everybody there could connect",
            "run: openclaw config set gateway.auth.mode token   (the Gateway makes the token)",
        ),
        SharedAuth::TrustedProxy(_) => refuse(
            "gateway.auth.mode is \"trusted-proxy\": Tailscale is not that proxy",
            "run: openclaw config set gateway.auth.mode token   (the Gateway makes the token)",
        ),
        SharedAuth::Token(_) if funnel => refuse(
            "Funnel is open to the whole internet and needs a password",
            "run: openclaw config set gateway.auth.mode password, and set gateway.auth.password",
        ),
        SharedAuth::Token(_) | SharedAuth::Password(_) if auth.short => refuse(
            "the secret has fewer than 24 characters and can be guessed",
            "choose a longer one: openclaw config set gateway.auth.password (or token)",
        ),
        SharedAuth::Token(_) | SharedAuth::Password(_) => Ok(()),
    }
}
