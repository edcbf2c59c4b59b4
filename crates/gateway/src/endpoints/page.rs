//! `control-ui-config.json`: what the original's interface asks before it connects, for those who know the
//! secret. Ours needs nothing of it.

use axum::{
    body::Body,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::Response,
};
use serde_json::{Value, json};

use super::{
    bearer,
    reply::{Fault, answer},
};
use crate::{
    peer::Link,
    settings::{Settings, SharedAuth},
    shape::target::default_agent,
    state::State,
    ui::UiSettings,
};

/// Where it has stood in one version or another, below the base path.
const PATHS: [&str; 3] = [
    "/control-ui-config.json",
    "/__openclaw/control-ui-config.json",
    "/__openclaw__/control-ui-config.json",
];

/// Whether a request is for it.
pub(super) fn is_asked(ui: &UiSettings, method: &Method, uri: &Uri) -> bool {
    let below = uri.path().strip_prefix(ui.base_path.as_str());
    ui.enabled
        && matches!(*method, Method::GET | Method::HEAD)
        && below.is_some_and(|below| PATHS.contains(&below))
}

/// Answers whoever may know.
pub(super) async fn serve(
    state: &State,
    settings: &Settings,
    link: &Link,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, Fault> {
    bearer::check(state, settings, link, headers).await?;
    let mut response = answer(StatusCode::OK, &facts(state, settings));
    if method == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    Ok(response)
}

/// What is not offered is said to be off.
fn facts(state: &State, settings: &Settings) -> Value {
    let agent = default_agent(settings);
    let agents = state.agent.settings();
    let profile = agents.profile(&agent);
    let name = profile.and_then(|profile| profile.name.clone());
    let avatar = profile.and_then(|it| it.avatar.clone().or_else(|| it.emoji.clone()));
    let name = name.unwrap_or_else(|| "Assistant".to_owned());
    let initial = name.chars().next().unwrap_or('A').to_string();
    json!({
        "basePath": settings.control_ui.base_path,
        "assistantName": name,
        "assistantAvatar": avatar.unwrap_or(initial),
        "assistantAgentId": agent,
        "serverVersion": state.info.version,
        "embedSandbox": "strict",
        "allowExternalEmbedUrls": false,
        "automaticallyFetchFavicons": false,
        "communityInvite": false,
        "terminalEnabled": false,
        "cliAgentsEnabled": false,
        "pluginAssetsRequireAuth": !matches!(settings.auth, SharedAuth::None),
        "pluginFrameGrants": [],
    })
}
