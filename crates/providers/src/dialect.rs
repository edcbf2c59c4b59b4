//! What the dialects share: an endpoint, its credential, and the way from a request to a stream.

use std::{collections::VecDeque, sync::Arc};

use futures_util::{StreamExt, stream};
use openclaw_agent::model::{ModelError, ModelEvent, ModelRef, ModelRequest, ModelStream, Price};
use openclaw_base::{CancellationToken, SharedClock};
use reqwest::{
    Url,
    header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use crate::{
    http::{Http, Prepared},
    known::ToolUse,
    params,
    sse::{self, Events, Limits},
};

/// Where and how a model is asked.
pub(crate) struct Endpoint {
    pub(crate) model: ModelRef,
    pub(crate) base_url: Url,
    pub(crate) key: Option<SecretString>,
    /// What the credential is called, for what is remembered of it.
    pub(crate) profile: String,
    pub(crate) headers: Vec<(String, SecretString)>,
    /// Whether the credential is sent as a bearer, whatever the dialect's own way is.
    pub(crate) bearer: bool,
    pub(crate) max_tokens: Option<u64>,
    pub(crate) context_window: Option<u64>,
    pub(crate) price: Option<Price>,
    pub(crate) reasoning: bool,
    pub(crate) images: bool,
    pub(crate) tools: ToolUse,
    /// What its owner puts into every request.
    pub(crate) params: Map<String, Value>,
    pub(crate) limits: Limits,
    pub(crate) http: Arc<Http>,
    pub(crate) clock: SharedClock,
}

impl Endpoint {
    /// The configured headers.
    pub(crate) fn own_headers(&self) -> Result<HeaderMap, ModelError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name = HeaderName::try_from(name.as_str())
                .map_err(|_| bad_setting(&format!("\"{name}\" is no header name")))?;
            headers.insert(name, secret_value(value)?);
        }
        Ok(headers)
    }

    /// Adds the credential as a bearer.
    pub(crate) fn add_bearer(&self, headers: &mut HeaderMap) -> Result<(), ModelError> {
        if let Some(key) = &self.key {
            let text = SecretString::from(format!("Bearer {}", key.expose_secret()));
            headers.insert(AUTHORIZATION, secret_value(&text)?);
        }
        Ok(())
    }

    /// The base with a path joined to it; `version` is only added where the base does not end with it.
    pub(crate) fn url(&self, version: Option<&str>, path: &str) -> Result<Url, ModelError> {
        let base = self.base_url.as_str().trim_end_matches('/');
        let version = version.filter(|version| !base.ends_with(&format!("/{version}")));
        let prefix = version.map(|version| format!("/{version}")).unwrap_or_default();
        Url::parse(&format!("{base}{prefix}/{path}"))
            .map_err(|_| bad_setting("the provider's baseUrl cannot be used"))
    }
}

/// A header value that is not shown in logs.
pub(crate) fn secret_value(value: &SecretString) -> Result<HeaderValue, ModelError> {
    let mut value = HeaderValue::from_str(value.expose_secret().trim())
        .map_err(|_| bad_setting("the credential holds characters that no header can carry"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn bad_setting(message: &str) -> ModelError {
    ModelError::BadRequest { status: 0, message: message.to_owned() }
}

/// How a dialect tells one event from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Server-sent events.
    Events,
    /// One JSON object a line.
    Lines,
}

/// Turns a dialect's events into ours.
pub(crate) trait Decode: Send + 'static {
    /// How events are told apart.
    const FRAMING: Framing = Framing::Events;

    /// Takes the data of one event and adds what it means.
    fn data(&mut self, data: &str, out: &mut VecDeque<ModelEvent>) -> Result<(), ModelError>;

    /// The response has ended; a dialect may have been waiting for just that.
    fn end(&mut self, out: &mut VecDeque<ModelEvent>) -> Result<(), ModelError>;
}

/// What sets one vendor's API apart from another's.
pub(crate) trait Dialect: Send + Sync + 'static {
    /// Reads its answers.
    type Decoder: Decode + Default;

    /// The part of a request's body that parameters go into, if it is not the body itself.
    const PARAMS_IN: Option<&str> = None;

    /// Its names of the parameters that are written otherwise in the configuration.
    const PARAMS: &[(&str, &str)] = &[("topP", "top_p")];

    /// Puts a request into its form.
    fn prepare(endpoint: &Endpoint, request: &ModelRequest) -> Result<Prepared, ModelError>;
}

