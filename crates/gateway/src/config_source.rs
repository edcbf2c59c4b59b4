//! Where answers about the configuration, and about what is unsafe in it, come from.

use std::fmt::Debug;

use futures_util::future::BoxFuture;
use openclaw_protocol::methods::security::{SecurityAuditResult, SecurityFixResult};
use openclaw_protocol::{
    RpcError,
    methods::config::{
        ConfigGetResult, ConfigSchemaLookupResult, ConfigSchemaResult, ConfigWriteResult,
    },
};

/// A change of the file that somebody asks for.
#[derive(Clone, Debug)]
pub enum ConfigChange {
    /// Another text for all of it.
    Whole {
        /// JSON5.
        raw: String,
    },
    /// A merge patch.
    Patch {
        /// JSON5.
        raw: String,
        /// Lists that it replaces.
        replaced: Vec<String>,
    },
}

/// A credential that was taken out of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// The keys that held it.
    pub keys: Vec<String>,
    /// Whether the environment holds one that is used now.
    pub in_env: bool,
}

/// Where the answers come from; the composition root has one.
pub trait ConfigSource: Send + Sync + Debug {
    /// The answer to `config.get`.
    fn snapshot(&self) -> BoxFuture<'_, Result<ConfigGetResult, RpcError>>;

    /// Changes the file, if it still is the one of this hash.
    fn write(
        &self,
        change: ConfigChange,
        base_hash: Option<String>,
    ) -> BoxFuture<'_, Result<ConfigWriteResult, RpcError>>;

    /// Takes the credential of a channel's account out of the file.
    fn forget_credential(
        &self,
        channel: String,
        account: String,
    ) -> BoxFuture<'_, Result<Forgotten, RpcError>>;

    /// The answer to `security.audit`.
    fn audit(&self) -> BoxFuture<'_, Result<SecurityAuditResult, RpcError>>;

    /// Sets right what a check found; gives what was done.
    fn fix(&self, check_id: String) -> BoxFuture<'_, Result<SecurityFixResult, RpcError>>;

    /// The answer to `config.schema`.
    ///
    /// # Errors
    /// When it cannot be made.
    fn schema(&self) -> Result<ConfigSchemaResult, RpcError>;

    /// The answer to `config.schema.lookup`, if there is such a key.
    ///
    /// # Errors
    /// When it cannot be made.
    fn lookup(&self, path: &str) -> Result<Option<ConfigSchemaLookupResult>, RpcError>;
}
