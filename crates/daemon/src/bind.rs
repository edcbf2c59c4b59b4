//! Listening: loopback on both families, and the owner's door.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

use openclaw_config::schema::Bind;
use openclaw_gateway::listen::Listener;
use tokio::net::{TcpListener, UnixListener};

use crate::{error::DaemonError, holder::PortHolder, inherited::Inherited};

/// Refuses binds that this release does not serve.
///
/// # Errors
/// For everything but `loopback` and `auto`.
pub(crate) fn check(bind: Bind) -> Result<(), DaemonError> {
    match bind {
        Bind::Loopback | Bind::Auto => Ok(()),
        Bind::Lan | Bind::Tailnet | Bind::Custom => Err(DaemonError::setting(
            format!("gateway.bind: {} is not served by this release", bind.as_str()),
            "set gateway.bind to \"loopback\" and reach it through a tunnel: \
             ssh -N -L 18789:127.0.0.1:18789 USER@HOST",
        )),
    }
}

/// TCP listeners on loopback: IPv4 always, IPv6 where the machine has it.
///
/// # Errors
/// When IPv4 loopback cannot be bound; a taken port names its holder.
pub(crate) async fn loopback(
    port: u16,
    inherited: &Inherited,
) -> Result<(Vec<Listener>, u16), DaemonError> {
    let port = inherited.port(port);
    inherited.expect_only(&[
        SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        SocketAddr::from((Ipv6Addr::LOCALHOST, port)),
    ])?;
    let (v4, port) = tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), inherited).await?;
    let mut listeners = vec![v4];
    match tcp(SocketAddr::from((Ipv6Addr::LOCALHOST, port)), inherited).await {
        Ok((v6, _)) => listeners.push(v6),
        // Somebody else on [::1]:port would get what is meant for this Gateway.
        Err(error @ DaemonError::PortInUse { .. }) => return Err(error),
        Err(error) => tracing::debug!(%error, "no IPv6 loopback"),
    }
    Ok((listeners, port))
}

async fn tcp(address: SocketAddr, inherited: &Inherited) -> Result<(Listener, u16), DaemonError> {
    let bound = match inherited.at(address) {
        Some(listener) => listener,
        None => TcpListener::bind(address).await,
    };
    let bound = bound.map_err(|source| {
        if source.kind() == io::ErrorKind::AddrInUse {
            let port = address.port();
            DaemonError::PortInUse { port, holder: port_holder(port) }
        } else {
            DaemonError::Listen { address: address.to_string(), source }
        }
    })?;
    let port = bound.local_addr().map_or(address.port(), |address| address.port());
    Ok((Listener::Tcp(bound), port))
}

/// The owner's door. The lock is held, so a socket file that is there belongs to nobody.
///
/// # Errors
/// When the socket cannot be made.
pub(crate) fn door(path: &Path) -> Result<Listener, DaemonError> {
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
    Ok(Listener::Door(listener))
}

/// Who listens on a port, as far as the kernel tells this user.
#[cfg(target_os = "linux")]
#[must_use]
pub fn port_holder(port: u16) -> Option<PortHolder> {
    let tables = [procfs::net::tcp(), procfs::net::tcp6()];
    let entry = tables.into_iter().flatten().flatten().find(|entry| {
        entry.local_address.port() == port && entry.state == procfs::net::TcpState::Listen
    })?;
    let owner = procfs::process::all_processes().ok()?.flatten().find(|process| {
        let Ok(files) = process.fd() else { return false };
        files.flatten().any(|file| {
            matches!(file.target, procfs::process::FDTarget::Socket(inode) if inode == entry.inode)
        })
    });
    let Some(process) = owner else {
        let who = format!("a process of uid {}", entry.uid);
        return Some(PortHolder { who, pid: None, gateway: None });
    };
    let name = process.stat().map(|stat| stat.comm).unwrap_or_default();
    let words = process.cmdline().unwrap_or_default();
    let is_gateway = name == "openclaw" && words.iter().any(|word| word == "gateway");
    Some(PortHolder {
        who: format!("pid {} ({name})", process.pid()),
        pid: Some(process.pid()),
        gateway: is_gateway.then_some(process.pid()),
    })
}

/// Who listens on a port; this system does not tell.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn port_holder(_port: u16) -> Option<PortHolder> {
    None
}
