//! How many sockets of one address may wait for authentication.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use openclaw_protocol::limits::MAX_PREAUTH_SOCKETS_PER_ADDRESS;
use parking_lot::Mutex;

/// Counts sockets before authentication, per address.
#[derive(Clone, Debug, Default)]
pub struct Admission {
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
    /// A place for a socket. The owner's door has no address and needs none.
    ///
    /// # Errors
    /// When the address is over its limit.
    pub fn enter(&self, address: Option<IpAddr>) -> Result<Option<Ticket>, TooMany> {
        let Some(address) = address else { return Ok(None) };
        let mut waiting = self.waiting.lock();
        let count = waiting.entry(address).or_default();
        if *count >= MAX_PREAUTH_SOCKETS_PER_ADDRESS {
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
        let admission = Admission::default();
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
