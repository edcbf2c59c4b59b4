//! One HTTP request to a provider and what its status means.
//!
//! The client is built on first use, because it costs memory and time that a Gateway without a model
//! need not spend. Redirects are not followed: a key goes to the host it is configured for, or nowhere.

use std::{sync::OnceLock, time::Duration};

use futures_util::{StreamExt, TryStreamExt};
use openclaw_agent::model::ModelError;
use openclaw_base::CancellationToken;
use reqwest::{
    Client, Response, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER},
};
use serde::Deserialize;
use serde_json::Value;

use crate::sse::{Chunks, Limits};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an error's body that are read.
const MAX_ERROR_BYTES: usize = 64 * 1024;
/// Characters of a provider's error that are passed on.
const MAX_MESSAGE_CHARS: usize = 500;

/// A request in a dialect's own form.
pub(crate) struct Prepared {
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// The HTTP clients, built when first needed.
#[derive(Debug, Default)]
pub(crate) struct Http {
    /// For providers on this machine, which no proxy can reach.
    direct: OnceLock<Client>,
    outside: OnceLock<Client>,
}

impl Http {
    fn client(&self, url: &Url) -> Result<Client, ModelError> {
        let local = is_local(url);
        let slot = if local { &self.direct } else { &self.outside };
        if let Some(client) = slot.get() {
            return Ok(client.clone());
        }
        let mut builder = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("openclaw/", env!("CARGO_PKG_VERSION")));
        if local {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| network(&error))?;
        Ok(slot.get_or_init(|| client).clone())
    }

    /// Sends a JSON body and gives the bytes of an answer whose status is good.
    pub(crate) async fn post(
        &self,
        request: Prepared,
        limits: Limits,
        cancel: &CancellationToken,
        now_ms: u64,
    ) -> Result<Chunks, ModelError> {
        let Prepared { url, headers, body } = request;
        let send = self.client(&url)?.post(url).headers(headers).json(&body).send();
        let response = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(ModelError::Cancelled),
            waited = tokio::time::timeout(limits.first, send) => match waited {
                Err(_) => return Err(ModelError::Stalled { silent_for: limits.first }),
                Ok(sent) => sent.map_err(|error| network(&error))?,
            },
        };
        if !response.status().is_success() || !is_stream(&response) {
            let read = read_failure(response, now_ms);
            return Err(tokio::select! {
                biased;
                () = cancel.cancelled() => ModelError::Cancelled,
                waited = tokio::time::timeout(limits.stall, read) => {
                    waited.unwrap_or(ModelError::Stalled { silent_for: limits.stall })
                }
            });
        }
        Ok(response.bytes_stream().map_err(|error| broken(&error)).boxed())
    }
}

/// Whether an answer may be the stream that was asked for. Not every server names the type.
fn is_stream(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.unwrap_or_default().to_ascii_lowercase();
    !kind.starts_with("application/json") && !kind.starts_with("text/html")
}

fn is_local(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

/// A failure before any answer. Of the URL only host and port are told: the rest may hold what somebody
/// pasted into it.
fn network(error: &reqwest::Error) -> ModelError {
    let what = if error.is_connect() { "no connection" } else { "the request failed" };
    let place = error
        .url()
        .and_then(|url| Some(format!(" to {}:{}", url.host_str()?, url.port_or_known_default()?)));
    let place = place.unwrap_or_default();
    ModelError::Network { message: format!("{what}{place}: {}", root_cause(error)) }
}

/// A failure in the middle of an answer.
fn broken(error: &reqwest::Error) -> ModelError {
    tracing::debug!(cause = %root_cause(error), "provider stream broke");
    ModelError::Cut
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    short(&cause.to_string())
}

async fn read_failure(response: Response, now_ms: u64) -> ModelError {
    let status = response.status();
    let retry_after = retry_after(response.headers(), now_ms);
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(Ok(chunk)) = chunks.next().await {
        body.extend_from_slice(&chunk);
        if body.len() >= MAX_ERROR_BYTES {
            body.truncate(MAX_ERROR_BYTES);
            break;
        }
    }
    if status.is_success() {
        // A failure that was sent as if it were none, or no answer in this dialect at all.
        let failure = Failure::read(&body).map(|failure| failure.classify(0, retry_after));
        return failure.unwrap_or_else(|| ModelError::Malformed {
            message: String::from("it is no event stream"),
        });
    }
    let failure = Failure::read(&body).unwrap_or_else(|| Failure {
        kind: None,
        code: None,
        message: plain_message(status, &body),
    });
    failure.classify(status.as_u16(), retry_after)
}

fn plain_message(status: StatusCode, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    // An HTML page of some proxy says nothing to a person.
    if text.is_empty() || text.starts_with('<') {
        return status.canonical_reason().unwrap_or("no explanation").to_owned();
    }
    short(text)
}

/// `retry-after-ms`, or `retry-after` in seconds or as a date.
fn retry_after(headers: &HeaderMap, now_ms: u64) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(ms) = text("retry-after-ms").and_then(|raw| raw.trim().parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(ms / 1000.0).ok();
    }
    let raw = text(RETRY_AFTER.as_str())?.trim();
    if let Ok(seconds) = raw.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(raw).ok()?;
    let at_ms = u64::try_from(at.as_millisecond()).ok()?;
    Some(Duration::from_millis(at_ms.saturating_sub(now_ms)))
}

