//! What the Gateway asks about its tailnet, and who stands behind a request that Tailscale forwards.
//!
//! Tailscale forwards to a listener of its own ([`crate::listen::Listener::Tailscale`]), so its headers
//! mean nothing anywhere else. There they count only if the connecting socket is the daemon's: whoever
//! else finds that listener is refused.

use std::{fmt, net::IpAddr};

use axum::http::{HeaderMap, header::HeaderName};
use futures_util::future::BoxFuture;

use crate::peer::Link;

/// Names the person.
pub(crate) const LOGIN: HeaderName = HeaderName::from_static("tailscale-user-login");
const ADDRESS: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTOCOL: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// Longest login that is read, in bytes.
const MAX_LOGIN: usize = 320;

/// The tailnet this machine is in.
pub trait Tailnet: fmt::Debug + Send + Sync {
    /// The machine's name in it, once known.
    fn name(&self) -> Option<String>;
    /// The uid under which its daemon runs.
    fn daemon_uid(&self) -> BoxFuture<'_, Option<u32>>;
    /// The login of the person behind an address of it.
    fn whois(&self, address: IpAddr) -> BoxFuture<'_, Option<String>>;
}

/// Whom Tailscale forwards for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// The address in the tailnet, or on the internet.
    pub address: IpAddr,
    /// The login, if Tailscale names one and `whois` agrees.
    pub login: Option<String>,
}

/// What a forwarded request says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Claimed {
    address: IpAddr,
    login: Option<String>,
}

/// Tailscale sets all three headers, each once, and only for https.
fn claimed(headers: &HeaderMap) -> Option<Claimed> {
    let only = |name: &HeaderName| {
        let mut values = headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(value)
    };
    only(&HOST)?;
    if only(&PROTOCOL)? != "https" {
        return None;
    }
    let address: IpAddr = only(&ADDRESS)?.trim().parse().ok()?;
    let login = only(&LOGIN).filter(|login| !login.is_empty() && login.len() <= MAX_LOGIN);
    Some(Claimed { address: address.to_canonical(), login: login.map(str::to_owned) })
}

/// Who stands behind a request on Tailscale's listener; `None` if it is not Tailscale that asks.
/// Its login is looked at only where it is `wanted`.
pub(crate) async fn visitor(
    tailnet: Option<&dyn Tailnet>,
    wanted: bool,
    link: &Link,
    headers: &HeaderMap,
) -> Option<Visitor> {
    let Link::Tailscale { funnel, .. } = *link else { return None };
    let tailnet = tailnet?;
    let claimed = claimed(headers)?;
    let (end, daemon) = (link.peer_uid(), tailnet.daemon_uid().await);
    if end.is_none() || end != daemon {
        tracing::warn!(?end, ?daemon, "somebody else than Tailscale used its listener");
        return None;
    }
    let login = match claimed.login.filter(|_| wanted && !funnel) {
        Some(login) => agreed(tailnet, claimed.address, login).await,
        None => None,
    };
    Some(Visitor { address: claimed.address, login })
}

/// The address that a request on Tailscale's listener names, for limits.
pub(crate) fn address(headers: &HeaderMap) -> Option<IpAddr> {
    claimed(headers).map(|claimed| claimed.address)
}

async fn agreed(tailnet: &dyn Tailnet, address: IpAddr, login: String) -> Option<String> {
    let known = tailnet.whois(address).await;
    let agrees = known.as_ref().is_some_and(|known| known.eq_ignore_ascii_case(&login));
    if !agrees {
        tracing::warn!(%address, "the identity in the header is not what the tailnet says");
    }
    known.filter(|_| agrees)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(rows: &[(&'static str, &'static str)]) -> HeaderMap {
        rows.iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn only_what_tailscale_writes_is_read() {
        let whole = [
            ("x-forwarded-host", "box.tail1.ts.net"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-for", "100.101.102.103"),
            ("tailscale-user-login", "me@example.org"),
        ];
        let read = claimed(&headers(&whole)).expect("all there");
        assert_eq!(read.address.to_string(), "100.101.102.103");
        assert_eq!(read.login.as_deref(), Some("me@example.org"));
        for missing in ["x-forwarded-host", "x-forwarded-proto", "x-forwarded-for"] {
            let rest: Vec<_> = whole.into_iter().filter(|(name, _)| *name != missing).collect();
            assert_eq!(claimed(&headers(&rest)), None, "{missing}");
        }
        for (name, value) in
            [("x-forwarded-proto", "http"), ("x-forwarded-for", "100.64.0.1, 1.2.3.4")]
        {
            let mut odd = headers(&whole);
            odd.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
            assert_eq!(claimed(&odd), None, "{name}");
        }
        let mut twice = headers(&whole);
        twice.append(LOGIN, HeaderValue::from_static("other@example.org"));
        assert_eq!(claimed(&twice).expect("the address is sure").login, None);
    }
}
