//! Models that can be asked, and whether their providers have credentials.

use openclaw_protocol::{RpcError, methods::models::*};

use crate::{
    router::{Cx, Failure, Handle, Methods},
    shape::{
        models::{Catalog, provider_auth, provider_capability},
        target::{Target, agent_or_default},
    },
};

impl Handle<ModelsList> for Methods {
    async fn handle(cx: Cx, params: ModelsListParams) -> Result<ModelsListResult, Failure> {
        if params.prepared_only == Some(true) && params.refresh == Some(true) {
            let text = "invalid models.list params: preparedOnly and refresh exclude each other";
            return Err(RpcError::invalid(text).into());
        }
        agent_or_default(&cx.state, params.agent_id.as_deref())?;
        if let Some(key) = params.session_key.as_deref() {
            Target::named(&cx.state, key, params.agent_id.as_deref())?;
        }
        let view = params.view.unwrap_or(ModelsView::Default);
        Ok(ModelsListResult { models: Catalog::of(&cx.state).choices(view) })
    }
}

impl Handle<ModelsAuthStatus> for Methods {
    async fn handle(
        cx: Cx,
        params: ModelsAuthStatusParams,
    ) -> Result<ModelsAuthStatusResult, Failure> {
        agent_or_default(&cx.state, params.agent_id.as_deref())?;
        let known = cx.state.models.auth_status();
        Ok(ModelsAuthStatusResult {
            ts: cx.now_ms(),
            providers: known.iter().map(provider_auth).collect(),
            provider_capabilities: known.iter().map(provider_capability).collect(),
        })
    }
}
