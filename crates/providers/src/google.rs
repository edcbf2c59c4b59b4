//! The Gemini dialect: `POST BASE/models/MODEL:streamGenerateContent?alt=sse`.
//!
//! Turns have to alternate, a tool's schema may hold only some keywords, and a `thoughtSignature` goes
//! back with the part it came with, to the model that made it.

use openclaw_agent::model::{ModelError, ModelRequest};
use reqwest::header::{HeaderMap, HeaderName};

use crate::{
    dialect::{self, Dialect, Endpoint},
    http::Prepared,
};

pub(crate) mod decode;
mod request;

/// The Gemini dialect.
pub(crate) struct Google;

impl Dialect for Google {
    const PARAMS_IN: Option<&str> = Some("generationConfig");
    const PARAMS: &[(&str, &str)] = &[("top_p", "topP"), ("top_k", "topK")];

    type Decoder = decode::Decoder;

    fn prepare(endpoint: &Endpoint, request: &ModelRequest) -> Result<Prepared, ModelError> {
        prepare(endpoint, request)
    }
}

fn prepare(endpoint: &Endpoint, request: &ModelRequest) -> Result<Prepared, ModelError> {
    let mut headers = HeaderMap::new();
    if endpoint.bearer {
        endpoint.add_bearer(&mut headers)?;
    } else if let Some(key) = &endpoint.key {
        headers.insert(HeaderName::from_static("x-goog-api-key"), dialect::secret_value(key)?);
    }
    headers.extend(endpoint.own_headers()?);
    let path = format!("models/{}:streamGenerateContent", endpoint.model.model);
    let mut url = endpoint.url(None, &path)?;
    url.set_query(Some("alt=sse"));
    Ok(Prepared { url, headers, body: request::body(endpoint, request) })
}
