//! How many sockets of one address may wait: for their first request, and for authentication.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use openclaw_protocol::limits::MAX_PREAUTH_SOCKETS_PER_ADDRESS;
use parking_lot::Mutex;

/// Sockets of one address that may be open without having become a WebSocket. Each has a few seconds to
/// send a request, so this only keeps one address from taking every descriptor of the process.
const MAX_HTTP_SOCKETS_PER_ADDRESS: usize = 128;

/// Counts sockets that wait, per address.
#[derive(Clone, Debug)]
pub struct Admission {
    limit: usize,
    waiting: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One socket's place; dropping it gives the place away.
#[derive(Debug)]
pub struct Ticket {
    admission: Admission,
    address: IpAddr,
}

/// The address has too many sockets that are not authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

impl Admission {
    /// For sockets that wait for authentication.
    #[must_use]
    pub fn of_websockets() -> Self {
        Self { limit: MAX_PREAUTH_SOCKETS_PER_ADDRESS, waiting: Arc::default() }
    }

    /// For sockets that are no WebSockets, or not yet.
    #[must_use]
    pub fn of_http() -> Self {
        Self { limit: MAX_HTTP_SOCKETS_PER_ADDRESS, waiting: Arc::default() }
    }

    /// A place for a socket. The owner's door has no address and needs none.
    ///
    /// # Errors
    /// When the address is over its limit.
    pub fn enter(&self, address: Option<IpAddr>) -> Result<Option<Ticket>, TooMany> {
        let Some(address) = address else { return Ok(None) };
        let mut waiting = self.waiting.lock();
        let count = waiting.entry(address).or_default();
        if *count >= self.limit {
            return Err(TooMany);
        }
        *count += 1;
        drop(waiting);
        Ok(Some(Ticket { admission: self.clone(), address }))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut waiting = self.admission.waiting.lock();
        if let Some(count) = waiting.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_all_places() {
        let admission = Admission::of_websockets();
        let (busy, quiet) =
            (Some("192.0.2.1".parse().expect("ip")), Some("192.0.2.2".parse().expect("ip")));
        let tickets: Vec<_> =
            (0..MAX_PREAUTH_SOCKETS_PER_ADDRESS).map(|_| admission.enter(busy)).collect();
        assert!(tickets.iter().all(Result::is_ok));
        assert!(admission.enter(busy).is_err());
        assert!(admission.enter(quiet).is_ok());
        assert!(admission.enter(None).is_ok_and(|ticket| ticket.is_none()));
        drop(tickets);
        assert!(admission.enter(busy).is_ok());
        assert!(admission.waiting.lock().is_empty());
    }
}
