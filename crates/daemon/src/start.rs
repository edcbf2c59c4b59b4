//! Starting: lock, state, key, secret, listeners, in this order, so that a refusal changes nothing.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use openclaw_base::{SharedClock, SystemClock};
use openclaw_config::{
    Environment, Loaded, Paths, Problem,
    schema::{Bind, GatewayMode, TailscaleMode},
};
use openclaw_gateway::{Gateway, listen::Listener};
use openclaw_identity::KeyPair;
use openclaw_store::{Store, StoreOptions};

use crate::{
    VERSION,
    announce::Reach,
    audit::StartAudit,
    auth::{self, AuthFlags, AuthSource, ResolvedAuth},
    bind::{self, Shown, Wanted},
    compose::{Composed, Ingredients, compose},
    error::DaemonError,
    holder::Holder,
    inherited::Inherited,
    lock::Lock,
    logging::{self, LogSettings},
    publication::{Publication, Publishing},
    tailnet::{self, LocalTailnet},
    tls::{Certificate, CertificateFacts},
};

/// What the command line and the environment say.
#[derive(Clone, Debug)]
pub struct StartOptions {
    /// Files and folders.
    pub paths: Paths,
    /// The environment, with the state folder's `.env`.
    pub env: Environment,
    /// `--port`; 0 takes any free one.
    pub port: Option<u16>,
    /// `--bind`.
    pub bind: Option<Bind>,
    /// `--auth`, `--token`, `--password`.
    pub auth: AuthFlags,
    /// `--allow-unconfigured`: start even if `gateway.mode` says that the Gateway is elsewhere.
    pub allow_unconfigured: bool,
    /// `--verbose`: a readable log on stderr as well.
    pub verbose: bool,
    /// Sockets that whoever started this process holds.
    pub inherited: Inherited,
    /// Whether the process's log goes to the log file; tests of many Gateways in a process say no.
    pub log_to_file: bool,
}

/// What a person is told once the Gateway listens.
#[derive(Clone, Debug)]
pub struct Started {
    /// Port of the WebSocket.
    pub port: u16,
    /// The owner's door.
    pub socket: PathBuf,
    /// State folder.
    pub state_dir: PathBuf,
    /// Configuration file.
    pub config_file: PathBuf,
    /// Whether there is one.
    pub configured: bool,
    /// Log file.
    pub log_file: PathBuf,
    /// `none`, `token`, `password`, or `trusted-proxy`.
    pub auth_mode: &'static str,
    /// Where the secret comes from.
    pub auth_source: AuthSource,
    /// The token file, if the secret is in it.
    pub token_file: Option<PathBuf>,
    /// The secret is shorter than 24 characters.
    pub short_secret: bool,
    /// The model that answers by default.
    pub model: String,
    /// Nothing but the offline assistant answers.
    pub offline: bool,
    /// What is odd in the configuration.
    pub warnings: Vec<Problem>,
    /// Runs that were cut by the last stop and go on.
    pub resumed_runs: usize,
    /// Where it listens.
    pub reachable: Reachable,
}

/// Where a Gateway listens, and how.
#[derive(Clone, Debug)]
pub struct Reachable {
    /// What was asked for.
    pub bind: Bind,
    /// The addresses, loopback first.
    pub addresses: Vec<SocketAddr>,
    /// Others than this machine can connect.
    pub exposed: bool,
    /// The certificate, where TLS is spoken.
    pub certificate: Option<CertificateFacts>,
    /// The tailnet gave this machine no address yet; it is listened there as soon as it does.
    pub waits_for_tailnet: bool,
    /// How it is to be published through Tailscale.
    pub tailscale: TailscaleMode,
}

impl Reachable {
    fn of(
        wanted: &Wanted,
        addresses: Vec<SocketAddr>,
        certificate: Option<&Certificate>,
        tailscale: TailscaleMode,
    ) -> Self {
        Self {
            bind: wanted.bind,
            exposed: wanted.is_exposed(),
            certificate: certificate.map(|certificate| certificate.facts().clone()),
            waits_for_tailnet: wanted.bind == Bind::Tailnet
                && addresses.iter().all(|address| address.ip().is_loopback()),
            tailscale,
            addresses,
        }
    }

