//! Answers to `config.get`, `config.schema` and `config.schema.lookup`.

use openclaw_config::{ConfigSnapshot, Environment, Paths, describe};
use openclaw_gateway::config_source::ConfigSource;
use openclaw_protocol::{
    RpcError,
    methods::config::{ConfigGetResult, ConfigSchemaLookupResult, ConfigSchemaResult},
};
use parking_lot::RwLock;
use serde::{Serialize, de::DeserializeOwned};

/// Reads the file anew for every `config.get`, because a person may have changed it a moment ago.
#[derive(Debug)]
pub(crate) struct FileConfig {
    paths: Paths,
    env: Environment,
    applied: RwLock<String>,
}

impl FileConfig {
    pub(crate) fn new(paths: Paths, env: Environment, applied: String) -> Self {
        Self { paths, env, applied: RwLock::new(applied) }
    }

    /// Names the state of the file that is in force.
    pub(crate) fn set_applied(&self, revision: String) {
        *self.applied.write() = revision;
    }
}

impl ConfigSource for FileConfig {
    fn snapshot(&self) -> futures_util::future::BoxFuture<'_, Result<ConfigGetResult, RpcError>> {
        let (paths, env) = (self.paths.clone(), self.env.clone());
        let applied = self.applied.read().clone();
        Box::pin(async move {
            let read = tokio::task::spawn_blocking(move || {
                wire(&ConfigSnapshot::read(&paths, &env).with_applied(applied))
            });
            read.await.map_err(|error| RpcError::unavailable(error.to_string()))?
        })
    }

    fn schema(&self) -> Result<ConfigSchemaResult, RpcError> {
        wire(&describe::describe())
    }

    fn lookup(&self, path: &str) -> Result<Option<ConfigSchemaLookupResult>, RpcError> {
        describe::lookup(path).as_ref().map(wire).transpose()
    }
}

/// The same value in the protocol's own type.
fn wire<T: DeserializeOwned>(value: &impl Serialize) -> Result<T, RpcError> {
    let shaped = serde_json::to_value(value).and_then(serde_json::from_value);
    shaped.map_err(|error| {
        tracing::error!(%error, "configuration answer has an unexpected shape");
        RpcError::unavailable("the configuration cannot be shown")
    })
}
