//! `ws://` URLs over plain TCP.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use futures_util::{FutureExt, future::BoxFuture};
use openclaw_protocol::trust::Binding;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::http::Uri;

use super::{Dial, DialError, Dialed, Target};

/// Longest URL that is looked at.
const MAX_URL: usize = 2048;
/// Port of `ws://` URLs that name none.
const HTTP_PORT: u16 = 80;

/// Dials a `ws://` URL.
#[derive(Clone, Debug)]
pub struct TcpDial {
    host: String,
    port: u16,
    path: String,
}

impl TcpDial {
    /// A Gateway on this machine.
    #[must_use]
    pub fn loopback(port: u16) -> Self {
        Self { host: Ipv4Addr::LOCALHOST.to_string(), port, path: "/".to_owned() }
    }

    /// Reads `ws://HOST[:PORT][/PATH]`; `http://` means the same. Without TLS the whole session can be
    /// read and changed on its way, so other machines are refused unless `allow_plaintext` is set for
    /// private networks; public addresses are always refused.
    ///
    /// # Errors
    /// [`DialError::Url`] with what is wrong, [`DialError::Tls`] for `wss://`.
    pub fn parse(url: &str, allow_plaintext: bool) -> Result<Self, DialError> {
        let wrong = |what: &str| DialError::Url(format!("{}: {what}", shown(url)));
        if url.len() > MAX_URL || url.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(wrong("not a URL"));
        }
        let uri: Uri = url.parse().map_err(|_| wrong("not a URL; expected ws://HOST:PORT"))?;
        match uri.scheme_str() {
            Some("ws" | "http") => {}
            Some("wss" | "https") => return Err(DialError::Tls),
            _ => return Err(wrong("expected a URL that begins with ws://")),
        }
        let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("a user name or password in a URL is never sent"));
        }
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
        if host.is_empty() {
            return Err(wrong("it names no host"));
        }
        let allowed = is_loopback(&host) || allow_plaintext && is_private(&host);
        if !allowed {
            return Err(wrong(
                "ws:// to another machine can be read on its way; reach it with --ssh USER@HOST",
            ));
        }
        let rest = authority.as_str().get(authority.host().len()..).unwrap_or_default();
        let port = match rest.strip_prefix(':') {
            Some(port) => port.parse().map_err(|_| wrong("not a URL; its port is none"))?,
            None => HTTP_PORT,
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { host, port, path })
    }

    /// Host and port as they stand in URLs and in the `Host` header.
    fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    async fn addresses(&self) -> Result<Vec<SocketAddr>, DialError> {
        if let Ok(ip) = self.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, self.port)]);
        }
        if self.host == "localhost" {
            // Both are tried by hand, so that no resolver and its thread are needed.
            return Ok(vec![
                (Ipv4Addr::LOCALHOST, self.port).into(),
                (Ipv6Addr::LOCALHOST, self.port).into(),
            ]);
        }
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        Ok(found.map_err(DialError::Unreachable)?.collect())
    }

    async fn open(&self) -> Result<Dialed, DialError> {
        let mut last = DialError::Unreachable(io::Error::from(io::ErrorKind::NotFound));
        for address in self.addresses().await? {
            match TcpStream::connect(address).await {
                Ok(io) => return self.dialed(io),
                // The first address is the one a person means; its answer is the one to report.
                Err(error) if address.is_ipv6() && matches!(last, DialError::NothingListening) => {
                    tracing::debug!(%address, %error, "second address failed as well");
                }
                Err(error) => last = classify(error),
            }
        }
        Err(last)
    }

    fn dialed(&self, io: TcpStream) -> Result<Dialed, DialError> {
        io.set_nodelay(true).map_err(DialError::Local)?;
        Ok(Dialed {
            io: Box::new(io),
            host: self.authority(),
            path: self.path.clone(),
            binding: Binding::None,
            failure: None,
        })
    }
}

impl Dial for TcpDial {
    fn dial(&self) -> BoxFuture<'_, Result<Dialed, DialError>> {
        self.open().boxed()
    }

    fn target(&self) -> Target {
        let path = if self.path == "/" { "" } else { self.path.as_str() };
        Target::Url(format!("ws://{}{path}", self.authority()))
    }
}

fn classify(error: io::Error) -> DialError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => DialError::NothingListening,
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::TimedOut
        | io::ErrorKind::AddrNotAvailable => DialError::Unreachable(error),
        _ => DialError::Local(error),
    }
}

/// The URL without anything that could be a password, cut to a length that fits a message.
fn shown(url: &str) -> String {
    let url = match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme + 3 <= at => {
            let (head, tail) = (url.get(..scheme + 3), url.get(at + 1..));
            format!("{}…@{}", head.unwrap_or_default(), tail.unwrap_or_default())
        }
        _ => url.to_owned(),
    };
    url.chars().filter(|c| !c.is_control()).take(120).collect()
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn is_private(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => {
            let shared = matches!(ip.octets(), [100, 64..=127, ..]);
            ip.is_private() || ip.is_link_local() || shared
        }
        Ok(IpAddr::V6(ip)) => ip.is_unique_local() || ip.is_unicast_link_local(),
        Err(_) => {
            host.trim_end_matches('.').ends_with(".local")
                || host.trim_end_matches('.').ends_with(".ts.net")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Result<String, String> {
        TcpDial::parse(text, false)
            .map(|dial| dial.target().to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn reads_urls_of_this_machine() {
        let good = [
            ("ws://127.0.0.1:18789", "ws://127.0.0.1:18789"),
            ("http://LOCALHOST:1/x?y=1", "ws://localhost:1/x?y=1"),
            ("ws://[::1]:18789/", "ws://[::1]:18789"),
            ("ws://127.0.0.1", "ws://127.0.0.1:80"),
        ];
        for (given, expected) in good {
            assert_eq!(url(given).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn says_what_is_wrong_with_others() {
        let bad = [
            ("foo", "expected a URL that begins with ws://"),
            ("", "not a URL"),
            ("ftp://localhost", "expected a URL that begins with ws://"),
            ("ws://me:secret@localhost:1", "never sent"),
            ("ws://example.org:18789", "--ssh"),
            ("ws://192.168.1.2:18789", "--ssh"),
            ("ws://127.0.0.1:99999", "not a URL"),
            ("ws://a b", "not a URL"),
        ];
        for (given, expected) in bad {
            let error = url(given).expect_err(given);
            assert!(error.contains(expected), "{given}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
        assert!(matches!(TcpDial::parse("wss://localhost", true), Err(DialError::Tls)));
    }

    #[test]
    fn plaintext_may_be_allowed_on_private_networks_only() {
        for host in
            ["192.168.1.2", "10.0.0.1", "100.100.1.1", "box.local", "box.ts.net", "[fd00::1]"]
        {
            assert!(TcpDial::parse(&format!("ws://{host}:1"), true).is_ok(), "{host}");
        }
        for host in ["8.8.8.8", "example.org", "[2001:4860::1]", "local", "100.128.0.1"] {
            assert!(TcpDial::parse(&format!("ws://{host}:1"), true).is_err(), "{host}");
        }
    }
}
