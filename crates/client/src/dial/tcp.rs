//! `ws://` and `wss://` URLs.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Instant,
};

use futures_util::{FutureExt, future::BoxFuture};
use openclaw_protocol::trust::Binding;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::http::Uri;

use super::{Dial, DialError, DialStep, DialTimes, Dialed, Fingerprint, Io, Target, tls};

/// Longest URL that is looked at.
const MAX_URL: usize = 2048;
/// Port of `ws://` URLs that name none.
const HTTP_PORT: u16 = 80;
/// Port of `wss://` URLs that name none.
const HTTPS_PORT: u16 = 443;

/// Dials a URL.
#[derive(Clone, Debug)]
pub struct TcpDial {
    host: String,
    port: u16,
    path: String,
    guard: Guard,
}

/// What keeps others from reading along.
#[derive(Clone, Copy, Debug)]
enum Guard {
    /// TLS; the certificate that has to be shown, if one was named.
    Tls(Option<Fingerprint>),
    /// Nothing: the address must be one that only this machine, or if allowed a private network, sees.
    Address {
        /// Whether a private network is good enough.
        private: bool,
    },
}

impl TcpDial {
    /// A Gateway on this machine.
    #[must_use]
    pub fn loopback(port: u16) -> Self {
        let guard = Guard::Address { private: false };
        Self { host: Ipv4Addr::LOCALHOST.to_string(), port, path: "/".to_owned(), guard }
    }