    /// What may be announced of it.
    fn reach(&self, port: u16) -> Reach {
        let tls = self.certificate.as_ref().map(|facts| facts.fingerprint.clone());
        Reach { port, addresses: self.addresses.iter().map(SocketAddr::ip).collect(), tls }
    }

    /// Says in the log what somebody who looks there later has to know.
    fn tell(&self) {
        if self.exposed && self.certificate.is_none() {
            tracing::warn!(
                "other machines reach this Gateway without TLS: gateway.tls.enabled is false"
            );
        }
        if self.exposed && self.bind == Bind::Auto {
            tracing::warn!(
                "there is no loopback here, so gateway.bind \"auto\" listens on every address"
            );
        }
        if self.waits_for_tailnet {
            tracing::warn!("this machine has no tailnet address yet; it is looked for again");
        }
    }
}

/// A running Gateway and everything that belongs to it.
#[derive(Debug)]
pub struct Running {
    /// The Gateway.
    pub gateway: Gateway,
    /// What was said at the start.
    pub started: Started,
    pub(crate) store: Store,
    pub(crate) socket: PathBuf,
    pub(crate) lock: Lock,
    pub(crate) publishing: Option<Publishing>,
}

/// Starts a Gateway.
///
/// # Errors
/// [`DaemonError`] says why not and what to do.
pub async fn start(options: StartOptions) -> Result<Running, DaemonError> {
    let clock = SystemClock::shared();
    let paths = options.paths.clone();
    let loaded = openclaw_config::load(&paths, &options.env)?;
    check(&options, &loaded)?;
    paths.create_folders()?;
    let mut holder = Holder {
        pid: std::process::id(),
        port: None,
        since_ms: clock.now_ms(),
        socket: None,
        node_socket: None,
        version: VERSION.to_owned(),
    };
    let mut lock = Lock::acquire(&paths, &holder).await?;
    if options.log_to_file {
        let path = loaded.config.log_file(&paths);
        let log = LogSettings {
            path: &path,
            level: loaded.config.logging.level,
            max_bytes: loaded.config.logging.max_file_bytes,
            verbose: options.verbose,
        };
        let fail =
            |source| DaemonError::File { action: "cannot write", path: path.clone(), source };
        logging::start(log).map_err(fail)?;
    }
    let resolved = auth::resolve(&paths, &loaded, &options.auth)?;
    let wanted =
        options.port.map_or_else(|| loaded.config.gateway_port(&paths, &loaded.env), Ok)?;
    let mut wide = Wanted::read(&loaded.config, options.bind)?;
    wide.check(&resolved)?;
    let publication = Publication::prepare(&loaded.config, &paths, &resolved)?;
    let tailnet = (publication.is_some() || wide.bind == Bind::Tailnet)
        .then(|| LocalTailnet::new(tailnet::whereabouts(&loaded.env)));
    wide.look(tailnet.as_deref()).await;
    let certificate = bind::certificate(&paths, &loaded.config, &wide)?;
    let tls = certificate.as_ref().map(Certificate::server);
    let bound = bind::listeners(&wide, wanted, tls.as_ref(), &options.inherited)?;
    let (mut listeners, port) = (bound.listeners, bound.port);
    let tailscale = loaded.config.gateway.tailscale.mode;
    let reachable = Reachable::of(&wide, bound.addresses, certificate.as_ref(), tailscale);
    let store = Store::open(&paths.store_file(), &StoreOptions::default())?;
    let identity = load_identity(&paths, &clock)?;
    store.ledger().interrupt_all_running(clock.now_ms()).await?;
    let ingredients = Ingredients {
        paths: &paths,
        loaded: &loaded,
        env: &options.env,
        flags: &options.auth,
        auth: resolved.auth.clone(),
        store: store.clone(),
        identity,
        reach: reachable.reach(port),
        clock,
        certificate,
        tailnet: tailnet.clone(),
        audit: StartAudit::of(&options.paths, &options.env, options.bind, &options.auth),
    };
    let composed = compose(ingredients);
    // Before anybody can start a new run: what the last stop cut goes on first.
    let resumed_runs = composed.agent.recover().await.map_or_else(
        |error| {
            tracing::error!(%error, "cut runs cannot be resumed");
            0
        },
        |runs| runs.len(),
    );
    listeners.push(bind::door(paths.socket())?);
    listeners.extend(options.inherited.group_door()?.map(Listener::GroupDoor));
    listeners.push(bind::node_door(&paths.node_socket())?);
    composed.gateway.remember().await;
    composed.accounts.follow(&loaded, &paths).await;
    listen(&composed.gateway, listeners);
    if let Some(tailnet) = tailnet.as_ref().filter(|_| reachable.waits_for_tailnet) {
        let (gateway, tailnet) = (composed.gateway.clone(), Arc::clone(tailnet));
        bind::Tailnet { gateway, port, tls, tailnet }.start(&composed.tasks);
    }
    let publishing = publication.zip(tailnet.as_ref()).map(|(publication, tailnet)| {
        let (listener, publishing) = publication.start(tailnet);
        composed.gateway.listen(listener);
        publishing
    });
    holder.port = Some(port);
    holder.socket = Some(paths.socket().to_owned());
    holder.node_socket = Some(paths.node_socket());
    lock.publish(&holder).map_err(|source| DaemonError::File {
        action: "cannot write",
        path: lock.path().to_owned(),
        source,
    })?;
    let addresses = Shown(&reachable.addresses).to_string();
    tracing::info!(port, addresses, version = VERSION, "gateway listens");
    reachable.tell();
    let started = describe(&paths, &loaded, &resolved, &composed, reachable, resumed_runs);
    let gateway = composed.gateway;
    Ok(Running { gateway, started, store, socket: paths.socket().to_owned(), lock, publishing })
}

