//! The OpenAI Chat Completions dialect: `POST BASE/chat/completions` with server-sent events.
//!
//! Many servers speak it more or less (Ollama, vLLM, OpenRouter, Groq…), so the decoder is lenient where
//! they are known to differ: calls without an index of their own, ids that come late or not at all, a
//! stream that ends without `[DONE]`.

use openclaw_agent::model::{ModelError, ModelRequest};
use reqwest::header::HeaderMap;

use crate::{
    dialect::{Dialect, Endpoint},
    http::Prepared,
};

pub(crate) mod decode;
mod request;

/// The Chat Completions dialect.
pub(crate) struct OpenAi;

impl Dialect for OpenAi {
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
        url: endpoint.url(None, "chat/completions")?,
        headers,
        body: request::body(endpoint, request),
    })
}
