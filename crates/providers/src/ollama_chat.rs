//! Ollama's own dialect: `POST BASE/api/chat` with one JSON object a line.
//!
//! Beside the OpenAI dialect that it speaks too, it takes the size of the context window.

use openclaw_agent::model::{ModelError, ModelRequest};
use reqwest::{Url, header::HeaderMap};

use crate::{
    dialect::{Dialect, Endpoint},
    http::Prepared,
};

pub(crate) mod decode;
mod request;

/// Ollama's own dialect.
pub(crate) struct OllamaChat;

impl Dialect for OllamaChat {
    const PARAMS_IN: Option<&str> = Some("options");

    type Decoder = decode::Decoder;

    fn prepare(endpoint: &Endpoint, request: &ModelRequest) -> Result<Prepared, ModelError> {
        prepare(endpoint, request)
    }
}

fn prepare(endpoint: &Endpoint, request: &ModelRequest) -> Result<Prepared, ModelError> {
    let mut headers = HeaderMap::new();
    endpoint.add_bearer(&mut headers)?;
    headers.extend(endpoint.own_headers()?);
    let mut url = endpoint.url(None, "api/chat")?;
    strip_version(&mut url);
    Ok(Prepared { url, headers, body: request::body(endpoint, request) })
}

/// A base that was written for the OpenAI dialect ends with a version.
fn strip_version(url: &mut Url) {
    if let Some(path) = url.path().strip_suffix("/v1/api/chat") {
        let path = format!("{path}/api/chat");
        url.set_path(&path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{endpoint, request, user};

    #[test]
    fn the_address_is_ollamas_own_however_it_was_written() {
        let prepared = prepare(&endpoint("ollama", "llama"), &request(vec![user("hi")]));
        let url = prepared.expect("prepared").url;
        assert_eq!(url.as_str(), "https://example.test/api/chat");
    }
}
