//! Listening: loopback always, wider where that is configured, and the owner's door.

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    sync::Arc,
    time::Duration,
};

use openclaw_config::{Config, schema::Bind};
use openclaw_gateway::{listen::Listener, settings::SharedAuth, tls::ServerTls};
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, UnixListener};

use crate::{
    auth::ResolvedAuth, error::DaemonError, holder::port_holder, inherited::Inherited,
    tailnet::LocalTailnet, tls,
};

mod tailnet;

pub(crate) use tailnet::{Tailnet, addresses as tailnet_addresses};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;
/// Time for a connection that stays in the kernel.
const LOOPBACK: Duration = Duration::from_millis(500);

/// Which addresses are wanted beside loopback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) bind: Bind,
    /// What `custom` names.
    host: Option<IpAddr>,
    /// The addresses in the tailnet, with `tailnet`.
    tailnet: Vec<IpAddr>,
    /// With `auto`: loopback cannot be bound, so every address is listened on.
    widened: bool,
    /// TLS is turned off.
    plain: bool,
}

impl Wanted {
    /// Reads the configuration and the flag.
    ///
    /// # Errors
    /// When `custom` names no address.
    pub(crate) fn read(config: &Config, flag: Option<Bind>) -> Result<Self, DaemonError> {
        let bind = flag.unwrap_or(config.gateway.bind);
        let plain = config.gateway.tls.enabled == Some(false);
        let widened = bind == Bind::Auto && !has_loopback();
        let wanted = Self { bind, host: None, tailnet: Vec::new(), widened, plain };
        if bind != Bind::Custom {
            return Ok(wanted);
        }
        let host = config.gateway.custom_bind_host.as_deref().and_then(|host| host.parse().ok());
        match host {
            Some(host) => Ok(Self { host: Some(host), ..wanted }),
            None => Err(DaemonError::setting(
                "gateway.bind is \"custom\", but gateway.customBindHost names no address",
                "run: openclaw config set gateway.customBindHost 192.0.2.1   (an address of this machine)",
            )),
        }
    }

    /// Finds the addresses that only Tailscale knows.
    pub(crate) async fn look(&mut self, tailnet: Option<&LocalTailnet>) {
        if let (Bind::Tailnet, Some(tailnet)) = (self.bind, tailnet) {
            self.tailnet = tailnet_addresses(tailnet).await;
        }
    }

    /// Whether others than this machine can connect.
    pub(crate) fn is_exposed(&self) -> bool {
        match self.bind {
            Bind::Lan | Bind::Tailnet => true,
            Bind::Custom => self.host.is_some_and(|host| !host.is_loopback()),
            Bind::Auto => self.widened,
            Bind::Loopback => false,
        }
    }

    /// Refuses to be reachable for others without a secret that holds.
    ///
    /// # Errors
    /// What is missing, and the line that sets it.
    pub(crate) fn check(&self, auth: &ResolvedAuth) -> Result<(), DaemonError> {
        if !self.is_exposed() {
            return Ok(());
        }
        if self.widened && self.plain {
            return Err(DaemonError::setting(
                "gateway.bind is \"auto\" and there is no loopback, but gateway.tls.enabled is false: \
                 others could read along",
                "run: openclaw config unset gateway.tls.enabled, or choose the address with gateway.bind",
            ));
        }
        let bind = self.bind.as_str();
        let kind = auth.auth.kind().as_str();
        match &auth.auth {
            SharedAuth::None => Err(DaemonError::setting(
                format!(
                    "gateway.bind is \"{bind}\", but gateway.auth.mode is \"none\": everybody there could connect"
                ),
                "run: openclaw config set gateway.auth.mode token   (the Gateway makes the token), \
                 or: openclaw config set gateway.bind loopback",
            )),
            SharedAuth::Token(_) | SharedAuth::Password(_) if auth.short => {
                Err(DaemonError::setting(
                    format!(
                        "gateway.bind is \"{bind}\", but the {kind} has fewer than 24 characters and can be guessed"
                    ),
                    format!(
                        "choose a longer one: openclaw config set gateway.auth.{kind}, or: openclaw config set gateway.bind loopback"
                    ),
                ))
            }
            SharedAuth::Token(_) | SharedAuth::Password(_) | SharedAuth::TrustedProxy(_) => Ok(()),
        }
    }

    /// The addresses beside loopback, as far as this machine has them now.
    pub(crate) fn addresses(&self) -> Vec<IpAddr> {
        match (self.bind, self.host) {
            (Bind::Auto, _) if !self.widened => Vec::new(),
            (Bind::Lan | Bind::Auto, _) => {
                vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()]
            }
            (Bind::Tailnet, _) => self.tailnet.clone(),
            (Bind::Custom, Some(host)) if host.is_unspecified() => {
                vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()]
            }
            (Bind::Custom, Some(host)) => vec![host],
            (Bind::Custom, None) | (Bind::Loopback, _) => Vec::new(),
        }
    }
}

