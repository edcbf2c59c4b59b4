//! The Anthropic Messages dialect: `POST BASE/v1/messages` with server-sent events.
//!
//! The system prompt and the end of the conversation are marked for the provider's cache. Thinking is
//! returned with its signature, and only to the model that thought it. OAuth tokens (`sk-ant-oat…`) go
//! as a bearer, keys as `x-api-key`.

use openclaw_agent::model::{ModelError, ModelRequest};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret;

use crate::{
    dialect::{self, Dialect, Endpoint},
    http::Prepared,
};

pub(crate) mod decode;
mod request;

/// The published version of the API that is spoken.
const VERSION: &str = "2023-06-01";
/// Beta that lets OAuth tokens in.
const OAUTH_BETA: &str = "oauth-2025-04-20";

/// The Messages dialect.
pub(crate) struct Anthropic;

impl Dialect for Anthropic {
    type Decoder = decode::Decoder;

    fn prepare(endpoint: &Endpoint, request: &ModelRequest) -> Result<Prepared, ModelError> {
        prepare(endpoint, request)
    }
}

fn prepare(endpoint: &Endpoint, request: &ModelRequest) -> Result<Prepared, ModelError> {
    Ok(Prepared {
        url: endpoint.url(Some("v1"), "messages")?,
        headers: headers(endpoint)?,
        body: request::body(endpoint, request),
    })
}

fn headers(endpoint: &Endpoint) -> Result<HeaderMap, ModelError> {
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static("anthropic-version"), HeaderValue::from_static(VERSION));
    let oauth =
        endpoint.key.as_ref().is_some_and(|key| key.expose_secret().starts_with("sk-ant-oat"));
    if oauth || endpoint.bearer {
        endpoint.add_bearer(&mut headers)?;
    } else if let Some(key) = &endpoint.key {
        headers.insert(HeaderName::from_static("x-api-key"), dialect::secret_value(key)?);
    }
    if oauth {
        let beta = HeaderName::from_static("anthropic-beta");
        headers.insert(beta, HeaderValue::from_static(OAUTH_BETA));
    }
    headers.extend(endpoint.own_headers()?);
    Ok(headers)
}
