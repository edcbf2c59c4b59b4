//! What a service manager hands over and wants to hear, by systemd's protocol.

use std::net::TcpListener;
use std::time::Duration;

use listenfd::ListenFd;
use openclaw_daemon::{Inherited, Phase};
use rustix::net::{AddressFamily, SocketType};
use sd_notify::NotifyState;

use crate::exit::ExitCode;
use crate::failure::Failure;

/// The longest silence that is allowed, if there is a watchdog.
pub(crate) fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

/// Tells the service manager, if there is one. One that does not listen is nobody's loss.
pub(crate) fn tell(phase: Phase<'_>) {
    let told = match phase {
        Phase::Ready(started) => {
            let status = format!("listens on port {}", started.port);
            sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(&status)])
        }
        Phase::Audited(_) => return,
        Phase::Alive => sd_notify::notify(&[NotifyState::Watchdog]),
        Phase::Stopping => {
            sd_notify::notify(&[NotifyState::Stopping, NotifyState::Status("stops")])
        }
    };
    if let Err(error) = told {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}

/// The sockets that the service manager holds. What is neither a TCP nor a Unix listener is refused.
pub(crate) fn listeners() -> Result<Inherited, Failure> {
    let mut handed = ListenFd::from_env();
    let (mut listeners, mut doors) = (Vec::new(), Vec::new());
    for index in 0..handed.len() {
        if let Ok(door) = handed.take_unix_listener(index) {
            doors.extend(door);
            continue;
        }
        let v4 = handed.take_tcp_listener(index);
        let listener = v4.or_else(|_| take_v6(&mut handed, index)).map_err(|error| {
            Failure::new(
                ExitCode::Configuration,
                "the service manager handed over something else than a stream socket",
            )
            .hint("write the service anew: openclaw gateway install")
            .caused_by(Some(&error))
        })?;
        listeners.extend(listener);
    }
    Ok(Inherited::new(listeners, doors))
}

fn take_v6(handed: &mut ListenFd, index: usize) -> std::io::Result<Option<TcpListener>> {
    let family = i32::from(AddressFamily::INET6.as_raw());
    let kind = i32::try_from(SocketType::STREAM.as_raw()).unwrap_or_default();
    handed.take_custom(index, family, kind, "TCP socket")
}