/// Whether this machine has loopback: in some containers it is missing or down, and then an address of it
/// can be bound at most.
fn has_loopback() -> bool {
    let works = |ip: IpAddr| -> io::Result<()> {
        let listener = std::net::TcpListener::bind((ip, 0))?;
        let address = listener.local_addr()?;
        std::net::TcpStream::connect_timeout(&address, LOOPBACK).map(drop)
    };
    works(Ipv4Addr::LOCALHOST.into()).is_ok() || works(Ipv6Addr::LOCALHOST.into()).is_ok()
}

/// What is listened on.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) listeners: Vec<Listener>,
    /// The addresses, loopback first.
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) port: u16,
}

/// Binds loopback and what is wanted beside it, or takes the sockets that were handed over for these
/// addresses. An address that cannot be had is an error: nothing wider is taken in its place.
///
/// # Errors
/// When an address cannot be bound; a taken port names its holder.
pub(crate) fn listeners(
    wanted: &Wanted,
    port: u16,
    tls: Option<&Arc<ServerTls>>,
    inherited: &Inherited,
) -> Result<Bound, DaemonError> {
    let wide = wanted.addresses();
    // All addresses include loopback.
    let [v4, v6] = if wide.iter().any(IpAddr::is_unspecified) {
        [IpAddr::from(Ipv4Addr::UNSPECIFIED), IpAddr::from(Ipv6Addr::UNSPECIFIED)]
    } else {
        [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)]
    };
    let others = wide.into_iter().filter(|ip| !ip.is_unspecified() && ![v4, v6].contains(ip));
    let port = inherited.port(port);
    let others: Vec<IpAddr> = others.collect();
    let all = [v4, v6].into_iter().chain(others.iter().copied());
    inherited.expect_only(&all.map(|ip| SocketAddr::new(ip, port)).collect::<Vec<_>>())?;
    let mut bound = Bound { listeners: Vec::new(), addresses: Vec::new(), port };
    bound.take(v4, tls, inherited)?;
    match bound.take(v6, tls, inherited) {
        Ok(()) => {}
        // Somebody else on [::1]:port would get what is meant for this Gateway.
        Err(error @ DaemonError::PortInUse { .. }) => return Err(error),
        Err(error) => tracing::debug!(%error, "no IPv6"),
    }
    for ip in others {
        bound.take(ip, tls, inherited)?;
    }
    Ok(bound)
}

impl Bound {
    fn take(
        &mut self,
        ip: IpAddr,
        tls: Option<&Arc<ServerTls>>,
        inherited: &Inherited,
    ) -> Result<(), DaemonError> {
        let address = SocketAddr::new(ip, self.port);
        let socket = match inherited.at(address) {
            Some(socket) => socket
                .map_err(|source| DaemonError::Listen { address: address.to_string(), source })?,
            None => tcp(address)?,
        };
        if let Ok(address) = socket.local_addr() {
            self.port = address.port();
            self.addresses.push(address);
        }
        self.listeners.push(Listener::Tcp { socket, tls: tls.cloned() });
        Ok(())
    }
}

/// Binds one address; an IPv6 one for IPv6 alone, so that each family has its own.
pub(crate) fn tcp(address: SocketAddr) -> Result<TcpListener, DaemonError> {
    let open = || -> io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        TcpListener::from_std(socket.into())
    };
    open().map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => {
            let port = address.port();
            DaemonError::PortInUse { port, holder: port_holder(port) }
        }
        _ => DaemonError::Listen { address: address.to_string(), source },
    })
}

/// Whether TLS is spoken, and the certificate for it.
///
/// # Errors
/// When the certificate cannot be used.
pub(crate) fn certificate(
    paths: &openclaw_config::Paths,
    config: &Config,
    wanted: &Wanted,
) -> Result<Option<tls::Certificate>, DaemonError> {
    if !tls::is_on(&config.gateway.tls, wanted.is_exposed()) {
        return Ok(None);
    }
    let certificate = tls::Certificate::prepare(paths, &config.gateway.tls, &wanted.addresses());
    certificate.map(Some).map_err(|error| match error {
        // Off loopback TLS is on by itself; who does not want it has to say so.
        DaemonError::Setting { message, hint } if config.gateway.tls.enabled.is_none() => {
            let line = "to do without TLS, write gateway.tls.enabled: false";
            DaemonError::Setting { message, hint: format!("{hint}; {line}") }
        }
        error => error,
    })
}

/// What the certificate says that a Gateway with this configuration shows; none without TLS, and where
/// it cannot be read.
#[must_use]
pub fn certificate_in_use(
    paths: &openclaw_config::Paths,
    config: &Config,
) -> Option<tls::CertificateFacts> {
    let exposed = Wanted::read(config, None).is_ok_and(|wanted| wanted.is_exposed());
    let set = tls::is_on(&config.gateway.tls, exposed).then_some(&config.gateway.tls)?;
    tls::certificate_facts(paths, set).ok()
}

