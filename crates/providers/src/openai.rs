//! The OpenAI Chat Completions dialect: `POST BASE/chat/completions` with server-sent events.
//!
//! Many servers speak it more or less (Ollama, vLLM, OpenRouter, Groq…), so the decoder is lenient where
//! they are known to differ: calls without an index of their own, ids that come late or not at all, a
//! stream that ends without `[DONE]`.

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

/// One model behind a Chat Completions endpoint.
pub(crate) struct OpenAi {
    endpoint: Arc<Endpoint>,
}

impl OpenAi {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint: Arc::new(endpoint) }
    }
}

impl Model for OpenAi {
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
        url: endpoint.url(None, "chat/completions")?,
        headers,
        body: request::body(endpoint, request),
    })
}
