//! The configuration as it stands, and its schema.

use std::fmt::Debug;

use futures_util::future::BoxFuture;
use openclaw_protocol::{
    RpcError,
    methods::{config::*, system::NoParams},
};

use crate::router::{Cx, Failure, Handle, Methods};

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

impl Handle<ConfigGet> for Methods {
    async fn handle(cx: Cx, _: NoParams) -> Result<ConfigGetResult, Failure> {
        Ok(cx.state.config.snapshot().await?)
    }
}

impl Handle<ConfigSchema> for Methods {
    async fn handle(cx: Cx, _: NoParams) -> Result<ConfigSchemaResult, Failure> {
        Ok(cx.state.config.schema()?)
    }
}

impl Handle<ConfigSchemaLookup> for Methods {
    async fn handle(
        cx: Cx,
        params: ConfigSchemaLookupParams,
    ) -> Result<ConfigSchemaLookupResult, Failure> {
        let path = params.path.as_str();
        let found = cx.state.config.lookup(path)?;
        found.ok_or_else(|| {
            RpcError::invalid(format!("config schema path not found: {path}")).into()
        })
    }
}
