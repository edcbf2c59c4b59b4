//! Tailscale's route to this Gateway: a listener of its own, and the task that keeps it published.
//!
//! All of it may fail without the Gateway noticing more than that nobody comes from there.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use openclaw_base::Tasks;
use openclaw_config::{Config, Paths, schema::TailscaleMode};
use openclaw_gateway::{listen::Listener, settings::SharedAuth};
use openclaw_remote::tailscale::{Published, Publisher, Record};
use tokio::{net::TcpListener, sync::watch};

use crate::{auth::ResolvedAuth, bind::tcp, error::DaemonError, tailnet::LocalTailnet};

/// Time for giving the route up at the end.
const STOP: Duration = Duration::from_millis(2500);

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
        let whereabouts = tailnet.whereabouts().clone();
        let Self { socket, target, funnel, record } = self;
        let publisher = Publisher { whereabouts, target, funnel, record, told };
        drop(tasks.spawn("tailscale", publisher.run(tasks.token())));
        let tailnet = Arc::clone(tailnet);
        drop(tasks.spawn("tailnet name", async move {
            while seen.changed().await.is_ok() {
                if let Some(name) = seen.borrow_and_update().name() {
                    tailnet.is_called(name);
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
