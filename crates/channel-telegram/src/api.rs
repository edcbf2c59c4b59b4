//! Calls of the Bot API.

use std::time::Duration;

use futures_util::StreamExt as _;
use openclaw_channels::ChannelError;
use reqwest::{Client, multipart};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// How long the connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest answer: a hundred updates of the longest texts are well below.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// Why a call failed. No text of it holds the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ApiError {
    /// The token is none (401), or none that may be used here (404).
    #[error("Telegram does not know this bot token: {0}")]
    Unauthorized(String),
    /// Somebody else polls with the same token (409).
    #[error("another program polls with this bot token: {0}")]
    Conflict(String),
    /// Too much was asked for (429).
    #[error("Telegram wants a pause of {} s", .0.as_secs())]
    TooMany(Duration),
    /// The call is at fault (other 4xx).
    #[error("Telegram refuses: {description}")]
    Refused {
        /// The status.
        code: u16,
        /// What is said.
        description: String,
    },
    /// The server is at fault (5xx).
    #[error("Telegram has a fault: {0}")]
    Fault(String),
    /// Nobody answered at all: the call did not arrive.
    #[error("Telegram cannot be reached: {0}")]
    Unreachable(String),
    /// The answer was lost, came too late, or is none.
    #[error("Telegram's answer was lost: {0}")]
    Lost(String),
}

/// A failed call, for an account that is about to listen.
pub(crate) fn called(error: ApiError) -> ChannelError {
    match error {
        ApiError::Unauthorized(_) => ChannelError::Final(format!(
            "{error}; give it a working one: openclaw channels add telegram --token TOKEN"
        )),
        other => ChannelError::Later(other.to_string()),
    }
}

#[derive(Deserialize)]
struct Envelope<T> {
    ok: bool,
    result: Option<T>,
    error_code: Option<u16>,
    description: Option<String>,
    parameters: Option<Parameters>,
}

#[derive(Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
}

/// A file that a call carries.
#[derive(Clone, Copy)]
pub(crate) struct Upload<'a> {
    /// The parameter it is.
    pub(crate) field: &'static str,
    pub(crate) name: &'a str,
    pub(crate) mime: &'a str,
    pub(crate) bytes: &'a [u8],
}

/// Calls the Bot API for one bot.
pub(crate) struct Api {
    client: Client,
    root: String,
    token: SecretString,
    timeout: Duration,
}

impl Api {
    /// `root` is the server, without the token.
    pub(crate) fn new(
        root: &str,
        token: SecretString,
        proxy: Option<&str>,
        timeout: Duration,
    ) -> Result<Self, ApiError> {
        let unusable = |error: reqwest::Error| ApiError::Unreachable(words(error));
        let mut builder = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("openclaw/", env!("CARGO_PKG_VERSION")));
        builder = match proxy {
            Some(proxy) => builder.proxy(reqwest::Proxy::all(proxy).map_err(unusable)?),
            None => builder.no_proxy(),
        };
        let client = builder.build().map_err(unusable)?;
        Ok(Self { client, root: root.trim_end_matches('/').to_owned(), token, timeout })
    }

    /// A call with the usual deadline.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        params: &(impl Serialize + Sync),
    ) -> Result<T, ApiError> {
        self.call_within(method, params, self.timeout).await
    }

    /// A call with a deadline of its own.
    pub(crate) async fn call_within<T: DeserializeOwned>(
        &self,
        method: &str,
        params: &(impl Serialize + Sync),
        limit: Duration,
    ) -> Result<T, ApiError> {
        let url = format!("{}/bot{}/{method}", self.root, self.token.expose_secret());
        let answered = tokio::time::timeout(limit, async {
            let sent = self.client.post(url).json(params).send().await;
            body(sent.map_err(network)?, MAX_ANSWER).await
        });
        let body = answered.await.unwrap_or_else(|_| {
            Err(ApiError::Lost(format!("none within {} s", limit.as_secs_f32())))
        })?;
        read(&body)
    }

    /// A call that carries a file.
    pub(crate) async fn upload<T: DeserializeOwned>(
        &self,
        method: &str,
        params: &Map<String, Value>,
        upload: Upload<'_>,
        limit: Duration,
    ) -> Result<T, ApiError> {
        let url = format!("{}/bot{}/{method}", self.root, self.token.expose_secret());
        let refused = |error: reqwest::Error| {
            let description = format!("{:?} is no type of a file: {}", upload.mime, words(error));
            ApiError::Refused { code: 400, description }
        };
        let part = multipart::Part::bytes(upload.bytes.to_vec()).file_name(upload.name.to_owned());
        let part = part.mime_str(upload.mime).map_err(refused)?;
        let mut form = multipart::Form::new();
        for (name, value) in params {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            form = form.text(name.clone(), text);
        }
        let form = form.part(upload.field, part);
        let answered = tokio::time::timeout(limit, async {
            let sent = self.client.post(url).multipart(form).send().await;
            body(sent.map_err(network)?, MAX_ANSWER).await
        });
        let body = answered.await.unwrap_or_else(|_| {
            Err(ApiError::Lost(format!("none within {} s", limit.as_secs_f32())))
        })?;
        read(&body)
    }

    /// A file of the bot, with a deadline of the caller's.
    pub(crate) async fn download(&self, path: &str, most: u64) -> Result<Vec<u8>, ApiError> {
        let url = format!("{}/file/bot{}/{path}", self.root, self.token.expose_secret());
        let answer = self.client.get(url).send().await.map_err(network)?;
        let status = answer.status();
        if status.is_server_error() {
            return Err(ApiError::Fault(format!("the file server answers {status}")));
        }
        if !status.is_success() {
            let description = format!("the file server answers {status}");
            return Err(ApiError::Refused { code: status.as_u16(), description });
        }
        body(answer, usize::try_from(most).unwrap_or(usize::MAX)).await
    }
}

