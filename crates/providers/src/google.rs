//! The Gemini dialect: `POST BASE/models/MODEL:streamGenerateContent?alt=sse`.
//!
//! Turns have to alternate, a tool's schema may hold only some keywords, and a `thoughtSignature` goes
//! back with the part it came with, to the model that made it.

use std::sync::Arc;

use openclaw_agent::model::{Model, ModelError, ModelRef, ModelRequest, ModelStream};
use openclaw_base::CancellationToken;
use reqwest::header::{HeaderMap, HeaderName};

use crate::{
    dialect::{self, Endpoint},
    http::Prepared,
};

pub(crate) mod decode;
mod request;

/// One model behind a Gemini endpoint.
pub(crate) struct Google {
    endpoint: Arc<Endpoint>,
}

impl Google {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint: Arc::new(endpoint) }
    }
}

impl Model for Google {
    fn id(&self) -> &ModelRef {
        &self.endpoint.model
    }

    fn context_window(&self) -> Option<u64> {
        self.endpoint.context_window
    }

    fn stream(&self, request: Arc<ModelRequest>, cancel: CancellationToken) -> ModelStream {
        let decode = decode::Decoder::default();
        dialect::run(Arc::clone(&self.endpoint), request, prepare, decode, cancel)
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