    /// Reads `wss://HOST[:PORT][/PATH]` and `ws://…`; `https://` and `http://` mean the same. Without TLS
    /// the whole session can be read and changed on its way, so other machines are refused unless
    /// `allow_plaintext` is set for private networks; public addresses are always refused. A name is
    /// judged by the address it leads to, when that is dialled.
    ///
    /// # Errors
    /// [`DialError::Url`] with what is wrong.
    pub fn parse(url: &str, allow_plaintext: bool) -> Result<Self, DialError> {
        let wrong = |what: &str| DialError::Url(format!("{}: {what}", shown(url)));
        if url.len() > MAX_URL || url.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(wrong("not a URL"));
        }
        let uri: Uri = url.parse().map_err(|_| wrong("not a URL; expected wss://HOST:PORT"))?;
        let (guard, usual_port) = match uri.scheme_str() {
            Some("ws" | "http") => (Guard::Address { private: allow_plaintext }, HTTP_PORT),
            Some("wss" | "https") => (Guard::Tls(None), HTTPS_PORT),
            _ => return Err(wrong("expected a URL that begins with ws:// or wss://")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("a user name or password in a URL is never sent"));
        }
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
        if host.is_empty() {
            return Err(wrong("it names no host"));
        }
        if let Ok(ip) = host.parse::<IpAddr>()
            && !guard.allows(ip)
        {
            return Err(wrong(PLAINTEXT));
        }
        let rest = authority.as_str().get(authority.host().len()..).unwrap_or_default();
        let port = match rest.strip_prefix(':') {
            Some(port) => port.parse().map_err(|_| wrong("not a URL; its port is none"))?,
            None => usual_port,
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { host, port, path, guard })
    }

    /// Names the certificate that has to be shown; without TLS there is none.
    #[must_use]
    pub fn expecting(mut self, fingerprint: Option<Fingerprint>) -> Self {
        if let Guard::Tls(expected) = &mut self.guard {
            *expected = fingerprint;
        }
        self
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether TLS is spoken.
    #[must_use]
    pub const fn speaks_tls(&self) -> bool {
        matches!(self.guard, Guard::Tls(_))
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
        Ok(found.map_err(DialError::NoAddress)?.collect())
    }

    async fn open(&self) -> Result<Dialed, DialError> {
        let mut last = DialError::Unreachable(io::Error::from(io::ErrorKind::NotFound));
        let mut times = DialTimes::new();
        let began = Instant::now();
        let addresses = self.addresses().await?;
        if self.host.parse::<IpAddr>().is_err() {
            times.push((DialStep::Dns, began.elapsed()));
        }
        for address in addresses {
            if !self.guard.allows(address.ip()) {
                let text = format!("{}: {PLAINTEXT}", self.target());
                return Err(DialError::Url(text));
            }
            let began = Instant::now();
            match TcpStream::connect(address).await {
                Ok(io) => {
                    times.push((DialStep::Tcp, began.elapsed()));
                    return self.dialed(io, times).await;
                }
                // The first address is the one a person means; its answer is the one to report.
                Err(error) if address.is_ipv6() && matches!(last, DialError::NothingListening) => {
                    tracing::debug!(%address, %error, "second address failed as well");
                }
                Err(error) => last = classify(error),
            }
        }
        Err(last)
    }

    async fn dialed(&self, io: TcpStream, mut times: DialTimes) -> Result<Dialed, DialError> {
        io.set_nodelay(true).map_err(DialError::Local)?;
        let (io, tls): (Box<dyn Io>, _) = match self.guard {
            Guard::Address { .. } => (Box::new(io), None),
            Guard::Tls(expected) => {
                let began = Instant::now();
                let (io, shown) = tls::open(io, &self.host, expected).await?;
                times.push((DialStep::Tls, began.elapsed()));
                (Box::new(io), Some(shown))
            }
        };
        Ok(Dialed {
            io,
            host: self.authority(),
            path: self.path.clone(),
            binding: if tls.is_some() { Binding::TlsExporter } else { Binding::None },
            tls,
            times,
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
        let scheme = if self.speaks_tls() { "wss" } else { "ws" };
        Target::Url(format!("{scheme}://{}{path}", self.authority()))
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

const PLAINTEXT: &str = "ws:// to another machine can be read on its way; use wss://, or reach it with \
                         --ssh USER@HOST";

impl Guard {
    /// Whether this address may be dialled.
    fn allows(self, ip: IpAddr) -> bool {
        match self {
            Self::Tls(_) => true,
            Self::Address { private } => {
                let ip = ip.to_canonical();
                ip.is_loopback() || private && is_private(ip)
            }
        }
    }
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let shared = matches!(ip.octets(), [100, 64..=127, ..]);
            ip.is_private() || ip.is_link_local() || shared
        }
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
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
            ("wss://gateway.example.org", "wss://gateway.example.org:443"),
            ("https://192.0.2.1:18789/", "wss://192.0.2.1:18789"),
        ];
        for (given, expected) in good {
            assert_eq!(url(given).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn says_what_is_wrong_with_others() {
        let bad = [
            ("foo", "expected a URL that begins with ws:// or wss://"),
            ("", "not a URL"),
            ("ftp://localhost", "expected a URL that begins with ws://"),
            ("ws://me:secret@localhost:1", "never sent"),
            ("ws://203.0.113.5:18789", "--ssh"),
            ("ws://192.168.1.2:18789", "--ssh"),
            ("ws://127.0.0.1:99999", "not a URL"),
            ("ws://a b", "not a URL"),
        ];
        for (given, expected) in bad {
            let error = url(given).expect_err(given);
            assert!(error.contains(expected), "{given}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn plaintext_may_be_allowed_on_private_networks_only() {
        for host in ["192.168.1.2", "10.0.0.1", "100.100.1.1", "[fd00::1]", "[::ffff:10.0.0.1]"] {
            assert!(TcpDial::parse(&format!("ws://{host}:1"), true).is_ok(), "{host}");
            assert!(TcpDial::parse(&format!("ws://{host}:1"), false).is_err(), "{host}");
        }
        for host in ["8.8.8.8", "[2001:4860::1]", "100.128.0.1", "[::ffff:8.8.8.8]", "0.0.0.0"] {
            assert!(TcpDial::parse(&format!("ws://{host}:1"), true).is_err(), "{host}");
        }
    }

    #[tokio::test]
    async fn a_name_is_judged_by_the_address_it_leads_to() {
        // This machine's own name is no loopback name, and may lead to any address.
        let guard = Guard::Address { private: true };
        for (ip, allowed) in [("127.0.0.1", true), ("192.168.0.9", true), ("203.0.113.5", false)] {
            assert_eq!(guard.allows(ip.parse().expect("ip")), allowed, "{ip}");
        }
        let dial = TcpDial::parse("ws://localhost:1", false).expect("a URL");
        assert!(matches!(dial.dial().await, Err(DialError::NothingListening)));
    }
}
