//! The daemon's LocalAPI.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use reqwest::{
    Client, Method, Response, StatusCode,
    header::{ETAG, HeaderValue, IF_MATCH},
};
use serde_json::Value;

use super::{Status, TailscaleError, Whois, read_json};

/// Time for one answer.
const DEADLINE: Duration = Duration::from_secs(5);
/// Largest answer, in bytes: the status names no peers, but a serve configuration may be long.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
/// How often an edit is tried when somebody else edits at the same time.
const EDITS: usize = 3;

/// The daemon behind its socket.
#[derive(Clone, Debug)]
pub struct LocalApi {
    socket: PathBuf,
    client: Client,
}

impl LocalApi {
    /// Asks over this socket.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn new(socket: PathBuf) -> Result<Self, TailscaleError> {
        let client = Client::builder()
            .unix_socket(socket.clone())
            .timeout(DEADLINE)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| TailscaleError::Odd(error.to_string()))?;
        Ok(Self { socket, client })
    }

    /// How the daemon is.
    ///
    /// # Errors
    /// [`TailscaleError`].
    pub async fn status(&self) -> Result<Status, TailscaleError> {
        let answer = self.ask(Method::GET, "status?peers=false", None, None).await?;
        read_json(&body(accept(answer)?).await?)
    }

    /// Who stands behind an address.
    ///
    /// # Errors
    /// [`TailscaleError`].
    pub async fn whois(&self, address: IpAddr) -> Result<Option<Whois>, TailscaleError> {
        let answer = self.ask(Method::GET, &format!("whois?addr={address}"), None, None).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        Whois::read(&body(accept(answer)?).await?).map(Some)
    }

    /// The uid that listens on the socket.
    pub async fn uid(&self) -> Option<u32> {
        let stream = tokio::net::UnixStream::connect(&self.socket).await.ok()?;
        stream.peer_cred().ok().map(|peer| peer.uid())
    }

    /// Replaces the serve configuration by what `change` makes of it, if that is something else; what
    /// somebody else writes in between is never lost.
    pub(super) async fn edit(
        &self,
        change: impl Fn(&Value) -> Result<Value, TailscaleError>,
    ) -> Result<bool, TailscaleError> {
        for _ in 0..EDITS {
            let answer = accept(self.ask(Method::GET, "serve-config", None, None).await?)?;
            let tag = answer.headers().get(ETAG).cloned();
            let before: Value = read_json(&body(answer).await?)?;
            let after = change(&before)?;
            if after == before {
                return Ok(false);
            }
            let text = after.to_string();
            match accept(self.ask(Method::POST, "serve-config", tag, Some(text)).await?) {
                Err(TailscaleError::Changed) => {}
                Err(error) => return Err(error),
                Ok(_) => return Ok(true),
            }
        }
        Err(TailscaleError::Changed)
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        tag: Option<HeaderValue>,
        text: Option<String>,
    ) -> Result<Response, TailscaleError> {
        let url = format!("http://local-tailscaled.sock/localapi/v0/{path}");
        let mut request = self.client.request(method, url);
        if let Some(tag) = tag {
            request = request.header(IF_MATCH, tag);
        }
        if let Some(text) = text {
            request = request.body(text);
        }
        request.send().await.map_err(|error| failed(&error))
    }
}

fn failed(error: &reqwest::Error) -> TailscaleError {
    if error.is_timeout() {
        TailscaleError::Slow
    } else if error.is_connect() {
        TailscaleError::Absent
    } else {
        TailscaleError::Odd(error.to_string())
    }
}

fn accept(answer: Response) -> Result<Response, TailscaleError> {
    match answer.status() {
        StatusCode::OK => Ok(answer),
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => Err(TailscaleError::Denied),
        StatusCode::PRECONDITION_FAILED => Err(TailscaleError::Changed),
        other => Err(TailscaleError::Odd(other.to_string())),
    }
}

async fn body(mut answer: Response) -> Result<Vec<u8>, TailscaleError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| failed(&error))? {
        if bytes.len() + chunk.len() > MAX_ANSWER {
            return Err(TailscaleError::Odd("more than it may".to_owned()));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
