//! Mode `trusted-proxy`: a reverse proxy has authenticated the person and names them in a header.

use std::net::IpAddr;

use axum::http::HeaderMap;
use ipnet::IpNet;
use openclaw_protocol::ScopeSet;

use crate::peer::is_trusted;

/// Longest name that is read, in bytes.
const MAX_NAME: usize = 320;

/// What `gateway.auth.trustedProxy` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyAuth {
    /// The header that names the person, in lower case.
    pub user_header: String,
    /// Headers that must be there too, in lower case.
    pub required_headers: Vec<String>,
    /// The persons who are let in; empty lets in all that the proxy lets in.
    pub allow_users: Vec<String>,
    /// Whether a proxy on this machine counts.
    pub allow_loopback: bool,
    /// The scopes for which a device of theirs is paired without a decision.
    pub auto_approve: Option<ScopeSet>,
}

/// Why a request is not from a person that the proxy vouches for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotVouched {
    /// It does not come from the proxy.
    NotTheProxy,
    /// It comes from this machine, which does not count unless it is said to.
    Loopback,
    /// A header is missing, doubled, or unreadable.
    Header,
    /// The person is not on the list.
    NotAllowed,
}

impl NotVouched {
    /// For the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotTheProxy => {
                "the request does not come from an address in gateway.trustedProxies"
            }
            Self::Loopback => {
                "a proxy on this machine needs gateway.auth.trustedProxy.allowLoopback"
            }
            Self::Header => "the user header or a required header is missing",
            Self::NotAllowed => "the person is not in gateway.auth.trustedProxy.allowUsers",
        }
    }
}

impl ProxyAuth {
    /// The person behind a request.
    ///
    /// # Errors
    /// Why nobody vouches for it.
    pub fn judge(
        &self,
        peer: Option<IpAddr>,
        trusted: &[IpNet],
        headers: &HeaderMap,
    ) -> Result<String, NotVouched> {
        let peer = peer.filter(|ip| is_trusted(trusted, *ip)).ok_or(NotVouched::NotTheProxy)?;
        if peer.is_loopback() && !self.allow_loopback {
            return Err(NotVouched::Loopback);
        }
        if self.required_headers.iter().any(|name| only(headers, name).is_none()) {
            return Err(NotVouched::Header);
        }
        let user = only(headers, &self.user_header).ok_or(NotVouched::Header)?;
        let allowed = self.allow_users.iter().any(|allowed| allowed == user);
        if !self.allow_users.is_empty() && !allowed {
            return Err(NotVouched::NotAllowed);
        }
        Ok(user.to_owned())
    }
}

/// The one value of a header; a proxy that lets a client's own through doubles it.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?.trim();
    let usable = !value.is_empty() && value.len() <= MAX_NAME && values.next().is_none();
    usable.then_some(value)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn a_person_is_who_the_proxy_says_and_nobody_else() {
        let rules = ProxyAuth {
            user_header: "x-forwarded-user".to_owned(),
            required_headers: vec!["x-proxy-secret".to_owned()],
            allow_users: vec!["me@example.org".to_owned()],
            allow_loopback: false,
            auto_approve: None,
        };
        let trusted: Vec<IpNet> =
            ["10.0.0.0/8", "127.0.0.1/32"].map(|network| network.parse().expect("network")).into();
        let me = ("x-forwarded-user", "me@example.org");
        let other = ("x-forwarded-user", "other@example.org");
        let secret = ("x-proxy-secret", "1");
        type Row<'a> = (&'a str, &'a [(&'static str, &'static str)], Result<&'a str, NotVouched>);
        let rows: [Row<'_>; 8] = [
            ("10.0.0.1", &[me, secret], Ok("me@example.org")),
            ("192.0.2.1", &[me, secret], Err(NotVouched::NotTheProxy)),
            ("127.0.0.1", &[me, secret], Err(NotVouched::Loopback)),
            ("10.0.0.1", &[me], Err(NotVouched::Header)),
            ("10.0.0.1", &[secret], Err(NotVouched::Header)),
            ("10.0.0.1", &[me, me, secret], Err(NotVouched::Header)),
            ("10.0.0.1", &[("x-forwarded-user", " "), secret], Err(NotVouched::Header)),
            ("10.0.0.1", &[other, secret], Err(NotVouched::NotAllowed)),
        ];
        for (peer, sent, expected) in rows {
            let mut headers = HeaderMap::new();
            for (name, value) in sent {
                headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            let judged = rules.judge(Some(peer.parse().expect("ip")), &trusted, &headers);
            assert_eq!(judged.as_deref(), expected.as_ref().copied(), "{peer} {sent:?}");
        }
        assert_eq!(rules.judge(None, &trusted, &HeaderMap::new()), Err(NotVouched::NotTheProxy));
    }
}
