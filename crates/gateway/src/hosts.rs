//! Which `Host` and `Origin` headers are served: the defence against DNS rebinding and foreign pages.

use std::net::IpAddr;

use axum::http::{HeaderMap, Uri, header};

/// Hosts and origins beyond loopback that the configuration allows.
#[derive(Clone, Debug, Default)]
pub struct HostPolicy {
    origins: Vec<String>,
    any_origin: bool,
}

/// Why an origin is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginRefusal {
    /// A page must say where it comes from.
    Missing,
    /// The header is not an origin.
    Invalid,
    /// The origin is not on the list.
    NotAllowed,
}

impl OriginRefusal {
    /// The reason in `error.details`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "origin missing",
            Self::Invalid => "origin invalid",
            Self::NotAllowed => "origin not allowed",
        }
    }
}

impl HostPolicy {
    /// Reads `gateway.controlUi.allowedOrigins` and `gateway.publicOrigin`.
    pub fn new<S: AsRef<str>>(allowed: impl IntoIterator<Item = S>, public: Option<&str>) -> Self {
        let mut policy = Self::default();
        for origin in allowed.into_iter().map(|origin| origin.as_ref().trim().to_owned()) {
            if origin == "*" {
                policy.any_origin = true;
            } else {
                policy.origins.push(origin.trim_end_matches('/').to_ascii_lowercase());
            }
        }
        policy
            .origins
            .extend(public.map(|origin| origin.trim_end_matches('/').to_ascii_lowercase()));
        policy
    }

    /// Whether a request may name this host: loopback names, IP literals, our `own` name in the tailnet,
    /// and configured origins.
    /// A name somebody else's DNS can point here is refused, unless the connection is `guarded` by TLS
    /// that ends here: no browser takes our certificate for that name, so its pages never get this far.
    #[must_use]
    pub fn allows_host(&self, headers: &HeaderMap, guarded: bool, own: Option<&str>) -> bool {
        let Some((name, _)) = host_header(headers).and_then(split_port) else { return false };
        let named = |host: String| host.eq_ignore_ascii_case(name);
        guarded
            || is_loopback_name(name)
            || parse_ip(name).is_some()
            || own.is_some_and(|own| own.eq_ignore_ascii_case(name))
            || self.origin_hosts().any(named)
    }

    fn origin_hosts(&self) -> impl Iterator<Item = String> {
        self.origins.iter().filter_map(|origin| {
            let uri: Uri = origin.parse().ok()?;
            Some(uri.host()?.to_ascii_lowercase())
        })
    }

    /// Whether a page of this origin may use the Gateway. `required` for UI clients, which browsers
    /// always make send one.
    ///
    /// # Errors
    /// The reason for a refusal.
    pub fn check_origin(
        &self,
        headers: &HeaderMap,
        local: bool,
        required: bool,
        own: Option<&str>,
    ) -> Result<(), OriginRefusal> {
        let Some(origin) = headers.get(header::ORIGIN) else {
            return if required { Err(OriginRefusal::Missing) } else { Ok(()) };
        };
        let origin = origin.to_str().map_err(|_| OriginRefusal::Invalid)?.to_ascii_lowercase();
        if self.any_origin || self.origins.contains(&origin) {
            return Ok(());
        }
        let pair = Pair::of(headers, &origin)?;
        let host = pair.host;
        let same = pair.is_same()
            && (is_loopback_name(host)
                || parse_ip(host).is_some()
                || own.is_some_and(|own| own.eq_ignore_ascii_case(host)));
        let both_loopback = local && is_loopback_name(host) && is_loopback_name(pair.page);
        if same || both_loopback { Ok(()) } else { Err(OriginRefusal::NotAllowed) }
    }

    /// Whether the page that asks is one of the very host and port it asks. That is enough to read the
    /// public files of the page itself: browsers send an origin with them where they trust it with
    /// nothing. The host must have been allowed before.
    #[must_use]
    pub fn is_same_origin(headers: &HeaderMap) -> bool {
        let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
        origin.is_some_and(|origin| Pair::of(headers, origin).is_ok_and(|pair| pair.is_same()))
    }
}

/// A page's origin beside the host it asks.
struct Pair<'h> {
    page: &'h str,
    page_port: u16,
    host: &'h str,
    host_port: u16,
}

impl<'h> Pair<'h> {
    fn of(headers: &'h HeaderMap, origin: &'h str) -> Result<Self, OriginRefusal> {
        let (scheme, authority) = origin.split_once("://").ok_or(OriginRefusal::Invalid)?;
        let uri: Uri = origin.parse().map_err(|_| OriginRefusal::Invalid)?;
        if uri.authority().is_none_or(|parsed| parsed.as_str() != authority) {
            return Err(OriginRefusal::Invalid);
        }
        let default_port = if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 };
        let (page, page_port) = split_port(authority).ok_or(OriginRefusal::Invalid)?;
        let host = host_header(headers).and_then(split_port);
        let (host, host_port) = host.ok_or(OriginRefusal::NotAllowed)?;
        Ok(Self {
            page,
            page_port: page_port.unwrap_or(default_port),
            host,
            host_port: host_port.unwrap_or(default_port),
        })
    }

    fn is_same(&self) -> bool {
        self.host.eq_ignore_ascii_case(self.page) && self.host_port == self.page_port
    }
}

