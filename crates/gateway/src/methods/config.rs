//! The configuration as it stands, and its schema.

use openclaw_protocol::{
    RpcError,
    methods::{config::*, system::NoParams},
};

use crate::router::{Cx, Failure, Handle, Methods};

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
