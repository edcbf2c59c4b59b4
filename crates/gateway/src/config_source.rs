//! Where answers about the configuration come from.

use std::fmt::Debug;

use futures_util::future::BoxFuture;
use openclaw_protocol::{
    RpcError,
    methods::config::{ConfigGetResult, ConfigSchemaLookupResult, ConfigSchemaResult},
};

/// Where the answers come from; the composition root has one.
pub trait ConfigSource: Send + Sync + Debug {
    /// The answer to `config.get`.
    fn snapshot(&self) -> BoxFuture<'_, Result<ConfigGetResult, RpcError>>;

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