fn host_header(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

/// Splits `name:port` and `[v6]:port`; brackets are removed. `None` for everything else, such as a user
/// before the name or text behind the bracket.
fn split_port(host: &str) -> Option<(&str, Option<u16>)> {
    let (name, tail) = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').filter(|(name, _)| name.contains(':'))?,
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    if tail.is_empty() {
        return Some((name, None));
    }
    let port = tail.strip_prefix(':')?.parse().ok()?;
    Some((name, Some(port)))
}

fn parse_ip(name: &str) -> Option<IpAddr> {
    name.parse().ok()
}

fn is_loopback_name(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost") || parse_ip(name).is_some_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, header};

    use super::*;

    fn headers(host: &str, origin: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(host).expect("header"));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_str(origin).expect("header"));
        }
        headers
    }

    #[test]
    fn hosts() {
        let policy = HostPolicy::new(["https://ui.example:8443"], Some("https://gw.example/"));
        for (host, allowed) in [
            ("localhost:18789", true),
            ("127.0.0.1", true),
            ("[::1]:18789", true),
            ("192.168.1.5:18789", true),
            ("gw.example", true),
            ("ui.example:1", true),
            ("LOCALHOST:18789", true),
            ("GW.Example", true),
            ("[::ffff:127.0.0.1]:18789", true),
            ("[::1].evil.example", false),
            ("[::1", false),
            ("[localhost]", false),
            ("::1", false),
            ("localhost.:18789", false),
            ("localhost@evil.example", false),
            ("127.0.0.1:80@evil.example", false),
            ("127.0.0.1:99999", false),
            ("127.0.0.1.", false),
            ("evil.example:18789", false),
            ("localhost.evil.example", false),
            ("", false),
        ] {
            assert_eq!(policy.allows_host(&headers(host, None), false, None), allowed, "{host}");
        }
        assert!(!policy.allows_host(&HeaderMap::new(), false, None));
    }

    #[test]
    fn over_tls_any_name_is_served_and_no_page_of_it() {
        let policy = HostPolicy::new(["https://ui.example"], None);
        let page = headers("evil.example:18789", Some("https://evil.example:18789"));
        assert!(policy.allows_host(&page, true, None));
        assert_eq!(policy.check_origin(&page, true, true, None), Err(OriginRefusal::NotAllowed));
        for host in ["a:b", "[::1]x"] {
            assert!(!policy.allows_host(&headers(host, None), true, None), "{host}");
        }
        assert!(!policy.allows_host(&HeaderMap::new(), true, None));
    }

    #[test]
    fn origins() {
        let policy = HostPolicy::new(["https://ui.example"], None);
        let check = |host: &str, origin: Option<&str>, local| {
            policy.check_origin(&headers(host, origin), local, true, None)
        };
        assert_eq!(check("127.0.0.1:18789", None, true), Err(OriginRefusal::Missing));
        assert_eq!(check("127.0.0.1:18789", Some("http://127.0.0.1:18789"), true), Ok(()));
        assert_eq!(check("localhost:18789", Some("http://localhost:5173"), true), Ok(()));
        assert_eq!(
            check("localhost:18789", Some("http://localhost:5173"), false),
            Err(OriginRefusal::NotAllowed)
        );
        assert_eq!(check("192.168.1.5:18789", Some("http://192.168.1.5:18789"), false), Ok(()));
        assert_eq!(check("127.0.0.1:18789", Some("https://ui.example"), true), Ok(()));
        assert_eq!(check("[::1]:18789", Some("http://[::1]:18789"), false), Ok(()));
        assert_eq!(check("LOCALHOST:18789", Some("HTTP://localhost:18789"), false), Ok(()));
        for foreign in [
            "https://evil.example",
            "null",
            "http://evil.example:18789",
            "file://",
            "http://127.0.0.1:18789@evil.example",
            "http://127.0.0.1@evil.example:18789",
            "http://evil.example@127.0.0.1:18789",
            "http://localhost.evil.example:18789",
        ] {
            assert!(check("127.0.0.1:18789", Some(foreign), true).is_err(), "{foreign}");
        }
        assert!(
            HostPolicy::new(["*"], None)
                .check_origin(&headers("localhost", Some("https://any.example")), false, true, None)
                .is_ok()
        );
    }

    #[test]
    fn a_page_may_read_its_own_files() {
        let is_same = |host, origin| HostPolicy::is_same_origin(&headers(host, origin));
        assert!(is_same("ui.example:8080", Some("http://ui.example:8080")));
        assert!(is_same("UI.example", Some("http://ui.example:80")));
        for (host, origin) in [
            ("ui.example:8080", None),
            ("ui.example:8080", Some("http://ui.example")),
            ("ui.example:8080", Some("http://evil.example:8080")),
            ("ui.example:8080", Some("http://ui.example:8080@evil.example")),
            ("ui.example:8080", Some("http://ui.example:8080/x")),
            ("ui.example:8080", Some("null")),
        ] {
            assert!(!is_same(host, origin), "{origin:?}");
        }
    }

    #[test]
    fn the_own_name_in_the_tailnet_is_served_to_its_own_pages_only() {
        let policy = HostPolicy::default();
        let own = Some("box.tail1.ts.net");
        let page = |origin| headers("Box.tail1.ts.net", Some(origin));
        let right = page("https://box.tail1.ts.net");
        assert!(policy.allows_host(&right, false, own) && !policy.allows_host(&right, false, None));
        assert_eq!(policy.check_origin(&right, false, true, own), Ok(()));
        let wrong = page("https://evil.tail1.ts.net");
        assert!(policy.check_origin(&wrong, false, true, own).is_err());
        assert!(!policy.allows_host(&headers("evil.tail1.ts.net", None), false, own));
    }
}
