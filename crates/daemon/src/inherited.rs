//! Listeners that whoever started this process holds: they are used instead of binding, so that a
//! connection made while no Gateway runs waits for the next one.

use std::{
    io,
    net::{SocketAddr, TcpListener as StdListener},
    sync::Arc,
};

use tokio::net::TcpListener;

use crate::error::DaemonError;

/// What was handed over.
#[derive(Clone, Debug, Default)]
pub struct Inherited {
    listeners: Arc<[StdListener]>,
}

impl Inherited {
    /// Takes over what the caller got.
    #[must_use]
    pub fn new(listeners: Vec<StdListener>) -> Self {
        Self { listeners: listeners.into() }
    }

    /// The port, when any will do: that of the first listener.
    pub(crate) fn port(&self, wanted: u16) -> u16 {
        let first = self.listeners.first().and_then(|listener| listener.local_addr().ok());
        if wanted == 0 { first.map_or(0, |address| address.port()) } else { wanted }
    }

    /// The listener for an address, if it was handed over.
    pub(crate) fn at(&self, address: SocketAddr) -> Option<io::Result<TcpListener>> {
        let found = self
            .listeners
            .iter()
            .find(|listener| listener.local_addr().is_ok_and(|local| local == address))?;
        let listener = found.try_clone().and_then(|listener| {
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        });
        Some(listener)
    }

    /// Refuses a listener that is not among those that are used: what connects to it would wait for
    /// ever, and an address that nobody configured must not lead here.
    ///
    /// # Errors
    /// [`DaemonError::Setting`] naming the address.
    pub(crate) fn expect_only(&self, used: &[SocketAddr]) -> Result<(), DaemonError> {
        for listener in self.listeners.iter() {
            let local = listener.local_addr().ok();
            if !local.is_some_and(|local| used.contains(&local)) {
                let address = local.map_or_else(|| "of no address".to_owned(), |a| a.to_string());
                return Err(DaemonError::setting(
                    format!(
                        "the service manager handed over a socket that is not configured: {address}"
                    ),
                    "write the service anew with the port of the configuration: openclaw gateway install",
                ));
            }
        }
        Ok(())
    }
}