/// Sends a request and decodes the answer. Nothing happens before the stream is polled.
pub(crate) fn run<D: Dialect>(
    endpoint: Arc<Endpoint>,
    request: Arc<ModelRequest>,
    cancel: CancellationToken,
) -> ModelStream {
    let prepare = |endpoint: &Endpoint, request: &ModelRequest| {
        let mut prepared = D::prepare(endpoint, request)?;
        params::put(&mut prepared.body, D::PARAMS_IN, D::PARAMS, &endpoint.params);
        Ok(prepared)
    };
    let opening = Opening { endpoint, request, prepare, cancel };
    decoded(Phase::Opening(Box::new(opening)), D::Decoder::default())
}

fn decoded<D: Decode>(phase: Phase, decode: D) -> ModelStream {
    let state = (phase, decode, VecDeque::new());
    stream::unfold(state, |(mut phase, mut decode, mut ready)| async move {
        loop {
            if let Some(event) = ready.pop_front() {
                // Whatever stands after the end of an answer is not part of it.
                if matches!(event, ModelEvent::Stop(_)) {
                    return Some((Ok(event), (Phase::Over, decode, VecDeque::new())));
                }
                return Some((Ok(event), (phase, decode, ready)));
            }
            let step = phase.step(&mut decode, &mut ready).await;
            match step {
                Ok(Some(next)) => phase = next,
                Ok(None) => return None,
                Err(error) => return Some((Err(error), (Phase::Over, decode, VecDeque::new()))),
            }
        }
    })
    .boxed()
}

enum Phase {
    Opening(Box<Opening>),
    Reading(Events),
    /// The response has ended; what is ready is still told.
    Ended,
    Over,
}

struct Opening {
    endpoint: Arc<Endpoint>,
    request: Arc<ModelRequest>,
    prepare: fn(&Endpoint, &ModelRequest) -> Result<Prepared, ModelError>,
    cancel: CancellationToken,
}

impl Phase {
    async fn step<D: Decode>(
        self,
        decode: &mut D,
        ready: &mut VecDeque<ModelEvent>,
    ) -> Result<Option<Self>, ModelError> {
        match self {
            Self::Opening(opening) => {
                let Opening { endpoint, request, prepare, cancel } = *opening;
                let prepared = prepare(&endpoint, &request)?;
                let now_ms = endpoint.clock.now_ms();
                let limits = endpoint.limits;
                let chunks = endpoint.http.post(prepared, limits, &cancel, now_ms).await?;
                let read = match D::FRAMING {
                    Framing::Events => sse::events,
                    Framing::Lines => sse::lines,
                };
                Ok(Some(Self::Reading(read(chunks, limits, cancel))))
            }
            Self::Reading(mut events) => match events.next().await {
                Some(event) => {
                    decode.data(&event?, ready)?;
                    Ok(Some(Self::Reading(events)))
                }
                None => {
                    decode.end(ready)?;
                    Ok(Some(Self::Ended))
                }
            },
            // An answer ends with a stop, which leads straight to `Over`; this one did not.
            Self::Ended => Err(ModelError::Cut),
            Self::Over => Ok(None),
        }
    }
}

/// Reads one event's JSON.
pub(crate) fn json(data: &str) -> Result<Value, ModelError> {
    serde_json::from_str(data)
        .map_err(|error| ModelError::Malformed { message: format!("an event is no JSON: {error}") })
}

#[cfg(test)]
mod tests;
