//! The OpenAI Responses dialect: `POST BASE/responses` with server-sent `response.*` events.
//!
//! Nothing is kept at the provider (`store: false`), so what a model thought comes back to it as the
//! encrypted item it was, and only to the model that thought it.

use std::sync::Arc;

use openclaw_agent::model::{Model, ModelError, ModelRef, ModelRequest, ModelStream};
use openclaw_base::CancellationToken;
use reqwest::header::HeaderMap;

use crate::{
    dialect::{self, Endpoint},
    http::Prepared,
};

pub(crate) mod decode;
mod request;

/// One model behind a Responses endpoint.
pub(crate) struct Responses {
    endpoint: Arc<Endpoint>,
}

impl Responses {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint: Arc::new(endpoint) }
    }
}

impl Model for Responses {
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
    endpoint.add_bearer(&mut headers)?;
    headers.extend(endpoint.own_headers()?);
    Ok(Prepared {
        url: endpoint.url(None, "responses")?,
        headers,
        body: request::body(endpoint, request),
    })
}
