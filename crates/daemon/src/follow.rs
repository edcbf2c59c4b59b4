//! Applying changes of the configuration and of the model keys while the Gateway runs.

use std::{path::Path, sync::Arc, time::Duration, time::SystemTime};

use openclaw_agent::AgentSettings;
use openclaw_base::Tasks;
use openclaw_config::{ConfigWatch, Environment, Loaded, Paths, Reload};
use openclaw_gateway::{Gateway, settings::SharedAuth};
use openclaw_mcp::Servers;
use openclaw_protocol::events::core::ConfigChangedPayload;
use openclaw_providers::Registry;
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

use crate::{
    announce::Announce,
    auth::{self, AuthFlags},
    channels::Accounts,
    config_source::FileConfig,
    logging, models,
    tls::Certificate,
    tool_servers,
    wiring::{agent_settings, gateway_settings},
};

/// How often files beside the configuration are looked at: the keys that `openclaw models auth set`
/// writes, and the certificate.
const KEY_FILE_INTERVAL: Duration = Duration::from_secs(1);

/// Everybody who is told of a change.
pub(crate) struct Follow {
    pub(crate) paths: Paths,
    pub(crate) env: Environment,
    pub(crate) flags: AuthFlags,
    pub(crate) gateway: Gateway,
    pub(crate) agent_settings: watch::Sender<Arc<AgentSettings>>,
    pub(crate) config: Arc<FileConfig>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) servers: Arc<Servers>,
    pub(crate) certificate: Option<Certificate>,
    pub(crate) announce: Announce,
    pub(crate) accounts: Arc<Accounts>,
}

impl Follow {
    /// Follows in a task of its own, so that it costs the start nothing.
    pub(crate) fn start(self, loaded: Loaded, tasks: &Tasks) {
        let stop = tasks.token();
        drop(tasks.spawn("configuration", async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.run(loaded) => {}
            }
        }));
    }

    async fn run(mut self, loaded: Loaded) {
        let mut current = Arc::new(loaded.clone());
        let mut watch = match ConfigWatch::start(loaded, &self.paths, &self.env) {
            Ok(watch) => Some(watch),
            Err(error) => {
                tracing::warn!(%error, "changes of the configuration need a restart");
                None
            }
        };
        let key_file = self.paths.model_auth_file();
        let mut keys_seen = modified(&key_file);
        let mut secrets_seen = self.secrets_seen();
        let mut look = interval(KEY_FILE_INTERVAL);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                reload = next(&mut watch) => {
                    if let Some(watch) = &watch {
                        current = watch.current();
                    }
                    self.apply(&current, &reload);
                    self.accounts.follow(&current, &self.paths).await;
                }
                _ = look.tick() => {
                    if let Some(certificate) = &mut self.certificate
                        && certificate.look()
                    {
                        let fingerprint = &certificate.facts().fingerprint;
                        self.gateway.certificate_changed(fingerprint);
                        self.announce.shows(fingerprint);
                        self.announce.follow(&current.config, &current.env);
                    }
                    let secrets = self.secrets_seen();
                    if secrets != secrets_seen {
                        secrets_seen = secrets;
                        self.take_secret(&current);
                    }
                    let now = modified(&key_file);
                    if now != keys_seen {
                        keys_seen = now;
                        tracing::info!("model keys changed");
                        self.registry.reload(models::settings(&self.paths, &current));
                        self.gateway.models_changed();
                    }
                }
            }
        }
    }

    /// The state of the files that hold the shared secret and the one before.
    fn secrets_seen(&self) -> [Option<SystemTime>; 2] {
        [modified(&self.paths.token_file()), modified(&self.paths.previous_secret_file())]
    }

    /// Takes up a secret that was changed in its file.
    fn take_secret(&self, loaded: &Loaded) {
        tracing::info!("shared secret changed");
        let settings = gateway_settings(loaded, &self.paths, self.auth(loaded));
        let payload = ConfigChangedPayload { hash: Some(loaded.hash()), paths: Vec::new() };
        self.gateway.reload(settings, &payload);
    }

    fn apply(&self, loaded: &Loaded, reload: &Reload) {
        for warning in &reload.warnings {
            tracing::warn!(%warning, "configuration");
        }
        if let Some(refused) = &reload.refused {
            let problems = refused.problems().len();
            tracing::error!(problems, report = %refused, "changed configuration refused; the old one holds");
            return;
        }
        tell(reload);
        logging::set_level(loaded.config.logging.level);
        self.announce.follow(&loaded.config, &loaded.env);
        self.config.set_applied(loaded.revision());
        self.agent_settings.send_replace(Arc::new(agent_settings(
            &loaded.config,
            &loaded.env,
            &self.paths,
        )));
        self.registry.reload(models::settings(&self.paths, loaded));
        self.servers.apply(tool_servers::settings(&self.paths, loaded));
        let settings = gateway_settings(loaded, &self.paths, self.auth(loaded));
        let payload = ConfigChangedPayload {
            hash: Some(loaded.hash()),
            paths: reload.applied.iter().chain(&reload.needs_restart).cloned().collect(),
        };
        self.gateway.reload(settings, &payload);
    }

    /// The shared secret as it is now; one that cannot be read leaves the old one in force, and so
    /// does another mode, which needs a restart.
    fn auth(&self, loaded: &Loaded) -> SharedAuth {
        let old = self.gateway.state().settings.load().auth.clone();
        match auth::resolve(&self.paths, loaded, &self.flags) {
            Ok(resolved) if resolved.auth.mode() == old.mode() => resolved.auth,
            Ok(_) => old,
            Err(error) => {
                tracing::error!(%error, "changed secret refused; the old one holds");
                old
            }
        }
    }
}

/// Says what a change did; one that changed no key is not worth a line.
fn tell(reload: &Reload) {
    let (applied, waiting) = (reload.applied.join(", "), reload.needs_restart.join(", "));
    match (applied.as_str(), waiting.as_str()) {
        ("", "") => {}
        (applied, "") => tracing::info!(applied, "configuration changed"),
        ("", needs_restart) => {
            tracing::warn!(
                needs_restart,
                "configuration changed; restart the Gateway to take it up"
            );
        }
        (applied, needs_restart) => {
            tracing::warn!(
                applied,
                needs_restart,
                "configuration changed; some keys need a restart"
            );
        }
    }
}

async fn next(watch: &mut Option<ConfigWatch>) -> Reload {
    match watch {
        Some(watch) => watch.next().await,
        None => std::future::pending().await,
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}
