//! A whole Gateway in a folder of its own, on a free port, as the daemon starts it.

use std::path::{Path, PathBuf};

use openclaw_config::{Environment, PathOptions, Paths};
use openclaw_daemon::{AuthFlags, Running, StartOptions};
use tempfile::TempDir;

use crate::wire::WireClient;

/// A running Gateway; its folder goes with it.
pub struct TestGateway {
    running: Option<Running>,
    home: TempDir,
    variables: Vec<(String, String)>,
}

/// How a test wants its Gateway.
#[derive(Clone, Debug, Default)]
pub struct GatewayOptions {
    /// Text of `openclaw.json`.
    pub config: Option<String>,
    /// Environment variables beside `HOME`.
    pub variables: Vec<(String, String)>,
}

impl TestGateway {
    /// A Gateway with no configuration at all.
    pub async fn start() -> Self {
        Self::with(GatewayOptions::default()).await
    }

    /// A Gateway with this configuration.
    pub async fn with_config(config: &str) -> Self {
        let config = Some(config.to_owned());
        Self::with(GatewayOptions { config, ..GatewayOptions::default() }).await
    }

    /// A Gateway as described.
    pub async fn with(options: GatewayOptions) -> Self {
        let home = TempDir::new().expect("a temporary folder");
        let mut gateway = Self { running: None, home, variables: options.variables };
        if let Some(config) = options.config {
            let file = gateway.paths().config_file().to_owned();
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("state folder");
            std::fs::write(file, config).expect("configuration");
        }
        gateway.resume().await;
        gateway
    }

    /// Starts it again after [`Self::stop`], on the same state.
    pub async fn resume(&mut self) {
        let options = StartOptions {
            paths: self.paths(),
            env: self.environment(),
            port: Some(0),
            bind: None,
            auth: AuthFlags::default(),
            allow_unconfigured: false,
            verbose: false,
            inherited: Default::default(),
            log_to_file: false,
        };
        let running = openclaw_daemon::start(options).await;
        self.running = Some(running.expect("the Gateway starts"));
    }

    /// Stops it in good order; the state stays.
    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }

    /// Its files and folders.
    #[must_use]
    pub fn paths(&self) -> Paths {
        Paths::resolve(&self.environment(), &PathOptions::default()).expect("paths")
    }

    /// The environment it sees.
    #[must_use]
    pub fn environment(&self) -> Environment {
        let home = self.home.path().to_string_lossy().into_owned();
        let own = [("HOME".to_owned(), home)];
        Environment::from_pairs(own.into_iter().chain(self.variables.clone()))
    }

    /// Its home folder.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// What runs.
    #[must_use]
    pub fn running(&self) -> &Running {
        self.running.as_ref().expect("the Gateway runs")
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.running().started.port
    }

    /// The owner's door.
    #[must_use]
    pub fn door(&self) -> PathBuf {
        self.running().started.socket.clone()
    }

    /// The token made on the first start.
    #[must_use]
    pub fn token(&self) -> String {
        let text = std::fs::read_to_string(self.paths().token_file()).expect("the token file");
        text.trim().to_owned()
    }

    /// A bare WebSocket to its TCP port.
    pub async fn wire(&self) -> WireClient {
        WireClient::connect(self.port()).await
    }

    /// An authenticated operator over TCP: the shared token, no device, all scopes.
    pub async fn operator(&self) -> WireClient {
        let mut client = self.wire().await;
        client.enter(&self.token()).await;
        client
    }
}