/// What a provider says went wrong, in either dialect's shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// `type` of the error object.
    pub(crate) kind: Option<String>,
    /// `code` of the error object.
    pub(crate) code: Option<String>,
    /// The sentence.
    pub(crate) message: String,
}

#[derive(Deserialize)]
struct Envelope {
    error: Value,
}

impl Failure {
    /// Reads a body such as `{"error": {"type", "code", "message"}}` or `{"error": "text"}`.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let envelope: Envelope = serde_json::from_slice(body).ok()?;
        Self::from_value(&envelope.error)
    }

    /// Reads the error object itself.
    pub(crate) fn from_value(error: &Value) -> Option<Self> {
        if let Some(text) = error.as_str() {
            return Some(Self { kind: None, code: None, message: short(text) });
        }
        let field = |name: &str| match error.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        let (kind, code) = (field("type"), field("code"));
        let message = field("message").or_else(|| code.clone()).or_else(|| kind.clone())?;
        Some(Self { kind, code, message: short(&message) })
    }

    /// What kind of failure that is. `status` is 0 for one inside a stream.
    pub(crate) fn classify(self, status: u16, retry_after: Option<Duration>) -> ModelError {
        let named = |names: &[&str]| {
            let is = |value: &Option<String>| {
                value.as_deref().is_some_and(|value| names.contains(&value))
            };
            is(&self.kind) || is(&self.code)
        };
        let says = |words: &[&str]| {
            let lower = self.message.to_lowercase();
            words.iter().any(|word| lower.contains(word))
        };
        let too_long = named(&["context_length_exceeded", "request_too_large"])
            || (matches!(status, 0 | 400 | 413 | 422)
                && says(&[
                    "prompt is too long",
                    "maximum context length",
                    "context window",
                    "context length",
                ]));
        let refused = named(&["content_policy_violation", "content_filter", "refusal"]);
        let unpaid = status == 402
            || named(&["insufficient_quota", "billing_error", "billing_hard_limit_reached"]);
        let limited = status == 429 || named(&["rate_limit_error", "rate_limit_exceeded"]);
        let overloaded =
            matches!(status, 503 | 529) || named(&["overloaded_error", "service_unavailable"]);
        let unauthorised = matches!(status, 401 | 403)
            || named(&["authentication_error", "permission_error", "invalid_api_key"]);
        let unknown_model =
            named(&["model_not_found", "not_found_error"]) || (status == 404 && says(&["model"]));
        let failed = status >= 500
            || matches!(status, 408 | 409)
            || named(&["api_error", "server_error", "timeout_error"]);
        let message = self.message;
        match () {
            () if too_long => ModelError::ContextTooLong { message },
            () if refused => ModelError::Refused { message },
            () if unpaid => ModelError::Billing { status, message },
            () if limited => ModelError::RateLimited { retry_after, message },
            () if overloaded => ModelError::Overloaded { retry_after, message },
            () if unauthorised => ModelError::Auth { status, message },
            () if unknown_model => ModelError::UnknownModel { status, message },
            () if failed => ModelError::Server { status, message },
            () => ModelError::BadRequest { status, message },
        }
    }
}

/// One line, not too long.
fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = line.chars().take(MAX_MESSAGE_CHARS).collect();
    if cut.len() < line.len() { format!("{cut}…") } else { line }
}

#[cfg(test)]
mod tests;
