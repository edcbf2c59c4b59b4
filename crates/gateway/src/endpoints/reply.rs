//! Answers in the documented shapes.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use openclaw_agent::RunOutcome;
use openclaw_protocol::{ErrorCode, RpcError};
use serde_json::{Value, json};

use crate::shape::run::failure_text;

/// Why there is no answer.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    status: StatusCode,
    kind: &'static str,
    message: String,
    hint: Option<&'static str>,
    retry_after_ms: Option<u64>,
    /// Something may have been done already, so a client must not try again by itself.
    done_already: bool,
}

impl Fault {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, kind, message, hint: None, retry_after_ms: None, done_already: false }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", message)
    }

    /// Not served, which looks like any path where nothing is.
    pub(super) fn off(path: &str) -> Self {
        let hint = match path {
            super::chat::PATH => {
                "openclaw config set gateway.http.endpoints.chatCompletions.enabled true"
            }
            super::responses::PATH => {
                "openclaw config set gateway.http.endpoints.responses.enabled true"
            }
            super::tools::PATH => {
                "name the tools: openclaw config set gateway.tools.allow '[\"read\"]'"
            }
            _ => "turn on one of gateway.http.endpoints.*",
        };
        let message = "nothing is served here";
        Self { hint: Some(hint), ..Self::new(StatusCode::NOT_FOUND, "not_found", message) }
    }

    pub(super) fn unauthorized(hint: &'static str) -> Self {
        let fault = Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Unauthorized");
        Self { hint: Some(hint), ..fault }
    }

    pub(super) fn rate_limited(retry_after_ms: u64) -> Self {
        let message = "Too many failed authentication attempts. Please try again later.";
        Self {
            retry_after_ms: Some(retry_after_ms),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message)
        }
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let message = format!("the body is longer than {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request_error", message)
    }

    pub(super) fn slow() -> Self {
        let message = "the body did not come in time";
        Self::new(StatusCode::REQUEST_TIMEOUT, "invalid_request_error", message)
    }

    pub(super) fn busy() -> Self {
        let fault = Self::new(StatusCode::SERVICE_UNAVAILABLE, "api_error", "server is busy");
        Self { retry_after_ms: Some(1_000), ..fault }
    }

    pub(super) fn stopping() -> Self {
        let message = "the Gateway is stopping";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "api_error", message).final_word()
    }

    /// A run that did not end well. It may have used tools before.
    pub(super) fn of_run(outcome: &RunOutcome) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, "api_error", failure_text(outcome)).final_word()
    }

    fn final_word(mut self) -> Self {
        self.done_already = true;
        self
    }

    /// Why, for a person.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// What stands in the body, and in a stream that had begun.
    pub(super) fn body(&self) -> Value {
        let mut error = json!({"message": self.message, "type": self.kind});
        if let (Some(hint), Some(error)) = (self.hint, error.as_object_mut()) {
            error.insert("hint".to_owned(), hint.into());
        }
        json!({ "error": error })
    }
}

impl From<RpcError> for Fault {
    fn from(error: RpcError) -> Self {
        match error.code {
            ErrorCode::InvalidRequest => Self::invalid(error.message),
            _ => Self {
                retry_after_ms: error.retry_after_ms,
                ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "api_error", error.message)
            },
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = answer(self.status, &self.body());
        let headers = response.headers_mut();
        if let Some(milliseconds) = self.retry_after_ms {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(milliseconds.div_ceil(1_000)));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.done_already {
            // The published clients heed this, and would otherwise ask the same again.
            headers.insert("x-should-retry", HeaderValue::from_static("false"));
        }
        response
    }
}

/// A JSON body.
pub(super) fn answer(status: StatusCode, body: &Value) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    (status, headers, Body::from(body.to_string())).into_response()
}

/// One event of a stream, named or not.
pub(super) fn event(name: Option<&str>, data: &Value) -> String {
    match name {
        Some(name) => format!("event: {name}\ndata: {data}\n\n"),
        None => format!("data: {data}\n\n"),
    }
}

/// The end of a stream.
pub(super) const DONE: &str = "data: [DONE]\n\n";