/// The whole body, if it is not longer than it may be.
async fn body(answer: reqwest::Response, most: usize) -> Result<Vec<u8>, ApiError> {
    let mut body = Vec::new();
    let mut chunks = answer.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| ApiError::Lost(words(error)))?;
        if body.len() + chunk.len() > most {
            let description = format!("it is longer than {most} bytes");
            return Err(ApiError::Refused { code: 413, description });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let envelope: Envelope<T> = serde_json::from_slice(body)
        .map_err(|error| ApiError::Lost(format!("it is not the Bot API's: {error}")))?;
    let description = envelope.description.unwrap_or_default();
    match (envelope.ok, envelope.result, envelope.error_code.unwrap_or_default()) {
        (true, Some(result), _) => Ok(result),
        (true, None, _) => Err(ApiError::Lost("it holds no result".to_owned())),
        (false, _, 401) => Err(ApiError::Unauthorized(description)),
        // So the server says for a token that has not even the form of one.
        (false, _, 404) if description == "Not Found" => Err(ApiError::Unauthorized(description)),
        (false, _, 409) => Err(ApiError::Conflict(description)),
        (false, _, 429) => {
            let after = envelope.parameters.and_then(|parameters| parameters.retry_after);
            Err(ApiError::TooMany(Duration::from_secs(after.unwrap_or(1))))
        }
        (false, _, code) if code >= 500 => Err(ApiError::Fault(description)),
        (false, _, code) => Err(ApiError::Refused { code, description }),
    }
}

fn network(error: reqwest::Error) -> ApiError {
    let never_arrived = error.is_connect() || error.is_builder();
    let words = words(error);
    if never_arrived { ApiError::Unreachable(words) } else { ApiError::Lost(words) }
}

/// An error and its causes, without the address, which holds the token.
fn words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(body: &str) -> ApiError {
        read::<bool>(body.as_bytes()).expect_err("a failure")
    }

    #[test]
    fn refusals_are_told_apart() {
        assert_eq!(read(br#"{"ok":true,"result":true}"#), Ok(true));
        let refusal = |code: u16, text: &str| {
            failure(&format!(r#"{{"ok":false,"error_code":{code},"description":"{text}"}}"#))
        };
        assert!(matches!(refusal(401, "Unauthorized"), ApiError::Unauthorized(_)));
        assert!(matches!(refusal(404, "Not Found"), ApiError::Unauthorized(_)));
        assert!(matches!(refusal(404, "method not found"), ApiError::Refused { code: 404, .. }));
        assert!(matches!(refusal(409, "Conflict"), ApiError::Conflict(_)));
        assert!(matches!(refusal(502, "Bad Gateway"), ApiError::Fault(_)));
        let flood = r#"{"ok":false,"error_code":429,"parameters":{"retry_after":7}}"#;
        assert_eq!(failure(flood), ApiError::TooMany(Duration::from_secs(7)));
        for broken in ["", "<html>", r#"{"ok":true}"#, r#"{"ok":true,"result":"x"}"#] {
            assert!(matches!(failure(broken), ApiError::Lost(_)), "{broken}");
        }
    }

    #[tokio::test]
    async fn no_error_names_the_token() {
        let token = SecretString::from("7:secret".to_owned());
        let api = Api::new("http://127.0.0.1:9", token, None, Duration::from_secs(2));
        let error = api.expect("a client").call::<bool>("getMe", &()).await.expect_err("nobody");
        assert!(matches!(error, ApiError::Unreachable(_)), "{error}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}
