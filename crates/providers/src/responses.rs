//! The OpenAI Responses dialect: `POST BASE/responses` with server-sent `response.*` events.
//!
//! Nothing is kept at the provider (`store: false`), so what a model thought comes back to it as the
//! encrypted item it was, and only to the model that thought it.

use openclaw_agent::model::{ModelError, ModelRequest};
use reqwest::header::HeaderMap;

use crate::{
    dialect::{Dialect, Endpoint},
    http::Prepared,
};

pub(crate) mod decode;
mod request;

/// The Responses dialect.
pub(crate) struct Responses;

impl Dialect for Responses {
    type Decoder = decode::Decoder;

    fn prepare(endpoint: &Endpoint, request: &ModelRequest) -> Result<Prepared, ModelError> {
        prepare(endpoint, request)
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
