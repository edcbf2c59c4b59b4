//! Pending pairings while the Gateway runs: whose socket waits for a decision.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use openclaw_protocol::{
    events::pairing::DevicePairResolvedPayload, ids::PairingRequestId,
    limits::MAX_HELD_SOCKETS_PER_ADDRESS,
};
use parking_lot::Mutex;
use tokio::sync::oneshot;

#[derive(Debug, Default)]
struct Waiting {
    by_request: HashMap<PairingRequestId, Vec<oneshot::Sender<DevicePairResolvedPayload>>>,
    by_address: HashMap<Option<IpAddr>, usize>,
}

/// Sockets that are kept open until a person decides.
#[derive(Clone, Debug, Default)]
pub struct PairingDesk {
    waiting: Arc<Mutex<Waiting>>,
}

/// One held socket; dropping it gives its place away.
#[derive(Debug)]
pub struct Held {
    decision: oneshot::Receiver<DevicePairResolvedPayload>,
    desk: PairingDesk,
    address: Option<IpAddr>,
}

impl Held {
    /// Waits for the decision; `None` when the request expired.
    pub async fn decided(&mut self) -> Option<DevicePairResolvedPayload> {
        (&mut self.decision).await.ok()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut waiting = self.desk.waiting.lock();
        if let Some(count) = waiting.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                waiting.by_address.remove(&self.address);
            }
        }
        waiting.by_request.retain(|_, senders| {
            senders.retain(|sender| !sender.is_closed());
            !senders.is_empty()
        });
    }
}

impl PairingDesk {
    /// A place to wait, unless this address has too many already.
    #[must_use]
    pub fn hold(&self, request: &PairingRequestId, address: Option<IpAddr>) -> Option<Held> {
        let mut waiting = self.waiting.lock();
        let count = waiting.by_address.entry(address).or_default();
        if *count >= MAX_HELD_SOCKETS_PER_ADDRESS {
            return None;
        }
        *count += 1;
        let (sender, decision) = oneshot::channel();
        waiting.by_request.entry(request.clone()).or_default().push(sender);
        Some(Held { decision, desk: self.clone(), address })
    }

    /// Tells those who wait for this request.
    pub fn resolve(&self, resolved: &DevicePairResolvedPayload) {
        let senders =
            self.waiting.lock().by_request.remove(&resolved.request_id).unwrap_or_default();
        for sender in senders {
            // A socket that is gone needs no answer.
            drop(sender.send(resolved.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use openclaw_protocol::{events::pairing::PairingDecision, ids::DeviceId};

    use super::*;

    #[tokio::test]
    async fn held_sockets_are_bounded_told_and_forgotten() {
        let desk = PairingDesk::default();
        let request = PairingRequestId::new("r1");
        let address = Some("192.0.2.1".parse().expect("address"));
        let mut held: Vec<_> = (0..MAX_HELD_SOCKETS_PER_ADDRESS)
            .map(|_| desk.hold(&request, address).expect("a place"))
            .collect();
        assert!(desk.hold(&request, address).is_none());
        assert!(desk.hold(&request, None).is_some());
        let resolved = DevicePairResolvedPayload {
            request_id: request.clone(),
            device_id: DeviceId::new("d1"),
            decision: PairingDecision::Approved,
            ts: 1,
        };
        desk.resolve(&resolved);
        for waiting in &mut held {
            assert!(waiting.decided().await.is_some());
        }
        drop(held);
        assert!(desk.waiting.lock().by_address.is_empty());
        assert!(desk.waiting.lock().by_request.is_empty());
    }
}