/// Refuses settings that this release does not serve, before anything is touched.
fn check(options: &StartOptions, loaded: &Loaded) -> Result<(), DaemonError> {
    let is_remote = loaded.config.gateway.mode == Some(GatewayMode::Remote);
    if is_remote && !options.allow_unconfigured {
        return Err(DaemonError::setting(
            "gateway.mode is \"remote\": this machine talks to a Gateway elsewhere and runs none",
            "run: openclaw config set gateway.mode local, or start once with --allow-unconfigured",
        ));
    }
    Wanted::read(&loaded.config, options.bind).map(drop)
}

fn load_identity(paths: &Paths, clock: &SharedClock) -> Result<Arc<KeyPair>, DaemonError> {
    let file = paths.identity_dir().join("gateway.json");
    let key = KeyPair::load_or_create(&file, clock.now_ms())?;
    auth::keep_private(&file);
    Ok(Arc::new(key))
}

fn listen(gateway: &Gateway, listeners: Vec<Listener>) {
    for listener in listeners {
        gateway.listen(listener);
    }
}

fn describe(
    paths: &Paths,
    loaded: &Loaded,
    resolved: &ResolvedAuth,
    composed: &Composed,
    reachable: Reachable,
    resumed_runs: usize,
) -> Started {
    let default_model = composed.models.catalog().into_iter().find(|model| model.is_default);
    let port = composed.gateway.state().info.port;
    Started {
        port,
        socket: paths.socket().to_owned(),
        state_dir: paths.state_dir().to_owned(),
        config_file: paths.config_file().to_owned(),
        configured: loaded.exists(),
        log_file: loaded.config.log_file(paths),
        auth_mode: resolved.auth.mode(),
        auth_source: resolved.source,
        token_file: (resolved.source == AuthSource::TokenFile).then(|| paths.token_file()),
        short_secret: resolved.short,
        model: default_model.map(|model| model.reference().to_string()).unwrap_or_default(),
        offline: !composed.models.is_configured(),
        warnings: loaded.warnings.clone(),
        resumed_runs,
        reachable,
    }
}