/// The owner's door. The lock is held, so a socket file that is there belongs to nobody.
///
/// # Errors
/// When the socket cannot be made.
pub(crate) fn door(path: &Path) -> Result<Listener, DaemonError> {
    private_socket(path).map(Listener::Door)
}

/// The door for nodes that come through a login.
///
/// # Errors
/// When the socket cannot be made.
pub(crate) fn node_door(path: &Path) -> Result<Listener, DaemonError> {
    private_socket(path).map(Listener::NodeDoor)
}

fn private_socket(path: &Path) -> Result<UnixListener, DaemonError> {
    let fail = |source| DaemonError::Listen { address: path.display().to_string(), source };
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(fail(error)),
    }
    if let Some(folder) = path.parent() {
        openclaw_base::fs::create_private_dir(folder).map_err(fail)?;
        // In a folder of somebody else's, the socket could be replaced by theirs.
        let owner = std::fs::metadata(folder).map_err(fail)?.uid();
        if owner != rustix::process::getuid().as_raw() && owner != 0 {
            let text = format!("{} belongs to uid {owner}", folder.display());
            return Err(fail(io::Error::new(io::ErrorKind::PermissionDenied, text)));
        }
    }
    let listener = UnixListener::bind(path).map_err(fail)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(fail)?;
    Ok(listener)
}

/// Addresses as people and programs read them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a>(pub(crate) &'a [SocketAddr]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, address) in self.0.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{address}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::auth::AuthSource;

    fn wanted(bind: Bind, host: &str) -> Wanted {
        Wanted { bind, host: host.parse().ok(), tailnet: Vec::new(), widened: false, plain: false }
    }

    fn auth(auth: SharedAuth, short: bool) -> ResolvedAuth {
        ResolvedAuth { auth, source: AuthSource::Config, short }
    }

    #[test]
    fn only_addresses_that_others_reach_are_exposed() {
        for (bind, host, exposed) in [
            (Bind::Loopback, "", false),
            (Bind::Auto, "", false),
            (Bind::Lan, "", true),
            (Bind::Tailnet, "", true),
            (Bind::Custom, "127.0.0.2", false),
            (Bind::Custom, "::1", false),
            (Bind::Custom, "192.0.2.1", true),
            (Bind::Custom, "0.0.0.0", true),
            (Bind::Custom, "::", true),
        ] {
            assert_eq!(wanted(bind, host).is_exposed(), exposed, "{bind} {host}");
        }
    }

    #[test]
    fn who_is_exposed_needs_a_secret_that_holds() {
        let secret = |text: &str| SecretString::from(text.to_owned());
        let lan = wanted(Bind::Lan, "");
        for (auth, good) in [
            (auth(SharedAuth::None, false), false),
            (auth(SharedAuth::Token(secret("short")), true), false),
            (auth(SharedAuth::Password(secret("short")), true), false),
            (auth(SharedAuth::Token(secret("0123456789abcdef01234567")), false), true),
        ] {
            let checked = lan.check(&auth);
            assert_eq!(checked.is_ok(), good, "{auth:?}");
            if let Err(error) = checked {
                assert!(error.hint().contains("openclaw config set"), "{}", error.hint());
            }
            assert!(wanted(Bind::Loopback, "").check(&auth).is_ok(), "loopback needs none");
        }
    }

    #[tokio::test]
    async fn each_bind_listens_where_it_says() {
        let on = |wanted: &Wanted| {
            let bound = listeners(wanted, 0, None, &Inherited::default()).expect("bound");
            assert!(bound.addresses.iter().all(|address| address.port() == bound.port));
            bound.addresses.iter().map(|address| address.ip().to_string()).collect::<Vec<_>>()
        };
        let loopback = on(&wanted(Bind::Loopback, ""));
        assert_eq!(loopback.first().map(String::as_str), Some("127.0.0.1"));
        assert!(on(&wanted(Bind::Custom, "127.0.0.2")).contains(&"127.0.0.2".to_owned()));
        assert_eq!(on(&wanted(Bind::Custom, "127.0.0.1")), loopback);
        assert_eq!(on(&wanted(Bind::Lan, "")).first().map(String::as_str), Some("0.0.0.0"));
        let nowhere = listeners(&wanted(Bind::Custom, "192.0.2.1"), 0, None, &Inherited::default());
        assert!(matches!(nowhere, Err(DaemonError::Listen { .. })), "{nowhere:?}");
    }

    #[tokio::test]
    async fn a_port_that_is_taken_on_one_address_is_refused() {
        let first = listeners(&wanted(Bind::Custom, "127.0.0.2"), 0, None, &Inherited::default())
            .expect("bound");
        let second =
            listeners(&wanted(Bind::Custom, "127.0.0.2"), first.port, None, &Inherited::default());
        assert!(matches!(second, Err(DaemonError::PortInUse { .. })), "{second:?}");
    }
}
