//! One page.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use futures_util::StreamExt;
use ipnet::IpNet;
use reqwest::{
    Client, Response, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, USER_AGENT},
    redirect::Policy,
};

use crate::is_public;

/// What a request may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the body that are read.
    pub bytes: usize,
    /// Time for all of it, redirects included.
    pub time: Duration,
    /// Redirects that are followed.
    pub redirects: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 2 * 1024 * 1024, time: Duration::from_secs(30), redirects: 5 }
    }
}

/// A page as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Where it was found in the end.
    pub url: String,
    /// The HTTP status.
    pub status: u16,
    /// What it says it is, without parameters.
    pub content_type: String,
    /// Its body.
    pub body: Vec<u8>,
    /// Whether the body goes on beyond the limit.
    pub cut: bool,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The address is not one of a web page.
    #[error("{0:?} is not an address of the web: it must begin with http:// or https://")]
    NotWeb(String),
    /// The address carries a name or password.
    #[error("an address with a name or password in it is not used")]
    Credentials,
    /// It leads to this machine or a private network.
    #[error("{0} is not on the public internet; only public pages are fetched")]
    NotPublic(String),
    /// It leads from one page to the next for ever.
    #[error("more than {0} redirects")]
    Redirects(usize),
    /// It takes too long.
    #[error("it took longer than {} s", .0.as_secs())]
    TooSlow(Duration),
    /// The network or the server failed.
    #[error("{0}")]
    Failed(String),
}

/// Fetches pages. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Fetcher {
    client: Client,
    guard: Arc<Guard>,
    limits: Limits,
}

/// Says which addresses are connected to.
#[derive(Debug)]
struct Guard {
    /// Beside the public ones.
    also: Vec<IpNet>,
}

impl Guard {
    fn allows(&self, address: IpAddr) -> bool {
        is_public(address) || self.also.iter().any(|net| net.contains(&address))
    }
}

/// Resolves names to addresses that may be connected to.
#[derive(Debug)]
struct Guarded(Arc<Guard>);

/// Found among the causes of a failed request.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not on the public internet")]
struct Refused(String);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Arc::clone(&self.0);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: Vec<SocketAddr> = found.collect();
            if found.is_empty() {
                let text = format!("{} has no address", name.as_str());
                return Err(io::Error::new(io::ErrorKind::NotFound, text).into());
            }
            // One private address among public ones is a trick, not a choice.
            if let Some(private) = found.iter().find(|address| !guard.allows(address.ip())) {
                return Err(Refused(format!("{} ({})", name.as_str(), private.ip())).into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

impl Fetcher {
    /// A fetcher that connects to public addresses, and to those of these networks.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new(agent: &str, limits: Limits, also: Vec<IpNet>) -> Result<Self, FetchError> {
        let guard = Arc::new(Guard { also });
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("text/html, text/*;q=0.9, */*;q=0.5"));
        if let Ok(agent) = HeaderValue::from_str(agent) {
            headers.insert(USER_AGENT, agent);
        }
        let client = Client::builder()
            .dns_resolver(Arc::new(Guarded(Arc::clone(&guard))))
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .default_headers(headers)
            .build()
            .map_err(|error| FetchError::Failed(error.to_string()))?;
        Ok(Self { client, guard, limits })
    }

    /// Fetches a page.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn get(&self, url: &str) -> Result<Page, FetchError> {
        let limit = self.limits.time;
        let got = tokio::time::timeout(limit, self.follow(url)).await;
        got.unwrap_or(Err(FetchError::TooSlow(limit)))
    }

    async fn follow(&self, url: &str) -> Result<Page, FetchError> {
        let mut url = Url::parse(url).map_err(|_| FetchError::NotWeb(url.to_owned()))?;
        for _ in 0..=self.limits.redirects {
            self.check(&url)?;
            let response =
                self.client.get(url.clone()).send().await.map_err(|error| told(&error))?;
            let next = response
                .status()
                .is_redirection()
                .then(|| response.headers().get(LOCATION)?.to_str().ok())
                .flatten();
            match next {
                Some(next) => {
                    url = url.join(next).map_err(|_| FetchError::NotWeb(next.to_owned()))?;
                }
                None => return self.page(url, response).await,
            }
        }
        Err(FetchError::Redirects(self.limits.redirects))
    }

    /// What can be said before connecting: an address that stands in the URL is resolved by nobody.
    fn check(&self, url: &Url) -> Result<(), FetchError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(FetchError::NotWeb(url.to_string()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::Credentials);
        }
        let host = url.host_str().unwrap_or_default();
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        match literal {
            Ok(address) if !self.guard.allows(address) => {
                Err(FetchError::NotPublic(host.to_owned()))
            }
            _ if host.is_empty() => Err(FetchError::NotWeb(url.to_string())),
            _ => Ok(()),
        }
    }

    async fn page(&self, url: Url, response: Response) -> Result<Page, FetchError> {
        let status = response.status().as_u16();
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default();
        let content_type = kind.trim().to_ascii_lowercase();
        let mut body = Vec::new();
        let mut cut = false;
        let mut stream = response.bytes_stream();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|error| told(&error))?;
            let room = self.limits.bytes - body.len();
            if chunk.len() > room {
                body.extend(chunk.iter().take(room));
                cut = true;
                break;
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Page { url: url.to_string(), status, content_type, body, cut })
    }
}

fn told(error: &reqwest::Error) -> FetchError {
    let mut source: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    let mut last = error.to_string();
    while let Some(cause) = source {
        if let Some(Refused(what)) = cause.downcast_ref() {
            return FetchError::NotPublic(what.clone());
        }
        last = cause.to_string();
        source = cause.source();
    }
    FetchError::Failed(last)
}
